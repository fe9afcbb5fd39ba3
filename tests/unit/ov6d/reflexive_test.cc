// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/reflexive.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace ov6 {
namespace {

using std::chrono::milliseconds;

class ReflexiveTest : public ::testing::Test {
 protected:
  StunMessage Answer(const StunTransaction& transaction) const {
    StunMessage answer;
    answer.kind = StunMessage::Kind::kSuccess;
    answer.transaction = transaction;
    answer.mapped = place_;
    return answer;
  }

  BootTime now_{std::chrono::seconds(1000)};
  uint8_t drawn_ = 0;
  Reflexive reflexive_{[this](std::span<uint8_t> bytes) { std::fill(bytes.begin(), bytes.end(), ++drawn_); }};
  const Endpoint server_ = Endpoint::Parse("203.0.113.1:6080").value(),
                 place_ = Endpoint::Parse("198.51.100.7:40000").value();
};

TEST_F(ReflexiveTest, AServerIsAskedAndAskedAgain) {
  reflexive_.SetServers(now_, std::vector{server_});
  auto questions = reflexive_.OnTimer(now_);
  ASSERT_EQ(questions.size(), 1u);
  EXPECT_EQ(questions[0].server, server_);
  EXPECT_FALSE(reflexive_.settled(now_));
  EXPECT_TRUE(reflexive_.OnAnswer(now_, server_, Answer(questions[0].transaction)));
  EXPECT_TRUE(reflexive_.settled(now_));
  EXPECT_EQ(reflexive_.places(), std::vector{place_});
  EXPECT_EQ(reflexive_.NextDeadline(), now_ + Reflexive::kRefresh);
  EXPECT_TRUE(reflexive_.OnTimer(now_ + Reflexive::kRefresh - milliseconds(1)).empty());
  EXPECT_EQ(reflexive_.OnTimer(now_ + Reflexive::kRefresh).size(), 1u);
}

TEST_F(ReflexiveTest, OnlyTheAnswerToTheLastQuestionCounts) {
  reflexive_.SetServers(now_, std::vector{server_});
  const auto questions = reflexive_.OnTimer(now_);
  EXPECT_FALSE(reflexive_.OnAnswer(now_, server_, Answer(StunTransaction{})));
  EXPECT_FALSE(reflexive_.OnAnswer(now_, place_, Answer(questions[0].transaction)));
  EXPECT_TRUE(reflexive_.OnAnswer(now_, server_, Answer(questions[0].transaction)));
  EXPECT_FALSE(reflexive_.OnAnswer(now_, server_, Answer(questions[0].transaction)));
}

TEST_F(ReflexiveTest, SilenceIsAskedIntoEverMoreSeldom) {
  reflexive_.SetServers(now_, std::vector{server_});
  const BootTime begin = now_;
  std::vector<Duration> asked;
  for (; now_ < begin + std::chrono::seconds(60); now_ += milliseconds(100)) {
    if (!reflexive_.OnTimer(now_).empty()) asked.push_back(now_ - begin);
  }
  EXPECT_EQ(asked, (std::vector<Duration>{milliseconds(0), milliseconds(500), milliseconds(1500),
                                          milliseconds(3500), milliseconds(7500), milliseconds(15500),
                                          milliseconds(30500), milliseconds(45500)}));
}

// What nobody confirms any more is told to nobody.
TEST_F(ReflexiveTest, APlaceIsForgottenWhenTheServerFallsSilent) {
  reflexive_.SetServers(now_, std::vector{server_});
  const auto questions = reflexive_.OnTimer(now_);
  reflexive_.OnAnswer(now_, server_, Answer(questions[0].transaction));
  for (const BootTime end = now_ + std::chrono::seconds(40); now_ < end; now_ += milliseconds(100))
    reflexive_.OnTimer(now_);
  EXPECT_TRUE(reflexive_.places().empty());
}

TEST_F(ReflexiveTest, ANewSessionForgetsAllAndWaitsASecondAtMost) {
  reflexive_.SetServers(now_, std::vector{server_});
  const auto questions = reflexive_.OnTimer(now_);
  reflexive_.OnAnswer(now_, server_, Answer(questions[0].transaction));
  reflexive_.SetServers(now_, std::vector{server_});
  EXPECT_TRUE(reflexive_.places().empty());
  EXPECT_FALSE(reflexive_.settled(now_));
  EXPECT_TRUE(reflexive_.settled(now_ + Reflexive::kPatience));
}

TEST_F(ReflexiveTest, WithoutServersThereIsNothingToWaitFor) {
  EXPECT_FALSE(reflexive_.NextDeadline());
  EXPECT_TRUE(reflexive_.settled(now_));
}

}  // namespace
}  // namespace ov6
