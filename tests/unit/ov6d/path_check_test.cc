// SPDX-License-Identifier: Apache-2.0
// Two ends of a path on virtual time, with whatever stands between them.
#include "userspace/ov6d/path_check.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace ov6 {
namespace {

using std::chrono::milliseconds;
using State = PathCheck::State;

Endpoint At(const char* text) { return Endpoint::Parse(text).value(); }

class PathCheckTest : public ::testing::Test {
 protected:
  PathCheck Make() {
    return PathCheck({"ours", "secret"}, [this](std::span<uint8_t> bytes) {
      std::fill(bytes.begin(), bytes.end(), uint8_t{0});
      bytes[0] = static_cast<uint8_t>(++drawn_ >> 8);
      bytes[1] = static_cast<uint8_t>(drawn_);
    });
  }
  void Start(PathCheck& check, std::vector<Endpoint> candidates) {
    check.Start(now_, {"theirs", "other"}, candidates);
  }
  // Runs for so long; the peer answers where `open` says so.
  std::multiset<Endpoint> Run(PathCheck& check, Duration time, const std::set<Endpoint>& open = {}) {
    std::multiset<Endpoint> probed;
    for (const BootTime end = now_ + time; now_ < end; now_ += milliseconds(10)) {
      for (const PathCheck::Probe& probe : check.OnTimer(now_)) {
        probed.insert(probe.to);
        if (open.contains(probe.to)) check.OnAnswer(now_, probe.to, probe.transaction);
      }
    }
    return probed;
  }

  BootTime now_{std::chrono::seconds(1000)};
  uint16_t drawn_ = 0;
  const Endpoint host_ = At("192.168.1.2:6080"), outside_ = At("198.51.100.7:6080"),
                 other_ = At("198.51.100.7:40000");
};

TEST_F(PathCheckTest, NothingIsSentBeforeThePeerIsKnown) {
  PathCheck check = Make();
  EXPECT_EQ(check.state(), State::kWaiting);
  EXPECT_TRUE(Run(check, milliseconds(1000)).empty());
  EXPECT_FALSE(check.NextDeadline());
}

TEST_F(PathCheckTest, EachCandidateIsTriedUntilOneAnswers) {
  PathCheck check = Make();
  Start(check, {host_, outside_});
  const auto probed = Run(check, milliseconds(500));
  EXPECT_EQ(probed.count(host_), 5u);
  EXPECT_EQ(probed.count(outside_), 5u);
  Run(check, milliseconds(100), {outside_});
  EXPECT_EQ(check.state(), State::kUp);
  EXPECT_EQ(check.path(), outside_);
}

// Eight candidates that a peer made up get 18 datagrams each, and no more.
TEST_F(PathCheckTest, WhereNobodyAnswersItEnds) {
  PathCheck check = Make();
  Start(check, {outside_});
  EXPECT_EQ(Run(check, milliseconds(10000)).count(outside_), 18u);
  EXPECT_EQ(check.state(), State::kFailed);
  EXPECT_FALSE(check.NextDeadline());
}

// RFC 7675: the right to send there ends by itself; after the last probe that was answered.
TEST_F(PathCheckTest, APathThatFallsSilentIsLeftInTime) {
  PathCheck check = Make();
  Start(check, {outside_});
  Run(check, milliseconds(1000), {outside_});
  const BootTime last = now_;
  Run(check, PathCheck::kConsent);
  EXPECT_EQ(check.state(), State::kProbing);
  EXPECT_FALSE(check.path());
  EXPECT_LE(check.consent_until(), last + PathCheck::kConsent);
  Run(check, milliseconds(600), {outside_});
  EXPECT_EQ(check.path(), outside_);
}

TEST_F(PathCheckTest, ThreeLostProbesAreForgiven) {
  PathCheck check = Make();
  Start(check, {outside_});
  Run(check, milliseconds(400), {outside_});
  Run(check, 3 * PathCheck::kRefresh);
  EXPECT_EQ(check.state(), State::kUp);
  Run(check, PathCheck::kRefresh, {outside_});
  Run(check, 3 * PathCheck::kRefresh);
  EXPECT_EQ(check.state(), State::kUp);
}

TEST_F(PathCheckTest, AnAnswerFromElsewhereOrToNothingIsNone) {
  PathCheck check = Make();
  Start(check, {outside_});
  const auto probes = check.OnTimer(now_);
  ASSERT_EQ(probes.size(), 1u);
  EXPECT_FALSE(check.Expects(other_, probes[0].transaction));
  EXPECT_FALSE(check.Expects(outside_, StunTransaction{0xff}));
  check.OnAnswer(now_, other_, probes[0].transaction);
  check.OnAnswer(now_, outside_, StunTransaction{0xff});
  EXPECT_EQ(check.state(), State::kProbing);
  ASSERT_TRUE(check.Expects(outside_, probes[0].transaction));
  check.OnAnswer(now_, outside_, probes[0].transaction);
  EXPECT_EQ(check.state(), State::kUp);
  EXPECT_FALSE(check.Expects(outside_, probes[0].transaction)) << "an answer counts once";
}

TEST_F(PathCheckTest, AnAnswerThatComesTooLateOpensNothing) {
  PathCheck check = Make();
  Start(check, {outside_});
  const auto probes = check.OnTimer(now_);
  check.OnAnswer(now_ + PathCheck::kConsent, outside_, probes[0].transaction);
  EXPECT_EQ(check.state(), State::kProbing);
}

// RFC 8445 section 7.3.1.3: a peer behind a symmetric NAT comes from a port that nobody was told.
TEST_F(PathCheckTest, WhereAPeerIsHeardIsTriedAtOnce) {
  PathCheck check = Make();
  Start(check, {outside_});
  Run(check, milliseconds(1550));
  check.OnRequest(now_, other_);
  const auto probed = Run(check, milliseconds(20), {other_});
  EXPECT_EQ(probed.count(other_), 1u);
  EXPECT_EQ(check.path(), other_);
}

// Anybody's address may be in a request that a peer makes up; who is there gets no more than came.
TEST_F(PathCheckTest, WhereAPeerWasOnlyHeardGetsAProbeForEachRequest) {
  PathCheck check = Make();
  Start(check, {});
  check.OnRequest(now_, other_);
  EXPECT_EQ(Run(check, milliseconds(1000)).count(other_), 1u);
  check.OnRequest(now_, other_);
  check.OnRequest(now_, other_);
  EXPECT_EQ(Run(check, milliseconds(1000)).count(other_), 1u);
  check.OnRequest(now_, other_);
  Run(check, milliseconds(500), {other_});
  ASSERT_EQ(check.path(), other_);
  Run(check, PathCheck::kConsent);
  EXPECT_EQ(Run(check, milliseconds(1000)).count(other_), 10u) << "who has answered once wants them";
}

// Its request may be here before what it is called.
TEST_F(PathCheckTest, APeerIsHeardBeforeItIsKnown) {
  PathCheck check = Make();
  check.OnRequest(now_, other_);
  EXPECT_EQ(check.Heard(now_), std::vector{other_});
  EXPECT_TRUE(Run(check, milliseconds(500)).empty());
  Start(check, {});
  Run(check, milliseconds(20), {other_});
  EXPECT_EQ(check.path(), other_);
}

TEST_F(PathCheckTest, WhatIsHeardIsAcceptedForAWhileTheLastFirst) {
  PathCheck check = Make();
  check.OnRequest(now_, outside_);
  now_ += milliseconds(10);
  check.OnRequest(now_, other_);
  EXPECT_EQ(check.Heard(now_), (std::vector{other_, outside_}));
  now_ += PathCheck::kAccept - milliseconds(10);
  EXPECT_EQ(check.Heard(now_), std::vector{other_});
}

TEST_F(PathCheckTest, StrangePlacesCrowdOutNeitherCandidatesNorThePath) {
  PathCheck check = Make();
  Start(check, {outside_});
  check.OnRequest(now_, other_);
  Run(check, milliseconds(50), {other_});
  ASSERT_EQ(check.path(), other_);
  for (uint16_t port = 1; port < 100; ++port) check.OnRequest(now_, {outside_.address, port});
  EXPECT_EQ(check.path(), other_);
  EXPECT_LE(check.Heard(now_).size(), PathCheck::kMaxReflexive);
  Run(check, milliseconds(1000));
  EXPECT_EQ(Run(check, milliseconds(600)).count(outside_), 6u) << "what the peer has told is tried again";
}

// Who is in the ring can name anybody's address: such a place gets five datagrams in 1.5 s.
TEST_F(PathCheckTest, PlacesThatStrangersToldGetFewProbes) {
  PathCheck check = Make();
  check.Start(now_, {"theirs", "other"}, std::vector{host_, outside_}, PathCheck::Told::kByRing);
  EXPECT_EQ(Run(check, milliseconds(710)).count(outside_), 4u);
  const auto late = check.OnTimer(now_ + milliseconds(790));
  ASSERT_EQ(late.size(), 2u);
  EXPECT_TRUE(late[0].strange);
  EXPECT_TRUE(Run(check, PathCheck::kProbeFor).empty());
  EXPECT_EQ(check.state(), State::kFailed);
  check.Start(now_, {"theirs", "other"}, std::vector{outside_}, PathCheck::Told::kByRing);
  EXPECT_EQ(Run(check, PathCheck::kProbeFor).count(outside_), 5u) << "each time that they tell";
}

TEST_F(PathCheckTest, AStrangersPlaceThatWasHeardIsNoMoreStrange) {
  PathCheck check = Make();
  check.Start(now_, {"theirs", "other"}, std::vector{outside_}, PathCheck::Told::kByRing);
  EXPECT_EQ(Run(check, milliseconds(2000)).size(), 5u);
  check.OnRequest(now_, outside_);
  const auto probes = check.OnTimer(now_);
  ASSERT_EQ(probes.size(), 1u) << "at once";
  EXPECT_FALSE(probes[0].strange);
  check.OnAnswer(now_, outside_, probes[0].transaction);
  EXPECT_EQ(check.path(), outside_);
  Run(check, PathCheck::kConsent);
  EXPECT_EQ(Run(check, milliseconds(1000)).count(outside_), 10u) << "who has answered once wants them";
}

TEST_F(PathCheckTest, ANewOfferLeavesAPathThatWorks) {
  PathCheck check = Make();
  Start(check, {outside_});
  Run(check, milliseconds(500), {outside_});
  check.Start(now_, {"theirs2", "other2"}, std::vector{host_});
  EXPECT_EQ(check.state(), State::kUp);
  EXPECT_EQ(check.path(), outside_);
  EXPECT_EQ(check.remote(), (StunCredentials{"theirs2", "other2"}));
  Run(check, milliseconds(1000));
  Run(check, milliseconds(500), {host_});
  EXPECT_EQ(check.path(), host_);
}

}  // namespace
}  // namespace ov6
