// SPDX-License-Identifier: Apache-2.0
// The packet of `ov6ctl trace`: what its words say, as a frame with right lengths and checksums.
#ifndef OV6_USERSPACE_OV6CTL_TRACE_PACKET_H
#define OV6_USERSPACE_OV6CTL_TRACE_PACKET_H

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "ov6/address.h"
#include "ov6/mapping.h"

namespace ov6::ctl {

using Mac = std::array<uint8_t, 6>;
inline constexpr Mac kNeighbour = {0x02, 0, 0, 0, 0, 0x01};  // whom made-up frames come from

struct Outer {
  Ipv4 source, destination;
  Encapsulation encapsulation = Encapsulation::k6in4;
  uint16_t udp_port = 0;  // destination, under UDP
};

struct TracePacket {
  Mac to{};
  Ipv6 source, destination;
  uint8_t protocol = 58;  // 6, 17 or 58: a SYN, a datagram, an echo request
  uint16_t source_port = 49152, destination_port = 7;
  uint8_t hop_limit = 64;
  uint32_t size = 104;  // bytes of the IPv6 packet
  std::optional<Outer> outer;
};

// InvalidArgument: the size does not hold the headers.
absl::StatusOr<std::vector<uint8_t>> MakeFrame(const TracePacket& packet);

// A packet that a capture has without its Ethernet header, with one.
std::vector<uint8_t> WithEthernet(const Mac& to, std::span<const uint8_t> packet);

}  // namespace ov6::ctl

#endif
