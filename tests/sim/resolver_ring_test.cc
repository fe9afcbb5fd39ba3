// SPDX-License-Identifier: Apache-2.0
// The resolver over a ring of Chord nodes.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "slaves/engine/resolver/resolver.h"
#include "tests/sim/record_judge.h"
#include "tests/sim/registry.h"
#include "tests/sim/simulator.h"

namespace ov6::sim {
namespace {

// The whole way: sixteen nodes, each with its site; every node resolves every site.
TEST(OverChord, EveryNodeResolvesEverySite) {
  Simulator s(81);
  Registry registry(OpenDomain("fd00::/8", 48));
  const auto tune = [](chord::ChordConfig* config) {
    config->checker = MakeRecordChecker(OpenDomain("fd00::/8", 48), [] { return kWall; });
  };
  s.Add({}, tune);
  for (size_t i = 1; i < 16; ++i) s.Add({0}, tune);
  ASSERT_TRUE(s.RunUntil([&] { return s.RingIsPerfect(); }, 20s));
  std::vector<Prefix> sites;
  for (uint8_t i = 0; i < 16; ++i) {
    sites.push_back(P("fd00::/48"));
    sites.back().address.bytes[3] = static_cast<uint8_t>(17 * i + 1);
    s.Put(i, StorageKey(registry.domain(), sites.back()),
          Signed(registry.domain(), sites.back(), 1, {At("198.51.100.1")}, KeyPair(i + 1)));
  }
  s.RunFor(2s);
  for (size_t node = 0; node < 16; ++node) {
    ResolverConfig config;
    config.domain = registry.domain();
    Resolver resolver(config);
    for (const Prefix& site : sites) {
      Ipv6 host = site.address;
      host.bytes[15] = 5;
      resolver.Resolve(s.now(), kWall, 1, host);
      std::optional<ResolveOutput> done;
      while (std::optional<ResolverOutput> output = resolver.NextOutput()) {
        if (auto* result = std::get_if<ResolveOutput>(&*output)) {
          done = std::move(*result);
          break;
        }
        const uint64_t id = s.Get(node, std::get<GetRequest>(*output).key);
        ASSERT_TRUE(s.RunUntil([&] { return s.Answer(node, id) != nullptr; }, 10s));
        GetOutput answer = *s.Answer(node, id);
        answer.id = std::get<GetRequest>(*output).id;
        resolver.OnGet(s.now(), kWall, answer);
      }
      ASSERT_TRUE(done.has_value());
      EXPECT_EQ(done->outcome, ResolveOutcome::kFound);
      EXPECT_EQ(done->covering, site);
    }
  }
}

// --- what a miss costs ----------------------------------------------------------------

constexpr Duration kRoundTrip = 60ms;

// A thousand nodes that know each other, and a registry: sites; one with many longer prefixes beneath; many
// that are shorter than the aggregate, so that the domain's own key overflows.
struct Thousand {
  Simulator s{301, Weather{25ms, 35ms}};
  Registry registry{OpenDomain("fd00::/8", 48)};
  std::vector<Ipv6> sites, dense, shorts;

  Thousand() {
    const auto tune = [this](chord::ChordConfig* config) {
      config->checker = MakeRecordChecker(registry.domain(), [] { return kWall; });
    };
    for (size_t i = 0; i < 1000; ++i) {
      s.Add(i == 0 ? std::vector<size_t>{} : std::vector<size_t>{s.random()() % i, 0}, tune);
      if (i % 20 == 19) s.RunFor(1s);
    }
    EXPECT_TRUE(s.RunUntil([&] { return s.RingIsPerfect(); }, 300s, 500ms));
    s.RunFor(90s);
    for (uint8_t i = 1; i <= 60; ++i) {
      Register({{0xfd, i, 7, i, 1, i}}, 48, &sites);
      Register({{0xfd, 0xaa, 0, 0, 0, 1, i, uint8_t(i * 7)}}, 64, &dense);
      Register({{0xfd, uint8_t(i * 4), i}}, 24, &shorts);
    }
    s.RunFor(20s);
  }
  void Register(const Ipv6& network, int length, std::vector<Ipv6>* hosts) {
    const Prefix prefix = Prefix::Of(network, length);
    registry.Add(prefix);
    s.Put(s.random()() % s.size(), StorageKey(registry.domain(), prefix),
          Signed(registry.domain(), prefix, 1, {At("198.51.100.7")}, KeyPair(1)));
    Ipv6 host = network;
    for (int i = 8; i < 16; ++i) host.bytes[i] = static_cast<uint8_t>(s.random()());
    hosts->push_back(host);
  }
  ResolverConfig Config(Domain::Resolving resolving) const {
    ResolverConfig config;
    config.domain = registry.domain();
    config.domain.resolving = resolving;
    return config;
  }
  // From a node drawn at random. What the resolver has been told before is not used for an answer.
  ResolveOutput Miss(const Ipv6& address, Resolver* asker);
};

ResolveOutput Thousand::Miss(const Ipv6& address, Resolver* asker) {
  Resolver& resolver = *asker;
  const size_t node = s.random()() % s.size();
  std::map<uint64_t, uint64_t> asked;  // the simulator's id -> the resolver's
  resolver.Resolve(s.now(), kWall, 1, address, {.fresh = true});
  for (;;) {
    while (std::optional<ResolverOutput> output = resolver.NextOutput()) {
      if (auto* done = std::get_if<ResolveOutput>(&*output)) return std::move(*done);
      const GetRequest get = std::get<GetRequest>(*output);
      asked[s.Get(node, get.key)] = get.id;
    }
    const auto answered = [&] {
      return std::find_if(asked.begin(), asked.end(),
                          [&](const auto& a) { return s.Answer(node, a.first) != nullptr; });
    };
    if (!s.RunUntil([&] { return answered() != asked.end(); }, 10s, 1ms)) return {};
    GetOutput answer = *s.Answer(node, answered()->first);
    answer.id = answered()->second;
    asked.erase(answered());
    resolver.OnGet(s.now(), kWall, answer);
  }
}

struct Costs {
  std::vector<int> messages;
  std::vector<Duration> times;
  size_t bytes = 0;

  void Tell(const char* what) {
    std::sort(messages.begin(), messages.end());
    std::sort(times.begin(), times.end());
    double sum = 0;
    for (const int m : messages) sum += m;
    const size_t n = messages.size();
    std::printf(
        "%s: %zu misses; messages mean %.1f, p95 %d, most %d; %zu bytes; time median %.0f ms, p95 %.0f ms\n",
        what, n, sum / static_cast<double>(n), messages[n * 95 / 100], messages.back(), bytes / n,
        std::chrono::duration<double, std::milli>(times[n / 2]).count(),
        std::chrono::duration<double, std::milli>(times[n * 95 / 100]).count());
  }
};

TEST(AThousandNodes, AMissCostsAtMostFortyMessages) {
  Thousand ring;
  const auto ask = [&](const char* what, const std::vector<Ipv6>& addresses, Domain::Resolving resolving,
                       bool anew) {
    Costs costs;
    std::optional<Resolver> asker(std::in_place, ring.Config(resolving));
    for (const Ipv6& address : addresses) {
      if (anew) asker.emplace(ring.Config(resolving));
      const ResolveOutput output = ring.Miss(address, &*asker);
      const std::optional<Prefix> longest = ring.registry.Longest(address);
      EXPECT_EQ(output.outcome, longest ? ResolveOutcome::kFound : ResolveOutcome::kAbsent) << what;
      if (longest && !output.records.empty()) {
        EXPECT_EQ(output.records.front().prefix, *longest);
      }
      costs.messages.push_back(output.messages);
      costs.times.push_back(output.time);
      costs.bytes += output.bytes;
    }
    costs.Tell(what);
    return costs;
  };
  constexpr auto kAtOnce = Domain::Resolving::kAggregates;
  std::vector<Ipv6> nowhere = ring.sites;
  for (Ipv6& address : nowhere) address.bytes[5] ^= 0x40;
  for (const auto& [what, addresses] : {std::pair{"sites", &ring.sites},
                                        {"nowhere", &nowhere},
                                        {"many beneath", &ring.dense},
                                        {"shorter", &ring.shorts}}) {
    EXPECT_LE(
        ask((std::string(what) + ", a router's first").c_str(), *addresses, kAtOnce, true).messages.back(),
        40)
        << what;
    // Its first miss has told which keys are full; all others take one round.
    const Costs costs = ask(what, *addresses, kAtOnce, false);
    EXPECT_LE(costs.messages.back(), 40) << what;
    EXPECT_LT(costs.times[costs.times.size() * 95 / 100], kRoundTrip * 5 / 2) << what;
  }
  ring.sites.resize(5);
  ask("sites, by zeroing", ring.sites, Domain::Resolving::kZeroing, true);
}

}  // namespace
}  // namespace ov6::sim
