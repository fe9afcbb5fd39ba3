// SPDX-License-Identifier: Apache-2.0
// What can be asked of an instance without its daemon: the pinned maps, and the programs.
#ifndef OV6_USERSPACE_OV6CTL_KERNEL_VIEW_H
#define OV6_USERSPACE_OV6CTL_KERNEL_VIEW_H

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "ov6/datapath.h"
#include "userspace/datapath/attached_programs.h"
#include "userspace/datapath/front.h"
#include "userspace/datapath/kernel_datapath.h"
#include "userspace/datapath/map_info.h"
#include "userspace/datapath/packet_tracer.h"
#include "userspace/datapath/sightings.h"

namespace ov6::ctl {

class KernelView {
 public:
  virtual ~KernelView() = default;
  // FailedPrecondition: there is no datapath.
  virtual absl::StatusOr<std::shared_ptr<Tables>> OpenTables(Access access) = 0;
  virtual absl::StatusOr<std::vector<MapSummary>> Maps() = 0;
  virtual absl::StatusOr<std::vector<std::pair<uint32_t, ov6_device>>> Devices() = 0;  // by ifindex
  virtual absl::StatusOr<std::vector<std::pair<Ipv4, ov6_path>>> Paths() = 0;          // by address
  virtual absl::Status DeletePath(const Ipv4& address) = 0;         // NotFound: there is none
  virtual absl::StatusOr<std::optional<FrontSummary>> Front() = 0;  // nullopt: it is off
  virtual absl::Status ForgetFront() = 0;                           // all of it
  virtual absl::StatusOr<std::unique_ptr<PacketTracer>> OpenTracer() = 0;
  virtual absl::StatusOr<std::unique_ptr<SightingReader>> OpenSightings() = 0;
  virtual absl::StatusOr<MapIds> PinnedMaps() = 0;
  virtual absl::StatusOr<std::vector<AttachedProgram>> Programs(uint32_t ifindex) = 0;
  // "if7" for a device of the datapath that is not in this network namespace.
  virtual std::string InterfaceName(uint32_t ifindex) = 0;
};

class PinnedView : public KernelView {
 public:
  explicit PinnedView(std::filesystem::path bpffs) : bpffs_(std::move(bpffs)) {}
  absl::StatusOr<std::shared_ptr<Tables>> OpenTables(Access access) override;
  absl::StatusOr<std::vector<MapSummary>> Maps() override;
  absl::StatusOr<std::vector<std::pair<uint32_t, ov6_device>>> Devices() override;
  absl::StatusOr<std::vector<std::pair<Ipv4, ov6_path>>> Paths() override;
  absl::Status DeletePath(const Ipv4& address) override;
  absl::StatusOr<std::optional<FrontSummary>> Front() override;
  absl::Status ForgetFront() override;
  absl::StatusOr<std::unique_ptr<PacketTracer>> OpenTracer() override;
  absl::StatusOr<std::unique_ptr<SightingReader>> OpenSightings() override;
  absl::StatusOr<MapIds> PinnedMaps() override;
  absl::StatusOr<std::vector<AttachedProgram>> Programs(uint32_t ifindex) override;
  std::string InterfaceName(uint32_t ifindex) override;

 private:
  std::filesystem::path bpffs_;
  std::map<uint32_t, std::string> names_;
};

}  // namespace ov6::ctl

#endif
