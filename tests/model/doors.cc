// SPDX-License-Identifier: Apache-2.0
// What a door takes in, what it leaves to the stack, and what is no packet at all.
#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "tests/model/walk.h"

namespace ov6::model {
namespace {
// GUE variant 1 is an IP packet right behind UDP, told by its version; 6 is IPv6.
constexpr uint8_t kGueIp6 = 6;
constexpr uint16_t kVlan = 0x8100, kServiceVlan = 0x88a8;  // IEEE 802.1Q
}  // namespace

Outcome Process(Tables& tables, const Kernel& kernel, const Arrival& arrival) {
  return Walk(tables, kernel, arrival).Go();
}

Walk::Walk(Tables& tables, const Kernel& kernel, const Arrival& arrival)
    : tables_(tables), kernel_(kernel), in_(arrival), ingress_(arrival.device) {
  const size_t head = std::min(kEthernet, in_.frame.size());
  ethernet_.assign(in_.frame.begin(), in_.frame.begin() + head);
  packet_.assign(in_.frame.begin() + head, in_.frame.end());
  counted_ = packet_.size();
}

Outcome Walk::Go() {
  Outcome outcome = in_.door == Door::kSite       ? SiteDoor()
                    : in_.door == Door::kUnderlay ? UnderlayDoor()
                    : in_.door == Door::kPort     ? PortDoor()
                                                  : FarEnd();
  outcome.changes = changes_;
  return outcome;
}

bool Walk::Enabled() const { return (tables_.config.flags & OV6_CONFIG_ENABLED) != 0; }

std::optional<ov6_verdict> Walk::NotForUs(const ov6_device& device, uint16_t wanted) const {
  const uint16_t type = Get16(ethernet_, 12);
  if (type == kVlan || type == kServiceVlan) return OV6_VERDICT_PASS_VLAN;
  if (type != wanted) return OV6_VERDICT_PASS_NOT_IPV6;
  if (!std::equal(std::begin(device.mac), std::end(device.mac), ethernet_.begin()))
    return OV6_VERDICT_PASS_OTHER_MAC;
  return std::nullopt;
}

Outcome Walk::SiteDoor() {
  const ov6_device* device = FindDevice(tables_, in_.device, OV6_DEVICE_SITE);
  if (!Enabled() || device == nullptr) return ToStack(OV6_VERDICT_PASS_DISABLED);
  if (const auto pass = NotForUs(*device, kEtherTypeIp6)) return ToStack(*pass);
  if (const auto bad = TakeIp6(packet_.size())) return Drop(*bad);
  return FromSite();
}

Outcome Walk::UnderlayDoor() {
  const ov6_device* device = FindDevice(tables_, in_.device, OV6_DEVICE_UNDERLAY);
  origin_ = Origin::kUnderlay;
  if (!Enabled() || device == nullptr) return ToStack(OV6_VERDICT_PASS_DISABLED);
  if (const auto pass = NotForUs(*device, kEtherTypeIp4)) return ToStack(*pass);
  const auto ip = Ip4Header::Read(packet_);
  if (ip && ip->destination.ToBe() == device->address && ip->protocol == kIcmp4)
    return IcmpFromUnderlay(*device, *ip);
  const auto end = TakeOuter(*device);
  if (!end) return FromUnderlay();
  return *end < OV6_VERDICT_DROP_MALFORMED ? ToStack(*end) : Drop(*end);
}

// RFC 8200 section 3: the payload must be there; what a frame holds behind it is padding.
std::optional<ov6_verdict> Walk::TakeIp6(size_t available) {
  const auto ip6 = Ip6Header::Read(packet_);
  if (!ip6 || Ip6Header::kSize + ip6->payload > available) return OV6_VERDICT_DROP_MALFORMED;
  ip6_ = *ip6;
  counted_ = size_ = available;
  return std::nullopt;
}

// RFC 4213 section 3.6: is it a tunnel packet for us, and may its sender be whom it says?
std::optional<ov6_verdict> Walk::TakeOuter(const ov6_device& device) {
  const auto ip = Ip4Header::Read(packet_);
  if (!ip || ip->destination.ToBe() != device.address) return OV6_VERDICT_PASS_NOT_TUNNEL;
  if (ip->protocol == kUdp) {
    const bool has_ports = (ip->fragment & Ip4Header::kOffset) == 0 && packet_.size() >= ip->length + 8;
    if (!has_ports || htons(Get16(packet_, ip->length + 2)) != device.udp_port)
      return OV6_VERDICT_PASS_NOT_TUNNEL;
  } else if (ip->protocol != kIp6InIp4) {
    return OV6_VERDICT_PASS_NOT_TUNNEL;
  }
  if (ip->total > packet_.size() || ip->total < ip->length || Checksum(View(packet_).first(ip->length)) != 0)
    return OV6_VERDICT_DROP_MALFORMED;
  if (ip->source.IsMartian() || ip->source.ToBe() == device.address) return OV6_VERDICT_DROP_OUTER_SOURCE;
  // The stack reassembles, and ov6d gives the whole packet back.
  if (ip->fragment != 0) return header_ ? OV6_VERDICT_DROP_OUTER_FRAGMENT : OV6_VERDICT_PASS_FRAGMENT;
  outer_source_ = ip->source;
  outer_ecn_ = ip->tos & 3;
  size_t strip = ip->length, end = ip->total;
  if (ip->protocol == kUdp) {
    if (const auto verdict = TakeUdp(*ip)) return verdict;
    outer_port_ = Get16(packet_, strip);
    end = strip + Get16(packet_, strip + 4);
    strip += 8;
  }
  outer_.assign(packet_.begin(), packet_.begin() + strip);
  packet_.erase(packet_.begin(), packet_.begin() + strip);
  return TakeIp6(end - strip);
}

// RFC 768: the length is the datagram's with its header; a checksum of zero was not made, any other
// one is right or the datagram is damaged.
std::optional<ov6_verdict> Walk::TakeUdp(const Ip4Header& ip) {
  const size_t length = Get16(packet_, ip.length + 4);
  if (length <= 8 || ip.length + length > ip.total) return OV6_VERDICT_DROP_MALFORMED;
  const View datagram = View(packet_).subspan(ip.length, length);
  if (datagram[8] >> 4 != kGueIp6) {
    // RFC 8489 section 5
    const bool stun = datagram[8] >> 6 == 0 && datagram.size() >= 16 && Get16(datagram, 12) == 0x2112 &&
                      Get16(datagram, 14) == 0xa442;
    return stun ? OV6_VERDICT_PASS_STUN : OV6_VERDICT_PASS_GUE;
  }
  if (Get16(datagram, 6) == 0) return std::nullopt;
  Bytes summed(packet_.begin() + 12, packet_.begin() + 20);  // both addresses
  Append(summed, Bytes{0, kUdp, uint8_t(length >> 8), uint8_t(length)});
  Append(summed, datagram);
  if (Checksum(summed) != 0) return OV6_VERDICT_DROP_UDP_CHECKSUM;
  return std::nullopt;
}

// A slave is not trusted: its frames name its own port (slot 0, ov6d's, speaks for all), or go no further.
Outcome Walk::PortDoor() {
  const ov6_device* port = FindDevice(tables_, in_.device, OV6_DEVICE_PORT);
  ov6_port_header header{};
  if (!Enabled() || port == nullptr) return Drop(OV6_VERDICT_DROP_PORT_DISABLED);
  if (packet_.size() < sizeof(header) || Get16(ethernet_, 12) != OV6_ETH_P_PORT)
    return Drop(OV6_VERDICT_DROP_PORT_HEADER);
  std::memcpy(&header, packet_.data(), sizeof(header));
  if (header.version != OV6_PORT_HEADER_VERSION || header.type < OV6_PORT_RESUBMIT_OUT ||
      header.type > OV6_PORT_DELIVER)
    return Drop(OV6_VERDICT_DROP_PORT_HEADER);
  const auto slave = tables_.slaves.find(ntohl(header.slave));
  const bool own =
      slave != tables_.slaves.end() && slave->second.port == port->slot && ntohs(header.port) == port->slot;
  if (port->slot != OV6_PORT_DAEMON && !own) return Drop(OV6_VERDICT_DROP_PORT_SLAVE);
  header.port = htons(port->slot);
  packet_.erase(packet_.begin(), packet_.begin() + sizeof(header));
  counted_ = packet_.size();
  std::copy(std::begin(port->mac), std::end(port->mac), ethernet_.begin());
  std::fill_n(ethernet_.begin() + 6, 6, uint8_t{0});  // the slave's own address says nothing
  Put16(ethernet_, 12, header.type == OV6_PORT_RESUBMIT_IN ? kEtherTypeIp4 : kEtherTypeIp6);
  header_ = header;
  ingress_ = ntohl(header.ingress);
  return FromSlave();
}

// The other end of a port's pair: a punt enters the slave's socket. (Here nobody has one.)
Outcome Walk::FarEnd() {
  ov6_port_header header{};
  if (packet_.size() < sizeof(header) || Get16(ethernet_, 12) != OV6_ETH_P_PORT)
    return Drop(OV6_VERDICT_DROP_PORT_HEADER);
  std::memcpy(&header, packet_.data(), sizeof(header));
  const bool for_slave = header.version == OV6_PORT_HEADER_VERSION &&
                         (header.type == OV6_PORT_PUNT || header.type == OV6_PORT_CARRY);
  return Drop(for_slave ? OV6_VERDICT_DROP_PORT_SOCKET : OV6_VERDICT_DROP_PORT_HEADER);
}

}  // namespace ov6::model
