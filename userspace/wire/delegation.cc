// SPDX-License-Identifier: Apache-2.0
#include "userspace/wire/delegation.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include "absl/strings/escaping.h"
#include "userspace/base/bytes.h"
#include "userspace/wire/record.pb.h"

namespace ov6 {
namespace {

absl::Status Malformed(std::string sentence) { return absl::InvalidArgumentError(std::move(sentence)); }

uint32_t Seconds(UnixTime time) { return static_cast<uint32_t>(time.time_since_epoch().count()); }
UnixTime Time(uint32_t seconds) { return UnixTime(std::chrono::seconds(seconds)); }

std::span<const uint8_t> AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::string ToText(std::span<const uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }

template <size_t N>
void Fill(std::array<uint8_t, N>* to, std::span<const uint8_t> from) {
  if (from.size() == N) std::copy(from.begin(), from.end(), to->begin());
}

// The bytes of a prefix that are its own: [first, last).
std::pair<size_t, size_t> OwnBytes(int length, const Prefix& around) {
  return {static_cast<size_t>(around.length / 8), static_cast<size_t>((length + 7) / 8)};
}

absl::Status ReadChain(const wire::TokenMessage& message, std::vector<Delegation>* chain) {
  Prefix around;
  for (const std::string& bytes : message.chain()) {
    auto link = DecodeLink(bytes, around, true);
    if (!link.ok()) return link.status();
    around = link->prefix;
    chain->push_back(*std::move(link));
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<uint8_t> DelegationBytes(std::string_view domain, const PublicKey& issuer,
                                     const Delegation& link) {
  ByteWriter out;
  out.Raw(kDelegationContext).String(domain).Raw(issuer).Raw(link.prefix.address.bytes);
  out.U8(static_cast<uint8_t>(link.prefix.length)).U8(static_cast<uint8_t>(link.max_length));
  out.U32(Seconds(link.not_before)).U32(Seconds(link.expiry)).Raw(link.subject);
  return out.Take();
}

bool IsSignedBy(const Delegation& link, std::string_view domain, const PublicKey& issuer) {
  return VerifySignature(issuer, DelegationBytes(domain, issuer, link), link.signature);
}

std::string EncodeInside(const Prefix& prefix, const Prefix& around) {
  const auto [first, last] = OwnBytes(prefix.length, around);
  if (first >= last) return "";
  return ToText(std::span(prefix.address.bytes).subspan(first, last - first));
}

absl::StatusOr<Prefix> DecodeInside(std::string_view bytes, uint32_t length, const Prefix& around) {
  if (length > 128) return Malformed(fmt::format("the record's prefix length {} is over 128", length));
  Prefix prefix{around.address, static_cast<int>(length)};
  const auto [first, last] = OwnBytes(prefix.length, around);
  if (bytes.size() != std::max(first, last) - first) {
    return Malformed(fmt::format("the record's prefix of length {} has {} bytes of its own behind {}, not {}",
                                 length, bytes.size(), around.ToString(), std::max(first, last) - first));
  }
  std::copy(bytes.begin(), bytes.end(), prefix.address.bytes.begin() + static_cast<long>(first));
  if (!around.Contains(prefix)) {
    return Malformed(
        fmt::format("{} is outside {}, which is delegated", prefix.ToString(), around.ToString()));
  }
  if (prefix.address.Masked(prefix.length) == prefix.address) return prefix;
  return Malformed(fmt::format("{} has bits set past its length", prefix.ToString()));
}

std::string EncodeLink(const Delegation& link, const Prefix& around, bool with_subject) {
  ByteWriter out;
  out.U8(static_cast<uint8_t>(link.prefix.length)).U8(static_cast<uint8_t>(link.max_length));
  out.Raw(EncodeInside(link.prefix, around)).U32(Seconds(link.not_before)).U32(Seconds(link.expiry));
  if (with_subject) out.Raw(link.subject);
  out.Raw(link.signature);
  return ToText(out.bytes());
}

absl::StatusOr<Delegation> DecodeLink(std::string_view bytes, const Prefix& around, bool with_subject) {
  ByteReader in(AsBytes(bytes));
  Delegation link;
  const int length = in.U8();
  link.max_length = in.U8();
  const auto [first, last] = OwnBytes(length, around);
  const std::string own = ToText(in.Take(std::max(first, last) - first));
  link.not_before = Time(in.U32());
  link.expiry = Time(in.U32());
  if (with_subject) Fill(&link.subject, in.Take(link.subject.size()));
  Fill(&link.signature, in.Take(link.signature.size()));
  if (!in.ok() || !in.AtEnd())
    return Malformed(fmt::format("a delegation of {} bytes is none", bytes.size()));
  const auto prefix = DecodeInside(own, static_cast<uint32_t>(length), around);
  if (!prefix.ok()) return prefix.status();
  link.prefix = *prefix;
  if (link.max_length >= length && link.max_length <= 128) return link;
  return Malformed(fmt::format("the delegation of {} has the greatest length {}; {} to 128 are possible",
                               link.prefix.ToString(), link.max_length, length));
}

std::string EncodeToken(const DelegationToken& token) {
  wire::TokenMessage message;
  message.set_domain(token.domain);
  message.set_root(ToText(token.root));
  message.set_modifier(ToText(token.modifier));
  message.set_security(token.security);
  Prefix around;
  for (const Delegation& link : token.chain) {
    message.add_chain(EncodeLink(link, around, true));
    around = link.prefix;
  }
  return std::string(kTokenStart) + absl::WebSafeBase64Escape(message.SerializeAsString());
}

std::vector<std::pair<int, std::string>> TokenLines(const std::string& text) {
  std::vector<std::pair<int, std::string>> out;
  std::istringstream lines(text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    line.erase(std::find(line.begin(), line.end(), '#'), line.end());
    line.erase(line.find_last_not_of(" \t\r") + 1);
    if (!line.empty()) out.emplace_back(number, line);
  }
  return out;
}

DelegationToken Extend(DelegationToken token, const PrivateKey& issuer, Delegation link) {
  link.signature = issuer.Sign(DelegationBytes(token.domain, issuer.public_key(), link));
  token.chain.push_back(std::move(link));
  return token;
}

UnixTime ExpiryOf(const DelegationToken& token) {
  UnixTime expiry = UnixTime::max();
  for (const Delegation& link : token.chain) expiry = std::min(expiry, link.expiry);
  return expiry;
}

const DelegationToken* FindToken(std::span<const DelegationToken> tokens, std::string_view domain,
                                 const PublicKey& subject, const Prefix& prefix) {
  const DelegationToken* best = nullptr;
  for (const DelegationToken& token : tokens) {
    const Delegation& last = token.chain.back();
    const bool covers = last.prefix.Contains(prefix) && prefix.length <= last.max_length;
    if (token.domain != domain || last.subject != subject || !covers) continue;
    if (best == nullptr || ExpiryOf(token) > ExpiryOf(*best)) best = &token;
  }
  return best;
}

absl::StatusOr<DelegationToken> DecodeToken(std::string_view text) {
  std::string bytes;
  if (text.size() > kMaxTokenSize || !text.starts_with(kTokenStart) ||
      !absl::WebSafeBase64Unescape(std::string(text.substr(kTokenStart.size())), &bytes)) {
    return Malformed(
        fmt::format("this is no delegation: it should be one line that starts with {}", kTokenStart));
  }
  wire::TokenMessage message;
  DelegationToken token;
  if (!message.ParseFromString(bytes) || message.root().size() != token.root.size() ||
      message.modifier().size() != token.modifier.size()) {
    return Malformed("the delegation is damaged; it should be copied whole");
  }
  const auto links = static_cast<size_t>(message.chain_size());
  if (links == 0 || links > kMaxLinks)
    return Malformed(fmt::format("the delegation has {} links; 1 to {} are taken", links, kMaxLinks));
  token.domain = message.domain();
  token.security = message.security();
  Fill(&token.root, AsBytes(message.root()));
  Fill(&token.modifier, AsBytes(message.modifier()));
  if (absl::Status status = ReadChain(message, &token.chain); !status.ok()) return status;
  return token;
}

}  // namespace ov6
