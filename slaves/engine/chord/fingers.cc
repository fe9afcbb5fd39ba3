// SPDX-License-Identifier: Apache-2.0
#include "slaves/engine/chord/fingers.h"

#include "slaves/engine/chord/ring.h"

namespace ov6::chord {

int Fingers::Next(const Key& last_successor) {
  const int nearest = HighestBit(Distance(self_, last_successor)) + 1;
  if (next_ < nearest) {
    fingers_.erase(fingers_.begin(), fingers_.lower_bound(nearest));
    next_ = nearest;
  }
  if (next_ >= kRingBits) next_ = kRingBits - 1;
  return next_;
}

Key Fingers::Start(int index) const { return AddPowerOfTwo(self_, index); }

bool Fingers::Set(int index, const Peer& peer) {
  // The finger serves every index up to its own distance.
  const bool wrapped = peer.id == self_;
  const int last = wrapped ? kRingBits - 1 : HighestBit(Distance(self_, peer.id));
  const bool passed = last < index;  // past us: no node lies between Start(index) and ourselves
  const int end = passed ? kRingBits : last + 1;
  fingers_.erase(fingers_.lower_bound(index), fingers_.lower_bound(end));
  if (!wrapped && !passed) fingers_[index] = peer;
  next_ = end >= kRingBits ? 0 : end;
  return end >= kRingBits;
}

void Fingers::Remove(const Key& id) {
  std::erase_if(fingers_, [&](const auto& f) { return f.second.id == id; });
}

}  // namespace ov6::chord
