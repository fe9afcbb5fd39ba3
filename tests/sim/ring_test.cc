// SPDX-License-Identifier: Apache-2.0
// Rings of 1 to 256 nodes: forming, and living through joins, leaves, crashes, loss.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/sim/invariant.h"
#include "tests/sim/simulator.h"

namespace ov6::sim {
namespace {

// Everything asserted after every event; the first breach fails the test with its time.
void Watch(Simulator* simulator) {
  simulator->on_change = [](const Simulator& s) {
    static thread_local bool told;
    if (s.events() < 2) told = false;
    const std::string wrong = CheckInvariant(s);
    if (!wrong.empty() && !std::exchange(told, true)) {
      ADD_FAILURE() << wrong << " after " << (s.now() - BootTime(1s)) / 1ms << " ms, event " << s.events();
    }
  };
}

std::string Picture(const Simulator& s) {
  std::string out;
  for (const size_t i : s.Alive()) {
    const auto view = s.node(i).engine->View();
    out += s.node(i).endpoint.ToString() + " " + ToString(view.mode) + " " +
           std::to_string(view.successors.size()) + "\n";
  }
  return out;
}

struct SizeRow {
  size_t nodes;
  Duration within;
};
void PrintTo(const SizeRow& row, std::ostream* out) { *out << row.nodes << " nodes"; }

class Forming : public testing::TestWithParam<SizeRow> {};

// Everybody starts at once and knows the first alone.
TEST_P(Forming, ClosesInTime) {
  Simulator s(7);
  Watch(&s);
  s.Add({});
  for (size_t i = 1; i < GetParam().nodes; ++i) s.Add({0});
  EXPECT_TRUE(s.RunUntil([&] { return s.RingIsPerfect(); }, GetParam().within)) << Picture(s);
  for (const size_t i : s.Alive()) EXPECT_TRUE(s.node(i).joined) << i;
}

TEST_P(Forming, LivesThroughLoss) {
  Simulator s(8, {5ms, 40ms, 0.05, 0.05});
  Watch(&s);
  s.Add({});
  for (size_t i = 1; i < GetParam().nodes; ++i) s.Add({0});
  EXPECT_TRUE(s.RunUntil([&] { return s.RingIsPerfect(); }, 4 * GetParam().within)) << Picture(s);
}

INSTANTIATE_TEST_SUITE_P(Rings, Forming,
                         testing::Values(SizeRow{1, 1s}, SizeRow{2, 2s}, SizeRow{3, 2s}, SizeRow{4, 2s},
                                         SizeRow{5, 3s}, SizeRow{6, 4s}, SizeRow{7, 5s}, SizeRow{16, 8s},
                                         SizeRow{64, 40s}),
                         [](const auto& info) { return "nodes_" + std::to_string(info.param.nodes); });

}  // namespace
}  // namespace ov6::sim
