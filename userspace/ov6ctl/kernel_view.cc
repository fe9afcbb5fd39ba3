// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6ctl/kernel_view.h"

#include <algorithm>

#include "userspace/base/netlink.h"
#include "userspace/ov6ctl/exit_code.h"

namespace ov6::ctl {
namespace {

// "Not found" is an answer to the operator's question; a missing datapath is none.
absl::Status AsRefusal(const absl::Status& status) {
  return absl::IsNotFound(status) ? Refused(std::string(status.message())) : status;
}

}  // namespace

absl::StatusOr<std::shared_ptr<Tables>> PinnedView::OpenTables(Access access) {
  auto tables = OpenPinnedTables(bpffs_, access);
  if (!tables.ok()) return AsRefusal(tables.status());
  return std::shared_ptr<Tables>(*std::move(tables));
}

absl::StatusOr<std::vector<MapSummary>> PinnedView::Maps() {
  auto maps = SummarizePinnedMaps(bpffs_);
  if (!maps.ok()) return AsRefusal(maps.status());
  return maps;
}

absl::StatusOr<std::vector<std::pair<uint32_t, ov6_device>>> PinnedView::Devices() {
  auto devices = ReadPinnedDevices(bpffs_);
  if (!devices.ok()) return AsRefusal(devices.status());
  std::sort(devices->begin(), devices->end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return devices;
}

absl::StatusOr<std::vector<std::pair<Ipv4, ov6_path>>> PinnedView::Paths() {
  auto paths = ReadPinnedPaths(bpffs_);
  if (!paths.ok()) return AsRefusal(paths.status());
  std::sort(paths->begin(), paths->end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return paths;
}

absl::Status PinnedView::DeletePath(const Ipv4& address) { return DeletePinnedPath(bpffs_, address); }

absl::StatusOr<std::optional<FrontSummary>> PinnedView::Front() { return SummarizePinnedFront(bpffs_); }

absl::Status PinnedView::ForgetFront() {
  const auto front = PinnedFront(bpffs_);
  if (front.ok()) front->AllChanged();
  return front.status();
}

absl::StatusOr<std::unique_ptr<PacketTracer>> PinnedView::OpenTracer() {
  auto tracer = OpenPacketTracer(bpffs_);
  if (!tracer.ok()) return AsRefusal(tracer.status());
  return tracer;
}

absl::StatusOr<std::unique_ptr<SightingReader>> PinnedView::OpenSightings() {
  auto reader = ov6::OpenSightings(bpffs_);
  if (!reader.ok()) return AsRefusal(reader.status());
  return reader;
}

absl::StatusOr<MapIds> PinnedView::PinnedMaps() {
  auto ids = PinnedMapIds(bpffs_);
  if (!ids.ok()) return AsRefusal(ids.status());
  return ids;
}

absl::StatusOr<std::vector<AttachedProgram>> PinnedView::Programs(uint32_t ifindex) {
  return ProgramsAt(ifindex);
}

// By number, and by MAC address: ov6ctl may run in another network namespace than the datapath.
std::string PinnedView::InterfaceName(uint32_t ifindex) {
  if (const auto known = names_.find(ifindex); known != names_.end()) return known->second;
  const auto devices = Devices();
  const auto link = netlink::GetLink(ifindex);
  const bool same = link.ok() && devices.ok() && std::ranges::any_of(*devices, [&](const auto& device) {
                      return device.first == ifindex && std::ranges::equal(device.second.mac, link->mac);
                    });
  return names_[ifindex] = same ? link->name : "if" + std::to_string(ifindex);
}

}  // namespace ov6::ctl
