// SPDX-License-Identifier: Apache-2.0
#include "userspace/wire/claim.h"

namespace ov6 {

std::vector<uint8_t> ClaimBytes(const Challenge& challenge, const PublicKey& router, std::string_view name) {
  std::vector<uint8_t> bytes(kClaimContext.begin(), kClaimContext.end());
  bytes.insert(bytes.end(), challenge.begin(), challenge.end());
  bytes.insert(bytes.end(), router.begin(), router.end());
  bytes.push_back(static_cast<uint8_t>(name.size()));
  bytes.insert(bytes.end(), name.begin(), name.end());
  return bytes;
}

const PublicKey& LastIssuer(const DelegationToken& token) {
  return token.chain.size() > 1 ? token.chain[token.chain.size() - 2].subject : token.root;
}

}  // namespace ov6
