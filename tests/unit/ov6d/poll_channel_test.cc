// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/poll_channel.h"

#include <gtest/gtest.h>

#include <optional>

namespace ov6 {
namespace {

using std::chrono::milliseconds;

class PollChannelTest : public testing::Test {
 protected:
  PollChannelTest() {
    stream_->OnReady([this] { ++ready_; });
  }
  static Bytes B(std::string_view text) { return {text.begin(), text.end()}; }
  // nullopt: it waits.
  std::optional<std::string> Ask(uint64_t number) {
    const size_t slot = answers_.size();
    answers_.emplace_back();
    channel_->Ask(number, [this, slot](std::span<const uint8_t> body) {
      EXPECT_FALSE(answers_[slot]) << "answered twice";
      answers_[slot] = std::string(body.begin(), body.end());
    });
    return answers_[slot];
  }
  size_t Write(std::string_view text) {
    const IoResult result = stream_->Write(B(text));
    EXPECT_NE(result.state, IoState::kFailed);
    return result.state == IoState::kDone ? result.size : 0;
  }
  std::string Read() {
    std::string all;
    uint8_t buffer[3];
    for (;;) {
      const IoResult result = stream_->Read(buffer);
      if (result.state != IoState::kDone) return all;
      all.append(buffer, buffer + result.size);
    }
  }

  BootTime now_{};
  bool closed_ = false;
  int ready_ = 0;
  std::shared_ptr<PollChannel> channel_ =
      std::make_shared<PollChannel>([this] { return now_; }, "cn", true, [this] { closed_ = true; });
  std::unique_ptr<Stream> stream_ = channel_->MakeStream();
  std::vector<std::optional<std::string>> answers_;
};

TEST_F(PollChannelTest, WhatIsWrittenAnswersTheRequestThatWaits) {
  EXPECT_EQ(Write("early"), 0u) << "nobody has asked";
  EXPECT_EQ(Ask(1), std::nullopt);
  EXPECT_EQ(ready_, 1) << "now the session may write";
  EXPECT_EQ(Write("one"), 3u);
  EXPECT_EQ(answers_[0], "one");
  EXPECT_EQ(Write("two"), 0u) << "one request has one answer";
}

TEST_F(PollChannelTest, AnAnswerIsKeptUntilTheNextRequestSaysThatItHasCome) {
  Ask(1);
  Write("one");
  EXPECT_EQ(Ask(1), "one");
  EXPECT_EQ(Ask(1), "one") << "as often as it is lost";
  EXPECT_EQ(channel_->down().Of(3), PollSequence::Place::kWrong);
  EXPECT_EQ(Ask(2), std::nullopt);
  EXPECT_EQ(channel_->down().Of(1), PollSequence::Place::kWrong);
  Write("two");
  EXPECT_EQ(answers_.back(), "two");
}

TEST_F(PollChannelTest, OneThatIsRepeatedWhileItWaitsTakesThePlaceOfTheFirst) {
  Ask(1);
  Ask(1);
  Write("one");
  EXPECT_EQ(answers_[0], std::nullopt);
  EXPECT_EQ(answers_[1], "one");
}

TEST_F(PollChannelTest, ABeatAnswersWithNothing) {
  channel_->Beat();
  Ask(1);
  channel_->Beat();
  EXPECT_EQ(answers_[0], "");
  channel_->Beat();
  EXPECT_EQ(Ask(1), "") << "that is kept as well";
  Ask(2);
  Write("two");
  EXPECT_EQ(answers_.back(), "two");
}

TEST_F(PollChannelTest, AnAnswerHasItsMost) {
  Ask(1);
  EXPECT_EQ(Write(std::string(kMaxPollBody + 1, 'x')), kMaxPollBody);
}

TEST_F(PollChannelTest, BodiesAreReadInOrderAndOnce) {
  EXPECT_EQ(Read(), "");
  channel_->Take(B("hello "));
  channel_->Take(B("world"));
  EXPECT_EQ(ready_, 2);
  EXPECT_EQ(Read(), "hello world");
  EXPECT_EQ(Read(), "");
  EXPECT_EQ(channel_->up().Of(2), PollSequence::Place::kAgain);
}

TEST_F(PollChannelTest, SaysWhatHasArrived) {
  EXPECT_EQ(stream_->delivery()->arrived, 0u);
  Ask(1);
  Write("one");
  now_ += milliseconds(100);
  EXPECT_EQ(stream_->delivery()->on_their_way, 3u);
  EXPECT_EQ(stream_->delivery()->waited, milliseconds(100));
  EXPECT_EQ(stream_->delivery()->arrived, 0u);
  Ask(1);
  EXPECT_EQ(stream_->delivery()->arrived, 0u) << "it has not";
  Ask(2);
  EXPECT_EQ(stream_->delivery()->arrived, 1u);
  EXPECT_EQ(stream_->delivery()->on_their_way, 0u);
  EXPECT_EQ(stream_->delivery()->waited, Duration(0));
  EXPECT_TRUE(stream_->delivery()->by_process);
}

TEST_F(PollChannelTest, TheEndOfTheStreamIsTold) {
  EXPECT_STREQ(stream_->Name(), "poll-tls");
  EXPECT_EQ(stream_->PeerName(), "cn");
  Ask(1);
  stream_->Close();
  EXPECT_TRUE(closed_);
  channel_->Beat();
  EXPECT_EQ(answers_[0], std::nullopt);
}

}  // namespace
}  // namespace ov6
