// SPDX-License-Identifier: Apache-2.0
// The node's Ed25519 key and the modifier beside it (docs/architecture.md,
// "Ownership"): made at the first start, in state/key and state/modifier as hex, 0600. A
// modifier too weak for the domains is sought anew, since no other node would take its records; the key
// stays.
#ifndef OV6_USERSPACE_WIRE_NODE_KEY_H
#define OV6_USERSPACE_WIRE_NODE_KEY_H

#include <filesystem>

#include "absl/status/statusor.h"
#include "userspace/base/crypto.h"
#include "userspace/wire/ownership.h"

namespace ov6 {

struct NodeKey {
  PrivateKey key;
  Modifier modifier{};

  uint32_t security() const { return SecurityOf(key.public_key(), modifier); }
  Prefix Owned(const Domain& domain) const {
    return OwnedPrefix(domain, key.public_key(), modifier, security());
  }
};

// The security that is found within a start: 2^16 hashes, some 20 ms. 2 takes half an hour.
inline constexpr uint32_t kQuickSecurity = 1;

// `security`: the least the modifier is to have. `most`: beyond it nothing is sought, and a weaker one is an
// error. A modifier that is replaced is kept in state/modifier.old.
absl::StatusOr<NodeKey> LoadOrMakeNodeKey(const std::filesystem::path& state, uint32_t security = 0,
                                          uint32_t most = kQuickSecurity);
absl::StatusOr<NodeKey> LoadNodeKey(const std::filesystem::path& state);  // NotFound: there is none

}  // namespace ov6

#endif
