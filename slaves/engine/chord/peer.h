// SPDX-License-Identifier: Apache-2.0
// A node as other nodes know it. Its place in the ring follows from its address, as the Chord paper has it,
// so that nobody chooses a place: who wants a certain one needs a certain address. Up to kSlots nodes share
// an address (as BEP 42 has it), told apart by their slot. A restarted node is another peer: the same id, a
// higher incarnation.
#ifndef OV6_SLAVES_ENGINE_CHORD_PEER_H
#define OV6_SLAVES_ENGINE_CHORD_PEER_H

#include <compare>
#include <cstdint>

#include "ov6/engine.h"

namespace ov6::chord {

inline constexpr uint8_t kSlots = 8;

// SHA-1("ov6 chord id", address (32 bits, network byte order), slot (8)).
Key IdOf(Ipv4 address, uint8_t slot);

struct Peer {
  Key id{};  // never sent: who reads a peer computes it
  uint64_t incarnation = 0;
  Endpoint endpoint;
  uint8_t slot = 0;
  auto operator<=>(const Peer&) const = default;
};

inline Peer PeerAt(const Endpoint& endpoint, uint8_t slot, uint64_t incarnation) {
  return {IdOf(endpoint.address, slot), incarnation, endpoint, slot};
}

}  // namespace ov6::chord

#endif
