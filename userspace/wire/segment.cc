// SPDX-License-Identifier: Apache-2.0
#include "userspace/wire/segment.h"

namespace ov6 {
namespace {

constexpr uint8_t kNeedsChecksum = 1, kKnownFlags = 3;
constexpr uint8_t kNoSegments = 0, kTcp6 = 4, kEcn = 0x80;
constexpr size_t kIpv6Header = 40, kTcpHeader = 20;

size_t Little(std::span<const uint8_t> bytes, size_t at) { return bytes[at] | size_t{bytes[at + 1]} << 8; }
size_t Big(std::span<const uint8_t> bytes, size_t at) { return size_t{bytes[at]} << 8 | bytes[at + 1]; }

bool ChecksumFits(std::span<const uint8_t> bytes, size_t packet) {
  if ((bytes[0] & kNeedsChecksum) == 0) return true;
  const size_t start = Little(bytes, 6), offset = Little(bytes, 8);
  return start >= kIpv6Header && start + offset + 2 <= packet;
}

bool SegmentsFit(std::span<const uint8_t> bytes, size_t packet) {
  const uint8_t type = bytes[1] & static_cast<uint8_t>(~kEcn);
  if (bytes[1] == kNoSegments) return true;
  const size_t headers = Little(bytes, 2), size = Little(bytes, 4);
  const bool checksum = (bytes[0] & kNeedsChecksum) != 0;
  return type == kTcp6 && checksum && size >= 8 && headers >= kIpv6Header + kTcpHeader && headers <= packet;
}

}  // namespace

bool IsWhole(std::span<const uint8_t> bytes) {
  return bytes.size() > kSegmentHeader && (bytes[0] & kNeedsChecksum) == 0 && bytes[1] == kNoSegments;
}

bool IsSegmentOfIpv6(std::span<const uint8_t> bytes) {
  if (bytes.size() < kSegmentHeader + kIpv6Header) return false;
  const size_t packet = bytes.size() - kSegmentHeader;
  const auto ip = bytes.subspan(kSegmentHeader);
  if (ip[0] >> 4 != 6 || (bytes[0] & ~kKnownFlags) != 0) return false;
  return Big(ip, 4) + kIpv6Header == packet && ChecksumFits(bytes, packet) && SegmentsFit(bytes, packet);
}

}  // namespace ov6
