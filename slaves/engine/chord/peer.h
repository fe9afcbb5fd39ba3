// SPDX-License-Identifier: Apache-2.0
// A node as other nodes know it. A restarted node is another peer: the same id, a
// higher incarnation.
#ifndef OV6_SLAVES_ENGINE_CHORD_PEER_H
#define OV6_SLAVES_ENGINE_CHORD_PEER_H

#include <compare>
#include <cstdint>

#include "ov6/engine.h"

namespace ov6::chord {

struct Peer {
  Key id{};
  uint64_t incarnation = 0;
  Endpoint endpoint;
  auto operator<=>(const Peer&) const = default;
};

}  // namespace ov6::chord

#endif
