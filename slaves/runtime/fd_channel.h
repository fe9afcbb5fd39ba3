// SPDX-License-Identifier: Apache-2.0
// The second inherited socket (SOCK_SEQPACKET), on which the descriptors of the
// slave's port arrive: one message, two descriptors, a 16-bit slot
// (docs/slave-protocol.md section 4).
#ifndef OV6_SLAVES_RUNTIME_FD_CHANNEL_H
#define OV6_SLAVES_RUNTIME_FD_CHANNEL_H

#include <optional>

#include "absl/status/statusor.h"

namespace ov6 {

struct PortDescriptors {  // the receiver's to close
  uint16_t slot = 0;
  int xsk = -1;
  int umem = -1;
};

// Receives one message. nullopt: none is there. Whatever is not of the right form is closed and refused.
absl::StatusOr<std::optional<PortDescriptors>> ReceivePortDescriptors(int fd);

}  // namespace ov6

#endif
