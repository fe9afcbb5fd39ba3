// SPDX-License-Identifier: Apache-2.0
// IPv4 and IPv6 addresses, IPv6 prefixes and UDP endpoints as plain values.
#ifndef OV6_ADDRESS_H
#define OV6_ADDRESS_H

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ov6/abi/base.h"

namespace ov6 {

struct Ipv4 {
  uint32_t value = 0;  // host byte order

  static std::optional<Ipv4> Parse(std::string_view text);  // dotted quad only
  std::string ToString() const;
  uint32_t ToBe() const;            // as a __be32
  static Ipv4 FromBe(uint32_t be);  // from a __be32
  // Never a tunnel endpoint: 0/8, 127/8, 169.254/16, 224/4, 240/4.
  bool IsMartian() const;
  auto operator<=>(const Ipv4&) const = default;
};

struct Ipv6 {
  std::array<uint8_t, 16> bytes{};  // network byte order

  static std::optional<Ipv6> Parse(std::string_view text);
  std::string ToString() const;   // RFC 5952
  Ipv6 Masked(int length) const;  // bits from `length` on cleared
  bool Bit(int index) const { return (bytes[index / 8] >> (7 - index % 8)) & 1; }
  bool IsZero() const { return *this == Ipv6{}; }
  // The paper's step: the last set bit cleared. Zero stays zero.
  Ipv6 WithLastSetBitCleared() const;
  auto operator<=>(const Ipv6&) const = default;
};

struct Prefix {
  Ipv6 address;    // bits from `length` on are zero
  int length = 0;  // bits, 0-128

  // "2001:db8::/32", or an address alone (length 128). Bits past the length must be zero.
  static std::optional<Prefix> Parse(std::string_view text);
  static Prefix Of(const Ipv6& address, int length) { return {address.Masked(length), length}; }
  static Prefix FromAbi(const ov6_prefix& key);
  ov6_prefix ToAbi() const;
  bool Contains(const Ipv6& a) const { return a.Masked(length) == address; }
  bool Contains(const Prefix& p) const { return p.length >= length && Contains(p.address); }
  bool Overlaps(const Prefix& p) const { return Contains(p) || p.Contains(*this); }
  std::string ToString() const;                     // always with "/length"
  auto operator<=>(const Prefix&) const = default;  // by address, then shorter first
};

struct Endpoint {
  Ipv4 address;
  uint16_t port = 0;  // host byte order

  static std::optional<Endpoint> Parse(std::string_view text);  // "198.51.100.2:4646"
  std::string ToString() const;
  auto operator<=>(const Endpoint&) const = default;
};

template <typename H>
H AbslHashValue(H h, const Ipv4& a) {
  return H::combine(std::move(h), a.value);
}
template <typename H>
H AbslHashValue(H h, const Ipv6& a) {
  return H::combine(std::move(h), a.bytes);
}
template <typename H>
H AbslHashValue(H h, const Prefix& p) {
  return H::combine(std::move(h), p.address, p.length);
}
template <typename H>
H AbslHashValue(H h, const Endpoint& e) {
  return H::combine(std::move(h), e.address, e.port);
}

}  // namespace ov6

#endif
