// SPDX-License-Identifier: Apache-2.0
// Arithmetic on the ring of 2^160 identifiers, clockwise.
#ifndef OV6_SLAVES_ENGINE_CHORD_RING_H
#define OV6_SLAVES_ENGINE_CHORD_RING_H

#include "ov6/engine.h"

namespace ov6::chord {

inline constexpr int kRingBits = 160;

// The way from a to b, clockwise: b - a modulo 2^160.
inline Key Distance(const Key& a, const Key& b) {
  Key out;
  int borrow = 0;
  for (int i = static_cast<int>(out.size()) - 1; i >= 0; --i) {
    const int d = b[i] - a[i] - borrow;
    borrow = d < 0;
    out[i] = static_cast<uint8_t>(d);
  }
  return out;
}

// a + 2^bit modulo 2^160.
inline Key AddPowerOfTwo(Key a, int bit) {
  int carry = 1 << (bit % 8);
  for (int i = static_cast<int>(a.size()) - 1 - bit / 8; i >= 0 && carry != 0; --i) {
    const int sum = a[i] + carry;
    a[i] = static_cast<uint8_t>(sum);
    carry = sum >> 8;
  }
  return a;
}

// The number of the highest set bit, -1 for zero.
inline int HighestBit(const Key& a) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] != 0) return kRingBits - 1 - static_cast<int>(8 * i) - (__builtin_clz(a[i]) - 24);
  }
  return -1;
}

// As a part of the whole ring.
inline double PartOfRing(const Key& distance) {
  double part = 0;
  for (int i = 7; i >= 0; --i) part = (part + distance[i]) / 256;
  return part;
}

// x in the open arc (a, b). The arc from a to a is the whole ring without a.
inline bool Between(const Key& a, const Key& x, const Key& b) {
  if (x == a || x == b) return false;
  return a == b || Distance(a, x) < Distance(a, b);
}

// x in (a, b]: what a node b with predecessor a is responsible for.
inline bool Owns(const Key& a, const Key& x, const Key& b) { return x == b || Between(a, x, b); }

}  // namespace ov6::chord

#endif
