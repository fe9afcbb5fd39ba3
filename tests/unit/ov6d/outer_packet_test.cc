// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/outer_packet.h"

#include <gtest/gtest.h>

#include "userspace/base/bytes.h"

namespace ov6 {
namespace {

using Bytes8 = std::vector<uint8_t>;

const Endpoint kPeer{*Ipv4::Parse("198.51.100.2"), 0}, kOurs{*Ipv4::Parse("198.51.100.1"), 0};

// RFC 1071: a header with its right checksum sums up to 0xffff.
uint16_t Sum(std::span<const uint8_t> header) {
  uint32_t sum = 0;
  for (size_t i = 0; i < header.size(); i += 2) sum += static_cast<uint32_t>(header[i] << 8 | header[i + 1]);
  return static_cast<uint16_t>((sum & 0xffff) + (sum >> 16));
}

TEST(OuterPacketTest, A6in4PacketHasAHeaderOfItsOwn) {
  const auto packet = WriteOuter({kPeer, kOurs, 0xb9}, Bytes8{0x60, 1, 2, 3});
  ASSERT_TRUE(packet);
  const Bytes8 wanted = {0x45, 0xb9, 0,   24, 0,   0, 0x40, 0, 64, 41, (*packet)[10], (*packet)[11], 198, 51,
                         100,  2,    198, 51, 100, 1, 0x60, 1, 2,  3};
  EXPECT_EQ(*packet, wanted);
  EXPECT_EQ(Sum(std::span(*packet).first(20)), 0xffff);
}

TEST(OuterPacketTest, UdpHasNoChecksum) {
  const auto packet = WriteOuter({{kPeer.address, 50000}, {kOurs.address, 6080}, 0}, Bytes8{0x60});
  ASSERT_TRUE(packet);
  EXPECT_EQ((*packet)[9], 17);
  const Bytes8 udp(packet->begin() + 20, packet->end());
  EXPECT_EQ(udp, (Bytes8{0xc3, 0x50, 0x17, 0xc0, 0, 9, 0, 0, 0x60}));
  EXPECT_EQ(Sum(std::span(*packet).first(20)), 0xffff);
}

TEST(OuterPacketTest, WhatIsLongerThanAnIpv4PacketIsNone) {
  EXPECT_TRUE(WriteOuter({kPeer, kOurs, 0}, Bytes8(65535 - 20)));
  EXPECT_FALSE(WriteOuter({kPeer, kOurs, 0}, Bytes8(65535 - 19)));
}

TEST(OuterPacketTest, OptionsAreSkipped) {
  const Bytes8 received = {0x46, 3, 0,   26, 0,   0, 0, 0, 60, 41, 0,    0, 198, 51,
                           100,  2, 198, 51, 100, 1, 1, 1, 1,  0,  0x60, 7, 0xee};
  std::span<const uint8_t> payload;
  const auto outer = ParseOuter6in4(received, &payload);
  ASSERT_TRUE(outer);
  EXPECT_EQ(outer->source, kPeer);
  EXPECT_EQ(outer->destination, kOurs);
  EXPECT_EQ(outer->tos, 3);
  EXPECT_EQ(Bytes8(payload.begin(), payload.end()), (Bytes8{0x60, 7}));  // not what is behind the packet
}

TEST(OuterPacketTest, WhatDoesNotHoldTogetherIsNone) {
  const Bytes8 good = {0x45, 0, 0, 21, 0, 0, 0, 0, 60, 41, 0, 0, 198, 51, 100, 2, 198, 51, 100, 1, 0x60};
  std::span<const uint8_t> payload;
  ASSERT_TRUE(ParseOuter6in4(good, &payload));
  const std::pair<size_t, uint8_t> damages[] = {{0, 0x65}, {0, 0x44}, {0, 0x46}, {3, 22}, {3, 19}, {9, 17}};
  for (const auto& [at, value] : damages) {
    Bytes8 bad = good;
    bad[at] = value;
    EXPECT_FALSE(ParseOuter6in4(bad, &payload)) << at << " " << int{value};
  }
  EXPECT_FALSE(ParseOuter6in4(std::span(good).first(19), &payload));
}

}  // namespace
}  // namespace ov6
