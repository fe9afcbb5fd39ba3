// SPDX-License-Identifier: Apache-2.0
// Frames that read like sentences: Frame().To(kRouterMac).Ip6("fd..::1", "fd..::2").Udp(1, 2, 100).
// Headers are written from the outside in; lengths and checksums are filled in by Bytes().
#ifndef OV6_TESTS_PACKET_PACKET_BUILDER_H
#define OV6_TESTS_PACKET_PACKET_BUILDER_H

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "ov6/abi/port.h"

namespace ov6::packet {

using Bytes = std::vector<uint8_t>;
using Mac = std::array<uint8_t, 6>;

Bytes Address6(const std::string& text);     // 16 bytes
uint32_t Address4(const std::string& text);  // network byte order

// The Internet checksum of RFC 1071, as it is written into a header.
uint16_t Checksum(const Bytes& bytes);

class Frame {
 public:
  Frame(const Mac& to, const Mac& from);

  Frame& Ip6(const std::string& from, const std::string& to);
  Frame& Ip4(const std::string& from, const std::string& to);
  Frame& Udp(uint16_t from, uint16_t to, size_t payload);
  Frame& Gue(uint16_t from, uint16_t to);  // UDP without a checksum, IPv6 follows
  Frame& Tcp(uint16_t from, uint16_t to, size_t payload);
  Frame& Echo(size_t payload);
  Frame& Icmp6(uint8_t type, uint8_t code, uint32_t word, const Bytes& quote);
  Frame& Icmp4(uint8_t type, uint8_t code, uint32_t word, const Bytes& quote);
  Frame& Extension(uint8_t type, size_t octets);  // hop-by-hop and friends, without options
  Frame& Raw(const Bytes& bytes);
  Frame& Port(const ov6_port_header& header);

  // About the header written last.
  Frame& HopLimit(uint8_t value);
  Frame& Ecn(uint8_t value);
  Frame& Dscp(uint8_t value);
  Frame& Fragment(uint16_t flags_and_offset);
  Frame& DontFragment() { return Fragment(0x4000); }
  Frame& Options(size_t words);  // of the IPv4 header
  Frame& Protocol(uint8_t value);
  Frame& EtherType(uint16_t value);
  // Patches a byte after everything else, the IPv4 checksum included; counted from the Ethernet header.
  Frame& Patch(size_t offset, uint8_t value);
  Frame& Cut(size_t length);
  Frame& Pad(size_t length);

  Bytes Done() const;

 private:
  struct Layer {
    enum Kind { kEthernet, kIp6, kIp4, kUdp, kGue, kTcp, kIcmp6, kExtension, kRaw, kPort, kIcmp4 } kind;
    Bytes bytes;
    bool fixed_protocol = false;
  };
  Layer& Add(Layer::Kind kind, size_t size);
  Frame& Icmp(Layer::Kind kind, uint8_t type, uint8_t code, uint32_t word, const Bytes& quote);
  Layer& Last(Layer::Kind kind);
  static uint8_t ProtocolOf(const Layer& layer);
  void Link(std::vector<Layer>& layers) const;
  void Finish(std::vector<Layer>& layers) const;

  std::vector<Layer> layers_;
  std::vector<std::pair<size_t, uint8_t>> patches_;
  size_t cut_ = 0;
  size_t pad_ = 0;
};

}  // namespace ov6::packet

#endif
