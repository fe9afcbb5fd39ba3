// SPDX-License-Identifier: Apache-2.0
#include "slaves/gateway/packet_check.h"

#include <algorithm>
#include <cstring>

#include "userspace/base/tun.h"

namespace ov6 {
namespace {

constexpr size_t kIpv6Header = 40, kTcpHeader = 20;
// include/uapi/linux/virtio_net.h
constexpr uint8_t kNeedsChecksum = 1, kChecksumIsGood = 2;
constexpr uint8_t kNoSegments = 0, kTcpV6 = 4, kCongestionBit = 0x80;
constexpr int kSmallestSegment = 8;  // what the kernel's TCP goes down to

struct Addresses {
  Ipv6 source, destination;
};

Addresses AddressesOf(PacketBytes packet) {
  Addresses addresses;
  std::memcpy(addresses.source.bytes.data(), packet.data() + 8, 16);
  std::memcpy(addresses.destination.bytes.data(), packet.data() + 24, 16);
  return addresses;
}

bool IsLinkLocal(const Ipv6& a) { return a.bytes[0] == 0xfe && (a.bytes[1] & 0xc0) == 0x80; }
bool IsMulticast(const Ipv6& a) { return a.bytes[0] == 0xff; }
bool IsNobody(const Ipv6& a) {
  constexpr Ipv6 kLoopback{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
  return a.IsZero() || a == kLoopback;
}

bool IsOf(const std::vector<Prefix>& site, const Ipv6& address) {
  return std::any_of(site.begin(), site.end(), [&](const Prefix& p) { return p.Contains(address); });
}

PacketCheck CheckShape(PacketBytes packet) {
  if (packet.size() < kIpv6Header) return PacketCheck::kTooShort;
  if (packet[0] >> 4 != 6) return PacketCheck::kNotIpv6;
  const size_t payload = static_cast<size_t>(packet[4] << 8 | packet[5]);
  return payload + kIpv6Header == packet.size() ? PacketCheck::kGood : PacketCheck::kBadLength;
}

PacketCheck CheckScope(const Addresses& a) {
  if (IsLinkLocal(a.source) || IsLinkLocal(a.destination)) return PacketCheck::kLinkLocal;
  if (IsMulticast(a.destination)) return PacketCheck::kMulticast;
  if (IsMulticast(a.source) || IsNobody(a.source) || IsNobody(a.destination)) return PacketCheck::kBadAddress;
  return PacketCheck::kGood;
}

// struct virtio_net_hdr, little-endian.
struct SegmentHeader {
  uint8_t flags, type;
  size_t header, segment, checksum_start, checksum_offset;

  explicit SegmentHeader(PacketBytes b)
      : flags(b[0]),
        type(b[1]),
        header(Little(b, 2)),
        segment(Little(b, 4)),
        checksum_start(Little(b, 6)),
        checksum_offset(Little(b, 8)) {}
  static size_t Little(PacketBytes b, size_t at) { return b[at] | static_cast<size_t>(b[at + 1]) << 8; }
};

}  // namespace

std::string_view CounterName(PacketCheck check) {
  switch (check) {
#define OV6_PACKET_CHECK_COUNTER(name, counter, sentence) \
  case PacketCheck::name:                                 \
    return counter;
    OV6_PACKET_CHECKS(OV6_PACKET_CHECK_COUNTER)
#undef OV6_PACKET_CHECK_COUNTER
    case PacketCheck::kCount:
      break;
  }
  return "unknown";
}

std::string_view Sentence(PacketCheck check) {
  switch (check) {
#define OV6_PACKET_CHECK_SENTENCE(name, counter, sentence) \
  case PacketCheck::name:                                  \
    return sentence;
    OV6_PACKET_CHECKS(OV6_PACKET_CHECK_SENTENCE)
#undef OV6_PACKET_CHECK_SENTENCE
    case PacketCheck::kCount:
      break;
  }
  return "unknown";
}

PacketCheck CheckFromSite(PacketBytes packet, const std::vector<Prefix>& site) {
  if (const PacketCheck shape = CheckShape(packet); shape != PacketCheck::kGood) return shape;
  const Addresses addresses = AddressesOf(packet);
  if (const PacketCheck scope = CheckScope(addresses); scope != PacketCheck::kGood) return scope;
  if (!IsOf(site, addresses.source)) return PacketCheck::kForeignSource;
  return IsOf(site, addresses.destination) ? PacketCheck::kOwnDestination : PacketCheck::kGood;
}

PacketCheck CheckFromMaster(PacketBytes packet, const std::vector<Prefix>& site) {
  if (const PacketCheck shape = CheckShape(packet); shape != PacketCheck::kGood) return shape;
  const Addresses addresses = AddressesOf(packet);
  if (const PacketCheck scope = CheckScope(addresses); scope != PacketCheck::kGood) return scope;
  if (!IsOf(site, addresses.destination)) return PacketCheck::kForeignDestination;
  return IsOf(site, addresses.source) ? PacketCheck::kOwnSource : PacketCheck::kGood;
}

PacketCheck CheckSegments(PacketBytes framed, int mtu) {
  if (framed.size() < TunDevice::kHeader + kIpv6Header) return PacketCheck::kTooShort;
  const SegmentHeader header(framed);
  const size_t size = framed.size() - TunDevice::kHeader;
  const bool segmented = header.type != kNoSegments;
  bool good = (header.flags & ~(kNeedsChecksum | kChecksumIsGood)) == 0 && header.header <= size;
  if (header.flags & kNeedsChecksum)
    good = good && header.checksum_start >= kIpv6Header &&
           header.checksum_start + header.checksum_offset + 2 <= size;
  if (segmented)
    good = good && (header.type & ~kCongestionBit) == kTcpV6 && (header.flags & kNeedsChecksum) != 0 &&
           header.checksum_start + kTcpHeader <= size && header.segment >= kSmallestSegment &&
           header.segment <= static_cast<size_t>(mtu) - kIpv6Header - kTcpHeader;
  return good ? PacketCheck::kGood : PacketCheck::kBadSegments;
}

bool IsUnfinished(PacketBytes framed) {
  return (framed[0] & kNeedsChecksum) != 0 || framed[1] != kNoSegments;
}

}  // namespace ov6
