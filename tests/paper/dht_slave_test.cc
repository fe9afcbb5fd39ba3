// SPDX-License-Identifier: Apache-2.0
// The paper on DHT Slaves: engine and resolver. Each test names its sentence.
#include <gtest/gtest.h>

#include "slaves/engine/resolver/resolver.h"
#include "tests/sim/invariant.h"
#include "tests/sim/registry.h"
#include "tests/sim/simulator.h"

namespace ov6::sim {
namespace {

Domain Lab() { return OpenDomain("fd00::/8", 48); }
// As the paper does it, one key after the other.
Resolver MakeZeroing(const Domain& domain) {
  ResolverConfig config;
  config.domain = domain;
  config.domain.resolving = Domain::Resolving::kZeroing;
  return Resolver(config);
}
Resolver Make(const Registry& registry) { return MakeZeroing(registry.domain()); }

std::optional<ValueInfo> CheckRecord(const Key&, std::span<const uint8_t> value, BootTime) {
  const auto record = VerifySigned(value, Lab(), kWall);
  if (!record.ok()) return std::nullopt;
  return ValueInfo{
      {record->public_key.begin(), record->public_key.end()}, record->sequence, std::chrono::hours(1)};
}

// Three routers, as in the lab.
struct Ring {
  Simulator s{91};
  Ring() {
    const auto tune = [](chord::ChordConfig* config) { config->checker = CheckRecord; };
    s.Add({}, tune);
    for (size_t i = 1; i < 3; ++i) s.Add({0}, tune);
    EXPECT_TRUE(s.RunUntil([&] { return s.RingIsPerfect(); }, 2s));
  }
  ResolveOutput Resolve(size_t node, Resolver* resolver, const Ipv6& address) {
    resolver->Resolve(s.now(), kWall, 1, address, {.fresh = true});
    while (std::optional<ResolverOutput> output = resolver->NextOutput()) {
      if (auto* done = std::get_if<ResolveOutput>(&*output)) return std::move(*done);
      const GetRequest request = std::get<GetRequest>(*output);
      const uint64_t id = s.Get(node, request.key);
      EXPECT_TRUE(s.RunUntil([&] { return s.Answer(node, id) != nullptr; }, 10s));
      GetOutput answer = *s.Answer(node, id);
      answer.id = request.id;
      resolver->OnGet(s.now(), kWall, answer);
    }
    return {};
  }
};

// "First, each DHT Slave installs its local IPv6 aggregate address in the DHT."
TEST(DhtSlave, InstallsItsAggregateAndEveryOtherFindsIt) {
  Ring ring;
  const Prefix site = P("fd00:0:1::/48");
  const uint64_t id =
      ring.s.Put(0, StorageKey(Lab(), site), Signed(Lab(), site, 1, {At("198.51.100.1")}, KeyPair(1)));
  ring.s.RunFor(1s);
  EXPECT_TRUE(ring.s.node(0).puts[id].stored);
  for (size_t node = 0; node < 3; ++node) {
    Resolver resolver = MakeZeroing(Lab());
    const ResolveOutput output = ring.Resolve(node, &resolver, A("fd00:0:1::5"));
    ASSERT_EQ(output.outcome, ResolveOutcome::kFound);
    EXPECT_EQ(output.records[0].locators[0], At("198.51.100.1"));
  }
}

// "To look up an IPv6 address, a DHT Slave first attempts to look the address up as is."
TEST(DhtSlave, FirstLooksTheAddressUpAsItIs) {
  Registry registry(Lab());
  Resolver resolver = Make(registry);
  resolver.Resolve(registry.now, registry.wall, 1, A("fd00:0:1::5"));
  const std::optional<ResolverOutput> first = resolver.NextOutput();
  ASSERT_TRUE(first && std::holds_alternative<GetRequest>(*first));
  EXPECT_EQ(std::get<GetRequest>(*first).key, LookupKey(Lab(), A("fd00:0:1::5")));
}

// "If this fails, the Slave zeroes the last set bit in the address, and makes another attempt."
TEST(DhtSlave, ZeroesTheLastSetBitAndTriesAgain) {
  Registry registry(Lab());
  registry.Add(P("fd00:0:1::/48"));
  Resolver resolver = Make(registry);
  const ResolveOutput output = registry.Resolve(&resolver, A("fd00:0:1:4::7"));
  std::vector<Ipv6> keys;
  for (const ResolveStep& step : output.steps) keys.push_back(step.key);
  EXPECT_EQ(keys, (std::vector<Ipv6>{A("fd00:0:1:4::7"), A("fd00:0:1:4::6"), A("fd00:0:1:4::4"),
                                     A("fd00:0:1:4::"), A("fd00:0:1::")}));
  EXPECT_EQ(output.steps.back().answer, StepAnswer::kFound);
}

// "This continues until the address is all zeroes, at which point the Slave gives up." Differs: until all
// that is left is the domain's own prefix, beneath which nothing of the domain can be.
TEST(DhtSlave, ContinuesUntilOnlyTheDomainIsLeftAndGivesUp) {
  Registry registry(Lab());
  Resolver resolver = Make(registry);
  const ResolveOutput output = registry.Resolve(&resolver, A("fd30:0:1::3"));
  EXPECT_EQ(output.outcome, ResolveOutcome::kAbsent);
  EXPECT_EQ(output.steps.back().key, A("fd00::"));
  EXPECT_EQ(output.steps.size(), 6u);  // ::3, ::2, fd30:0:1::, fd30::, fd20::, fd00::
}

// Differs: taken literally, a hit that does not cover the address would deliver to another's site.
TEST(DhtSlave, AHitThatDoesNotCoverIsNoHit) {
  Registry registry(Lab());
  registry.Add(P("fd00:0:1234::/48"));
  Resolver resolver = Make(registry);
  const ResolveOutput output = registry.Resolve(&resolver, A("fd00:0:1235::1"));
  EXPECT_EQ(output.outcome, ResolveOutcome::kAbsent);
  EXPECT_EQ(output.steps[2].key, A("fd00:0:1234::"));
  EXPECT_EQ(output.steps[2].answer, StepAnswer::kNotCovering);
}

// "If successful, the Slave caches the mapping for some limited amount of time."
TEST(DhtSlave, CachesAMappingForSomeTime) {
  Registry registry(Lab());
  registry.Add(P("fd00:0:1::/48"));
  Resolver resolver = Make(registry);
  EXPECT_EQ(registry.Resolve(&resolver, A("fd00:0:1::1")).hard_lifetime, 300s);
  EXPECT_TRUE(registry.Resolve(&resolver, A("fd00:0:1::2")).cached);
  registry.now += 264s;  // 80 % of 300 s, give or take a tenth: it is asked again before it runs out
  EXPECT_FALSE(registry.Resolve(&resolver, A("fd00:0:1::1")).cached);
}

TEST(DhtSlave, NeverLongerThanTheRecordLives) {
  Registry registry(Lab());
  const Prefix site = P("fd00:0:1::/48");
  registry.AddRaw(site,
                  Signed(Lab(), site, 1, {At("198.51.100.1")}, KeyPair(1), kWall + std::chrono::seconds(20)));
  Resolver resolver = Make(registry);
  const ResolveOutput output = registry.Resolve(&resolver, A("fd00:0:1::1"));
  EXPECT_EQ(output.hard_lifetime, 20s);
  EXPECT_LT(output.soft_lifetime, 18s);
}

// "(Actually, failed mappings are also cached, but for a smaller amount of time.)"
TEST(DhtSlave, CachesAFailureForASmallerTime) {
  Registry registry(Lab());
  registry.Add(P("fd00:0:1::/48"));
  Resolver resolver = Make(registry);
  const ResolveOutput found = registry.Resolve(&resolver, A("fd00:0:1::1"));
  const ResolveOutput failed = registry.Resolve(&resolver, A("fd00:0:2::1"));
  EXPECT_EQ(failed.outcome, ResolveOutcome::kAbsent);
  EXPECT_LT(failed.hard_lifetime, found.hard_lifetime);
  EXPECT_TRUE(registry.Resolve(&resolver, A("fd00:0:2:7::9")).cached);
  registry.now += failed.hard_lifetime;
  EXPECT_FALSE(registry.Resolve(&resolver, A("fd00:0:2::1")).cached);
}

// "Note that this technique also supports mobile IP in a trivial way, simply by updating the DHT for the
// moving address."
TEST(DhtSlave, AMovingAddressUpdatesTheDht) {
  Ring ring;
  const Prefix host = P("fd00:0:1::5/128");
  ring.s.Put(0, StorageKey(Lab(), host), Signed(Lab(), host, 1, {At("198.51.100.1")}, KeyPair(1)));
  ring.s.RunFor(1s);
  Resolver resolver = MakeZeroing(Lab());
  EXPECT_EQ(ring.Resolve(1, &resolver, host.address).records[0].locators[0], At("198.51.100.1"));
  // It is at another router now, which puts the newer record.
  ring.s.Put(2, StorageKey(Lab(), host), Signed(Lab(), host, 2, {At("198.51.100.3")}, KeyPair(1)));
  ring.s.RunFor(1s);
  EXPECT_EQ(ring.Resolve(1, &resolver, host.address).records[0].locators[0], At("198.51.100.3"));
}

// "The ON requires no centralized administration and minimum maintenance, even as the set of participants
// grows or changes."
TEST(SelfOrganization, ParticipantsComeAndGo) {
  Simulator s(92);
  s.on_change = [](const Simulator& sim, size_t) { EXPECT_EQ(CheckInvariant(sim), ""); };
  s.Add({});
  for (size_t i = 1; i < 12; ++i) {
    s.Add({i - 1});  // each knows one other router and no more
    s.RunFor(300ms);
  }
  EXPECT_TRUE(s.RunUntil([&] { return s.RingIsPerfect(); }, 10s));
  s.Leave(0);  // the founder too
  s.Crash(3);
  EXPECT_TRUE(s.RunUntil([&] { return s.RingIsPerfect(); }, 20s));
}

}  // namespace
}  // namespace ov6::sim
