// SPDX-License-Identifier: Apache-2.0
// How the gateway of a site elsewhere proves to a master that it may hand on the prefix which it delegates
// to that master's router: a signature over the session's challenge, the router's key and the site's name
// (docs/slave-protocol.md section 8). A delegation is no secret, a proof is good for one session.
#ifndef OV6_USERSPACE_WIRE_CLAIM_H
#define OV6_USERSPACE_WIRE_CLAIM_H

#include <array>
#include <string_view>

#include "absl/status/status.h"
#include "userspace/wire/delegation.h"

namespace ov6 {

inline constexpr std::string_view kClaimContext = "ov6 claim 1";

using Challenge = std::array<uint8_t, 32>;  // random, of one session

// Context, challenge, router's key, and the name, with its length before it.
std::vector<uint8_t> ClaimBytes(const Challenge& challenge, const PublicKey& router, std::string_view name);

// Whose signature hands the prefix on: the root's, or that of who it was delegated to before. The chain is
// not empty.
const PublicKey& LastIssuer(const DelegationToken& token);

}  // namespace ov6

#endif
