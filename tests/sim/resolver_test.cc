// SPDX-License-Identifier: Apache-2.0
// Bit zeroing against a naive longest-prefix match over random registries; what is
// cached and for how long; coalescing; the same over a ring of Chord nodes.
#include "slaves/engine/resolver/resolver.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/sim/registry.h"
#include "tests/sim/simulator.h"

namespace ov6::sim {
namespace {

Resolver Make(const Registry& registry) { return Resolver(ResolverConfig{registry.domain()}); }

struct RegistryRow {
  const char* name;
  const char* domain;
  int aggregate;
  std::vector<int> lengths;
};
class Random : public testing::TestWithParam<RegistryRow> {};

// Addresses with few bits set where it matters, so that they meet each other.
Ipv6 RandomAddress(const Prefix& within, std::mt19937_64& random) {
  Ipv6 address = within.address;
  for (int bit = within.length; bit < 128; ++bit) {
    const bool busy = bit < within.length + 6 || (bit >= 44 && bit < 50) || bit > 120;
    if (random() % (busy ? 2 : 12) == 0) address.bytes[bit / 8] |= static_cast<uint8_t>(0x80 >> (bit % 8));
  }
  return address;
}

TEST_P(Random, TheOracleAgrees) {
  std::mt19937_64 random(71);
  for (int round = 0; round < 4; ++round) {
    Registry registry(OpenDomain(GetParam().domain, GetParam().aggregate));
    for (int i = 0; i < 40; ++i) {
      const int length = GetParam().lengths[random() % GetParam().lengths.size()];
      registry.Add(Prefix::Of(RandomAddress(registry.domain().prefix, random), length));
    }
    Resolver resolver = Make(registry);
    for (int i = 0; i < 150; ++i) {
      const Ipv6 address = RandomAddress(registry.domain().prefix, random);
      const ResolveOutput output = registry.Resolve(&resolver, address, i % 2 == 0);
      const std::optional<Prefix> longest = registry.Longest(address);
      ASSERT_EQ(output.outcome == ResolveOutcome::kFound, longest.has_value()) << address.ToString();
      EXPECT_TRUE(output.covering.Contains(address));
      if (longest) {
        EXPECT_EQ(output.records.front().prefix, *longest) << address.ToString();
        EXPECT_TRUE(longest->Contains(output.covering));
      } else {
        // Nothing registered lies in a hole.
        const Ipv6 other = RandomAddress(output.covering, random);
        EXPECT_EQ(registry.Longest(other), std::nullopt)
            << other.ToString() << " in " << output.covering.ToString();
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Registries, Random,
    testing::Values(RegistryRow{"sites", "fd00::/8", 48, {48}},
                    RegistryRow{"sites_and_beneath", "fd00::/8", 48, {48, 49, 52, 56, 64, 127, 128}},
                    RegistryRow{"every_length", "2001:db8::/32", 48, {33, 36, 40, 44, 47, 48, 50, 64, 128}},
                    RegistryRow{"the_domain_itself", "2001:db8::/32", 40, {32, 40, 64}},
                    RegistryRow{"one_aggregate", "2001:db8:1::/48", 48, {48, 56, 64, 96}}),
    [](const auto& info) { return info.param.name; });

TEST(Answers, TheLongerOnesBeneathComeAlong) {
  Registry registry(OpenDomain("fd00::/8", 48));
  for (const char* prefix : {"fd00:0:1::/48", "fd00:0:1:5::/64", "fd00:0:1:6::/64", "fd00:0:2::/48"})
    registry.Add(P(prefix));
  Resolver resolver = Make(registry);
  const ResolveOutput output = registry.Resolve(&resolver, A("fd00:0:1:9::1"));
  ASSERT_EQ(output.records.size(), 3u);
  EXPECT_EQ(output.records[0].prefix, P("fd00:0:1::/48"));
  EXPECT_EQ(output.records[1].prefix.length, 64);
  EXPECT_EQ(output.records[2].prefix.length, 64);
  const ResolveOutput beneath = registry.Resolve(&resolver, A("fd00:0:1:6::1"));
  EXPECT_TRUE(beneath.cached);
  EXPECT_EQ(beneath.records[0].prefix, P("fd00:0:1:6::/64"));
  EXPECT_EQ(beneath.covering, P("fd00:0:1:6::/64"));
}

struct HoleRow {
  const char* name;
  const char* address;
  const char* hole;
};
class Holes : public testing::TestWithParam<HoleRow> {};

TEST_P(Holes, AreAsWideAsWasSeen) {
  Registry registry(OpenDomain("fd00::/8", 48));
  registry.Add(P("fd00:0:1:8000::/64"));
  Resolver resolver = Make(registry);
  const ResolveOutput output = registry.Resolve(&resolver, A(GetParam().address));
  EXPECT_EQ(output.outcome, ResolveOutcome::kAbsent);
  EXPECT_EQ(output.covering, P(GetParam().hole));
}

INSTANTIATE_TEST_SUITE_P(Resolver, Holes,
                         testing::Values(HoleRow{"nothing_in_the_aggregate", "fd00:0:2::1", "fd00:0:2::/48"},
                                         HoleRow{"the_other_half", "fd00:0:1::1", "fd00:0:1::/49"},
                                         HoleRow{"next_to_it", "fd00:0:1:8001::1", "fd00:0:1:8001::/64"}),
                         [](const auto& info) { return info.param.name; });

TEST(Answers, ARevokedRecordIsAbsent) {
  Registry registry(OpenDomain("fd00::/8", 48));
  const PrivateKey key = KeyPair(1);
  registry.AddRaw(P("fd00:0:1::/48"),
                  Signed(registry.domain(), P("fd00:0:1::/48"), 1, {At("198.51.100.1")}, key));
  registry.AddRaw(P("fd00:0:1::/48"), Signed(registry.domain(), P("fd00:0:1::/48"), 2, {}, key));
  Resolver resolver = Make(registry);
  EXPECT_EQ(registry.Resolve(&resolver, A("fd00:0:1::1")).outcome, ResolveOutcome::kAbsent);
}

TEST(Answers, ForgedExpiredAndMisplacedRecordsAreCountedAndLeftOut) {
  Registry registry(OpenDomain("fd00::/8", 48));
  const PrivateKey key = KeyPair(1);
  const Prefix site = P("fd00:0:1::/48");
  Bytes forged = Signed(registry.domain(), site, 9, {At("203.0.113.66")}, key);
  forged.back() ^= 1;
  registry.AddRaw(site, forged);
  registry.AddRaw(
      site, Signed(registry.domain(), site, 8, {At("203.0.113.66")}, key, kWall - std::chrono::seconds(1)));
  registry.AddRaw(site, Signed(registry.domain(), P("fd00::/16"), 7, {At("203.0.113.66")}, key));
  registry.AddRaw(site, Bytes{1, 2, 3});
  registry.Add(site);
  Resolver resolver = Make(registry);
  const ResolveOutput output = registry.Resolve(&resolver, A("fd00:0:1::"));
  ASSERT_EQ(output.records.size(), 1u);
  EXPECT_EQ(output.records[0].locators[0].address.ToString(), "198.51.100.7");
  EXPECT_EQ(resolver.counters().bad_record, 4u);
}

TEST(Answers, CouldNotAskIsNotAbsentAndLastsLonger) {
  Registry registry(OpenDomain("fd00::/8", 48));
  registry.reachable = false;
  Resolver resolver = Make(registry);
  for (const auto lifetime : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
    const ResolveOutput output = registry.Resolve(&resolver, A("fd00:0:1::1"));
    EXPECT_EQ(output.outcome, ResolveOutcome::kUnreachable);
    EXPECT_EQ(output.hard_lifetime, lifetime);
    EXPECT_EQ(output.steps.back().answer, StepAnswer::kUnreachable);
    EXPECT_TRUE(registry.Resolve(&resolver, A("fd00:0:1::2")).cached) << "of the whole aggregate";
    registry.now += lifetime;
  }
  registry.reachable = true;
  EXPECT_EQ(registry.Resolve(&resolver, A("fd00:0:1::1")).outcome, ResolveOutcome::kAbsent);
}

// A record shorter than the aggregate may have its network address, and so its key; it lies around the
// aggregate, not in it, and takes nothing away from the hole.
TEST(Answers, AShorterRecordUnderTheAggregatesKeyLeavesTheHoleWhole) {
  Registry registry(OpenDomain("fd00::/8", 48));
  registry.Add(P("fd00::/16"));
  Resolver resolver = Make(registry);
  const ResolveOutput output = registry.Resolve(&resolver, A("fd00::1"));
  ASSERT_EQ(output.outcome, ResolveOutcome::kFound);
  EXPECT_EQ(output.records.front().prefix, P("fd00::/16"));
  EXPECT_EQ(output.covering, P("fd00::/48")) << "as much of it as was asked for";
  EXPECT_TRUE(registry.Resolve(&resolver, A("fd00:0:0:9::7")).cached);
}

// All that lives at or beneath an aggregate is under the aggregate's own key: silence at one beneath it hides
// nothing, and the rest of them need not be asked.
TEST(Answers, SilenceBeneathTheAggregateHidesNothing) {
  Registry registry(OpenDomain("fd00::/8", 48));
  registry.Add(P("fd00:0:1::/48"));
  registry.Add(P("fd00:0:1:4::/64"), "198.51.100.9");
  registry.silent = {LookupKey(registry.domain(), A("fd00:0:1:4::6"))};
  Resolver resolver = Make(registry);
  const ResolveOutput output = registry.Resolve(&resolver, A("fd00:0:1:4::7"));
  ASSERT_EQ(output.outcome, ResolveOutcome::kFound);
  EXPECT_EQ(output.records.front().prefix, P("fd00:0:1:4::/64"));
  EXPECT_EQ(output.hard_lifetime, 300s) << "it is as sure as any";
  ASSERT_EQ(output.steps.size(), 3u);  // ::7, ::6, the aggregate
  EXPECT_EQ(output.steps[1].answer, StepAnswer::kUnreachable);
  EXPECT_EQ(output.steps[2].key, A("fd00:0:1::"));
}

TEST(Answers, SilenceBeneathTheAggregateAndNothingThereIsAbsent) {
  Registry registry(OpenDomain("fd00::/8", 48));
  registry.silent = {LookupKey(registry.domain(), A("fd00:0:1:4::7"))};
  Resolver resolver = Make(registry);
  const ResolveOutput output = registry.Resolve(&resolver, A("fd00:0:1:4::7"));
  EXPECT_EQ(output.outcome, ResolveOutcome::kAbsent);
  EXPECT_EQ(output.covering, P("fd00:0:1::/48"));
}

// From the aggregate on a longer record may be behind the silence.
TEST(Answers, SilenceAtTheAggregateOrAboveIsCouldNotAsk) {
  for (const char* silent : {"fd00:0:3::", "fd00:0:2::"}) {
    Registry registry(OpenDomain("fd00::/8", 48));
    registry.Add(P("fd00::/16"));
    registry.silent = {LookupKey(registry.domain(), A(silent))};
    Resolver resolver = Make(registry);
    const ResolveOutput output = registry.Resolve(&resolver, A("fd00:0:3::1"));
    EXPECT_EQ(output.outcome, ResolveOutcome::kUnreachable) << silent;
    EXPECT_EQ(output.hard_lifetime, 1s);
  }
}

TEST(Answers, OutsideTheDomainNothingIsAsked) {
  Registry registry(OpenDomain("fd00::/8", 48));
  Resolver resolver = Make(registry);
  EXPECT_EQ(registry.Resolve(&resolver, A("2001:db8::1")).outcome, ResolveOutcome::kAbsent);
  EXPECT_EQ(registry.gets, 0u);
}

TEST(Coalescing, OneLookupAnAggregate) {
  Registry registry(OpenDomain("fd00::/8", 48));
  registry.Add(P("fd00:0:1::/48"));
  Resolver resolver = Make(registry);
  for (uint64_t id = 1; id <= 5; ++id) {
    Ipv6 address = A("fd00:0:1::");
    address.bytes[15] = static_cast<uint8_t>(id);
    resolver.Resolve(registry.now, registry.wall, id, address);
  }
  std::set<uint64_t> answered;
  size_t gets = 0;
  while (std::optional<ResolverOutput> output = resolver.NextOutput()) {
    if (const auto* get = std::get_if<GetRequest>(&*output)) {
      ++gets;
      EXPECT_TRUE(resolver.OnGet(registry.now, registry.wall, registry.Answer(*get)));
    } else {
      answered.insert(std::get<ResolveOutput>(*output).id);
    }
  }
  EXPECT_EQ(gets, 2u) << "::1 and ::, for all five";
  EXPECT_EQ(answered, (std::set<uint64_t>{1, 2, 3, 4, 5}));
  EXPECT_EQ(resolver.counters().coalesced, 4u);
}

TEST(Bounds, WalksAndWaiting) {
  Registry registry(OpenDomain("fd00::/8", 48));
  ResolverConfig config{registry.domain()};
  config.max_walks = 1;
  config.max_waiting = 1;
  Resolver resolver(config);
  resolver.Resolve(registry.now, registry.wall, 1, A("fd00:0:1::1"));
  resolver.Resolve(registry.now, registry.wall, 2, A("fd00:0:1::2"));
  resolver.Resolve(registry.now, registry.wall, 3, A("fd00:0:1::3"));
  resolver.Resolve(registry.now, registry.wall, 4, A("fd00:0:2::1"));
  EXPECT_EQ(resolver.counters().overflow, 2u);
  EXPECT_FALSE(resolver.OnGet(registry.now, registry.wall, GetOutput{77, GetOutcome::kAbsent, {}, 0}));
}

// The whole way: sixteen nodes, each with its site; every node resolves every site.
TEST(OverChord, EveryNodeResolvesEverySite) {
  Simulator s(81);
  Registry registry(OpenDomain("fd00::/8", 48));
  const auto tune = [](chord::ChordConfig* config) {
    config->checker = [](const Key&, std::span<const uint8_t> value, BootTime) -> std::optional<ValueInfo> {
      const auto record = VerifySigned(value, OpenDomain("fd00::/8", 48), kWall);
      if (!record.ok()) return std::nullopt;
      return ValueInfo{
          {record->public_key.begin(), record->public_key.end()}, record->sequence, std::chrono::hours(1)};
    };
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
    Resolver resolver = Make(registry);
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

}  // namespace
}  // namespace ov6::sim
