// SPDX-License-Identifier: Apache-2.0
// The ends of a packet: dropped, the stack's, or sent on, and then how.
#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "tests/model/walk.h"

namespace ov6::model {
namespace {

constexpr uint64_t kEventInterval = 1'000'000'000;
constexpr size_t kIp4Header = 20, kUdpHeader = 8;

uint32_t Or(uint32_t configured, uint32_t otherwise) { return configured != 0 ? configured : otherwise; }

Bytes Ethernet(const Mac& to, const Mac& from, uint16_t type) {
  Bytes header(to.begin(), to.end());
  Append(header, from);
  Append(header, Bytes{uint8_t(type >> 8), uint8_t(type)});
  return header;
}

}  // namespace

bool EmbedsIp4(const Ipv6& a) {
  static const Prefix compatible = *Prefix::Parse("::/96"), mapped = *Prefix::Parse("::ffff:0:0/96");
  return compatible.Contains(a) || mapped.Contains(a);
}
bool IsLinkLocal(const Ipv6& a) {
  static const Prefix prefix = *Prefix::Parse("fe80::/10");
  return prefix.Contains(a);
}
bool IsMulticast(const Ipv6& a) { return a.bytes[0] == 0xff; }
bool IsMartian(const Ipv6& a) { return EmbedsIp4(a) || IsLinkLocal(a) || IsMulticast(a); }

bool HasLocator(const ov6_mapping& mapping, const Ipv4& address, uint16_t port) {
  const int count = std::min<int>(mapping.locator_count, OV6_MAX_LOCATORS);
  return std::any_of(mapping.locators, mapping.locators + count, [&](const ov6_locator& locator) {
    const bool any_port = (locator.flags & OV6_LOCATOR_FIXED_PORT) == 0;
    return locator.address == address.ToBe() && (any_port || ntohs(locator.port) == port);
  });
}

const ov6_locator* BestLocator(const ov6_mapping& mapping, uint64_t now, bool around) {
  constexpr uint8_t kAcceptOnly = 255;
  const bool silent = around || ((mapping.flags & OV6_MAPPING_DIRECT) != 0 && now >= mapping.soft_expiry);
  const auto end = mapping.locators + std::min<int>(mapping.locator_count, OV6_MAX_LOCATORS);
  const auto best = std::find_if(mapping.locators, end, [&](const ov6_locator& locator) {
    return !silent || (locator.flags & OV6_LOCATOR_FIXED_PORT) == 0;
  });
  return best == end || best->priority == kAcceptOnly ? nullptr : best;
}

Outcome Walk::Drop(ov6_verdict verdict) const {
  return {.end = End::kDrop, .verdict = verdict, .counted = counted_};
}

// What a slave sent is never the stack's as it came.
Outcome Walk::ToStack(ov6_verdict verdict) const {
  if (header_) return Drop(OV6_VERDICT_DROP_PORT_STACK);
  return {.end = End::kStack, .verdict = verdict, .frame = in_.frame, .counted = counted_};
}

// Out of its tunnel, by ov6-self: IPv6 may be off where it came by. Without ov6-self in a frame for the
// device it came by; a slave's port is no way into the stack, so that there TC puts it where it first came
// in.
Outcome Walk::ToStackStripped(ov6_verdict verdict) const {
  if (outer_.empty()) return ToStack(verdict);
  const bool redirected = header_ || Self() != nullptr;
  if (redirected && in_.hook == Hook::kXdp) return Finish();
  Bytes frame = ethernet_;
  if (Self() != nullptr)
    frame = SelfFrame(kEtherTypeIp6);
  else if (header_)
    std::copy_n(tables_.devices.at(ingress_).mac, 6, frame.begin());
  Put16(frame, 12, kEtherTypeIp6);
  Append(frame, packet_);
  return {
      .end = redirected ? End::kSend : End::kStack, .verdict = verdict, .frame = frame, .counted = counted_};
}

// Into ov6-self, as if it came from there.
Bytes Walk::SelfFrame(uint16_t type) const {
  Mac to;
  std::copy_n(Self()->mac, 6, to.begin());
  return Ethernet(to, Mac{}, type);
}

// The TC door begins anew with the frame as it came; a slave's without its header.
Outcome Walk::Finish() const {
  Bytes frame = ethernet_;
  Append(frame, View(in_.frame).subspan(kEthernet + (header_ ? sizeof(ov6_port_header) : 0)));
  return {.end = End::kFinish, .frame = frame};
}

uint32_t Walk::Mtu(const NextHop& hop) {
  const ov6_device* device = FindDevice(tables_, hop.device);
  return device == nullptr || device->mtu == 0 ? hop.mtu : std::min<uint32_t>(hop.mtu, device->mtu);
}

// XDP asks for no neighbour and may not send to every device.
bool Walk::CanSend(const NextHop& hop) {
  if (in_.hook == Hook::kTc) return true;
  const ov6_device* device = FindDevice(tables_, hop.device);
  return hop.to && device != nullptr && (device->flags & OV6_DEVICE_XDP_TARGET) != 0;
}

// What our own link must have in pieces, the kernel fragments: it enters the stack by TC.
bool Walk::CanSend(const Way& way) { return CanSend(way.hop) && !(way.by_stack && in_.hook == Hook::kXdp); }

const ov6_device* Walk::Self() const {
  const auto self = tables_.devices.find(tables_.config.fib_ifindex);
  return tables_.config.fib_ifindex == 0 || self == tables_.devices.end() ? nullptr : &self->second;
}

bool Walk::IsUnderlayOrPort(uint32_t ifindex) {
  const ov6_device* device = FindDevice(tables_, ifindex);
  return device != nullptr && (device->role == OV6_DEVICE_UNDERLAY || device->role == OV6_DEVICE_PORT);
}

Outcome Walk::Send(ov6_verdict verdict, const NextHop& hop, uint16_t type, Bytes packet) const {
  Bytes frame = Ethernet(hop.to.value_or(Mac{}), hop.to ? hop.from : Mac{}, type);
  Append(frame, packet);
  return {
      .end = End::kSend, .verdict = verdict, .frame = frame, .counted = counted_, .any_addresses = !hop.to};
}

// Into a site, by the kernel's routes: but not out again where it has none of its own there.
Outcome Walk::Deliver(ov6_verdict verdict) {
  const FibAnswer answer = kernel_.Lookup(ip6_.destination);
  if (answer.kind == FibAnswer::kNotForwarded) return ToStackStripped(OV6_VERDICT_PASS_FOR_ROUTER);
  if (answer.kind == FibAnswer::kRefused || IsUnderlayOrPort(answer.hop.device))
    return Drop(OV6_VERDICT_DROP_NO_NEXT_HOP);
  if (ip6_.hop_limit <= 1) return TimeExceeded();
  const uint32_t mtu = Mtu(answer.hop);
  // RFC 8200 section 5: a link of less than 1280 is none for IPv6, and nobody may be told to send less.
  if (size_ > mtu) return mtu < OV6_MIN_MTU ? Drop(OV6_VERDICT_DROP_TOO_BIG) : TooBig(mtu);
  if (Carries(answer.hop)) return Carry(verdict, answer.hop);
  if (!CanSend(answer.hop)) return Finish();
  packet_[7]--;
  return Send(verdict, answer.hop, kEtherTypeIp6, packet_);
}

// To a site elsewhere XDP has a way of its own, by ov6d's port; but not for what GRO makes large. Behind a
// slave's port TC gets what XDP left.
bool Walk::Carries(const NextHop& hop) {
  const bool xdp = in_.hook == Hook::kXdp ? !CanSend(hop) : in_.door == Door::kPort;
  const ov6_device* device = FindDevice(tables_, hop.device);
  const auto port = tables_.port_devices.find(OV6_PORT_DAEMON);
  if (!xdp || device == nullptr || (device->flags & OV6_DEVICE_ELSEWHERE) == 0 ||
      port == tables_.port_devices.end() || packet_[6] == kTcp)
    return false;
  const ov6_device* near = FindDevice(tables_, port->second);
  return near == nullptr || near->mtu == 0 || Mtu(hop) + sizeof(ov6_port_header) <= near->mtu;
}

Outcome Walk::Carry(ov6_verdict verdict, const NextHop& hop) {
  packet_[7]--;
  ov6_port_header header{};
  header.version = OV6_PORT_HEADER_VERSION;
  header.type = OV6_PORT_CARRY;
  header.port = htons(OV6_PORT_DAEMON);
  header.ingress = htonl(hop.device);
  return {.end = End::kPunt, .verdict = verdict, .frame = PortFrame(header, packet_), .counted = counted_};
}

Bytes Walk::PortFrame(const ov6_port_header& header, const Bytes& packet) const {
  Bytes frame = ethernet_;
  Put16(frame, 12, OV6_ETH_P_PORT);
  Append(frame, View(reinterpret_cast<const uint8_t*>(&header), sizeof(header)));
  Append(frame, packet);
  return frame;
}

// RFC 6324 section 3: no tunnel to ourselves, and only by an underlay of ours.
std::optional<ov6_verdict> Walk::FindWay(const ov6_locator& locator, Way& way) {
  way.locator = locator;
  const Ipv4 peer = Ipv4::FromBe(way.locator.address);
  const FibAnswer answer = kernel_.Lookup(peer);
  const bool own = std::any_of(tables_.devices.begin(), tables_.devices.end(), [&](const auto& device) {
    return device.second.role == OV6_DEVICE_UNDERLAY && device.second.address == way.locator.address;
  });
  if (answer.kind != FibAnswer::kForward)
    return own ? OV6_VERDICT_DROP_OWN_LOCATOR : OV6_VERDICT_DROP_NO_NEXT_HOP;
  const ov6_device* underlay = FindDevice(tables_, answer.hop.device, OV6_DEVICE_UNDERLAY);
  if (underlay == nullptr) return OV6_VERDICT_DROP_NOT_UNDERLAY;
  if (underlay->address == way.locator.address) return OV6_VERDICT_DROP_OWN_LOCATOR;
  // Sent to, from now on: errors about it are believed.
  if (tables_.paths.try_emplace(peer, ov6_path{}).second) changes_.path = peer;
  way.source = Ipv4::FromBe(underlay->address);
  if ((way.locator.flags & OV6_LOCATOR_FIXED_PORT) != 0) way.source_port = ntohs(underlay->udp_port);
  way.hop = answer.hop;
  way.overhead = kIp4Header + (way.locator.encapsulation == OV6_ENCAPSULATION_UDP ? kUdpHeader : 0);
  way.device_mtu = way.path_mtu = Mtu(answer.hop);
  for (const uint32_t mtu : {uint32_t{way.locator.mtu}, PathMtu(tables_, peer, in_.now)})
    if (mtu != 0) way.path_mtu = std::min(way.path_mtu, mtu);
  // RFC 4213 section 3.2.2: IPv6 must have 1280; where the path has less, IPv4 fragments on the way.
  way.fragmentable = way.path_mtu < OV6_MIN_MTU + way.overhead;
  if (way.fragmentable) way.path_mtu = OV6_MIN_MTU + way.overhead;
  return std::nullopt;
}

Outcome Walk::Tunnel(ov6_mapping& mapping, const ov6_route* relay) {
  Way way{};
  Used(mapping, ip6_.destination);
  const ov6_locator* best = BestLocator(mapping, in_.now, around_);
  if (best == nullptr) return Drop(OV6_VERDICT_DROP_NO_LOCATOR);
  // RFC 6324 section 3.1: never back to whom it came from.
  if (!outer_.empty() && best->address == outer_source_.ToBe()) return Drop(OV6_VERDICT_DROP_RELAY);
  if (const auto verdict = FindWay(*best, way)) return Drop(*verdict);
  if (size_ + way.overhead > way.path_mtu) return TooBig(way.path_mtu - way.overhead);
  way.by_stack = size_ + way.overhead > way.device_mtu;
  if (way.by_stack && Self() == nullptr) return Drop(OV6_VERDICT_DROP_TOO_BIG);
  if (relay != nullptr) Relayed(*relay);
  if (!CanSend(way)) return Finish();
  packet_[7]--;  // RFC 4213 section 3.3: the tunnel is one hop
  return Encapsulate(OV6_VERDICT_TUNNEL, way, packet_);
}

// RFC 4213 section 3.5; RFC 6040 section 4.1: ECN is copied; RFC 2983: DSCP is the operator's; RFC 6864:
// no identification in what nobody fragments; RFC 768: no UDP checksum.
Outcome Walk::Encapsulate(ov6_verdict verdict, const Way& way, Bytes packet) const {
  const bool udp = way.locator.encapsulation == OV6_ENCAPSULATION_UDP;
  const uint16_t length = uint16_t(Ip6Header::kSize + Get16(packet, 4));
  Bytes outer(way.overhead);
  outer[0] = 0x45;
  outer[1] = uint8_t((tables_.config.dscp & 0x3f) << 2 | (packet[1] >> 4 & 3));
  Put16(outer, 2, uint16_t(way.overhead + length));
  Put16(outer, 6, way.fragmentable ? 0 : 0x4000);
  outer[8] = OV6_OUTER_TTL;
  outer[9] = udp ? kUdp : kIp6InIp4;
  Put16(outer, 12, uint16_t(way.source.value >> 16));
  Put16(outer, 14, uint16_t(way.source.value));
  std::memcpy(&outer[16], &way.locator.address, 4);
  Put16(outer, 10, Checksum(View(outer).first(kIp4Header)));
  if (udp) {
    Put16(outer, kIp4Header, way.source_port);
    Put16(outer, kIp4Header + 2, ntohs(way.locator.port));
    Put16(outer, kIp4Header + 4, uint16_t(kUdpHeader + length));
  }
  Append(outer, packet);
  NextHop hop = way.hop;
  if (way.by_stack) std::copy_n(Self()->mac, 6, hop.from.begin()), hop.to = std::exchange(hop.from, Mac{});
  Outcome outcome = Send(verdict, hop, kEtherTypeIp4, outer);
  outcome.any_source_port = udp && way.source_port == 0;
  outcome.any_identification = way.fragmentable;
  return outcome;
}

// A mapping in use past its soft expiry is asked about, once a second at most; of a direct path each use is
// told.
bool Walk::Used(ov6_mapping& mapping, const Ipv6& address) {
  if (mapping.soft_expiry == 0 || (mapping.flags & OV6_MAPPING_STATIC) != 0) return false;
  const bool direct = (mapping.flags & OV6_MAPPING_DIRECT) != 0;
  if ((!direct && in_.now < mapping.soft_expiry) || !MaySpeak(mapping)) return false;
  changes_.events.push_back(
      {direct ? OV6_EVENT_USED : OV6_EVENT_REFRESH, mapping.slave, address, Ipv4{}, address});
  return true;
}

// It goes on, but who sent it should learn where its destination is now: once a second for each source's
// mapping, in the same second in which a refresh of that was asked for.
void Walk::Relayed(const ov6_route& route) {
  ov6_mapping* source = FindMapping(tables_, ip6_.source, in_.now);
  if (source == nullptr || !(spoken_ || MaySpeak(*source))) return;
  changes_.events.push_back({OV6_EVENT_RELAYED, route.slave, ip6_.destination, outer_source_, ip6_.source});
}

bool Walk::MaySpeak(ov6_mapping& mapping) const {
  if (in_.now < mapping.next_question) return false;
  mapping.next_question = in_.now + kEventInterval;
  return true;
}

bool Walk::Spend(const BucketKey& key, uint32_t rate, uint32_t burst) {
  changes_.spent.push_back(key);
  return Take(tables_, key, in_.now, rate, burst);
}

BucketKey Walk::KeyFor(ov6_bucket_purpose purpose) const {
  if (origin_ != Origin::kUnderlay) return {ip6_.source, purpose};
  return {Mapped(Ipv4{outer_source_.value & 0xffffff00}), purpose};
}

// Who sends, whatever sources it makes up: a host's MAC address, or the neighbourhood an ICMPv4 error came
// from.
bool Walk::SpendStation(ov6_bucket_purpose purpose, uint32_t rate, uint32_t burst) {
  if (origin_ != Origin::kSite || header_) return true;
  BucketKey key{{}, purpose};
  if (quoted_)
    key.source = Mapped(Ipv4{outer_source_.value & 0xffffff00});
  else
    std::copy_n(ethernet_.begin() + 6, 6, key.source.bytes.begin());
  return Spend(key, rate, burst);
}

Outcome Walk::PuntByRoute(const ov6_route& route) {
  return Punt(route.slave, OV6_PUNT_ROUTE, (route.flags & OV6_ROUTE_CARRIED) != 0);
}

// As it came from the site or, to be verified, from the underlay with its outer header; the hop limit is
// not touched, since the packet is not sent on yet. It comes back at most once.
Outcome Walk::Punt(uint32_t id, ov6_punt_reason reason, bool carried) {
  if (WasAsked() && reason != OV6_PUNT_ROUTE) return Drop(OV6_VERDICT_DROP_PUNT_LOOP);
  const auto slave = tables_.slaves.find(id);
  if (slave == tables_.slaves.end() || tables_.port_devices.count(slave->second.port) == 0)
    return Drop(OV6_VERDICT_DROP_NO_PORT);
  const uint16_t slot = slave->second.port;
  Bytes packet = reason == OV6_PUNT_VERIFY ? outer_ : Bytes{};
  const ov6_device* port = FindDevice(tables_, tables_.port_devices.at(slot));
  if (port != nullptr && port->mtu != 0 && packet.size() + size_ + sizeof(ov6_port_header) > port->mtu)
    return Drop(OV6_VERDICT_DROP_TOO_BIG);
  if (!carried)
    if (const auto verdict = SpendPunt(reason)) return Drop(*verdict);
  Append(packet, packet_);
  const ov6_port_header header{.version = OV6_PORT_HEADER_VERSION,
                               .type = OV6_PORT_PUNT,
                               .reason = uint8_t(reason),
                               .flags = 0,
                               .port = htons(slot),
                               .reserved = 0,
                               .slave = htonl(id),
                               .ingress = htonl(ingress_)};
  const ov6_verdict verdicts[] = {OV6_VERDICT_UNSPECIFIED, OV6_VERDICT_PUNT_MISS, OV6_VERDICT_PUNT_ROUTE,
                                  OV6_VERDICT_PUNT_VERIFY};
  return {.end = End::kPunt,
          .verdict = verdicts[reason],
          .frame = PortFrame(header, packet),
          .counted = counted_};
}

// The source's own budget first, then that of the station behind whatever sources it names, then that of
// all: a flood from one place must not use up everybody's, nor verifying starve resolving.
std::optional<ov6_verdict> Walk::SpendPunt(ov6_punt_reason reason) {
  const ov6_config& config = tables_.config;
  const uint32_t factor = reason == OV6_PUNT_ROUTE ? OV6_PUNT_ROUTE_FACTOR : 1;
  const uint32_t divisor = reason == OV6_PUNT_VERIFY ? 2 : 1;
  const uint32_t rate = factor * Or(config.punt_source_rate, OV6_DEFAULT_PUNT_SOURCE_RATE);
  const uint32_t burst = factor * Or(config.punt_source_burst, OV6_DEFAULT_PUNT_SOURCE_BURST);
  if (!Spend(KeyFor(OV6_BUCKET_PUNT), rate, burst)) return OV6_VERDICT_DROP_PUNT_SOURCE_BUDGET;
  if (!SpendStation(OV6_BUCKET_STATION, rate * OV6_PUNT_STATION_FACTOR, burst * OV6_PUNT_STATION_FACTOR))
    return OV6_VERDICT_DROP_PUNT_SOURCE_BUDGET;
  changes_.punt_budget = reason;
  if (!Take(tables_.punt_budgets[reason], in_.now,
            factor * Or(config.punt_rate, OV6_DEFAULT_PUNT_RATE) / divisor,
            factor * Or(config.punt_burst, OV6_DEFAULT_PUNT_BURST) / divisor))
    return OV6_VERDICT_DROP_PUNT_BUDGET;
  return std::nullopt;
}

}  // namespace ov6::model
