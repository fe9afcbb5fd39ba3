// SPDX-License-Identifier: Apache-2.0
#include "userspace/wire/segment.h"

#include <gtest/gtest.h>

#include <vector>

namespace ov6 {
namespace {

constexpr size_t kPacket = 1000;  // 40 of IPv6, 20 of TCP, 940 behind

struct Header {
  uint8_t flags = 0, type = 0;
  uint16_t headers = 0, size = 0, start = 0, offset = 0;
};

std::vector<uint8_t> Make(const Header& h, size_t packet = kPacket) {
  std::vector<uint8_t> bytes = {h.flags, h.type};
  for (const uint16_t number : {h.headers, h.size, h.start, h.offset}) {
    bytes.push_back(static_cast<uint8_t>(number));
    bytes.push_back(static_cast<uint8_t>(number >> 8));
  }
  bytes.resize(kSegmentHeader + packet);
  bytes[kSegmentHeader] = 0x60;
  bytes[kSegmentHeader + 4] = static_cast<uint8_t>((packet - 40) >> 8);
  bytes[kSegmentHeader + 5] = static_cast<uint8_t>(packet - 40);
  return bytes;
}

TEST(Segment, HeaderAndPacketFitEachOther) {
  const struct {
    const char* name;
    Header header;
    bool fits, whole;
  } rows[] = {
      {"a packet by itself", {}, true, true},
      {"checksum known to be right", {.flags = 2}, true, true},
      {"checksum to be finished", {1, 0, 0, 0, 40, 16}, true, false},
      {"both flags", {3, 0, 0, 0, 40, 16}, true, false},
      {"an unknown flag", {.flags = 4}, false, true},
      {"every flag", {.flags = 0xff}, false, false},
      {"checksum starts in the IPv6 header", {1, 0, 0, 0, 39, 16}, false, false},
      {"checksum ends with the packet", {1, 0, 0, 0, 40, kPacket - 42}, true, false},
      {"checksum one past it", {1, 0, 0, 0, 40, kPacket - 41}, false, false},
      {"start at the end", {1, 0, 0, 0, kPacket - 2, 0}, true, false},
      {"start and offset overflow 16 bits", {1, 0, 0, 0, 0xffff, 0xffff}, false, false},
      {"start and offset without the flag", {0, 0, 0, 0, 0xffff, 0xffff}, true, true},
      {"segments of TCP", {1, 4, 60, 900, 40, 16}, true, false},
      {"with ECN", {1, 0x84, 60, 900, 40, 16}, true, false},
      {"ECN of nothing", {1, 0x80, 60, 900, 40, 16}, false, false},
      {"TCP over IPv4", {1, 1, 60, 900, 40, 16}, false, false},
      {"UDP fragments", {1, 3, 60, 900, 40, 6}, false, false},
      {"UDP segments", {1, 5, 48, 900, 40, 6}, false, false},
      {"segments without a checksum to finish", {0, 4, 60, 900, 40, 16}, false, false},
      {"segments of 8 bytes", {1, 4, 60, 8, 40, 16}, true, false},
      {"segments of 7", {1, 4, 60, 7, 40, 16}, false, false},
      {"segments of none", {1, 4, 60, 0, 40, 16}, false, false},
      {"longer segments than the packet", {1, 4, 60, 0xffff, 40, 16}, true, false},
      {"headers too short", {1, 4, 59, 900, 40, 16}, false, false},
      {"headers are the packet", {1, 4, kPacket, 900, 40, 16}, true, false},
      {"headers past it", {1, 4, kPacket + 1, 900, 40, 16}, false, false},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(IsSegmentOfIpv6(Make(row.header)), row.fits) << row.name;
    EXPECT_EQ(IsWhole(Make(row.header)), row.whole) << row.name;
  }
}

TEST(Segment, OnlyAnIpv6PacketOfItsOwnLength) {
  std::vector<uint8_t> good = Make({});
  EXPECT_TRUE(IsSegmentOfIpv6(good));
  for (const size_t size : {size_t{0}, size_t{1}, kSegmentHeader, kSegmentHeader + 39, good.size() - 1})
    EXPECT_FALSE(IsSegmentOfIpv6(std::span(good).first(size))) << size;
  good.push_back(0);
  EXPECT_FALSE(IsSegmentOfIpv6(good)) << "a byte more";
  EXPECT_TRUE(IsSegmentOfIpv6(Make({}, 40))) << "a header alone";
  for (const uint8_t version : {0x45, 0x00, 0x50, 0x70}) {
    std::vector<uint8_t> other = Make({});
    other[kSegmentHeader] = version;
    EXPECT_FALSE(IsSegmentOfIpv6(other)) << int{version};
  }
  EXPECT_TRUE(IsSegmentOfIpv6(Make({}, 65575))) << "the longest";
  EXPECT_FALSE(IsSegmentOfIpv6(Make({}, 65576))) << "a jumbogram";
}

TEST(Segment, NothingIsNotWhole) {
  EXPECT_FALSE(IsWhole({}));
  EXPECT_FALSE(IsWhole(std::span<const uint8_t>(Make({})).first(kSegmentHeader)));
}

}  // namespace
}  // namespace ov6
