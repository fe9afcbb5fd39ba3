// SPDX-License-Identifier: Apache-2.0
#include "userspace/port/frame_port.h"

#include <linux/if_ether.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace ov6 {
namespace {

constexpr size_t kEthernetSize = sizeof(ethhdr);
static_assert(kPortHeaders == kEthernetSize + sizeof(ov6_port_header));
constexpr size_t kIpv6Size = 40;
constexpr size_t kSourceOffset = 8, kDestinationOffset = 24;
constexpr size_t kUdpSize = 8;

uint16_t Big16(std::span<const uint8_t> bytes, size_t at) {
  return static_cast<uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

uint32_t Big32(std::span<const uint8_t> bytes, size_t at) {
  return uint32_t{Big16(bytes, at)} << 16 | Big16(bytes, at + 2);
}

bool IsIpv6(std::span<const uint8_t> packet) { return packet.size() >= kIpv6Size && packet[0] >> 4 == 6; }

Ipv6 AddressAt(std::span<const uint8_t> packet, size_t offset) {
  Ipv6 address;
  std::copy_n(packet.begin() + static_cast<ptrdiff_t>(offset), address.bytes.size(), address.bytes.begin());
  return address;
}

// The station that sent the frame, whatever addresses it makes up; where there are no MAC addresses, its
// address.
PuntSource StationOf(std::span<const uint8_t> frame, uint32_t ingress) {
  constexpr size_t kMac = 6;
  const auto mac = frame.subspan(kMac, kMac);
  PuntSource source{false, ingress, {}};
  if (std::all_of(mac.begin(), mac.end(), [](uint8_t byte) { return byte == 0; }))
    source.address = AddressAt(frame.subspan(kPortHeaders), kSourceOffset);
  else
    std::copy(mac.begin(), mac.end(), source.address.bytes.begin() + 10);
  return source;
}

// The /24 of the outer IPv4 source.
PuntSource OuterOf(std::span<const uint8_t> packet) {
  PuntSource source{true, 0, {}};
  std::copy_n(packet.begin() + 12, 3, source.address.bytes.begin() + 12);
  return source;
}

// What is behind the outer IPv4 header (and UDP's, if it is there); empty if that is no tunnel packet.
std::span<const uint8_t> InnerOf(std::span<const uint8_t> packet) {
  if (packet.size() < 20 || packet[0] >> 4 != 4) return {};
  size_t size = (packet[0] & 0xf) * size_t{4};
  if (packet[9] == IPPROTO_UDP)
    size += kUdpSize;
  else if (packet[9] != IPPROTO_IPV6)
    return {};
  return size < 20 || size > packet.size() ? std::span<const uint8_t>() : packet.subspan(size);
}

// What is behind the Ethernet header; empty: not that type, or no frame this version understands.
std::span<const uint8_t> HeaderOf(std::span<const uint8_t> frame, ov6_port_type type) {
  if (frame.size() < kPortHeaders || Big16(frame, 12) != OV6_ETH_P_PORT) return {};
  const auto header = frame.subspan(kEthernetSize, sizeof(ov6_port_header));
  const bool right = header[offsetof(ov6_port_header, version)] == OV6_PORT_HEADER_VERSION &&
                     header[offsetof(ov6_port_header, type)] == type;
  return right ? header : std::span<const uint8_t>();
}

}  // namespace

std::optional<Punt> ParsePunt(std::span<const uint8_t> frame) {
  const auto header = HeaderOf(frame, OV6_PORT_PUNT);
  if (header.empty()) return std::nullopt;
  const auto packet = frame.subspan(kPortHeaders);
  switch (const auto reason = static_cast<ov6_punt_reason>(header[offsetof(ov6_port_header, reason)])) {
    case OV6_PUNT_MISS:
    case OV6_PUNT_ROUTE:
      if (!IsIpv6(packet)) return std::nullopt;
      return Punt{reason, AddressAt(packet, kDestinationOffset),
                  StationOf(frame, Big32(header, offsetof(ov6_port_header, ingress)))};
    case OV6_PUNT_VERIFY: {
      const auto inner = InnerOf(packet);
      if (!IsIpv6(inner)) return std::nullopt;
      return Punt{reason, AddressAt(inner, kSourceOffset), OuterOf(packet)};
    }
  }
  return std::nullopt;
}

std::optional<uint32_t> CarriedTo(std::span<const uint8_t> frame) {
  const auto header = HeaderOf(frame, OV6_PORT_CARRY);
  if (header.empty() || !IsIpv6(frame.subspan(kPortHeaders))) return std::nullopt;
  return Big32(header, offsetof(ov6_port_header, ingress));
}

// The datapath asks nothing of the Ethernet addresses.
void WritePortHeaders(ov6_port_type type, uint16_t slot, SlaveId slave, uint32_t ingress, uint8_t* frame) {
  ethhdr ethernet{};
  ethernet.h_proto = htons(OV6_ETH_P_PORT);
  ov6_port_header header{};
  header.version = OV6_PORT_HEADER_VERSION;
  header.type = static_cast<uint8_t>(type);
  header.port = htons(slot);
  header.slave = htonl(slave);
  header.ingress = htonl(ingress);
  std::memcpy(frame, &ethernet, sizeof(ethernet));
  std::memcpy(frame + sizeof(ethernet), &header, sizeof(header));
}

bool WriteDelivery(const PortCapsule& port, std::span<const uint8_t> packet, Frame* frame) {
  if (frame->bytes.size() < kPortHeaders + packet.size()) return false;
  WritePortHeaders(OV6_PORT_DELIVER, port.slot, port.slave, 0, frame->bytes.data());
  std::copy(packet.begin(), packet.end(), frame->bytes.begin() + kPortHeaders);
  frame->bytes = frame->bytes.first(kPortHeaders + packet.size());
  return true;
}

std::span<uint8_t> PacketIn(const Frame& frame) { return frame.bytes.subspan(kPortHeaders); }

void Resubmit(const Frame& frame, ov6_port_type type, SlaveId slave) {
  const auto header = frame.bytes.subspan(kEthernetSize);
  header[offsetof(ov6_port_header, type)] = static_cast<uint8_t>(type);
  for (size_t i = 0; i < sizeof(slave); ++i) {
    header[offsetof(ov6_port_header, slave) + i] = static_cast<uint8_t>(slave >> (24 - 8 * i));
  }
}

}  // namespace ov6
