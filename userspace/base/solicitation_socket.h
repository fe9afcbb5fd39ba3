// SPDX-License-Identifier: Apache-2.0
// The raw ICMPv6 socket a gateway inherits or opens as its start: bound to one device, router solicitations
// in (RFC 4861 section 6.1.1), anything its holder writes out.
#ifndef OV6_USERSPACE_BASE_SOLICITATION_SOCKET_H
#define OV6_USERSPACE_BASE_SOLICITATION_SOCKET_H

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace ov6 {

// The caller closes it.
absl::StatusOr<int> OpenSolicitationSocket(const std::string& interface, uint32_t ifindex);

}  // namespace ov6

#endif
