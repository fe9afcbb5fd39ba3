// SPDX-License-Identifier: Apache-2.0
// The resolver over a ring of Chord nodes.
#include <gtest/gtest.h>

#include "slaves/dht/record_checker.h"
#include "slaves/engine/resolver/resolver.h"
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

}  // namespace
}  // namespace ov6::sim
