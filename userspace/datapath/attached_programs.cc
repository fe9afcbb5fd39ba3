// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/attached_programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <libmnl/libmnl.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <set>
#include <span>

#include "ov6/abi/maps.h"
#include "userspace/datapath/libbpf_log.h"
#include "userspace/datapath/pins.h"

namespace ov6 {
namespace {

constexpr const char* kNames[] = {
#define OV6_MAP_NAME(name, size, text) #name,
    OV6_MAPS(OV6_MAP_NAME)
#undef OV6_MAP_NAME
};
constexpr size_t kMaxMaps = 64;  // the verifier's own limit
constexpr uint32_t kSequence = 1;

bool IsOurs(const std::string& map) { return std::ranges::find(kNames, map) != std::end(kNames); }

absl::Status AskError(int error, const std::string& what) {
  if (error == EPERM) return absl::PermissionDeniedError(what + " takes root");
  return absl::ErrnoToStatus(error, what);
}

absl::StatusOr<MapIds> MapsOf(std::span<const uint32_t> ids) {
  MapIds maps;
  for (const uint32_t id : ids) {
    const UniqueFd fd(bpf_map_get_fd_by_id(id));
    if (!fd.ok()) return AskError(errno, "asking for map " + std::to_string(id));
    const auto info = MapInfo(fd.get());
    if (!info.ok()) return info.status();
    if (IsOurs(info->name)) maps[info->name] = id;
  }
  return maps;
}

absl::StatusOr<AttachedProgram> Describe(const char* hook, uint32_t id) {
  const UniqueFd fd(bpf_prog_get_fd_by_id(id));
  if (!fd.ok()) return AskError(errno, "asking for program " + std::to_string(id));
  std::array<uint32_t, kMaxMaps> ids{};
  bpf_prog_info info{};
  info.nr_map_ids = ids.size();
  info.map_ids = reinterpret_cast<uint64_t>(ids.data());
  uint32_t size = sizeof(info);
  const int result = bpf_obj_get_info_by_fd(fd.get(), &info, &size);
  if (result < 0) return AskError(-result, "asking what program " + std::to_string(id) + " is");
  auto maps = MapsOf(std::span(ids).first(std::min<size_t>(info.nr_map_ids, ids.size())));
  if (!maps.ok()) return maps.status();
  return AttachedProgram{hook, info.name, id, *std::move(maps)};
}

std::optional<uint32_t> XdpProgram(uint32_t ifindex) {
  LIBBPF_OPTS(bpf_xdp_query_opts, options);
  if (bpf_xdp_query(static_cast<int>(ifindex), 0, &options) < 0) return std::nullopt;
  for (const uint32_t id : {options.drv_prog_id, options.skb_prog_id, options.hw_prog_id, options.prog_id}) {
    if (id != 0) return id;
  }
  return std::nullopt;
}

// Visits the attributes between the two; libmnl's own loops don't compile as C++.
template <typename Visit>
void EachAttribute(const void* begin, const void* end, const Visit& visit) {
  const auto* attribute = static_cast<const nlattr*>(begin);
  while (mnl_attr_ok(attribute, static_cast<int>(static_cast<const char*>(end) -
                                                 reinterpret_cast<const char*>(attribute)))) {
    visit(attribute);
    attribute = mnl_attr_next(attribute);
  }
}

int TakeFilter(const nlmsghdr* message, void* programs) {
  if (message->nlmsg_type != RTM_NEWTFILTER) return MNL_CB_OK;
  EachAttribute(mnl_nlmsg_get_payload_offset(message, sizeof(tcmsg)), mnl_nlmsg_get_payload_tail(message),
                [&](const nlattr* attribute) {
                  if (mnl_attr_get_type(attribute) != TCA_OPTIONS) return;
                  const char* begin = static_cast<const char*>(mnl_attr_get_payload(attribute));
                  EachAttribute(
                      begin, begin + mnl_attr_get_payload_len(attribute), [&](const nlattr* option) {
                        if (mnl_attr_get_type(option) != TCA_BPF_ID || mnl_attr_get_payload_len(option) != 4)
                          return;
                        static_cast<std::set<uint32_t>*>(programs)->insert(mnl_attr_get_u32(option));
                      });
                });
  return MNL_CB_OK;
}

// Of every BPF filter at clsact's ingress, whatever its handle and priority. Other classifiers' options
// may have a number where BPF's has the program's: what no program has is skipped by whoever asks.
absl::StatusOr<std::set<uint32_t>> TcPrograms(uint32_t ifindex) {
  alignas(nlmsghdr) char buffer[256] = {};
  nlmsghdr* request = mnl_nlmsg_put_header(buffer);
  request->nlmsg_type = RTM_GETTFILTER;
  request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request->nlmsg_seq = kSequence;
  auto* tc = static_cast<tcmsg*>(mnl_nlmsg_put_extra_header(request, sizeof(tcmsg)));
  tc->tcm_ifindex = static_cast<int>(ifindex);
  tc->tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS);
  const std::unique_ptr<mnl_socket, int (*)(mnl_socket*)> socket(
      mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC), mnl_socket_close);
  const std::string what = "listing filters of device " + std::to_string(ifindex);
  if (!socket || mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0 ||
      mnl_socket_sendto(socket.get(), request, request->nlmsg_len) < 0) {
    return AskError(errno, what);
  }
  std::set<uint32_t> programs;
  std::vector<char> answer(32768);
  for (int result = MNL_CB_OK; result == MNL_CB_OK;) {
    const ssize_t size = mnl_socket_recvfrom(socket.get(), answer.data(), answer.size());
    if (size < 0) return AskError(errno, what);
    result = mnl_cb_run(answer.data(), static_cast<size_t>(size), kSequence,
                        mnl_socket_get_portid(socket.get()), TakeFilter, &programs);
    // ENOENT, EINVAL: no clsact. ENODEV: no such device.
    if (result < 0 && errno != ENOENT && errno != EINVAL && errno != ENODEV) return AskError(errno, what);
  }
  return programs;
}

}  // namespace

absl::StatusOr<std::vector<AttachedProgram>> ProgramsAt(uint32_t ifindex) {
  RouteLibbpfLog();
  std::vector<std::pair<const char*, uint32_t>> ids;
  if (const auto xdp = XdpProgram(ifindex)) ids.emplace_back("xdp", *xdp);
  const auto tc = TcPrograms(ifindex);
  if (!tc.ok()) return tc.status();
  for (const uint32_t id : *tc) ids.emplace_back("tc", id);
  std::vector<AttachedProgram> programs;
  for (const auto& [hook, id] : ids) {
    auto program = Describe(hook, id);
    if (absl::IsNotFound(program.status())) continue;
    if (!program.ok()) return program.status();
    if (!program->maps.empty()) programs.push_back(*std::move(program));
  }
  return programs;
}

absl::StatusOr<MapIds> PinnedMapIds(const std::filesystem::path& bpffs) {
  MapIds ids;
  for (const char* name : kNames) {
    const auto fd = OpenPin(MapsFolder(bpffs) / name, true);
    if (absl::IsNotFound(fd.status())) continue;
    if (!fd.ok()) return fd.status();
    const auto info = MapInfo(fd->get());
    if (!info.ok()) return info.status();
    ids[name] = info->id;
  }
  if (ids.empty()) return absl::NotFoundError("there is no datapath at " + bpffs.string());
  return ids;
}

}  // namespace ov6
