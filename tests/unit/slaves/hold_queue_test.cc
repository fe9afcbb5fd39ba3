// SPDX-License-Identifier: Apache-2.0
#include "userspace/port/hold_queue.h"

#include <gtest/gtest.h>

#include "tests/unit/slaves/fakes.h"

namespace ov6 {
namespace {

const Ipv6 kA = Address("fd01::a"), kB = Address("fd01::b");

std::vector<uint32_t> Chunks(const std::vector<HoldQueue::Held>& held) {
  std::vector<uint32_t> chunks;
  for (const auto& entry : held) chunks.push_back(entry.frame.chunk);
  return chunks;
}

TEST(HoldQueue, KeepsTheOrderOfEachKey) {
  HoldQueue queue;
  for (uint32_t i = 0; i < 6; ++i) EXPECT_FALSE(queue.Hold(i % 2 ? kB : kA, {i, {}}, OV6_PUNT_MISS));
  EXPECT_EQ(queue.keys(), 2u);
  EXPECT_EQ(Chunks(queue.Take(kA)), (std::vector<uint32_t>{0, 2, 4}));
  EXPECT_EQ(Chunks(queue.Take(kB)), (std::vector<uint32_t>{1, 3, 5}));
  EXPECT_TRUE(queue.Take(kA).empty());
  EXPECT_EQ(queue.size(), 0u);
  EXPECT_EQ(queue.counters().held, 6u);
  EXPECT_EQ(queue.counters().returned, 6u);
}

TEST(HoldQueue, AFullKeyDropsItsOwnOldest) {
  HoldQueue queue({2, 10});
  queue.Hold(kB, {9, {}}, OV6_PUNT_MISS);
  queue.Hold(kA, {0, {}}, OV6_PUNT_MISS);
  queue.Hold(kA, {1, {}}, OV6_PUNT_MISS);
  const auto dropped = queue.Hold(kA, {2, {}}, OV6_PUNT_MISS);
  ASSERT_TRUE(dropped);
  EXPECT_EQ(dropped->chunk, 0u);
  EXPECT_EQ(queue.counters().dropped_key_full, 1u);
  EXPECT_EQ(Chunks(queue.Take(kA)), (std::vector<uint32_t>{1, 2}));
  EXPECT_EQ(Chunks(queue.Take(kB)), (std::vector<uint32_t>{9}));
}

TEST(HoldQueue, AFullQueueDropsTheOldestOfAll) {
  HoldQueue queue({10, 2});
  queue.Hold(kB, {9, {}}, OV6_PUNT_MISS);
  queue.Hold(kA, {0, {}}, OV6_PUNT_MISS);
  const auto dropped = queue.Hold(kA, {1, {}}, OV6_PUNT_MISS);
  ASSERT_TRUE(dropped);
  EXPECT_EQ(dropped->chunk, 9u);
  EXPECT_EQ(queue.counters().dropped_all_full, 1u);
  EXPECT_FALSE(queue.Holds(kB));
  EXPECT_EQ(queue.size(), 2u);
}

TEST(HoldQueue, WithoutRoomAtAllTheFrameItselfComesBack) {
  HoldQueue queue({10, 0});
  const auto dropped = queue.Hold(kA, {5, {}}, OV6_PUNT_MISS);
  ASSERT_TRUE(dropped);
  EXPECT_EQ(dropped->chunk, 5u);
  EXPECT_EQ(queue.size(), 0u);
}

}  // namespace
}  // namespace ov6
