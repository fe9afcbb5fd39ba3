// SPDX-License-Identifier: Apache-2.0
// Who owns a prefix: in a `self` domain the key it is cut from, by RFC 3972's way with its hash
// extension; in a domain of anchors these; in an `open` one whoever comes. Hashes only, no signatures.
#ifndef OV6_USERSPACE_WIRE_OWNERSHIP_H
#define OV6_USERSPACE_WIRE_OWNERSHIP_H

#include "absl/status/status.h"
#include "userspace/wire/record.h"

namespace ov6 {

inline constexpr uint32_t kMaxSecurity = 3;  // RFC 3972's three bits, as far as anybody can wait

// How many times 16 zero bits SHA-256("ov6 hash extension", modifier, key) starts with, at most
// kMaxSecurity. Each makes a modifier 2^16 times as dear, for the owner once and for an imitator at every
// try.
uint32_t SecurityOf(const PublicKey& key, const Modifier& modifier);
// The first of `start`, `start` + 1, .. that has it. About 2^(16 * security) hashes.
Modifier FindModifier(const PublicKey& key, uint32_t security, Modifier start);

// The prefix a key owns in a `self` domain: the domain's prefix filled up to its aggregate with bits of
// SHA-256(modifier, domain's prefix, public key, security). Only for aggregates shorter than 65 bits.
Prefix OwnedPrefix(const Domain& domain, const PublicKey& key, const Modifier& modifier, uint32_t security);

// Whether the root of the record's claim may begin it: it owns the prefix, or is an anchor.
absl::Status CheckRoot(const Record& record, const Domain& domain);
// Whether a token's chain holds together for `subject` in the domain, signatures included.
absl::Status CheckToken(const DelegationToken& token, const PublicKey& subject, const Domain& domain,
                        UnixTime now);

}  // namespace ov6

#endif
