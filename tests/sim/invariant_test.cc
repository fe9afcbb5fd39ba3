// SPDX-License-Identifier: Apache-2.0
// The invariant that is kept up to date says after every event what the one that is computed afresh says.
#include "tests/sim/invariant.h"

#include <gtest/gtest.h>

#include "tests/sim/ring_invariant.h"
#include "tests/sim/simulator.h"

namespace ov6::sim {
namespace {

class Invariant : public testing::TestWithParam<uint64_t> {};

TEST_P(Invariant, KeptIsComputed) {
  Simulator s(GetParam(), {5ms, 60ms, 0.05, 0.02});
  RingInvariant kept;
  size_t changes = 0, breaches = 0;
  s.on_change = [&](const Simulator& simulator, size_t number) {
    kept.Changed(simulator, number);
    ++changes;
    breaches += kept.Check().empty() ? 0 : 1;
    ASSERT_EQ(kept.Check().empty(), CheckInvariant(simulator).empty())
        << kept.Check() << CheckInvariant(simulator);
    ASSERT_EQ(kept.principals(), Principals(simulator)) << "change " << changes;
  };
  s.Add({});
  for (size_t i = 1; i < 24; ++i) s.Add({0});
  // Half of them at once, so that the invariant is broken now and then.
  for (int round = 0; round < 6; ++round) {
    s.RunFor(5s);
    for (const size_t i : s.Alive()) {
      const uint64_t what = s.random()() % 8;
      if (what < 3) s.Crash(i);
      if (what == 3) s.Leave(i);
    }
    s.RunFor(3s);
    for (size_t i = 0; i < s.size(); ++i) {
      if (!s.node(i).engine && s.random()() % 2 == 0) s.Restart(i);
    }
    s.Add({0, 1, 2, 3});
  }
  EXPECT_GT(changes, 200u);
  RecordProperty("changes", static_cast<int>(changes));
  RecordProperty("breaches", static_cast<int>(breaches));
}

INSTANTIATE_TEST_SUITE_P(Seeds, Invariant, testing::Range(uint64_t{1}, uint64_t{13}));

}  // namespace
}  // namespace ov6::sim
