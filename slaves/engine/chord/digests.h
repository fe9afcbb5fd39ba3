// SPDX-License-Identifier: Apache-2.0
// How two nodes find out where what they hold differs, members or values: digests of 32 parts, in one
// message.
#ifndef OV6_SLAVES_ENGINE_CHORD_DIGESTS_H
#define OV6_SLAVES_ENGINE_CHORD_DIGESTS_H

#include <array>
#include <cstddef>
#include <cstdint>

namespace ov6::chord {

inline constexpr int kDigestParts = 32;
using Digests = std::array<uint64_t, kDigestParts>;

// A bit for each part, the lowest is the first.
inline uint32_t PartsThatDiffer(const Digests& a, const Digests& b) {
  uint32_t parts = 0;
  for (size_t i = 0; i < a.size(); ++i) parts |= a[i] != b[i] ? uint32_t{1} << i : 0;
  return parts;
}

}  // namespace ov6::chord

#endif
