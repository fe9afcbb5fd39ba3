// SPDX-License-Identifier: Apache-2.0
#include "userspace/base/ping_timer.h"

#include <gtest/gtest.h>

namespace ov6 {
namespace {

using std::chrono::milliseconds;

BootTime At(int ms) { return BootTime(milliseconds(ms)); }

TEST(PingTimerTest, TheFirstAnswerTimesTheFirstPing) {
  PingTimer timer;
  EXPECT_EQ(timer.last(), std::nullopt);
  const uint64_t nonce = timer.Send(At(0));
  timer.Answer(nonce, At(30));
  EXPECT_EQ(timer.last(), milliseconds(30));
}

TEST(PingTimerTest, APathLongerThanTheIntervalIsTimed) {
  PingTimer timer;
  // Sent every 250 ms, answered 600 ms later.
  for (int tick = 0; tick < 40; ++tick) {
    EXPECT_EQ(timer.Send(At(tick * 250)), static_cast<uint64_t>(tick + 1));
    if (tick >= 2) timer.Answer(static_cast<uint64_t>(tick - 1), At((tick - 2) * 250 + 600));
  }
  EXPECT_EQ(timer.last(), milliseconds(600));
}

TEST(PingTimerTest, WhatWasNotAskedTimesNothing) {
  PingTimer timer;
  timer.Answer(0, At(1));
  timer.Answer(1, At(1));
  const uint64_t nonce = timer.Send(At(10));
  timer.Answer(nonce - 1, At(11));
  timer.Answer(nonce + 1, At(12));
  EXPECT_EQ(timer.last(), std::nullopt);
  timer.Answer(nonce, At(20));
  timer.Answer(nonce, At(50));
  EXPECT_EQ(timer.last(), milliseconds(10)) << "an answer counts once";
}

TEST(PingTimerTest, OneThatIsNeverAnsweredDoesNotKeepLaterOnesFromIt) {
  PingTimer timer;
  timer.Send(At(0));
  const uint64_t second = timer.Send(At(250));
  timer.Answer(second, At(300));
  EXPECT_EQ(timer.last(), std::nullopt) << "the second was not timed";
  const uint64_t third = timer.Send(At(500));
  timer.Answer(third, At(540));
  EXPECT_EQ(timer.last(), milliseconds(40));
}

}  // namespace
}  // namespace ov6
