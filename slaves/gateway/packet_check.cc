// SPDX-License-Identifier: Apache-2.0
#include "slaves/gateway/packet_check.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cstring>

#include "userspace/wire/segment.h"

namespace ov6 {
namespace {

constexpr int kIpv6Header = 40, kTcpHeader = 20;

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

boost::json::object CountsJson(const PacketCounts& counts) {
  boost::json::object object;
  for (size_t i = 0; i < counts.size(); ++i) {
    const std::string_view name = CounterName(static_cast<PacketCheck>(i));
    if (i == 0 || counts[i] != 0) object[{name.data(), name.size()}] = counts[i];
  }
  return object;
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
  if (framed.size() < kSegmentHeader + kIpv6Header) return PacketCheck::kTooShort;
  if (!IsSegmentOfIpv6(framed)) return PacketCheck::kBadSegments;
  const int segment = framed[4] | framed[5] << 8;
  const bool too_large = framed[1] != 0 && segment > mtu - kIpv6Header - kTcpHeader;
  return too_large ? PacketCheck::kBadSegments : PacketCheck::kGood;
}

}  // namespace ov6
