// SPDX-License-Identifier: Apache-2.0
// What is stored survives: many that fail at once, a partition that heals, many that leave.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/sim/simulator.h"
#include "tests/sim/watch.h"

namespace ov6::sim {
namespace {

void AsInTheField(chord::ChordConfig* config) {
  config->successors = 16;
  config->replicas = 8;
}

struct Stored {
  Simulator s;
  std::map<std::string, size_t> keys;  // and who has put them

  // A mesh of the first 17, then the others, a few at a time, each through one that is in.
  Stored(uint64_t seed, size_t nodes, bool watched = false, Duration republish = 5min) : s(seed) {
    const auto tune = [republish](chord::ChordConfig* config) {
      AsInTheField(config);
      config->republish = republish;
    };
    if (watched) Watch(&s);
    s.Add({}, tune);
    for (size_t i = 1; i < nodes; ++i) {
      s.Add({i <= 17 ? 0 : s.network().Below(std::min(i - 1, size_t{200}))}, tune);
      if (i % 8 == 0) s.RunFor(100ms);
    }
    EXPECT_TRUE(s.RunUntil([&] { return s.RingIsPerfect(); }, 300s, 500ms));
  }
  std::string Put(size_t node, uint64_t sequence = 1) {
    const std::string key = "key " + std::to_string(keys.size());
    keys[key] = node;
    s.Put(node, KeyOf(key), MakeValue("owner", sequence));
    return key;
  }
  void PutMany(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      const std::vector<size_t> alive = s.Alive();
      Put(alive[s.network().Below(alive.size())]);
    }
    s.RunFor(5s);
  }
  struct Asked {
    std::string key;
    size_t node;
    uint64_t id;
  };
  // Of keys whose publisher lives, those that some node that is asked for them does not find.
  std::set<std::string> Lost() {
    const std::vector<size_t> alive = s.Alive();
    std::vector<Asked> asked;
    for (const auto& [key, publisher] : keys) {
      if (!s.node(publisher).engine) continue;
      const size_t node = alive[s.network().Below(alive.size())];
      asked.push_back({key, node, s.Get(node, KeyOf(key))});
      s.RunFor(20ms);
    }
    s.RunFor(9s);
    std::set<std::string> lost;
    for (const Asked& one : asked) {
      const GetOutput* answer = s.Answer(one.node, one.id);
      if (answer == nullptr || answer->outcome != GetOutcome::kFound) lost.insert(one.key);
    }
    return lost;
  }
  // The nodes behind each key, as many as hold it.
  std::map<std::string, std::vector<size_t>> Holders() const {
    std::vector<size_t> ring = s.Alive();
    std::sort(ring.begin(), ring.end(), [&](size_t a, size_t b) { return s.node(a).id < s.node(b).id; });
    std::map<std::string, std::vector<size_t>> holders;
    for (const auto& [key, publisher] : keys) {
      const auto first = std::lower_bound(ring.begin(), ring.end(), KeyOf(key),
                                          [&](size_t node, const Key& k) { return s.node(node).id < k; });
      for (int i = 0; i < s.node(ring.front()).config.replicas; ++i)
        holders[key].push_back(ring[static_cast<size_t>(first - ring.begin() + i) % ring.size()]);
    }
    return holders;
  }
  bool Lives(size_t node) const { return s.node(node).engine != nullptr; }
  void CrashShare(double share) {
    for (const size_t node : s.Alive()) {
      if (s.network().Chance() < share) s.Crash(node);
    }
  }
};

// "0 keys lost whose owner lives": eight holders, of whom three in ten die, and repair.
TEST(Storage, ThreeInTenOfAThousandFailAtOnce) {
  Stored stored(71, 1000);
  stored.PutMany(200);
  stored.CrashShare(0.3);
  EXPECT_TRUE(stored.s.RunUntil([&] { return stored.s.RingIsPerfect(); }, 120s, 500ms));
  EXPECT_TRUE(stored.Lost().empty());
}

// Half of them: lost is what all eight holders of have died, one key in 256, and nothing else; and it is back
// when its publisher has put it again, here after two minutes.
TEST(Storage, HalfOfAThousandFailAtOnce) {
  Stored stored(72, 1000, false, 2min);
  stored.PutMany(600);
  const auto holders = stored.Holders();
  stored.CrashShare(0.5);
  std::set<std::string> gone;
  for (const auto& [key, nodes] : holders) {
    const bool dead = std::none_of(nodes.begin(), nodes.end(), [&](size_t n) { return stored.Lives(n); });
    if (dead && stored.Lives(stored.keys.at(key))) gone.insert(key);
  }
  EXPECT_TRUE(stored.s.RunUntil([&] { return stored.s.RingIsPerfect(); }, 180s, 500ms));
  EXPECT_FALSE(gone.empty()) << "six hundred keys were to be enough";
  EXPECT_EQ(stored.Lost(), gone);
  stored.s.RunFor(2min);
  EXPECT_TRUE(stored.Lost().empty());
}

// Both sides take puts for a minute; the newest sequence wins afterwards.
// Of some keys all eight holders are of the half that never had them: with forty keys one ring in seven
// has such a one.
class Partition : public testing::TestWithParam<uint64_t> {};
TEST_P(Partition, MergesWithoutLoss) {
  Stored stored(GetParam(), 64);
  Simulator& s = stored.s;
  stored.PutMany(40);
  for (size_t i = 0; i < 64; i += 2) s.SetGroup(i, 1);
  s.RunFor(20s);
  for (size_t i = 0; i < 40; ++i) stored.Put(i);
  const std::string both = stored.Put(2, 5);
  s.Put(3, KeyOf(both), MakeValue("owner", 6));
  s.RunFor(40s);
  for (size_t i = 0; i < 64; ++i) s.SetGroup(i, 0);
  EXPECT_TRUE(s.RunUntil([&] { return s.RingIsPerfect(); }, 300s, 100ms));
  s.RunFor(5s);
  EXPECT_TRUE(stored.Lost().empty());
  const uint64_t id = s.Get(10, KeyOf(both));
  s.RunFor(5s);
  ASSERT_NE(s.Answer(10, id), nullptr);
  EXPECT_EQ(s.Answer(10, id)->values, std::vector<Bytes>{MakeValue("owner", 6)});
}
INSTANTIATE_TEST_SUITE_P(Seeds, Partition, testing::Range(uint64_t{73}, uint64_t{85}));

// A third says goodbye within a second.
TEST(Storage, ALeaveStormLosesNothing) {
  Stored stored(74, 96, true);
  stored.PutMany(100);
  for (const size_t node : stored.s.Alive()) {
    if (node % 3 != 0) continue;
    stored.s.Leave(node);
    stored.s.RunFor(30ms);
  }
  EXPECT_TRUE(stored.s.RunUntil([&] { return stored.s.RingIsPerfect(); }, 60s, 100ms));
  EXPECT_TRUE(stored.Lost().empty());
}

// Holders that hold the same say so in two datagrams; a new one is sent what it has not.
TEST(Storage, RepairMovesOnlyWhatIsMissing) {
  Stored stored(75, 32);
  stored.PutMany(200);
  stored.s.RunFor(120s);
  const auto moved = [&] {
    uint64_t bytes = 0;
    for (const size_t i : stored.s.Alive()) bytes += stored.s.node(i).engine->Counter("moved_bytes");
    return bytes;
  };
  const uint64_t before = moved();
  stored.s.RunFor(300s);
  EXPECT_EQ(moved(), before) << "nothing has changed";
}

// A node that starts again with nothing but what it was told to remember.
TEST(Storage, ARingIsFoundAgainWithoutTheBootstrap) {
  Simulator s(76);
  s.Add({});
  for (size_t i = 1; i < 12; ++i) s.Add({0});
  ASSERT_TRUE(s.RunUntil([&] { return s.RingIsPerfect() && s.node(5).told_peers.size() >= 4; }, 60s));
  s.Crash(5);
  s.Crash(0);
  s.RunFor(10s);
  s.node(5).config.bootstrap.clear();
  s.Restart(5);
  EXPECT_TRUE(s.RunUntil([&] { return s.RingIsPerfect(); }, 30s));
  EXPECT_EQ(s.alive(), 11u);
}

}  // namespace
}  // namespace ov6::sim
