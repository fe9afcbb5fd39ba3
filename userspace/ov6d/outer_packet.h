// SPDX-License-Identifier: Apache-2.0
// The outer header of a tunnel packet, written anew around what a socket of ours received:
// the datapath judges it as if the packet had come whole. Options are gone, they have had
// their effect; the UDP checksum is 0, the kernel has checked it.
#ifndef OV6_USERSPACE_OV6D_OUTER_PACKET_H
#define OV6_USERSPACE_OV6D_OUTER_PACKET_H

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ov6/address.h"

namespace ov6 {

struct OuterHeader {
  Endpoint source;       // port 0 under 6in4
  Endpoint destination;  // "
  uint8_t tos = 0;       // DSCP and ECN
};

// What a raw protocol-41 socket received, from the IPv4 header on. nullopt: not that.
std::optional<OuterHeader> ParseOuter6in4(std::span<const uint8_t> packet, std::span<const uint8_t>* payload);

// IPv4 header (20 bytes, right checksum), under UDP its header, and the payload. nullopt: longer than
// an IPv4 packet can be.
std::optional<std::vector<uint8_t>> WriteOuter(const OuterHeader& header, std::span<const uint8_t> payload);

}  // namespace ov6

#endif
