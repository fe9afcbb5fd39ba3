// SPDX-License-Identifier: Apache-2.0
// Hanging a device's programs: XDP as a pinned bpf_link in driver mode, TC as a clsact
// ingress filter of fixed handle and priority. Both replace what an earlier ov6d hung there
// without a gap.
#ifndef OV6_USERSPACE_DATAPATH_DOOR_H
#define OV6_USERSPACE_DATAPATH_DOOR_H

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ov6/datapath.h"
#include "userspace/base/netlink.h"
#include "userspace/base/unique_fd.h"

namespace ov6 {

inline constexpr uint32_t kTcHandle = 0x6f76;  // "ov"
inline constexpr uint32_t kTcPriority = 0x6f76;

// Whether packets of the device begin with an Ethernet header: Ethernet, or with the IP header: TUN,
// PPP and the like. InvalidArgument: it is of neither kind.
absl::StatusOr<bool> HasLinkHeader(const netlink::Link& link);

struct DoorChoice {
  bool native = false;
  std::string reason;  // one clause, no full stop
};
// InvalidArgument: native asked for where it cannot be.
absl::StatusOr<DoorChoice> ChooseDoor(Attach attach, const netlink::Link& link,
                                      const netlink::XdpFacts& facts);
// Whether XDP may redirect to a device with a native door, and why.
DoorChoice ChooseRedirectTarget(const netlink::Link& link,
                                const std::optional<netlink::XdpFeatures>& features);

// AlreadyExists: another XDP program is there. With an empty pin the link lives as long as
// the returned descriptor.
absl::StatusOr<UniqueFd> AttachXdp(const netlink::Link& link, int program, const std::filesystem::path& pin);
// Removes the pin; none is fine too.
absl::Status DetachXdp(const std::filesystem::path& pin);
// The device a pinned link is for; 0: it is gone.
absl::StatusOr<uint32_t> DeviceOfXdpPin(const std::filesystem::path& pin);

absl::Status AttachTc(const netlink::Link& link, int program);
// Removes the filter, and clsact if nothing else hangs there.
absl::Status DetachTc(const netlink::Link& link);

}  // namespace ov6

#endif
