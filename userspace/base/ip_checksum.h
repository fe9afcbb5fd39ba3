// SPDX-License-Identifier: Apache-2.0
// The checksum of an IPv4 header (RFC 791, 1071).
#ifndef OV6_USERSPACE_BASE_IP_CHECKSUM_H
#define OV6_USERSPACE_BASE_IP_CHECKSUM_H

#include <cstdint>
#include <cstring>

namespace ov6 {

// Of a header without options whose field is 0; as it belongs there, in memory's order. `Header`: iphdr, as
// libc or as the kernel has it, which no file can include both.
template <typename Header>
uint16_t IpChecksum(const Header& ip) {
  static_assert(sizeof(Header) == 20);
  uint16_t words[sizeof(Header) / 2];
  std::memcpy(words, &ip, sizeof(ip));
  uint32_t sum = 0;
  for (const uint16_t word : words) sum += word;
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~(sum + (sum >> 16)));
}

}  // namespace ov6

#endif
