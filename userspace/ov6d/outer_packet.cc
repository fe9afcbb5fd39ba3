// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/outer_packet.h"

#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>

#include <cstring>

#include "ov6/abi/config.h"
#include "userspace/base/ip_checksum.h"

namespace ov6 {
namespace {

constexpr size_t kWord = 4;
constexpr size_t kLongest = 65535;

iphdr IpHeader(const OuterHeader& header, uint8_t protocol, size_t length) {
  iphdr ip{};
  ip.version = 4;
  ip.ihl = sizeof(ip) / kWord;
  ip.tos = header.tos;
  ip.tot_len = htons(static_cast<uint16_t>(length));
  ip.frag_off = htons(IP_DF);
  ip.ttl = OV6_OUTER_TTL;
  ip.protocol = protocol;
  ip.saddr = header.source.address.ToBe();
  ip.daddr = header.destination.address.ToBe();
  ip.check = IpChecksum(ip);
  return ip;
}

void Append(std::vector<uint8_t>* out, const void* bytes, size_t size) {
  const auto* first = static_cast<const uint8_t*>(bytes);
  out->insert(out->end(), first, first + size);
}

}  // namespace

std::optional<OuterHeader> ParseOuter6in4(std::span<const uint8_t> packet,
                                          std::span<const uint8_t>* payload) {
  iphdr ip;
  if (packet.size() < sizeof(ip)) return std::nullopt;
  std::memcpy(&ip, packet.data(), sizeof(ip));
  const size_t start = ip.ihl * kWord, length = ntohs(ip.tot_len);
  if (ip.version != 4 || start < sizeof(ip) || ip.protocol != IPPROTO_IPV6) return std::nullopt;
  if (length < start || length > packet.size()) return std::nullopt;
  *payload = packet.subspan(start, length - start);
  return OuterHeader{{Ipv4::FromBe(ip.saddr), 0}, {Ipv4::FromBe(ip.daddr), 0}, ip.tos};
}

std::optional<std::vector<uint8_t>> WriteOuter(const OuterHeader& header, std::span<const uint8_t> payload) {
  const bool in_udp = header.destination.port != 0;
  const size_t length = sizeof(iphdr) + (in_udp ? sizeof(udphdr) : 0) + payload.size();
  if (length > kLongest) return std::nullopt;
  std::vector<uint8_t> packet;
  packet.reserve(length);
  const iphdr ip = IpHeader(header, in_udp ? IPPROTO_UDP : IPPROTO_IPV6, length);
  Append(&packet, &ip, sizeof(ip));
  if (in_udp) {
    udphdr udp{};
    udp.source = htons(header.source.port);
    udp.dest = htons(header.destination.port);
    udp.len = htons(static_cast<uint16_t>(sizeof(udp) + payload.size()));
    Append(&packet, &udp, sizeof(udp));
  }
  Append(&packet, payload.data(), payload.size());
  return packet;
}

}  // namespace ov6
