// SPDX-License-Identifier: Apache-2.0
// A frame in words, header by header, and in hexadecimal. It is for eyes: whatever the bytes are, it
// says as much as they have.
#ifndef OV6_USERSPACE_OV6CTL_FRAME_TEXT_H
#define OV6_USERSPACE_OV6CTL_FRAME_TEXT_H

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "ov6/address.h"

namespace ov6::ctl {

struct FrameParts {
  std::string text;  // "ipv4 A > B ttl 64 df | ipv6 C > D hlim 63 | icmp6 echo request"
  // Of the first IPv6 header, also one inside IPv4; none: there is no such header.
  std::optional<Ipv6> source, destination;
  std::optional<Ipv4> outer_source;
};

// Begins with the Ethernet header.
FrameParts ReadFrame(std::span<const uint8_t> frame);

std::string MacText(std::span<const uint8_t, 6> mac);
std::string ProtocolText(uint8_t protocol);  // "udp", "icmp6", ...; else its number

// Lines of 16 bytes as `hexdump -C` has them, each behind `indent`.
std::string HexDump(std::span<const uint8_t> bytes, const std::string& indent);

}  // namespace ov6::ctl

#endif
