// SPDX-License-Identifier: Apache-2.0
// What may go into a TUN device: whatever is taken is an IPv6 packet of its own length, into which the header
// points. The bounds are said once more here, in 64 bits.
#include "userspace/wire/segment.h"

#include "tests/fuzz/must.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ov6;
  const std::span<const uint8_t> bytes(data, size);
  const bool whole = IsWhole(bytes);
  if (!IsSegmentOfIpv6(bytes)) return 0;
  const auto little = [&](size_t at) { return uint64_t{bytes[at]} | uint64_t{bytes[at + 1]} << 8; };
  const uint64_t packet = size - kSegmentHeader;
  fuzz::Must(size >= kSegmentHeader + 40 && bytes[kSegmentHeader] >> 4 == 6, "no IPv6 packet is taken");
  fuzz::Must((uint64_t{bytes[14]} << 8 | bytes[15]) + 40 == packet, "another length is taken");
  if ((bytes[0] & 1) != 0) fuzz::Must(little(6) + little(8) + 2 <= packet, "a checksum past the packet");
  if (bytes[1] != 0)
    fuzz::Must(little(2) <= packet && little(4) > 0 && (bytes[0] & 1) != 0, "segments of nothing");
  fuzz::Must(whole == ((bytes[0] & 1) == 0 && bytes[1] == 0), "a whole packet is told from a part");
  return 0;
}
