// SPDX-License-Identifier: Apache-2.0
#include "tests/model/headers.h"

#include <algorithm>

namespace ov6::model {
namespace {

Ipv6 Address6(View bytes, size_t at) {
  Ipv6 address;
  std::copy_n(bytes.begin() + at, 16, address.bytes.begin());
  return address;
}

// Nullopt if it is no extension header that another header follows. More than there is, if it is cut.
std::optional<size_t> ExtensionLength(const UpperLayer& layer) {
  const View bytes = layer.bytes;
  switch (layer.protocol) {
    case kHopByHop:
    case kRouting:
    case kDestinationOptions:
      return bytes.size() < 2 ? SIZE_MAX : (bytes[1] + 1u) * 8;
    case kAuthentication:  // RFC 4302 section 2.2
      return bytes.size() < 2 ? SIZE_MAX : (bytes[1] + 2u) * 4;
    case kFragment:
      if (bytes.size() < 4) return SIZE_MAX;  // the offset says all that is asked
      return Get16(bytes, 2) >> 3 == 0 ? std::optional<size_t>(8) : std::nullopt;
    default:
      return std::nullopt;
  }
}

Ipv4 Address4(View bytes, size_t at) { return {uint32_t{Get16(bytes, at)} << 16 | Get16(bytes, at + 2)}; }

}  // namespace

uint16_t Get16(View bytes, size_t at) { return uint16_t(bytes[at] << 8 | bytes[at + 1]); }

void Put16(Bytes& bytes, size_t at, uint16_t value) {
  bytes[at] = uint8_t(value >> 8);
  bytes[at + 1] = uint8_t(value);
}

void Append(Bytes& bytes, View more) { bytes.insert(bytes.end(), more.begin(), more.end()); }

uint16_t Checksum(View bytes) {
  uint32_t sum = 0;
  for (size_t i = 0; i < bytes.size(); i++) sum += i % 2 == 0 ? bytes[i] << 8 : bytes[i];
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return uint16_t(~sum);
}

std::optional<Ip4Header> Ip4Header::Read(View bytes) {
  if (bytes.size() < 20 || bytes[0] >> 4 != 4 || (bytes[0] & 15) < 5) return std::nullopt;
  return Ip4Header{.length = (bytes[0] & 15u) * 4,
                   .total = Get16(bytes, 2),
                   .dont_fragment = (bytes[6] & 0x40) != 0,
                   .fragment = uint16_t(Get16(bytes, 6) & 0x3fff),
                   .tos = bytes[1],
                   .protocol = bytes[9],
                   .source = Address4(bytes, 12),
                   .destination = Address4(bytes, 16)};
}

std::optional<Ip6Header> Ip6Header::Read(View bytes) {
  if (bytes.size() < kSize || bytes[0] >> 4 != 6) return std::nullopt;
  return Ip6Header{.ecn = uint8_t(bytes[1] >> 4 & 3),
                   .hop_limit = bytes[7],
                   .next = bytes[6],
                   .payload = Get16(bytes, 4),
                   .source = Address6(bytes, 8),
                   .destination = Address6(bytes, 24)};
}

// RFC 8200 section 4.1 orders them; each but destination options may stand once. What follows a later
// fragment's header is no header.
std::optional<UpperLayer> FindUpperLayer(View packet) {
  constexpr int kMost = 4;
  UpperLayer layer{packet[6], packet.subspan(Ip6Header::kSize)};
  for (int extensions = 0;; extensions++) {
    const auto length = ExtensionLength(layer);
    if (!length) return layer;
    if (extensions == kMost || *length > layer.bytes.size()) return std::nullopt;
    layer = {layer.bytes[0], layer.bytes.subspan(*length)};
  }
}

}  // namespace ov6::model
