// SPDX-License-Identifier: Apache-2.0
// `ov6-self`: the veth as which the datapath asks the kernel for routes. Forwarding is on
// for it alone, so that the operator's devices need none. It outlives the daemon.
#ifndef OV6_USERSPACE_DATAPATH_OWN_VETH_H
#define OV6_USERSPACE_DATAPATH_OWN_VETH_H

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace ov6 {

// Makes it, or takes the one that is there; its ifindex.
absl::StatusOr<uint32_t> EnsureOwnVeth();
absl::Status RemoveOwnVeth();

}  // namespace ov6

#endif
