// SPDX-License-Identifier: Apache-2.0
// What a DATAGRAM of kSegmentContext carries: a virtio_net_hdr (virtio 1.1 section 5.1.6, without
// num_buffers), little-endian, and an IPv6 packet behind it, as a TUN device gives and takes it.
//   flags (8): 1 the checksum is to be finished, 2 it is known to be right
//   gso type (8): 0 none, 4 TCP over IPv6, with 0x80 if ECN is used
//   header length (16), segment size (16), checksum start (16), checksum offset (16)
#ifndef OV6_USERSPACE_WIRE_SEGMENT_H
#define OV6_USERSPACE_WIRE_SEGMENT_H

#include <cstdint>
#include <span>

namespace ov6 {

inline constexpr size_t kSegmentHeader = 10;

// Whether the packet is one by itself, its checksum finished: the header may be left out.
bool IsWhole(std::span<const uint8_t> bytes);
// Whether header and packet fit each other: an IPv6 packet of exactly its own length, and nothing in the
// header points past it. What is inside it is for whoever gets it to judge.
bool IsSegmentOfIpv6(std::span<const uint8_t> bytes);

}  // namespace ov6

#endif
