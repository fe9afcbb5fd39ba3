// SPDX-License-Identifier: Apache-2.0
#include "slaves/engine/chord/peer.h"

#include <vector>

#include "userspace/base/bytes.h"
#include "userspace/base/crypto.h"

namespace ov6::chord {
namespace {

constexpr int kRememberedBits = 12;

struct Remembered {
  uint64_t place = 0;  // address, slot and a set bit; 0: empty
  Key id{};
};

Key ComputeId(Ipv4 address, uint8_t slot) {
  return Sha1(ByteWriter().Raw("ov6 chord id").U32(address.value).U8(slot).bytes());
}

}  // namespace

// The same few thousand peers are read in every datagram, up to 48 of them, and a hash costs more than the
// rest of reading one. Each place has one line here, by a multiplicative hash; who makes places up to empty
// it costs what it would without: a hash for each peer.
Key IdOf(Ipv4 address, uint8_t slot) {
  thread_local std::vector<Remembered> remembered(size_t{1} << kRememberedBits);
  const uint64_t place = uint64_t{1} << 40 | uint64_t{address.value} << 8 | slot;
  Remembered& line = remembered[place * 0x9e3779b97f4a7c15 >> (64 - kRememberedBits)];
  if (line.place != place) line = {place, ComputeId(address, slot)};
  return line.id;
}

}  // namespace ov6::chord
