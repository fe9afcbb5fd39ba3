// SPDX-License-Identifier: Apache-2.0
// Rings of 1 to 256 nodes: forming, and living through joins, leaves, crashes, loss.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/sim/simulator.h"
#include "tests/sim/watch.h"

namespace ov6::sim {
namespace {

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

// Many at once, each knowing another: with a long list the mesh they begin with takes in more than it holds.
TEST(FormingWide, OutOfMoreThanAMeshHolds) {
  for (uint64_t seed = 300; seed < 306; ++seed) {
    Simulator s(seed);
    Watch(&s);
    const auto tune = [](chord::ChordConfig* config) { config->successors = 16; };
    for (size_t i = 0; i < 64; ++i)
      s.Add(i == 0 ? std::vector<size_t>{} : std::vector<size_t>{s.random()() % i, 0}, tune);
    EXPECT_TRUE(s.RunUntil([&] { return s.RingIsPerfect(); }, 60s, 100ms)) << "seed " << seed << "\n"
                                                                           << Picture(s);
  }
}

// --- what is in it -------------------------------------------------------------

struct Grown {
  Simulator sim;
  explicit Grown(uint64_t seed, size_t nodes, Weather weather = {},
                 std::function<void(chord::ChordConfig*)> tune = {})
      : sim(seed, weather) {
    Watch(&sim);
    sim.Add({}, tune);
    for (size_t i = 1; i < nodes; ++i) sim.Add({i > 8 ? sim.random()() % 8 : 0}, tune);
    EXPECT_TRUE(sim.RunUntil([&] { return sim.RingIsPerfect(); }, 180s)) << Picture(sim);
  }
  // One get a key from each node in `askers`; how many did not find the value.
  size_t Missing(const std::vector<std::string>& keys, const std::vector<size_t>& askers,
                 double* mean_hops = nullptr) {
    std::vector<std::pair<size_t, uint64_t>> asked;
    for (const std::string& key : keys) {
      for (const size_t node : askers) asked.emplace_back(node, sim.Get(node, KeyOf(key)));
      sim.RunFor(50ms);
    }
    sim.RunFor(10s);
    size_t missing = 0;
    double hops = 0;
    for (const auto& [node, id] : asked) {
      const GetOutput* answer = sim.Answer(node, id);
      missing += answer == nullptr || answer->outcome != GetOutcome::kFound || answer->values.size() != 1;
      hops += answer == nullptr ? 0 : answer->hops;
    }
    if (mean_hops != nullptr) *mean_hops = hops / static_cast<double>(asked.size());
    return missing;
  }
  std::vector<std::string> PutMany(size_t count) {
    std::vector<std::string> keys;
    const std::vector<size_t> alive = sim.Alive();
    for (size_t i = 0; i < count; ++i) {
      keys.push_back("key " + std::to_string(i));
      sim.Put(alive[sim.random()() % alive.size()], KeyOf(keys.back()), MakeValue("owner", 1));
    }
    sim.RunFor(5s);
    return keys;
  }
  size_t RandomAlive() { return sim.Alive()[sim.random()() % sim.Alive().size()]; }
};

class Hops : public testing::TestWithParam<size_t> {};

// "path length ~ 1/2 log2 N": each node asked counts one, the final successor included.
TEST_P(Hops, AreHalfTheLogarithm) {
  const size_t n = GetParam();
  Grown grown(21, n, {}, [](chord::ChordConfig* config) { config->table_members = 0; });
  grown.sim.RunFor(60s);  // fingers
  const std::vector<std::string> keys = grown.PutMany(64);
  double mean = 0;
  EXPECT_EQ(grown.Missing(keys, grown.sim.Alive(), &mean), 0u) << "every put is found from every node";
  const double half = 0.5 * std::log2(static_cast<double>(n));
  EXPECT_GE(mean, half - 1.5);
  EXPECT_LE(mean, half + 1);
  RecordProperty("mean_hops_x1000", static_cast<int>(1000 * mean));
}

INSTANTIATE_TEST_SUITE_P(Rings, Hops, testing::Values(size_t{64}, size_t{256}),
                         [](const auto& info) { return "nodes_" + std::to_string(info.param); });

class PutWhileForming : public testing::TestWithParam<uint64_t> {};

// Everybody has something to put the moment it is in, while the next ones are still coming in between: what
// was given to a node that is the owner no more must not wait for the next re-publication.
TEST_P(PutWhileForming, IsFoundFromEveryNode) {
  constexpr size_t kNodes = 8;
  Simulator s(GetParam());
  std::vector<std::string> keys;
  for (size_t i = 0; i < kNodes; ++i) {
    s.Add(i == 0 ? std::vector<size_t>{} : std::vector<size_t>{0},
          [](chord::ChordConfig* config) { config->republish = 1h; });
    keys.push_back("early " + std::to_string(i));
    s.Put(i, KeyOf(keys.back()), MakeValue("owner", 1));
    s.RunFor(std::chrono::milliseconds(s.random()() % 40));
  }
  ASSERT_TRUE(s.RunUntil([&] { return s.RingIsPerfect(); }, 20s)) << Picture(s);
  s.RunFor(3s);
  std::vector<std::pair<size_t, uint64_t>> asked;
  for (const std::string& key : keys) {
    for (const size_t node : s.Alive()) asked.emplace_back(node, s.Get(node, KeyOf(key)));
  }
  s.RunFor(5s);
  for (const auto& [node, id] : asked) {
    const GetOutput* answer = s.Answer(node, id);
    ASSERT_TRUE(answer != nullptr && answer->outcome == GetOutcome::kFound) << "asked from node " << node;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, PutWhileForming, testing::Range(uint64_t{1}, uint64_t{41}));

class Small : public testing::TestWithParam<size_t> {};

TEST_P(Small, EveryPutIsFoundFromEveryNode) {
  Grown grown(31, GetParam());
  const auto keys = grown.PutMany(20);
  EXPECT_EQ(grown.Missing(keys, grown.sim.Alive()), 0u);
  for (const size_t i : grown.sim.Alive()) {
    for (const auto& [id, put] : grown.sim.node(i).puts) {
      EXPECT_TRUE(put.stored);
      EXPECT_EQ(put.replicas, static_cast<int>(std::min<size_t>(3, GetParam())));
    }
  }
}

TEST_P(Small, ACrashLosesNothing) {
  if (GetParam() == 1) GTEST_SKIP() << "one node's crash loses everything";
  Grown grown(32, GetParam());
  const auto keys = grown.PutMany(20);
  grown.sim.Crash(0);
  EXPECT_EQ(grown.Missing(keys, grown.sim.Alive()), 0u) << "while the others notice";
  EXPECT_TRUE(grown.sim.RunUntil([&] { return grown.sim.RingIsPerfect(); }, 20s)) << Picture(grown.sim);
  EXPECT_EQ(grown.Missing(keys, grown.sim.Alive()), 0u);
}

TEST_P(Small, ALeaveLosesNothing) {
  if (GetParam() == 1) GTEST_SKIP() << "one node's leave loses everything";
  Grown grown(33, GetParam());
  const auto keys = grown.PutMany(20);
  grown.sim.Leave(0);
  EXPECT_TRUE(grown.sim.RunUntil([&] { return !grown.sim.node(0).engine; }, 3s))
      << "it says goodbye and is done";
  EXPECT_TRUE(grown.sim.RunUntil([&] { return grown.sim.RingIsPerfect(); }, 5s)) << Picture(grown.sim);
  EXPECT_EQ(grown.Missing(keys, grown.sim.Alive()), 0u);
}

TEST_P(Small, ARestartedNodeComesBack) {
  Grown grown(34, GetParam());
  const size_t last = GetParam() - 1;
  const auto keys = last == 0 ? std::vector<std::string>{} : grown.PutMany(20);
  grown.sim.Crash(last);
  grown.sim.RunFor(500ms);
  grown.sim.Restart(last);
  EXPECT_TRUE(grown.sim.RunUntil([&] { return grown.sim.RingIsPerfect(); }, 20s)) << Picture(grown.sim);
  EXPECT_EQ(grown.Missing(keys, grown.sim.Alive()), 0u);
}

INSTANTIATE_TEST_SUITE_P(Rings, Small,
                         testing::Values(size_t{1}, size_t{2}, size_t{3}, size_t{4}, size_t{5}, size_t{6},
                                         size_t{16}),
                         [](const auto& info) { return "nodes_" + std::to_string(info.param); });

// Joins, leaves and crashes, one every `pause`, down to `least` nodes: nothing that was put is lost, and the
// ring heals.
struct ChurnPlan {
  size_t nodes;
  int events;
  Duration pause = 500ms;
  size_t least = 9;
};
void Churn(uint64_t seed, const ChurnPlan& plan, Weather weather) {
  Grown grown(seed, plan.nodes, weather);
  Simulator& s = grown.sim;
  const auto keys = grown.PutMany(50);
  for (int i = 0; i < plan.events; ++i) {
    s.RunFor(plan.pause);
    const size_t kind = s.Alive().size() < plan.least ? 0 : s.random()() % 4;
    const size_t victim = grown.RandomAlive();
    if (kind < 2) s.Add({grown.RandomAlive(), grown.RandomAlive()});
    if (kind == 2) s.Leave(victim);
    if (kind == 3) s.Crash(victim);
  }
  EXPECT_TRUE(s.RunUntil([&] { return s.RingIsPerfect(); }, 120s)) << Picture(s);
  s.RunFor(70s);  // publishers that are left have put again
  const std::vector<size_t> alive = s.Alive();
  EXPECT_EQ(grown.Missing(keys, {alive.front(), alive[alive.size() / 2], alive.back()}), 0u);
}

class SmallRings : public testing::TestWithParam<int> {};
TEST_P(SmallRings, Churn) {
  const int seed = GetParam();
  const Weather weather{5ms, 60ms, seed % 2 == 0 ? 0 : 0.02, 0.02};
  Churn(1000 + seed, {9 + static_cast<size_t>(seed), 60, 1500ms}, weather);
}
INSTANTIATE_TEST_SUITE_P(Seeds, SmallRings, testing::Range(0, 16));

TEST(Churning, SixtyFourNodes) { Churn(41, {64, 60}, {}); }
TEST(Churning, SixtyFourNodesWithLoss) { Churn(42, {64, 60}, {5ms, 60ms, 0.02, 0.02}); }
TEST(Churning, TwoHundredAndFiftySixNodes) { Churn(43, {256, 40}, {}); }

// From sixteen down to one and up again: ring to mesh and back.
TEST(Churning, DownToOneAndUp) {
  Grown grown(44, 16);
  Simulator& s = grown.sim;
  for (size_t i = 15; i > 0; --i) {
    i % 2 == 0 ? s.Crash(i) : s.Leave(i);
    EXPECT_TRUE(s.RunUntil([&] { return s.RingIsPerfect(); }, 30s)) << i << " left\n" << Picture(s);
  }
  for (size_t i = 1; i < 16; ++i) {
    s.Restart(i);
    EXPECT_TRUE(s.RunUntil([&] { return s.RingIsPerfect(); }, 30s)) << i << " back\n" << Picture(s);
  }
}

// --- coming in -------------------------------------------------------------------

TEST(Bootstrap, DeadOnesAndOneselfAreNoHarm) {
  Simulator s(51);
  Watch(&s);
  s.Add({0});        // itself alone: founds
  s.Add({1, 7, 0});  // itself, a dead one, a live one
  s.Add({2, 9, 1});
  EXPECT_TRUE(s.RunUntil([&] { return s.RingIsPerfect(); }, 2s)) << Picture(s);
}

TEST(Bootstrap, EverybodyNamesEverybody) {
  Simulator s(52);
  Watch(&s);
  for (size_t i = 0; i < 3; ++i) s.Add({0, 1, 2});
  EXPECT_TRUE(s.RunUntil([&] { return s.RingIsPerfect(); }, 2s)) << Picture(s);
}

TEST(Bootstrap, TheOneToAskStartsLate) {
  Simulator s(53);
  Watch(&s);
  s.Add({2});
  s.Add({2});
  s.RunFor(10s);
  EXPECT_TRUE(s.node(0).joined && s.node(1).joined) << "each alone in a ring of its own";
  s.Add({});
  EXPECT_TRUE(s.RunUntil([&] { return s.RingIsPerfect(); }, 15s)) << Picture(s);
}

TEST(Bootstrap, TwoFoundersMerge) {
  Simulator s(54);
  Watch(&s);
  s.Add({1});
  s.SetGroup(0, 1);
  s.RunFor(5s);
  s.Add({});
  s.RunFor(1s);
  s.SetGroup(0, 0);
  EXPECT_TRUE(s.RunUntil([&] { return s.RingIsPerfect(); }, 15s)) << Picture(s);
}

TEST(Partition, OfAMeshHeals) {
  Grown grown(55, 3);
  const auto keys = grown.PutMany(10);
  grown.sim.SetGroup(2, 1);
  grown.sim.RunFor(20s);
  EXPECT_EQ(grown.sim.node(0).engine->View().successors.size(), 1u);
  EXPECT_EQ(grown.sim.node(2).engine->View().successors.size(), 0u);
  grown.sim.SetGroup(2, 0);
  EXPECT_TRUE(grown.sim.RunUntil([&] { return grown.sim.RingIsPerfect(); }, 30s)) << Picture(grown.sim);
  EXPECT_EQ(grown.Missing(keys, grown.sim.Alive()), 0u);
}

TEST(Partition, OfARingHeals) {
  Simulator s(56);
  s.Add({});
  for (size_t i = 1; i < 16; ++i) s.Add({0});
  EXPECT_TRUE(s.RunUntil([&] { return s.RingIsPerfect(); }, 30s));
  for (size_t i = 8; i < 16; ++i) s.SetGroup(i, 1);
  s.RunFor(60s);
  for (size_t i = 8; i < 16; ++i) s.SetGroup(i, 0);
  EXPECT_TRUE(s.RunUntil([&] { return s.RingIsPerfect(); }, 180s)) << Picture(s);
}

// --- the same again ----------------------------------------------------------------

uint64_t TraceOf(uint64_t seed) {
  Simulator s(seed, {5ms, 60ms, 0.03, 0.03});
  s.Add({});
  for (size_t i = 1; i < 24; ++i) s.Add({0});
  for (size_t i = 0; i < 20; ++i) s.Put(i, KeyOf(std::to_string(i)), MakeValue("o", i));
  s.RunFor(10s);
  s.Crash(5);
  s.Leave(6);
  s.RunFor(20s);
  return s.Trace();
}

TEST(Determinism, TheSameSeedGivesTheSameDatagrams) {
  EXPECT_EQ(TraceOf(61), TraceOf(61));
  EXPECT_NE(TraceOf(61), TraceOf(62));
}

}  // namespace
}  // namespace ov6::sim
