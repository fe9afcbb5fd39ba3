// SPDX-License-Identifier: Apache-2.0
// What a DHT slave may have signed: records of this router's own prefixes that send
// traffic to this router and nowhere else, from now on and not for long; and revocations of what
// others claim by this router's right. A slave that was
// broken into once must not gather signatures for later.
#ifndef OV6_USERSPACE_OV6D_RECORD_SIGNER_H
#define OV6_USERSPACE_OV6D_RECORD_SIGNER_H

#include <span>

#include "absl/status/status.h"
#include "userspace/ov6d/node_layout.h"
#include "userspace/wire/record.h"

namespace ov6 {

// OK, or a sentence. `unsigned_record` as EncodeRecord makes it: nothing unknown in it is signed.
absl::Status CheckSignable(const SlavePlan& plan, const NodeKey& key,
                           std::span<const uint8_t> unsigned_record, UnixTime now);

}  // namespace ov6

#endif
