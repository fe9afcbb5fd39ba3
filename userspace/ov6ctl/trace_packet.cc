// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6ctl/trace_packet.h"

#include <fmt/format.h>
#include <linux/if_ether.h>
#include <netinet/in.h>

#include "userspace/base/bytes.h"
#include "userspace/ov6ctl/exit_code.h"

namespace ov6::ctl {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr uint32_t kIp4Header = 20, kIp6Header = 40, kUdpHeader = 8, kTcpHeader = 20, kIcmp6Header = 8;
constexpr uint8_t kEchoRequest = 128;
constexpr uint16_t kOuterPort = 49152;

// RFC 1071.
uint16_t Checksum(std::initializer_list<std::span<const uint8_t>> parts) {
  uint64_t sum = 0;
  for (const auto& part : parts) {
    for (size_t i = 0; i < part.size(); ++i) sum += i % 2 == 0 ? part[i] << 8 : part[i];
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

uint32_t HeaderSize(uint8_t protocol) {
  return protocol == IPPROTO_TCP ? kTcpHeader : protocol == IPPROTO_UDP ? kUdpHeader : kIcmp6Header;
}

// The upper layer with the checksum's two bytes zero, and where they stand.
std::pair<Bytes, size_t> UpperHeader(const TracePacket& packet, uint32_t length) {
  ByteWriter out;
  switch (packet.protocol) {
    case IPPROTO_TCP:
      out.U16(packet.source_port).U16(packet.destination_port).U32(1).U32(0).U16(0x5002).U16(65535).U32(0);
      return {out.Take(), 16};
    case IPPROTO_UDP:
      out.U16(packet.source_port).U16(packet.destination_port).U16(static_cast<uint16_t>(length)).U16(0);
      return {out.Take(), 6};
    default:
      out.U8(kEchoRequest).U8(0).U16(0).U16(0x6f76).U16(1);
      return {out.Take(), 2};
  }
}

Bytes UpperLayer(const TracePacket& packet, uint32_t length) {
  auto [bytes, at] = UpperHeader(packet, length);
  for (uint32_t i = 0; bytes.size() < length; ++i) bytes.push_back(static_cast<uint8_t>(i));
  ByteWriter pseudo;  // RFC 8200 section 8.1
  pseudo.Raw(packet.source.bytes).Raw(packet.destination.bytes).U32(length).U32(packet.protocol);
  uint16_t sum = Checksum({pseudo.bytes(), bytes});
  if (sum == 0) sum = 0xffff;
  bytes[at] = static_cast<uint8_t>(sum >> 8);
  bytes[at + 1] = static_cast<uint8_t>(sum);
  return bytes;
}

Bytes Ip6(const TracePacket& packet) {
  const uint32_t length = packet.size - kIp6Header;
  ByteWriter out;
  out.U32(6u << 28).U16(static_cast<uint16_t>(length)).U8(packet.protocol).U8(packet.hop_limit);
  out.Raw(packet.source.bytes).Raw(packet.destination.bytes).Raw(UpperLayer(packet, length));
  return out.Take();
}

Bytes Tunnelled(const Outer& outer, const Bytes& inner) {
  const bool udp = outer.encapsulation == Encapsulation::kUdp;
  const auto payload = static_cast<uint32_t>(inner.size()) + (udp ? kUdpHeader : 0);
  ByteWriter head;
  head.U8(0x45).U8(0).U16(static_cast<uint16_t>(kIp4Header + payload)).U16(0).U16(0x4000);
  head.U8(64)
      .U8(udp ? IPPROTO_UDP : IPPROTO_IPV6)
      .U16(0)
      .U32(outer.source.value)
      .U32(outer.destination.value);
  Bytes bytes = head.Take();
  const uint16_t sum = Checksum({bytes});
  bytes[10] = static_cast<uint8_t>(sum >> 8);
  bytes[11] = static_cast<uint8_t>(sum);
  ByteWriter out;
  out.Raw(bytes);
  if (udp) out.U16(kOuterPort).U16(outer.udp_port).U16(static_cast<uint16_t>(payload)).U16(0);
  return out.Raw(inner).Take();
}

}  // namespace

absl::StatusOr<Bytes> MakeFrame(const TracePacket& packet) {
  const uint32_t least = kIp6Header + HeaderSize(packet.protocol);
  if (packet.size < least) {
    return Usage(fmt::format("size {} is too small: the headers take {} bytes", packet.size, least));
  }
  const Bytes ip6 = Ip6(packet);
  return WithEthernet(packet.to, packet.outer ? Tunnelled(*packet.outer, ip6) : ip6);
}

Bytes WithEthernet(const Mac& to, std::span<const uint8_t> packet) {
  const bool ip4 = !packet.empty() && packet[0] >> 4 == 4;
  ByteWriter out;
  return out.Raw(to).Raw(kNeighbour).U16(ip4 ? ETH_P_IP : ETH_P_IPV6).Raw(packet).Take();
}

}  // namespace ov6::ctl
