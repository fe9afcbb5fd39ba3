// SPDX-License-Identifier: Apache-2.0
// The node's Ed25519 key and the modifier beside it (docs/architecture.md,
// "Ownership"): made at the first start, in state/key and state/modifier as hex, 0600.
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

absl::StatusOr<NodeKey> LoadOrMakeNodeKey(const std::filesystem::path& state);

}  // namespace ov6

#endif
