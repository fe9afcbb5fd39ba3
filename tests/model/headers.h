// SPDX-License-Identifier: Apache-2.0
// Headers read from bytes (RFC 791, 768, 8200), and the checksum that they share (RFC 1071).
#ifndef OV6_TESTS_MODEL_HEADERS_H
#define OV6_TESTS_MODEL_HEADERS_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ov6/address.h"

namespace ov6::model {

using Bytes = std::vector<uint8_t>;
using View = std::span<const uint8_t>;

inline constexpr uint16_t kEtherTypeIp4 = 0x0800, kEtherTypeIp6 = 0x86dd;
inline constexpr size_t kEthernet = 14;  // bytes of its header
enum : uint8_t {
  kHopByHop = 0,
  kIcmp4 = 1,
  kTcp = 6,
  kUdp = 17,
  kIp6InIp4 = 41,
  kRouting = 43,
  kFragment = 44,
  kAuthentication = 51,
  kIcmp6 = 58,
  kDestinationOptions = 60
};

uint16_t Get16(View bytes, size_t at);
void Put16(Bytes& bytes, size_t at, uint16_t value);
void Append(Bytes& bytes, View more);

uint16_t Checksum(View bytes);  // 0 over bytes that hold a right checksum

struct Ip4Header {
  static constexpr uint16_t kOffset = 0x1fff;  // of `fragment`
  size_t length;                               // with options
  uint16_t total;                              // with what follows
  bool dont_fragment;
  uint16_t fragment;  // more-fragments and offset; 0: a whole packet
  uint8_t tos, protocol;
  Ipv4 source, destination;

  // Nullopt if there is no IPv4 header; nothing but version and IHL is judged.
  static std::optional<Ip4Header> Read(View bytes);
};

struct Ip6Header {
  static constexpr size_t kSize = 40;
  uint8_t ecn, hop_limit, next;
  size_t payload;
  Ipv6 source, destination;

  static std::optional<Ip6Header> Read(View bytes);  // nullopt also if the version is not 6
};

// The header behind the extension headers.
struct UpperLayer {
  uint8_t protocol;
  View bytes;  // from its first byte on; may be empty
};
// Nullopt if the packet ends within the chain, or the chain is longer than anybody needs.
std::optional<UpperLayer> FindUpperLayer(View ip6_packet);

}  // namespace ov6::model

#endif
