// SPDX-License-Identifier: Apache-2.0
// ICMPv4 errors about tunnel packets of ours: RFC 792, RFC 1191, RFC 4213 section 3.4, RFC 2473
// section 8. Anybody can send one, so the quote must be of a packet that can have been ours.
#include <arpa/inet.h>

#include <algorithm>

#include "tests/model/walk.h"

namespace ov6::model {
namespace {

enum : uint8_t { kIcmp4Unreachable = 3, kIcmp4TimeExceeded = 11 };
constexpr uint8_t kFragmentationNeeded = 4;
constexpr size_t kIcmpHeader = 8;
constexpr uint16_t kMoreFragments = 0x2000;
constexpr uint8_t kAcceptOnly = 255;                         // a locator's priority
constexpr uint8_t kAddressUnreachable = 3, kProhibited = 1;  // RFC 4443 section 3.1
constexpr uint32_t kSmallestMtu = 68;                        // RFC 791
constexpr uint32_t kPlateau = 1492;                          // RFC 1191 section 7, the one below Ethernet's

// RFC 4884 section 4.1: a length, in words, tells where the quote ends and other things begin.
View QuoteOf(View message) {
  const size_t words = message[5];
  View quote = message.subspan(kIcmpHeader);
  return words == 0 ? quote : quote.first(std::min(quote.size(), words * 4));
}

bool SendsTo(const ov6_mapping& mapping, const Quote& quote) {
  const int count = std::min<int>(mapping.locator_count, OV6_MAX_LOCATORS);
  return std::any_of(mapping.locators, mapping.locators + count, [&](const ov6_locator& locator) {
    const bool udp = locator.encapsulation == OV6_ENCAPSULATION_UDP;
    return locator.address == quote.ip.destination.ToBe() && locator.priority != kAcceptOnly &&
           udp == quote.udp && (!udp || ntohs(locator.port) == quote.port);
  });
}

}  // namespace

std::optional<Quote> Quote::Read(View message, Ipv4 ours, uint16_t port) {
  if (message.size() < kIcmpHeader) return std::nullopt;
  Quote quote{.type = message[0], .code = message[1], .mtu = Get16(message, 6)};
  const View packet = QuoteOf(message);
  const auto ip = Ip4Header::Read(packet);
  if (!ip || ip->source != ours || (ip->fragment & Ip4Header::kOffset) != 0) return std::nullopt;
  if (ip->protocol != kIp6InIp4 && ip->protocol != kUdp) return std::nullopt;
  quote.ip = *ip;
  quote.overhead = ip->length + (ip->protocol == kUdp ? 8 : 0);
  if (packet.size() < quote.overhead) return std::nullopt;
  quote.inner = packet.subspan(quote.overhead);
  quote.udp = ip->protocol == kUdp;
  if (quote.udp) {
    // Our tunnels send from the flow's port (RFC 6335: the dynamic range), or from their own; other datagrams
    // of ours may not be IPv6.
    const uint16_t from = Get16(packet, ip->length);
    if (from != port && from < OV6_FLOW_PORT_FIRST) return std::nullopt;
    quote.port = Get16(packet, ip->length + 2);
    quote.datagram = Get16(packet, ip->length + 4);
  }
  // RFC 792 promises 8 bytes: of IPv6, or the UDP header.
  if (quote.inner.size() < 8) return quote.udp ? std::optional(quote) : std::nullopt;
  if (quote.inner[0] >> 4 != 6) return std::nullopt;
  quote.ip6 = Ip6Header::Read(quote.inner);
  return quote;
}

Outcome Walk::IcmpFromUnderlay(const ov6_device& device, const Ip4Header& ip) {
  // What is damaged, or about something else, is for the stack to judge.
  const bool whole = ip.fragment == 0 && ip.total <= packet_.size() && ip.total >= ip.length &&
                     Checksum(View(packet_).first(ip.length)) == 0;
  if (!whole) return ToStack(OV6_VERDICT_PASS_NOT_TUNNEL);
  outer_source_ = ip.source;
  // RFC 1122 section 3.2.1.3: nobody sends from there.
  if (ip.source.IsMartian() || ip.source.ToBe() == device.address) return Drop(OV6_VERDICT_DROP_OUTER_SOURCE);
  const View message = View(packet_).subspan(ip.length, ip.total - ip.length);
  const auto quote = Quote::Read(message, Ipv4::FromBe(device.address), ntohs(device.udp_port));
  if (!quote || (quote->type != kIcmp4Unreachable && quote->type != kIcmp4TimeExceeded) ||
      Checksum(message) != 0)
    return ToStack(OV6_VERDICT_PASS_NOT_TUNNEL);
  if (!CanHaveBeenSent(*quote)) {
    // A UDP header alone may be of any datagram of the router's.
    const bool any = quote->udp && !quote->ip6;
    return any ? ToStack(OV6_VERDICT_PASS_NOT_TUNNEL) : Drop(OV6_VERDICT_DROP_ICMP4);
  }
  if (quote->type == kIcmp4Unreachable && quote->code == kFragmentationNeeded)
    return FragmentationNeeded(*quote);
  return UnreachableByIp4(*quote);
}

// The lengths agree; of a packet that went in fragments, the first one is quoted.
bool Walk::LengthsFit(const Quote& quote) {
  const size_t inner = quote.inner.size() < 8 ? 0 : Ip6Header::kSize + Get16(quote.inner, 4);
  if (quote.udp && quote.ip6 && quote.datagram != 8 + inner) return false;
  const size_t sent = quote.ip.length + (quote.udp ? quote.datagram : inner);
  return (quote.ip.fragment & kMoreFragments) != 0 ? quote.ip.total < sent : quote.ip.total == sent;
}

// With both inner addresses the mapping tells: it sends there, in that encapsulation, and the source is a
// host of ours (or was, a moment ago), or one that is relayed. With less, that we have sent to that peer at
// all.
bool Walk::CanHaveBeenSent(const Quote& quote) {
  if (!LengthsFit(quote)) return false;
  if (!quote.ip6) return tables_.paths.count(quote.ip.destination) != 0;
  const ov6_mapping* mapping = FindMapping(tables_, quote.ip6->destination, in_.now);
  const ov6_route* route = Longest(tables_.routes, quote.ip6->destination);
  if (mapping == nullptr || !SendsTo(*mapping, quote)) return false;
  return MaySendFromHere(quote.ip6->source) || (route != nullptr && (route->flags & OV6_ROUTE_RELAY) != 0);
}

// RFC 1191: the path carries no more than the router says; one older than that says nothing, and the
// next plateau is taken. Never more than what was too much, and only if we forbade to fragment.
Outcome Walk::FragmentationNeeded(const Quote& quote) {
  uint32_t mtu = quote.mtu;
  if (mtu == 0) mtu = quote.ip.total > kPlateau ? kPlateau : OV6_MIN_MTU;
  const bool lie = quote.mtu != 0 && (mtu < kSmallestMtu || mtu >= quote.ip.total);
  if (!quote.ip.dont_fragment || lie) return Drop(OV6_VERDICT_DROP_ICMP4);
  changes_.path = quote.ip.destination;
  LowerPathMtu(tables_, quote.ip.destination, uint16_t(mtu), in_.now);
  // RFC 4213 section 3.2.2: the tunnel's MTU, never below 1280.
  const uint32_t tunnel = std::max<uint32_t>(OV6_MIN_MTU + quote.overhead, mtu) - quote.overhead;
  const Error error{kPacketTooBig, 0, tunnel, OV6_VERDICT_ANSWER_UNDERLAY, OV6_VERDICT_DROP_ICMP_LIMIT};
  const bool fits = quote.ip.total <= quote.overhead + tunnel;
  if (!IsOfOurSite(quote) || fits) return ToStack(OV6_VERDICT_PASS_PATH_MTU);
  return PassOn(quote, error);
}

// RFC 2473 section 8.3: one code for all; but a refusal (RFC 1122 section 3.2.2.1: 9, 10; RFC 1812
// section 5.2.7.1: 13 to 15) is told as one. A reassembly timeout is nobody's fault.
Outcome Walk::UnreachableByIp4(const Quote& quote) {
  if (!IsOfOurSite(quote) || (quote.type == kIcmp4TimeExceeded && quote.code != 0))
    return ToStack(OV6_VERDICT_PASS_NOT_TUNNEL);
  const bool refused =
      quote.type == kIcmp4Unreachable && (quote.code == 9 || quote.code == 10 || quote.code >= 13);
  return PassOn(quote, {kUnreachable, refused ? kProhibited : kAddressUnreachable, 0,
                        OV6_VERDICT_ANSWER_UNDERLAY, OV6_VERDICT_DROP_ICMP_LIMIT});
}

bool Walk::IsOfOurSite(const Quote& quote) {
  return quote.ip6 && ActionOf(Longest(tables_.routes, quote.ip6->source)) == OV6_ACTION_SITE;
}

// RFC 2473 section 8: the host that sent the inner packet hears of it, as far as it was quoted.
Outcome Walk::PassOn(const Quote& quote, const Error& error) {
  const size_t whole = Ip6Header::kSize + quote.ip6->payload;
  const Bytes inner(quote.inner.begin(), quote.inner.begin() + std::min(quote.inner.size(), whole));
  origin_ = Origin::kSite;
  ip6_ = *quote.ip6;
  packet_ = inner;
  quoted_ = true;
  return Answer(error);
}

}  // namespace ov6::model
