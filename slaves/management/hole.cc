// SPDX-License-Identifier: Apache-2.0
#include "slaves/management/hole.h"

#include <algorithm>

namespace ov6 {
namespace {

// Number of leading bits two addresses share.
int CommonBits(const Ipv6& a, const Ipv6& b) {
  int bits = 0;
  while (bits < 128 && a.Bit(bits) == b.Bit(bits)) ++bits;
  return bits;
}

}  // namespace

// The hole must part from each taken prefix at the first bit in which the address differs from it.
std::optional<Prefix> HoleAround(const Ipv6& address, std::span<const Prefix> taken) {
  int length = 0;
  for (const Prefix& prefix : taken) {
    if (prefix.Contains(address)) return std::nullopt;
    length = std::max(length, CommonBits(address, prefix.address) + 1);
  }
  return Prefix::Of(address, length);
}

}  // namespace ov6
