// SPDX-License-Identifier: Apache-2.0
#include "userspace/wire/ownership.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "userspace/base/bytes.h"

namespace ov6 {
namespace {

constexpr std::string_view kExtensionContext = "ov6 hash extension";
constexpr int kBitsOfSecurity = 16;

// As one number of 128 bits.
void Increment(Modifier* modifier) {
  for (size_t i = modifier->size(); i-- > 0 && ++(*modifier)[i] == 0;) {
  }
}

int LeadingZeros(std::span<const uint8_t> bytes) {
  int zeros = 0;
  for (const uint8_t byte : bytes) {
    zeros += std::countl_zero(byte);
    if (byte != 0) break;
  }
  return zeros;
}

// The claim's outermost prefix: what its root must own.
const Prefix& Outermost(const Record& record) {
  return record.chain.empty() ? record.prefix : record.chain.front().prefix;
}

absl::Status CheckSelf(const Record& record, const Domain& domain) {
  const PublicKey& root = RootOf(record);
  if (record.security < domain.security || record.security > kMaxSecurity) {
    return absl::PermissionDeniedError(
        fmt::format("the record's security is {}; the domain '{}' takes {} to {}", record.security,
                    domain.name, domain.security, kMaxSecurity));
  }
  if (SecurityOf(root, record.modifier) < record.security) {
    return absl::PermissionDeniedError(
        fmt::format("the modifier has not the security {} that the record states", record.security));
  }
  const Prefix owned = OwnedPrefix(domain, root, record.modifier, record.security);
  if (owned.Contains(Outermost(record))) return absl::OkStatus();
  return absl::PermissionDeniedError(fmt::format("{} is not cut from the key that claims it, which owns {}",
                                                 Outermost(record).ToString(), owned.ToString()));
}

absl::Status CheckAnchor(const Record& record, const Domain& domain) {
  const PublicKey& root = RootOf(record);
  if (std::find(domain.anchors.begin(), domain.anchors.end(), root) != domain.anchors.end())
    return absl::OkStatus();
  return absl::PermissionDeniedError(fmt::format("{} is claimed from the key {}, which is no anchor of '{}'",
                                                 record.prefix.ToString(), ToHex(root), domain.name));
}

// A record as the subject of the token could make one: its last link's prefix, for as long as all links hold.
Record RecordBy(const DelegationToken& token, UnixTime now) {
  Record record;
  record.domain = token.domain;
  record.prefix = token.chain.back().prefix;
  record.sequence = 1;
  record.expiry = std::min<UnixTime>(now + kMaxRecordLifetime, ExpiryOf(token));
  record.not_before = std::min<UnixTime>(now, record.expiry - std::chrono::seconds(1));
  record.public_key = token.chain.back().subject;
  record.modifier = token.modifier;
  record.security = token.security;
  record.chain = token.chain;
  record.root = token.root;
  return record;
}

absl::Status CheckLinkSignatures(const DelegationToken& token) {
  PublicKey issuer = token.root;
  for (const Delegation& link : token.chain) {
    if (!IsSignedBy(link, token.domain, issuer)) {
      return absl::UnauthenticatedError(
          fmt::format("the signature of the delegation of {} is wrong", link.prefix.ToString()));
    }
    issuer = link.subject;
  }
  return absl::OkStatus();
}

}  // namespace

uint32_t SecurityOf(const PublicKey& key, const Modifier& modifier) {
  ByteWriter out;
  out.Raw(kExtensionContext).Raw(modifier).Raw(key);
  const int zeros = LeadingZeros(Sha256(out.bytes()));
  return std::min(kMaxSecurity, static_cast<uint32_t>(zeros / kBitsOfSecurity));
}

Modifier FindModifier(const PublicKey& key, uint32_t security, Modifier start) {
  while (SecurityOf(key, start) < security) Increment(&start);
  return start;
}

Prefix OwnedPrefix(const Domain& domain, const PublicKey& key, const Modifier& modifier, uint32_t security) {
  ByteWriter out;
  out.Raw(modifier).U8(static_cast<uint8_t>(domain.prefix.length)).Raw(domain.prefix.address.bytes).Raw(key);
  if (security > 0) out.U8(static_cast<uint8_t>(security));
  const auto hash = Sha256(out.bytes());
  Ipv6 address = domain.prefix.address;
  for (int i = domain.prefix.length; i < domain.aggregate; ++i) {
    const int from = i - domain.prefix.length;
    const int bit = hash[from / 8] >> (7 - from % 8) & 1;
    address.bytes[i / 8] |= static_cast<uint8_t>(bit << (7 - i % 8));
  }
  return {address, domain.aggregate};
}

absl::Status CheckRoot(const Record& record, const Domain& domain) {
  switch (domain.trust) {
    case Domain::Trust::kSelf:
      return CheckSelf(record, domain);
    case Domain::Trust::kAnchors:
      return CheckAnchor(record, domain);
    case Domain::Trust::kOpen:
      break;
  }
  return absl::OkStatus();
}

absl::Status CheckToken(const DelegationToken& token, const PublicKey& subject, const Domain& domain,
                        UnixTime now) {
  if (token.chain.empty() || token.chain.back().subject != subject) {
    return absl::PermissionDeniedError(fmt::format("the delegation is not for the key {}", ToHex(subject)));
  }
  if (absl::Status status = CheckContents(RecordBy(token, now), domain, now); !status.ok()) return status;
  return CheckLinkSignatures(token);
}

std::string_view ToString(Domain::Trust trust) {
  switch (trust) {
    case Domain::Trust::kAnchors:
      return "anchors";
    case Domain::Trust::kOpen:
      return "open";
    case Domain::Trust::kSelf:
      break;
  }
  return "self";
}

}  // namespace ov6
