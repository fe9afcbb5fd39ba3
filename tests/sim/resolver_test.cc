// SPDX-License-Identifier: Apache-2.0
// What a resolver answers, what of it holds and for how long, by rows; coalescing;
// bounds. Random registries: resolver_property_test.cc; over Chord: resolver_ring_test.cc.
#include "slaves/engine/resolver/resolver.h"

#include <gtest/gtest.h>

#include "tests/sim/registry.h"

namespace ov6::sim {
namespace {

using namespace std::chrono_literals;

ResolverConfig ConfigOf(const Registry& registry) {
  ResolverConfig config;
  config.domain = registry.domain();
  config.soft_jitter = config.absent_jitter = 0;
  return config;
}
Resolver Make(const Registry& registry) { return Resolver(ConfigOf(registry)); }

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

// A holder has it still, and it runs out on its way: that is no word about the next one.
TEST(Answers, ARecordThatHasJustRunOutIsNotAbsence) {
  Registry registry(OpenDomain("fd00::/8", 48));
  const Prefix site = P("fd00:0:1::/48");
  registry.AddRaw(site, Signed(registry.domain(), site, 1, {At("198.51.100.1")}, KeyPair(1), kWall + 10s));
  Resolver resolver = Make(registry);
  registry.wall += 10s;
  EXPECT_EQ(registry.Resolve(&resolver, A("fd00:0:1::1")).outcome, ResolveOutcome::kUnreachable);
}

TEST(Answers, CouldNotAskIsNotAbsentAndLastsLonger) {
  Registry registry(OpenDomain("fd00::/8", 48));
  registry.reachable = false;
  Resolver resolver = Make(registry);
  for (const auto lifetime : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
    const ResolveOutput output = registry.Resolve(&resolver, A("fd00:0:1::1"));
    EXPECT_EQ(output.outcome, ResolveOutcome::kUnreachable);
    EXPECT_EQ(output.hard_lifetime, lifetime);
    EXPECT_EQ(output.covering, P("fd00:0:1::/48"));
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

// Silence hides what may lie behind it, and nothing else.
struct SilenceRow {
  const char* name;
  Domain::Resolving resolving;
  const char* silent;  // key
  ResolveOutcome outcome;
  const char* prefix;  // of the record found
};
class Silence : public testing::TestWithParam<SilenceRow> {};

TEST_P(Silence, HidesOnlyWhatMayLieBehindIt) {
  Domain domain = OpenDomain("fd00::/8", 48);
  domain.resolving = GetParam().resolving;
  Registry registry(domain);
  registry.Add(P("fd00::/16"));
  registry.Add(P("fd00:0:3:4::/64"));
  registry.silent = {LookupKey(domain, A(GetParam().silent))};
  Resolver resolver = Make(registry);
  const ResolveOutput output = registry.Resolve(&resolver, A("fd00:0:3:4::7"));
  EXPECT_EQ(output.outcome, GetParam().outcome);
  const bool found = GetParam().prefix != nullptr;
  if (found) {
    EXPECT_EQ(output.records.front().prefix, P(GetParam().prefix));
  }
  EXPECT_EQ(output.hard_lifetime, found ? 300s : 1s) << "as sure as any";
}

constexpr auto kAtOnce = Domain::Resolving::kAggregates, kZeroed = Domain::Resolving::kZeroing;
INSTANTIATE_TEST_SUITE_P(
    Resolver, Silence,
    testing::Values(
        SilenceRow{"beneath", kZeroed, "fd00:0:3:4::6", ResolveOutcome::kFound, "fd00:0:3:4::/64"},
        SilenceRow{"aggregate", kZeroed, "fd00:0:3::", ResolveOutcome::kUnreachable, nullptr},
        SilenceRow{"above", kZeroed, "fd00::", ResolveOutcome::kFound, "fd00:0:3:4::/64"},
        SilenceRow{"aggregate_at_once", kAtOnce, "fd00:0:3::", ResolveOutcome::kUnreachable, nullptr},
        SilenceRow{"above_at_once", kAtOnce, "fd00::", ResolveOutcome::kFound, "fd00:0:3:4::/64"}),
    [](const auto& info) { return info.param.name; });

// A shorter record doesn't stand in for a key that may hold a longer one; and what is found beneath says
// nothing of the space beside it.
TEST(Answers, WhatIsBesideAFoundRecordIsUnknownIfTheShorterKeyIsSilent) {
  Registry registry(OpenDomain("fd00::/8", 48));
  registry.Add(P("fd00::/16"));
  registry.Add(P("fd00:0:3:4::/64"));
  registry.silent = {LookupKey(registry.domain(), A("fd00::"))};
  Resolver resolver = Make(registry);
  EXPECT_EQ(registry.Resolve(&resolver, A("fd00:0:3:4::7")).piece, P("fd00:0:3:4::/64"));
  EXPECT_EQ(registry.Resolve(&resolver, A("fd00:0:3:5::7")).outcome, ResolveOutcome::kUnreachable);
  registry.silent.clear();
  registry.now += 1s;
  EXPECT_EQ(registry.Resolve(&resolver, A("fd00:0:3:5::7")).records.front().prefix, P("fd00::/16"));
}

// --- keys and what they cost ---------------------------------------------------------

TEST(Keys, OneForEachStorageLengthAllAtOnce) {
  Domain domain = OpenDomain("fd00::/8", 48);
  domain.aggregates = {32};
  Registry registry(domain);
  registry.Add(P("fd00:0:1::/48"));
  Resolver resolver = Make(registry);
  const ResolveOutput output = registry.Resolve(&resolver, A("fd12:1:1::1"));
  EXPECT_EQ(output.steps.size(), 3u);
  EXPECT_EQ(output.rounds, 1);
  EXPECT_EQ(output.messages, 24);
}

TEST(Keys, OnlyTheAggregatesWhereNothingShorterMayBeClaimed) {
  Domain domain = OpenDomain("fd00::/8", 48);
  domain.trust = Domain::Trust::kSelf;
  Registry registry(domain);
  Resolver resolver = Make(registry);
  const ResolveOutput output = registry.Resolve(&resolver, A("fd12:1:1::1"));
  EXPECT_EQ(output.steps.size(), 1u);
  EXPECT_EQ(output.covering, P("fd12:1:1::/48"));
}

// Everybody's misses ask the domain's own key: it is remembered for a while.
TEST(Keys, TheSharedOneIsNotAskedForEveryAggregate) {
  Registry registry(OpenDomain("fd00::/8", 48));
  registry.Add(P("fd12::/16"));
  Resolver resolver = Make(registry);
  EXPECT_EQ(registry.Resolve(&resolver, A("fd12:0:1::1")).steps.size(), 2u);
  const ResolveOutput second = registry.Resolve(&resolver, A("fd12:0:2::1"));
  EXPECT_EQ(second.steps.size(), 1u);
  EXPECT_EQ(second.records.front().prefix, P("fd12::/16"));
  EXPECT_EQ(registry.Resolve(&resolver, A("fd12:0:3::1"), {.fresh = true}).steps.size(), 2u);
  registry.now += 20s;
  EXPECT_EQ(registry.Resolve(&resolver, A("fd12:0:4::1")).steps.size(), 2u);
}

TEST(Keys, BehindAFullOneTheNextIsAsked) {
  Registry registry(OpenDomain("fd00::/8", 48));
  registry.capacity = 4;
  for (int i = 0; i < 8; ++i) registry.Add(Prefix::Of(Ipv6{{0xfd, 0, 0, 0, 0, 1, uint8_t(i + 1), 1}}, 64));
  Resolver resolver = Make(registry);
  for (int i = 0; i < 8; ++i) {
    const Ipv6 host{{0xfd, 0, 0, 0, 0, 1, uint8_t(i + 1), 1, 0, 0, 0, 0, 0, 0, 0, 9}};
    const ResolveOutput output = registry.Resolve(&resolver, host, {.fresh = true});
    ASSERT_EQ(output.outcome, ResolveOutcome::kFound);
    EXPECT_EQ(output.records.front().prefix, Prefix::Of(host, 64));
    EXPECT_EQ(output.rounds, i == 0 ? 2 : 1) << "once known to be full, at the same time";
    EXPECT_EQ(output.piece, Prefix::Of(host, 56)) << "beyond it others may lie";
  }
}

TEST(Keys, NoMoreThanTheBudget) {
  Registry registry(OpenDomain("fd00::/8", 48));
  registry.capacity = 1;
  for (uint8_t i = 1; i < 200; ++i)
    registry.Add(Prefix::Of(Ipv6{{0xfd, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, i}}, 128));
  Resolver resolver = Make(registry);
  const ResolveOutput output = registry.Resolve(&resolver, A("fd00:0:1:101:101:101:101:107"));
  EXPECT_EQ(output.outcome, ResolveOutcome::kUnreachable) << "not absent, and not the wrong one";
  EXPECT_LE(output.messages, 40);
  EXPECT_EQ(resolver.counters().over_budget, 1u);
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
  EXPECT_EQ(gets, 2u) << "the aggregate and the domain, for all five";
  EXPECT_EQ(answered, (std::set<uint64_t>{1, 2, 3, 4, 5}));
  EXPECT_EQ(resolver.counters().coalesced, 4u);
}

TEST(Bounds, WalksAndWaiting) {
  Registry registry(OpenDomain("fd00::/8", 48));
  ResolverConfig config = ConfigOf(registry);
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

// --- freshness -----------------------------------------------------------------------

TEST(Freshness, LifetimesOfWhatIsFoundAndOfWhatIsNot) {
  Registry registry(OpenDomain("fd00::/8", 48));
  registry.Add(P("fd00:0:1::/48"));
  ResolverConfig config;
  config.domain = registry.domain();
  std::set<Duration> softs, absents;
  for (config.seed = 1; config.seed <= 200; ++config.seed) {
    Resolver resolver(config);
    const ResolveOutput found = registry.Resolve(&resolver, A("fd00:0:1::1"));
    EXPECT_EQ(found.hard_lifetime, 300s);
    softs.insert(found.soft_lifetime);
    absents.insert(registry.Resolve(&resolver, A("fd00:0:2::1")).hard_lifetime);
  }
  EXPECT_GE(*softs.begin(), 216s);  // 80 % of 300 s, give or take a tenth of it
  EXPECT_LE(*softs.rbegin(), 264s);
  EXPECT_GE(*absents.begin(), 10s);
  EXPECT_LE(*absents.rbegin(), 30s);
  EXPECT_GT(softs.size(), 190u) << "no two ask at the same time";
  EXPECT_GT(absents.size(), 190u);
}

// RFC 8767: what can't be asked about goes on past its lifetime, a step at a time.
TEST(Stale, GoesOnForAnHourAndNoLonger) {
  Registry registry(OpenDomain("fd00::/8", 48));
  registry.Add(P("fd00:0:1::/48"));
  Resolver resolver = Make(registry);
  const BootTime hard = registry.now + registry.Resolve(&resolver, A("fd00:0:1::1")).hard_lifetime;
  registry.reachable = false;
  registry.now += 240s;
  ResolveOutput output = registry.Resolve(&resolver, A("fd00:0:1::1"), {.fresh = true});
  EXPECT_EQ(output.outcome, ResolveOutcome::kFound);
  EXPECT_FALSE(output.stale) << "within its lifetime";
  EXPECT_NEAR(std::chrono::duration<double>(output.hard_lifetime).count(), 60, 0.1);
  while (registry.now < hard + 1h) {
    registry.now += output.soft_lifetime;
    if (registry.now >= hard + 1h) break;
    output = registry.Resolve(&resolver, A("fd00:0:1::1"), {.fresh = true});
    ASSERT_EQ(output.outcome, ResolveOutcome::kFound);
    EXPECT_EQ(output.stale, hard - registry.now < 45s);
    EXPECT_EQ(output.soft_lifetime, 30s) << "asked no more often than that";
    EXPECT_GT(output.hard_lifetime, output.soft_lifetime) << "never lapses between";
    EXPECT_EQ(output.records.front().locators[0], At("198.51.100.7"));
  }
  EXPECT_EQ(registry.Resolve(&resolver, A("fd00:0:1::1"), {.fresh = true}).outcome,
            ResolveOutcome::kUnreachable);
}

// Also for who comes late and finds the mapping gone.
TEST(Stale, ServesMissesToo) {
  Registry registry(OpenDomain("fd00::/8", 48));
  registry.Add(P("fd00:0:1::/48"));
  Resolver resolver = Make(registry);
  registry.Resolve(&resolver, A("fd00:0:1::1"));
  registry.reachable = false;
  registry.now += 600s;
  const ResolveOutput output = registry.Resolve(&resolver, A("fd00:0:1::2"));
  EXPECT_TRUE(output.stale);
  EXPECT_NEAR(std::chrono::duration<double>(output.age).count(), 600, 0.1);
  EXPECT_EQ(resolver.counters().stale, 1u);
}

TEST(Stale, EndsWhenTheDhtSaysSo) {
  for (const bool revoked : {false, true}) {
    Registry registry(OpenDomain("fd00::/8", 48));
    const Prefix site = P("fd00:0:1::/48");
    const PrivateKey key = KeyPair(1);
    registry.AddRaw(site, Signed(registry.domain(), site, 1, {At("198.51.100.1")}, key));
    Resolver resolver = Make(registry);
    registry.Resolve(&resolver, A("fd00:0:1::1"));
    registry.reachable = false;
    registry.now += 600s;
    EXPECT_TRUE(registry.Resolve(&resolver, A("fd00:0:1::1")).stale);
    registry.reachable = true;
    if (revoked) registry.AddRaw(site, Signed(registry.domain(), site, 2, {}, key));
    if (!revoked) registry.Clear();  // expired for good
    EXPECT_TRUE(registry.Resolve(&resolver, A("fd00:0:1::1"), {.fresh = true}).stale)
        << "the failure is remembered";
    EXPECT_EQ(registry.Resolve(&resolver, A("fd00:0:1::1"), {.force = true}).outcome,
              ResolveOutcome::kAbsent);
    registry.reachable = false;
    registry.now += 60s;
    EXPECT_EQ(registry.Resolve(&resolver, A("fd00:0:1::1")).outcome, ResolveOutcome::kUnreachable)
        << "it does not come back";
  }
}

// --- what was told ---------------------------------------------------------------------

// A /128 of a site moves: its new place tells, and the DHT has only the site.
class Told : public testing::Test {
 protected:
  Told() : registry_(OpenDomain("fd00::/8", 48)), resolver_(Make(registry_)) {
    OnlyTheSite();
    registry_.Resolve(&resolver_, kHost);
    now_ = registry_.now;
  }
  void OnlyTheSite() {
    registry_.Clear();
    registry_.AddRaw(kSite, Signed(registry_.domain(), kSite, 1, {At("198.51.100.2")}, kKey));
  }
  bool Tell(uint64_t sequence) { return Tell(kHost, sequence); }
  bool Tell(const Ipv6& host, uint64_t sequence) {
    const auto record =
        DecodeSigned(Signed(registry_.domain(), {host, 128}, sequence, {At("198.51.100.3")}, kKey));
    return resolver_.Learn(registry_.now, registry_.wall, record->record);
  }
  std::string Where(ResolveOptions options = {.fresh = true}) {
    const ResolveOutput output = registry_.Resolve(&resolver_, kHost, options);
    return output.records.empty() ? "" : output.records.front().locators.front().address.ToString();
  }

  const Prefix kSite = P("fd00:0:1::/48");
  const Ipv6 kHost = A("fd00:0:1::9");
  const PrivateKey kKey = KeyPair(1);
  Registry registry_;
  Resolver resolver_;
  BootTime now_;
};

TEST_F(Told, CountsWhileTheDhtHasNotHeardOfIt) {
  ASSERT_TRUE(Tell(1));
  EXPECT_EQ(Where({}), "198.51.100.3");
  while (registry_.now < now_ + 59s) {
    const ResolveOutput output = registry_.Resolve(&resolver_, kHost, {.fresh = true});
    ASSERT_EQ(output.records.size(), 2u) << "the host and the site around it";
    EXPECT_EQ(output.records[0].locators[0], At("198.51.100.3"));
    EXPECT_EQ(output.records[1].prefix, kSite);
    EXPECT_EQ(output.soft_lifetime, 10s) << "asked about again soon";
    registry_.now += output.soft_lifetime;
  }
  EXPECT_EQ(Where(), "198.51.100.2") << "a minute, as the old place relays";
}

// The question was under way when it was told.
TEST_F(Told, OutlivesAnAnswerFromBefore) {
  resolver_.Resolve(registry_.now, registry_.wall, 1, kHost, {.fresh = true});
  ASSERT_TRUE(Tell(1));
  while (const auto output = resolver_.NextOutput()) {
    if (const auto* get = std::get_if<GetRequest>(&*output))
      resolver_.OnGet(registry_.now, registry_.wall, registry_.Answer(*get));
    else
      EXPECT_EQ(std::get<ResolveOutput>(*output).records.front().prefix.length, 128);
  }
  EXPECT_EQ(Where({}), "198.51.100.3");
}

struct ToldRow {
  const char* name;
  uint64_t sequence;  // of what the DHT has; told is 2
  const char* locator;
  const char* where;
  const char* after;  // when the DHT has the site alone again
  uint8_t key = 1;
};
class ToldAndFound : public Told, public testing::WithParamInterface<ToldRow> {};

TEST_P(ToldAndFound, TheNewerOfOneClaimCountsAndAnothersAnyhow) {
  const ToldRow& row = GetParam();
  const bool revoked = *row.locator == '\0';
  ASSERT_TRUE(Tell(2));
  registry_.AddRaw({kHost, 128},
                   Signed(registry_.domain(), {kHost, 128}, row.sequence,
                          revoked ? std::vector<Locator>() : std::vector{At(row.locator)}, KeyPair(row.key)));
  EXPECT_EQ(Where(), row.where);
  EXPECT_EQ(Where({}), row.where);
  OnlyTheSite();
  EXPECT_EQ(Where(), row.after);
}

INSTANTIATE_TEST_SUITE_P(
    Resolver, ToldAndFound,
    testing::Values(ToldRow{"older", 1, "198.51.100.4", "198.51.100.3", "198.51.100.3"},
                    ToldRow{"older_revoked", 1, "", "198.51.100.3", "198.51.100.3"},
                    ToldRow{"the_same", 2, "198.51.100.3", "198.51.100.3", "198.51.100.3"},
                    ToldRow{"newer", 3, "198.51.100.4", "198.51.100.4", "198.51.100.2"},
                    ToldRow{"newer_revoked", 3, "", "198.51.100.2", "198.51.100.2"},
                    ToldRow{"anothers", 1, "198.51.100.4", "198.51.100.4", "198.51.100.2", 2},
                    ToldRow{"anothers_revoked", 9, "", "198.51.100.3", "198.51.100.3", 2}),
    [](const auto& info) { return info.param.name; });

// A sender that is told all the time still asks: what else there is may have changed.
TEST_F(Told, TheRestIsAskedAboutAllTheSame) {
  uint64_t sequence = 1;
  registry_.gets = 0;
  while (registry_.gets == 0) {
    ASSERT_LE(registry_.now, now_ + 310s);
    ASSERT_TRUE(Tell(sequence++));
    Where({});
    registry_.now += 9s;
  }
  EXPECT_GE(registry_.now, now_ + 300s);
}

TEST_F(Told, OneRootHasSixtyFourAndTheOldestGoes) {
  Ipv6 address = A("fd00:0:1:1::");
  for (uint8_t i = 0; i < 100; ++i) {
    address.bytes[15] = i;
    registry_.now += 1ms;
    ASSERT_TRUE(Tell(address, 1));
  }
  for (const ResolveOptions options : {ResolveOptions{}, ResolveOptions{.fresh = true}}) {
    const ResolveOutput output = registry_.Resolve(&resolver_, address, options);
    EXPECT_EQ(output.records.size(), 65u) << "the last of them and the site";
    EXPECT_EQ(output.records.front().prefix, (Prefix{address, 128}));
  }
}

}  // namespace
}  // namespace ov6::sim
