// SPDX-License-Identifier: Apache-2.0
// Whole routers: who sends to whom, through what goes wrong, and among liars.
#include "tests/sim/world.h"

#include <gtest/gtest.h>

#include "tests/sim/trial.h"

namespace ov6::sim {
namespace {

void ExpectNoFaults(const Trial& trial) {
  const Verdict verdict = Judge(trial);
  for (const std::string& fault : verdict.faults) ADD_FAILURE() << fault;
  if (testing::Test::HasFailure()) {
    ADD_FAILURE() << verdict.log << verdict.line << "\nagain: " << verdict.command;
  }
  testing::Test::RecordProperty("figures", verdict.line);
}

class NemesisOf : public testing::TestWithParam<uint64_t> {};
TEST_P(NemesisOf, AHundredRouters) { ExpectNoFaults({true, GetParam(), 100, 3, 0}); }
INSTANTIATE_TEST_SUITE_P(Seeds, NemesisOf, testing::Range(uint64_t{1}, uint64_t{11}));

// Behind a NAT that any peer may send through, and behind one that lets in only who was asked before: the
// second is no good member of a ring, and nobody else is the worse for it.
TEST(BehindANat, RoutersAreReached) {
  WorldOptions options;
  options.seed = 21;
  options.routers = 20;
  World world(options);
  ASSERT_TRUE(world.Form());
  const size_t open = world.AddMachine(Nat{Ipv4{0xcb007101}, 1000, false});
  const size_t closed = world.AddMachine(Nat{Ipv4{0xcb007102}, 2000, true});
  world.RunFor(60s);
  const uint64_t in = world.Send(3, open), out = world.Send(open, 5);
  const uint64_t before = world.Send(4, 6);
  world.RunFor(10s);
  EXPECT_TRUE(world.Delivered(in));
  EXPECT_TRUE(world.Delivered(out));
  EXPECT_TRUE(world.Delivered(before));
  world.Crash(closed);
  world.RunFor(60s);
  EXPECT_EQ(world.Unreached(2), 0u);
  EXPECT_TRUE(world.Faults().empty()) << world.Faults().front();
  EXPECT_TRUE(world.Leaks().empty()) << world.Leaks().front();
}

// "did host A's packet reach host B's router, and no other"
TEST(Packets, ReachWhereTheirSiteIsAndNoOther) {
  WorldOptions options;
  options.seed = 22;
  options.routers = 24;
  World world(options);
  ASSERT_TRUE(world.Form());
  EXPECT_EQ(world.Unreached(23), 0u);
  world.MoveSite(3, 7);
  world.ChangeAddress(5);
  world.RunFor(6min);
  EXPECT_EQ(world.Unreached(23), 0u);
  EXPECT_EQ(world.astray(), 0u);
  EXPECT_TRUE(world.Faults().empty()) << world.Faults().front();
}

TEST(Determinism, TheSameSeedGivesTheSameHistory) {
  const Trial trial{true, 31, 20, 1, 0};
  EXPECT_EQ(Judge(trial).line, Judge(trial).line);
  EXPECT_NE(Judge(trial).line, Judge({true, 32, 20, 1, 0}).line);
}

// A fifth of them lie, each in one of six ways: nobody believes a forged mapping, and answers are right.
TEST(AmongLiars, AnswersAreRight) {
  const Verdict verdict = Judge({false, 41, 200, 2, 20});
  for (const std::string& fault : verdict.faults) ADD_FAILURE() << fault;
  EXPECT_EQ(verdict.wrong, 0u) << "forged mappings accepted";
  EXPECT_GE(static_cast<double>(verdict.asked - verdict.unreached), 0.99 * static_cast<double>(verdict.asked))
      << verdict.log << verdict.line << "\nagain: " << verdict.command;
  RecordProperty("figures", verdict.line);
}

// Without the table a liar on the way decides whom a question reaches; "absent" is asked for along five ways.
TEST(AmongLiars, ByFingersFewOfThePresentAreCalledAbsent) {
  WorldOptions options;
  options.seed = 41;
  options.routers = 200;
  options.liars = 0.2;
  options.table_members = 0;
  World world(options);
  ASSERT_TRUE(world.Form());
  world.Converse(1min, 250ms);
  const Ledger::Counts& counts = world.ledger().counts();
  EXPECT_EQ(counts.wrong, 0u) << "forged mappings accepted";
  EXPECT_LE(5 * counts.lost, counts.right + counts.lost) << "a third, if one way's word is enough";
}

}  // namespace
}  // namespace ov6::sim
