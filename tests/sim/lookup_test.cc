// SPDX-License-Identifier: Apache-2.0
// How far and how fast lookups go: by the table of members, by fingers, and among liars.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "slaves/engine/chord/codec.h"
#include "slaves/engine/chord/ring.h"
#include "tests/sim/watch.h"

namespace ov6::sim {
namespace {

using Tune = std::function<void(chord::ChordConfig*)>;

constexpr Weather kWeather{25ms, 35ms};  // a round trip of 60 ms, as between the Chord paper's ten sites
constexpr Duration kRoundTrip = 60ms;

void Defaults(chord::ChordConfig* config) {
  config->successors = 16;
  config->replicas = 8;
}

struct Ring {
  Simulator s;
  std::vector<Key> keys;

  Ring(uint64_t seed, size_t nodes, const Tune& tune, Weather weather = kWeather) : s(seed, weather) {
    const auto both = [tune](chord::ChordConfig* config) {
      Defaults(config);
      if (tune) tune(config);
    };
    Watch(&s);
    for (size_t i = 0; i < nodes; ++i) {
      s.Add(i == 0 ? std::vector<size_t>{} : std::vector<size_t>{s.random()() % i, 0}, both);
      if (i % 50 == 49) s.RunFor(1s);
    }
    EXPECT_TRUE(s.RunUntil([&] { return s.RingIsPerfect(); }, 300s, 500ms));
  }
  void Put(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      keys.push_back(KeyOf("key " + std::to_string(i)));
      s.Put(s.random()() % s.size(), keys.back(), MakeValue("owner", 1, 3600, 250));
    }
    s.RunFor(10s);
  }
};

struct Answers {
  size_t asked = 0, found = 0, absent = 0;
  std::vector<int> hops, messages;
  std::vector<Duration> times;
  size_t bytes = 0;

  template <typename T>
  static T Part(std::vector<T> all, double part) {
    std::sort(all.begin(), all.end());
    return all.empty() ? T{} : all[static_cast<size_t>(part * static_cast<double>(all.size() - 1))];
  }
  double MeanHops() const {
    double sum = 0;
    for (const int h : hops) sum += h;
    return sum / static_cast<double>(hops.size());
  }
};

// One get after another, each from a node drawn at random.
Answers Ask(Ring* ring, size_t count, const std::vector<size_t>& askers) {
  Answers answers;
  Simulator& s = ring->s;
  for (size_t i = 0; i < count; ++i) {
    const size_t node = askers[s.random()() % askers.size()];
    const BootTime start = s.now();
    const uint64_t id = s.Get(node, ring->keys[i % ring->keys.size()]);
    s.RunUntil([&] { return s.Answer(node, id) != nullptr; }, 10s, 1ms);
    const GetOutput* answer = s.Answer(node, id);
    ++answers.asked;
    if (answer == nullptr) continue;
    answers.found += answer->outcome == GetOutcome::kFound && answer->values.size() == 1;
    answers.absent += answer->outcome == GetOutcome::kAbsent;
    answers.hops.push_back(answer->hops);
    answers.messages.push_back(answer->messages);
    answers.bytes += answer->bytes;
    answers.times.push_back(s.now() - start);
  }
  return answers;
}

double Milliseconds(Duration d) { return std::chrono::duration<double, std::milli>(d).count(); }

void Tell(const char* what, const Answers& a) {
  std::printf(
      "%s: %zu of %zu found; hops median %d, mean %.2f, p95 %d; time median %.0f ms, p95 %.0f ms; messages "
      "median "
      "%d, p95 %d, most %d; %zu bytes each\n",
      what, a.found, a.asked, Answers::Part(a.hops, 0.5), a.MeanHops(), Answers::Part(a.hops, 0.95),
      Milliseconds(Answers::Part(a.times, 0.5)), Milliseconds(Answers::Part(a.times, 0.95)),
      Answers::Part(a.messages, 0.5), Answers::Part(a.messages, 0.95), Answers::Part(a.messages, 1.0),
      a.bytes / a.asked);
}

class OneHop : public testing::TestWithParam<size_t> {};

TEST_P(OneHop, ByTheTableOfMembers) {
  Ring ring(201, GetParam(), {});
  ring.s.RunFor(30s);
  ring.Put(100);
  uint64_t bytes = 0;
  const BootTime start = ring.s.now();
  ring.s.on_send = [&](const Endpoint&, const SendOutput& send) { bytes += send.bytes.size(); };
  const Answers answers = Ask(&ring, 300, ring.s.Alive());
  Tell("table", answers);
  std::printf("all that %zu nodes send: %.0f bytes a second each\n", GetParam(),
              static_cast<double>(bytes) / std::chrono::duration<double>(ring.s.now() - start).count() /
                  static_cast<double>(GetParam()));
  EXPECT_EQ(answers.found, answers.asked);
  EXPECT_EQ(Answers::Part(answers.hops, 0.5), 1);
  EXPECT_LE(Answers::Part(answers.times, 0.95), kRoundTrip * 5 / 2);
  EXPECT_LE(Answers::Part(answers.messages, 1.0), 40);
}
INSTANTIATE_TEST_SUITE_P(Nodes, OneHop, testing::Values(size_t{64}, size_t{1000}),
                         [](const auto& info) { return std::to_string(info.param); });

TEST(Fingers, HalfTheLogarithm) {
  Ring ring(202, 1000, [](chord::ChordConfig* config) { config->table_members = 0; });
  ring.s.RunFor(60s);
  ring.Put(100);
  const Answers answers = Ask(&ring, 300, ring.s.Alive());
  Tell("fingers", answers);
  EXPECT_EQ(answers.found, answers.asked);
  EXPECT_LE(answers.MeanHops(), 0.5 * std::log2(1000.0) + 1);
}

// Gets begun at the moment of death find all that is left, long before anybody has noticed.
class ManyDie : public testing::TestWithParam<std::pair<size_t, double>> {};

TEST_P(ManyDie, ByFingersNoGetFailsWhoseValueIsLeft) {
  const auto [nodes, part] = GetParam();
  Ring ring(203, nodes, [](chord::ChordConfig* config) { config->table_members = 0; });
  Simulator& s = ring.s;
  s.RunFor(60s);
  ring.Put(100);
  s.on_change = {};  // so many deaths at once are more than Zave's invariant bears
  std::vector<size_t> before = s.Alive();
  std::vector<size_t> alive = before;
  for (auto left = static_cast<size_t>(part * static_cast<double>(nodes)); left > 0; --left) {
    const size_t at = s.random()() % alive.size();
    s.Crash(alive[at]);
    alive.erase(alive.begin() + static_cast<ptrdiff_t>(at));
  }
  const auto left = [&](const Key& key) {
    std::sort(before.begin(), before.end(), [&](size_t a, size_t b) {
      return chord::Distance(key, s.node(a).id) < chord::Distance(key, s.node(b).id);
    });
    return std::any_of(before.begin(), before.begin() + 8,
                       [&](size_t i) { return s.node(i).engine != nullptr; });
  };
  std::vector<std::pair<size_t, uint64_t>> asked;
  for (size_t i = 0; i < 300; ++i) {
    const size_t node = alive[s.random()() % alive.size()];
    const Key& key = ring.keys[i % ring.keys.size()];
    if (left(key)) asked.emplace_back(node, s.Get(node, key));
  }
  s.RunFor(9s);
  size_t found = 0;
  for (const auto& [node, id] : asked) {
    const GetOutput* answer = s.Answer(node, id);
    found += answer != nullptr && answer->outcome == GetOutcome::kFound;
  }
  EXPECT_GT(asked.size(), 280u);
  EXPECT_EQ(found, asked.size());
}
INSTANTIATE_TEST_SUITE_P(AtOnce, ManyDie,
                         testing::Values(std::pair{size_t{256}, 0.3}, std::pair{size_t{256}, 0.5}),
                         [](const auto& info) {
                           return std::to_string(info.param.first) + "_" +
                                  std::to_string(static_cast<int>(100 * info.param.second));
                         });

}  // namespace
}  // namespace ov6::sim
