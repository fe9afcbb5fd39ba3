// SPDX-License-Identifier: Apache-2.0
// The second socket of a local slave, on which its port's descriptors travel
// (docs/slave-protocol.md section 4).
#ifndef OV6_USERSPACE_OV6D_PORT_CHANNEL_H
#define OV6_USERSPACE_OV6D_PORT_CHANNEL_H

#include "absl/status/status.h"
#include "ov6/datapath.h"

namespace ov6 {

// Sends both descriptors and the slot. The handles stay the caller's.
absl::Status SendPortDescriptors(int channel, const PortHandles& handles);
void CloseHandles(const PortHandles& handles);

}  // namespace ov6

#endif
