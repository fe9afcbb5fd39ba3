// SPDX-License-Identifier: Apache-2.0
// The veth `ov6-self` and its peer: the router as one more site. What processes of the router send
// into the overlay leaves by `ov6-self` and meets a site door at `ov6-selfp`; and the datapath asks
// the kernel for routes as if packets came from `ov6-self`, so that forwarding is on for it alone
// and the operator's devices need none; and it is where tunnel packets enter the stack that only the
// kernel can fragment. It outlives the daemon. It has no neighbours and no
// link-local address: nothing is said there but what is sent.
#ifndef OV6_USERSPACE_DATAPATH_OWN_VETH_H
#define OV6_USERSPACE_DATAPATH_OWN_VETH_H

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace ov6 {

inline constexpr const char* kSelfDevice = "ov6-self";
inline constexpr const char* kSelfPeer = "ov6-selfp";

// Makes it, or takes the one that is there; its ifindex.
absl::StatusOr<uint32_t> EnsureOwnVeth();
// Part of it, and to be done again now and then: udev and "sysctl --system" write what an operator wants of
// all devices to this one too. Cheap, and no event.
absl::Status LetSelfForward();
absl::Status RemoveOwnVeth();

}  // namespace ov6

#endif
