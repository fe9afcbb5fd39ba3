// SPDX-License-Identifier: Apache-2.0
// What can be read of an instance without its daemon: the pinned maps.
#ifndef OV6_USERSPACE_OV6CTL_KERNEL_VIEW_H
#define OV6_USERSPACE_OV6CTL_KERNEL_VIEW_H

#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "ov6/datapath.h"
#include "userspace/datapath/kernel_datapath.h"
#include "userspace/datapath/map_info.h"

namespace ov6::ctl {

class KernelView {
 public:
  virtual ~KernelView() = default;
  // FailedPrecondition: there is no datapath.
  virtual absl::StatusOr<std::shared_ptr<Tables>> OpenTables(Access access) = 0;
  virtual absl::StatusOr<std::vector<MapSummary>> Maps() = 0;
  virtual absl::StatusOr<std::vector<std::pair<uint32_t, ov6_device>>> Devices() = 0;  // by ifindex
};

class PinnedView : public KernelView {
 public:
  explicit PinnedView(std::filesystem::path bpffs) : bpffs_(std::move(bpffs)) {}
  absl::StatusOr<std::shared_ptr<Tables>> OpenTables(Access access) override;
  absl::StatusOr<std::vector<MapSummary>> Maps() override;
  absl::StatusOr<std::vector<std::pair<uint32_t, ov6_device>>> Devices() override;

 private:
  std::filesystem::path bpffs_;
};

}  // namespace ov6::ctl

#endif
