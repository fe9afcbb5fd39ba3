// SPDX-License-Identifier: Apache-2.0
// Where others see this node, as their answers say (BEP 42's `ip`): elsewhere than it believes behind a NAT,
// or when its address has changed. One word for each /24, the last; who can make up answers from a few
// addresses decides nothing. Bounded; the oldest is forgotten.
#ifndef OV6_SLAVES_ENGINE_CHORD_SIGHTINGS_H
#define OV6_SLAVES_ENGINE_CHORD_SIGHTINGS_H

#include <cstdint>
#include <deque>
#include <optional>

#include "ov6/address.h"

namespace ov6::chord {

class Sightings {
 public:
  static constexpr size_t kEnough = 3;  // /24s that have to agree
  static constexpr size_t kMost = 16;   // /24s whose word is kept

  void Add(Ipv4 by, const Endpoint& seen);
  // The address that at least `enough` /24s name, and more than name any other; its port as named last.
  std::optional<Endpoint> Agreed(size_t enough = kEnough) const;

 private:
  struct Word {
    uint32_t network = 0;  // the /24 of who said it
    Endpoint seen;
  };
  std::deque<Word> words_;  // the latest at the end
};

}  // namespace ov6::chord

#endif
