// SPDX-License-Identifier: Apache-2.0
// ICMPv6 errors: RFC 4443 sections 2.2, 2.4 and 3, RFC 2473 section 8.
#include <algorithm>

#include "tests/model/walk.h"

namespace ov6::model {
namespace {
constexpr size_t kIcmpHeader = 8;
constexpr uint8_t kHopLimit = 64;
constexpr uint8_t kFirstInformational = 128, kRedirect = 137;
}  // namespace

Outcome Walk::Unreachable(uint8_t code, ov6_verdict otherwise) {
  return Answer({kUnreachable, code, 0, OV6_VERDICT_ANSWER_UNREACHABLE, otherwise});
}

Outcome Walk::TooBig(uint32_t mtu) {
  return Answer({kPacketTooBig, 0, mtu, OV6_VERDICT_ANSWER_TOO_BIG, OV6_VERDICT_DROP_TOO_BIG});
}

Outcome Walk::TimeExceeded() {
  return Answer({kTimeExceeded, 0, 0, OV6_VERDICT_ANSWER_TIME_EXCEEDED, OV6_VERDICT_DROP_HOP_LIMIT});
}

// Section 2.4 (e): never about an error or a redirect, to a group, or where the source is not one node.
// Where the packet ends too early to tell, it may be an error.
bool Walk::MayBeAnswered() const {
  if (IsMulticast(ip6_.destination) || IsMartian(ip6_.source)) return false;
  const auto upper = FindUpperLayer(packet_);
  if (!upper) return false;
  if (upper->protocol != kIcmp6) return true;
  return upper->bytes.size() >= 4 && upper->bytes[0] >= kFirstInformational && upper->bytes[0] != kRedirect;
}

// Section 2.2: an address of the router's own, of the interface it came by if it has one.
std::optional<Ipv6> Walk::ErrorSource() {
  const auto source_of = [](const ov6_device* device) {
    Ipv6 source;
    if (device != nullptr && device->role == OV6_DEVICE_SITE)
      std::copy_n(device->icmp_source, 16, source.bytes.begin());
    return source;
  };
  Ipv6 source = source_of(FindDevice(tables_, ingress_));
  for (auto it = tables_.devices.begin(); source.IsZero() && it != tables_.devices.end(); ++it)
    source = source_of(&it->second);
  return source.IsZero() ? std::nullopt : std::optional(source);
}

Outcome Walk::Answer(const Error& error) {
  const auto source = ErrorSource();
  if (origin_ == Origin::kSlave || !source || !MayBeAnswered()) return Drop(error.otherwise);
  return origin_ == Origin::kUnderlay ? AnswerTunnel(error, *source) : AnswerSite(error, *source);
}

// Back as the packet came; or, if it did not come from there, by the kernel's routes, but into a site.
Outcome Walk::AnswerSite(const Error& error, const Ipv6& source) {
  NextHop hop{.device = ingress_, .mtu = 0, .from = {}, .to = Mac{}};
  std::copy_n(ethernet_.begin(), 6, hop.from.begin());
  std::copy_n(ethernet_.begin() + 6, 6, hop.to->begin());
  if (header_ || quoted_) {
    const FibAnswer answer = kernel_.Lookup(ip6_.source);
    if (answer.kind == FibAnswer::kNotForwarded && Self() != nullptr) return AnswerSelf(error, source);
    if (answer.kind != FibAnswer::kForward || IsUnderlayOrPort(answer.hop.device))
      return Drop(OV6_VERDICT_DROP_NO_NEXT_HOP);
    hop = answer.hop;
  }
  if (!CanSend(hop)) return Finish();
  if (!SpendError()) return Drop(OV6_VERDICT_DROP_ICMP_LIMIT);
  return Send(error.verdict, hop, kEtherTypeIp6, ErrorPacket(error, source));
}

// To a process of the router's own, through the stack.
Outcome Walk::AnswerSelf(const Error& error, const Ipv6& source) {
  if (in_.hook == Hook::kXdp) return Finish();
  if (!SpendError()) return Drop(OV6_VERDICT_DROP_ICMP_LIMIT);
  Bytes frame = SelfFrame(kEtherTypeIp6);
  Append(frame, ErrorPacket(error, source));
  return {.end = End::kSend, .verdict = error.verdict, .frame = frame, .counted = counted_};
}

// To the peer whose mapping holds the source, in its tunnel.
Outcome Walk::AnswerTunnel(const Error& error, const Ipv6& source) {
  Way way{};
  const ov6_mapping* mapping = FindMapping(tables_, ip6_.source, in_.now);
  const ov6_locator* best = mapping == nullptr ? nullptr : BestLocator(*mapping, in_.now);
  if (best == nullptr) return Drop(OV6_VERDICT_DROP_NO_LOCATOR);
  if (const auto verdict = FindWay(*best, way)) return Drop(*verdict);
  way.by_stack = way.device_mtu < OV6_MIN_MTU + way.overhead && Self() != nullptr;
  if (!CanSend(way)) return Finish();
  if (!SpendError()) return Drop(OV6_VERDICT_DROP_ICMP_LIMIT);
  return Encapsulate(error.verdict, way, ErrorPacket(error, source));
}

// Section 2.4 (f): a token bucket, one for each source so that none mutes the others; and before it one for
// who makes us send them, whatever sources it names.
bool Walk::SpendError() {
  const ov6_config& config = tables_.config;
  const uint32_t rate = config.icmp_rate != 0 ? config.icmp_rate : OV6_DEFAULT_ICMP_RATE;
  const uint32_t burst = config.icmp_burst != 0 ? config.icmp_burst : OV6_DEFAULT_ICMP_BURST;
  if (!SpendStation(OV6_BUCKET_ICMP_STATION, rate * OV6_ICMP_STATION_FACTOR, burst * OV6_ICMP_STATION_FACTOR))
    return false;
  return Spend(KeyFor(OV6_BUCKET_ICMP), rate, burst);
}

// Section 2.4 (c): as much of the packet as fits in 1280 bytes; of what a frame holds behind it, nothing.
Bytes Walk::ErrorPacket(const Error& error, const Ipv6& source) const {
  const size_t most = OV6_MIN_MTU - Ip6Header::kSize - kIcmpHeader;
  const size_t quote = std::min({packet_.size(), Ip6Header::kSize + ip6_.payload, most});
  Bytes message{error.type,
                error.code,
                0,
                0,
                uint8_t(error.mtu >> 24),
                uint8_t(error.mtu >> 16),
                uint8_t(error.mtu >> 8),
                uint8_t(error.mtu)};
  Append(message, View(packet_).first(quote));
  // RFC 8200 section 8.1
  Bytes summed(source.bytes.begin(), source.bytes.end());
  Append(summed, ip6_.source.bytes);
  Append(summed, Bytes{0, 0, uint8_t(message.size() >> 8), uint8_t(message.size()), 0, 0, 0, kIcmp6});
  Append(summed, message);
  Put16(message, 2, Checksum(summed));
  Bytes packet{0x60, 0, 0, 0, uint8_t(message.size() >> 8), uint8_t(message.size()), kIcmp6, kHopLimit};
  Append(packet, View(summed).first(32));
  Append(packet, message);
  return packet;
}

}  // namespace ov6::model
