// SPDX-License-Identifier: Apache-2.0
#include "slaves/engine/chord/rpc.h"

#include <gtest/gtest.h>

namespace ov6::chord {
namespace {

using namespace std::chrono_literals;

const Endpoint kPeer{Ipv4{0x0a000001}, 4646};
const Endpoint kOther{Ipv4{0x0a000002}, 4646};
BootTime At(Duration d) { return BootTime(d); }
Peer APeer(uint8_t id, uint64_t incarnation = 1) { return {Key{id}, incarnation, kPeer, 0}; }

struct Fixture : testing::Test {
  std::vector<Duration> sent;  // when
  BootTime now = At(0ms);
  int dead = 0, answers = 0;
  Rpcs rpcs{RpcConfig{}, [this](const Endpoint&, const Bytes&) { sent.push_back(now.time_since_epoch()); }};

  void Call(uint64_t id, const Peer& to, Rpcs::Options options = {}) {
    EXPECT_TRUE(rpcs.Start(
        now, id, to, {1}, [this](const Message* m) { ++(m == nullptr ? dead : answers); }, options));
  }
  Rpcs::Match Reply(uint64_t id, const Endpoint& from, const Peer& sender) {
    Message message;
    message.rpc = id;
    message.sender = sender;
    return rpcs.OnReply(now, from, message, 100);
  }
  void RunUntil(Duration end) {
    while (rpcs.NextDeadline() <= At(end)) {
      now = rpcs.NextDeadline();
      rpcs.OnTimer(now);
    }
    now = At(end);
  }
};

TEST_F(Fixture, ThreeTriesWithBackOffBeforeAPeerIsDead) {
  Call(1, APeer(7));
  RunUntil(10s);
  EXPECT_EQ(sent, (std::vector<Duration>{0ms, 250ms, 750ms}));
  EXPECT_EQ(dead, 1);
  EXPECT_EQ(rpcs.size(), 0u);
  EXPECT_EQ(rpcs.timed_out(), 1u);
}

TEST_F(Fixture, TheTimeoutFollowsThePeersRoundTrips) {
  for (uint64_t i = 0; i < 20; ++i) {
    Call(i, APeer(7));
    now += 400ms / 4;
    EXPECT_EQ(Reply(i, kPeer, APeer(7)), Rpcs::Match::kMatched);
  }
  sent.clear();
  const Duration start = now.time_since_epoch();
  Call(100, APeer(7));
  RunUntil(start + 10s);
  ASSERT_EQ(sent.size(), 3u);
  EXPECT_GE(sent[1] - sent[0], 150ms) << "never below the minimum";
  EXPECT_LT(sent[1] - sent[0], 250ms) << "mean 100 ms, little variation";
  EXPECT_EQ(sent[2] - sent[1], 2 * (sent[1] - sent[0]));
}

// Whoever is later than usual does not hold up who asks, long before it is asked again.
TEST_F(Fixture, LateIsWhatIsLaterThanThePeersOwnRoundTrips) {
  std::vector<Duration> late;
  const Rpcs::Options tell{.on_delay = [&] { late.push_back(now.time_since_epoch()); }};
  for (uint64_t i = 0; i < 20; ++i) {
    Call(i, APeer(7), tell);
    now += 40ms;
    Reply(i, kPeer, APeer(7));
  }
  EXPECT_TRUE(late.empty());
  sent.clear();
  const Duration start = now.time_since_epoch();
  Call(100, APeer(7), tell);
  RunUntil(start + 10s);
  ASSERT_EQ(late.size(), 1u) << "once";
  EXPECT_GE(late[0] - start, 50ms) << "a quarter more than the mean at least";
  EXPECT_LT(late[0] - start, 60ms);
  EXPECT_EQ(sent.size(), 3u);
  EXPECT_EQ(dead, 1);
}

TEST_F(Fixture, OfOneNeverAskedThoseOfAllOthersTellWhatIsLate) {
  for (uint64_t i = 0; i < 40; ++i) {
    const Peer peer{Key{static_cast<uint8_t>(i)}, 1, {Ipv4{static_cast<uint32_t>(i)}, 4646}, 0};
    Call(i, peer);
    now += i % 2 == 0 ? 50ms : 70ms;
    Reply(i, peer.endpoint, peer);
  }
  Duration late{};
  const Duration start = now.time_since_epoch();
  Call(100, APeer(7), {.on_delay = [&] { late = now.time_since_epoch(); }});
  RunUntil(start + 10s);
  EXPECT_GT(late - start, 70ms);
  EXPECT_LT(late - start, 150ms) << "before it is asked again";
}

TEST_F(Fixture, WithNothingKnownLateIsWhatIsAskedAgain) {
  Duration late{};
  Call(1, APeer(7), {.on_delay = [&] { late = now.time_since_epoch(); }});
  RunUntil(10s);
  EXPECT_EQ(late, 250ms);
}

TEST_F(Fixture, OnlyWhoWasAskedMayAnswer) {
  Call(1, APeer(7));
  EXPECT_EQ(Reply(2, kPeer, APeer(7)), Rpcs::Match::kUnsolicited);
  EXPECT_EQ(Reply(1, kOther, APeer(7)), Rpcs::Match::kUnsolicited);
  EXPECT_EQ(answers + dead, 0);
  EXPECT_EQ(Reply(1, kPeer, APeer(7, 2)), Rpcs::Match::kIdMismatch) << "a later incarnation";
  EXPECT_EQ(dead, 1) << "the one that was meant is gone";
  EXPECT_EQ(Reply(1, kPeer, APeer(7)), Rpcs::Match::kUnsolicited) << "answered already";
}

TEST_F(Fixture, WithoutAnIdWhoeverIsThereMayAnswer) {
  Call(1, {{}, 0, kPeer}, {1, {}});
  EXPECT_EQ(Reply(1, kPeer, APeer(9, 5)), Rpcs::Match::kMatched);
  EXPECT_EQ(answers, 1);
}

TEST_F(Fixture, TheFirstDelayIsToldOnce) {
  int delays = 0;
  Call(1, APeer(7), {0, [&] { ++delays; }});
  RunUntil(10s);
  EXPECT_EQ(delays, 1);
}

TEST(Bounds, TooManyAreRefused) {
  RpcConfig config;
  config.max_rpcs = 1;
  Rpcs rpcs(config, [](const Endpoint&, const Bytes&) {});
  EXPECT_TRUE(rpcs.Start(At(0ms), 1, APeer(1), {1}, [](const Message*) {}, {}));
  EXPECT_FALSE(rpcs.Start(At(0ms), 2, APeer(1), {1}, [](const Message*) {}, {}));
}

}  // namespace
}  // namespace ov6::chord
