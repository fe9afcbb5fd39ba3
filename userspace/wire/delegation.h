// SPDX-License-Identifier: Apache-2.0
// A link of a delegation chain: who owns a prefix says that another key may claim prefixes
// inside it, from when until when (docs/architecture.md, "Ownership"; the shape of RFC 6480's ROA:
// prefix and greatest length). And the token in which a chain travels from one operator to the other.
#ifndef OV6_USERSPACE_WIRE_DELEGATION_H
#define OV6_USERSPACE_WIRE_DELEGATION_H

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "ov6/address.h"
#include "ov6/time.h"
#include "userspace/base/crypto.h"

namespace ov6 {

inline constexpr size_t kMaxLinks = 3;
inline constexpr std::string_view kDelegationContext = "ov6 delegation 1";
inline constexpr std::string_view kTokenStart = "ov6-delegation-1:";
inline constexpr size_t kMaxTokenSize = 1024;  // characters

using Modifier = std::array<uint8_t, 16>;  // RFC 3972 section 2; random

struct Delegation {
  Prefix prefix;
  int max_length = 128;  // of the prefixes that the subject may claim or hand on
  PublicKey subject{};
  UnixTime not_before{};  // times up to 2106, as 32 bits carry them
  UnixTime expiry{};
  Signature signature{};  // of the subject before, or of the chain's root
  bool operator==(const Delegation&) const = default;
};

// A chain and by what right it begins: the root's key, with the modifier and the security by which a
// key owns its prefix (zero in a domain of anchors).
struct DelegationToken {
  std::string domain;
  PublicKey root{};
  Modifier modifier{};
  uint32_t security = 0;
  std::vector<Delegation> chain;  // 1 to kMaxLinks; the last link's subject is who may use it
  bool operator==(const DelegationToken&) const = default;
};

// What the signature of a link covers: the context, the domain's name, the issuer and every field, all of
// fixed size but the name, which has its length before it.
std::vector<uint8_t> DelegationBytes(std::string_view domain, const PublicKey& issuer,
                                     const Delegation& link);
bool IsSignedBy(const Delegation& link, std::string_view domain, const PublicKey& issuer);

// A prefix inside another is written from the byte in which it leaves that one; bits past its length are
// zero. `around` is ::/0 for the outermost.
std::string EncodeInside(const Prefix& prefix, const Prefix& around);
absl::StatusOr<Prefix> DecodeInside(std::string_view bytes, uint32_t length, const Prefix& around);

// A link inside what is delegated by the link before: length, max_length (1 byte each), the prefix,
// not_before, expiry (seconds, 4 bytes each), the subject (32) unless it is left out, the signature (64).
std::string EncodeLink(const Delegation& link, const Prefix& around, bool with_subject);
absl::StatusOr<Delegation> DecodeLink(std::string_view bytes, const Prefix& around, bool with_subject);

// kTokenStart and base64url without padding, one line, no white space. Decoding checks the form alone.
std::string EncodeToken(const DelegationToken& token);
absl::StatusOr<DelegationToken> DecodeToken(std::string_view text);
// The lines of a file of tokens that are not empty, without comments (`#`), by their number.
std::vector<std::pair<int, std::string>> TokenLines(const std::string& text);

// The token by which `subject` may claim `prefix`, of several the one that holds longest; null: none does.
const DelegationToken* FindToken(std::span<const DelegationToken> tokens, std::string_view domain,
                                 const PublicKey& subject, const Prefix& prefix);
// The token for `link`'s subject: one link more, signed by who may use `token`, or by its root if it has no
// link.
DelegationToken Extend(DelegationToken token, const PrivateKey& issuer, Delegation link);
// When the first of its links ends.
UnixTime ExpiryOf(const DelegationToken& token);

}  // namespace ov6

#endif
