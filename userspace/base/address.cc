// SPDX-License-Identifier: Apache-2.0
#include "ov6/address.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstring>

namespace ov6 {
namespace {

template <typename T>
std::optional<T> ParseDecimal(std::string_view text, T most) {
  T value{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty() || value > most)
    return std::nullopt;
  return value;
}

}  // namespace

std::optional<Ipv4> Ipv4::Parse(std::string_view text) {
  in_addr raw{};
  if (inet_pton(AF_INET, std::string(text).c_str(), &raw) != 1) return std::nullopt;
  return FromBe(raw.s_addr);
}

std::string Ipv4::ToString() const {
  char text[INET_ADDRSTRLEN];
  const in_addr raw{ToBe()};
  return inet_ntop(AF_INET, &raw, text, sizeof(text));
}

uint32_t Ipv4::ToBe() const { return htonl(value); }

Ipv4 Ipv4::FromBe(uint32_t be) { return {ntohl(be)}; }

bool Ipv4::IsMartian() const {
  return value >> 24 == 0 || value >> 24 == 127 || value >> 16 == 0xa9fe || value >> 28 >= 0xe;
}

std::optional<Ipv6> Ipv6::Parse(std::string_view text) {
  Ipv6 result;
  if (inet_pton(AF_INET6, std::string(text).c_str(), result.bytes.data()) != 1) return std::nullopt;
  return result;
}

std::string Ipv6::ToString() const {
  char text[INET6_ADDRSTRLEN];
  return inet_ntop(AF_INET6, bytes.data(), text, sizeof(text));
}

Ipv6 Ipv6::Masked(int length) const {
  Ipv6 result;
  const int whole = length / 8;
  std::memcpy(result.bytes.data(), bytes.data(), static_cast<size_t>(whole));
  if (length % 8 != 0) result.bytes[whole] = bytes[whole] & static_cast<uint8_t>(0xff00 >> (length % 8));
  return result;
}

Ipv6 Ipv6::WithLastSetBitCleared() const {
  Ipv6 result = *this;
  for (int i = 15; i >= 0; --i) {
    if (result.bytes[i] == 0) continue;
    result.bytes[i] &= static_cast<uint8_t>(result.bytes[i] - 1);
    break;
  }
  return result;
}

std::optional<Prefix> Prefix::Parse(std::string_view text) {
  const size_t slash = text.find('/');
  const auto address = Ipv6::Parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  int length = 128;
  if (slash != std::string_view::npos) {
    const auto parsed = ParseDecimal<int>(text.substr(slash + 1), 128);
    if (!parsed || *parsed < 0) return std::nullopt;
    length = *parsed;
  }
  if (address->Masked(length) != *address) return std::nullopt;
  return Prefix{*address, length};
}

Prefix Prefix::FromAbi(const ov6_prefix& key) {
  Ipv6 address;
  std::memcpy(address.bytes.data(), key.address, sizeof(key.address));
  return Of(address, static_cast<int>(key.prefixlen));
}

ov6_prefix Prefix::ToAbi() const {
  ov6_prefix key{};
  key.prefixlen = static_cast<__u32>(length);
  std::memcpy(key.address, address.bytes.data(), sizeof(key.address));
  return key;
}

std::string Prefix::ToString() const { return address.ToString() + "/" + std::to_string(length); }

std::optional<Endpoint> Endpoint::Parse(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto address = Ipv4::Parse(text.substr(0, colon));
  const auto port = ParseDecimal<uint32_t>(text.substr(colon + 1), 65535);
  if (!address || !port) return std::nullopt;
  return Endpoint{*address, static_cast<uint16_t>(*port)};
}

std::string Endpoint::ToString() const { return address.ToString() + ":" + std::to_string(port); }

}  // namespace ov6
