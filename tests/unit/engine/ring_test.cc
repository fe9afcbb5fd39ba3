// SPDX-License-Identifier: Apache-2.0
#include "slaves/engine/chord/ring.h"

#include <gtest/gtest.h>

#include <set>

#include "slaves/engine/chord/fingers.h"
#include "userspace/base/crypto.h"

namespace ov6::chord {
namespace {

// 160 bits, of which the last two bytes are given.
Key K(unsigned low) {
  Key key{};
  key[18] = static_cast<uint8_t>(low >> 8);
  key[19] = static_cast<uint8_t>(low);
  return key;
}
Key Max() {
  Key key;
  key.fill(0xff);
  return key;
}

struct BetweenRow {
  const char* name;
  Key a, x, b;
  bool open, owns;
};
class Arcs : public testing::TestWithParam<BetweenRow> {};

TEST_P(Arcs, BetweenAndOwns) {
  const BetweenRow& row = GetParam();
  EXPECT_EQ(Between(row.a, row.x, row.b), row.open);
  EXPECT_EQ(Owns(row.a, row.x, row.b), row.owns);
}

INSTANTIATE_TEST_SUITE_P(Ring, Arcs,
                         testing::Values(BetweenRow{"inside", K(10), K(15), K(20), true, true},
                                         BetweenRow{"at_the_start", K(10), K(10), K(20), false, false},
                                         BetweenRow{"at_the_end", K(10), K(20), K(20), false, true},
                                         BetweenRow{"outside", K(10), K(25), K(20), false, false},
                                         BetweenRow{"over_zero_before", Max(), K(0), K(20), true, true},
                                         BetweenRow{"over_zero_behind", K(20), K(0), K(10), true, true},
                                         BetweenRow{"over_zero_outside", K(20), K(15), K(10), false, false},
                                         BetweenRow{"whole_ring", K(10), K(15), K(10), true, true},
                                         BetweenRow{"whole_ring_but_itself", K(10), K(10), K(10), false,
                                                    true}),
                         [](const auto& info) { return info.param.name; });

TEST(Distance, GoesClockwiseAndOverZero) {
  EXPECT_EQ(Distance(K(10), K(300)), K(290));
  EXPECT_EQ(Distance(Max(), K(4)), K(5));
  EXPECT_EQ(Distance(K(7), K(7)), K(0));
}

TEST(PowersOfTwo, CarryAndWrap) {
  EXPECT_EQ(AddPowerOfTwo(K(0x00ff), 0), K(0x0100));
  EXPECT_EQ(AddPowerOfTwo(K(1), 8), K(0x0101));
  EXPECT_EQ(AddPowerOfTwo(Max(), 0), K(0));
  for (int bit = 0; bit < kRingBits; ++bit) EXPECT_EQ(HighestBit(AddPowerOfTwo(K(0), bit)), bit);
  EXPECT_EQ(HighestBit(K(0)), -1);
}

TEST(Fingers, KeepOnlyDistinctOnes) {
  Fingers fingers(K(0));
  EXPECT_EQ(fingers.Next(K(9)), 4) << "up to the last successor the list knows better";
  EXPECT_FALSE(fingers.Set(4, {K(100), 1, {}}));  // serves 2^4, 2^5, 2^6
  EXPECT_EQ(fingers.Next(K(9)), 7);
  EXPECT_TRUE(fingers.Set(7, {K(9), 1, {}})) << "past us: the round is over";
  EXPECT_EQ(fingers.all().size(), 1u);
  EXPECT_EQ(fingers.all().begin()->second.id, K(100));
  fingers.Remove(K(100));
  EXPECT_TRUE(fingers.all().empty());
}

TEST(Id, FollowsFromAddressAndSlot) {
  // printf 'ov6 chord id\306\063\144\002\003' | sha1sum
  EXPECT_EQ(ToHex(IdOf(*Ipv4::Parse("198.51.100.2"), 3)), "4b8d440362453b089d4694355a24e6abd36ee0b8");
  std::set<Key> ids;
  for (uint8_t slot = 0; slot < kSlots; ++slot) ids.insert(IdOf(*Ipv4::Parse("198.51.100.2"), slot));
  EXPECT_EQ(ids.size(), kSlots);
  EXPECT_EQ(PeerAt({*Ipv4::Parse("198.51.100.2"), 1}, 3, 1).id,
            PeerAt({*Ipv4::Parse("198.51.100.2"), 2}, 3, 9).id);
}

}  // namespace
}  // namespace ov6::chord
