// SPDX-License-Identifier: Apache-2.0
#include "userspace/base/token_bucket.h"

#include <gtest/gtest.h>

namespace ov6 {
namespace {

using std::chrono::milliseconds;

TEST(TokenBucketTest, GivesTheBurstAndThenTheRate) {
  const BootTime start{};
  TokenBucket bucket(100, 5);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(bucket.Take(start)) << i;
  EXPECT_FALSE(bucket.Take(start));
  EXPECT_FALSE(bucket.Take(start + milliseconds(9)));
  EXPECT_TRUE(bucket.Take(start + milliseconds(11)));
  EXPECT_FALSE(bucket.Take(start + milliseconds(12)));
}

TEST(TokenBucketTest, NeverHoldsMoreThanTheBurst) {
  const BootTime start{};
  TokenBucket bucket(100, 2);
  const BootTime later = start + std::chrono::hours(1);
  EXPECT_TRUE(bucket.Take(later));
  EXPECT_TRUE(bucket.Take(later));
  EXPECT_FALSE(bucket.Take(later));
}

TEST(TokenBucketTest, ADebtIsPaidBackAtTheRate) {
  const BootTime start{};
  TokenBucket bucket(100, 2);
  bucket.Charge(start, 12);
  EXPECT_FALSE(bucket.Has(start + milliseconds(105)));
  EXPECT_TRUE(bucket.Has(start + milliseconds(111)));
}

}  // namespace
}  // namespace ov6
