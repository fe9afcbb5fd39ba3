// SPDX-License-Identifier: Apache-2.0
#include "userspace/base/byte_queue.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>

namespace ov6 {
namespace {

// What goes in comes out, against a queue that is known to be right.
TEST(ByteQueue, IsAQueue) {
  std::mt19937 random(1);
  std::deque<uint8_t> expected;
  ByteQueue queue;
  EXPECT_TRUE(queue.empty());
  for (int step = 0; step < 20'000; ++step) {
    const size_t size = random() % (random() % 50 == 0 ? 9000 : 200);
    switch (random() % 4) {
      case 0: {
        const std::vector<uint8_t> bytes(size, static_cast<uint8_t>(random()));
        queue.Append(bytes);
        expected.insert(expected.end(), bytes.begin(), bytes.end());
        break;
      }
      case 1: {
        const std::span<uint8_t> room = queue.Room(size);
        ASSERT_GE(room.size(), size);
        const size_t used = size / 2;
        for (size_t i = 0; i < used; ++i) expected.push_back(room[i] = static_cast<uint8_t>(random()));
        queue.Commit(used);
        break;
      }
      case 2: {
        std::vector<uint8_t> taken(2 * size);
        taken.resize(queue.Take(taken));
        ASSERT_EQ(taken.size(), std::min(2 * size, expected.size()));
        ASSERT_TRUE(std::equal(taken.begin(), taken.end(), expected.begin()));
        expected.erase(expected.begin(), expected.begin() + static_cast<ptrdiff_t>(taken.size()));
        break;
      }
      default: {
        const size_t gone = std::min(2 * size, queue.size());
        queue.Consume(gone);
        expected.erase(expected.begin(), expected.begin() + static_cast<ptrdiff_t>(gone));
      }
    }
    ASSERT_EQ(queue.size(), expected.size());
    ASSERT_TRUE(std::equal(queue.bytes().begin(), queue.bytes().end(), expected.begin(), expected.end()));
  }
}

// A reader that is always a little behind does not make it grow.
TEST(ByteQueue, ReusesItsMemory) {
  ByteQueue queue;
  queue.Append(std::vector<uint8_t>(1000));
  size_t most = 0;
  for (int i = 0; i < 10'000; ++i) {
    queue.Append(std::vector<uint8_t>(1000));
    queue.Consume(1000);
    most = std::max(most, queue.Room(1).size());
  }
  EXPECT_LE(most, 8192u);
}

}  // namespace
}  // namespace ov6
