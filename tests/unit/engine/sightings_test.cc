// SPDX-License-Identifier: Apache-2.0
// A node that others see elsewhere than it believes: it is told, says so once several agree, and is nobody's
// member meanwhile.
#include "slaves/engine/chord/sightings.h"

#include <gtest/gtest.h>

#include "tests/sim/simulator.h"

namespace ov6::chord {
namespace {

using namespace std::chrono_literals;

const Endpoint kSelf{Ipv4{0x0a000002}, 4646}, kOutside{Ipv4{0xcb007109}, 4646};
Ipv4 In(uint32_t network) { return Ipv4{network << 8 | 1}; }

TEST(Sightings, ThreeNetworksDecide) {
  Sightings sightings;
  EXPECT_FALSE(sightings.Agreed());
  for (uint32_t host = 0; host < 200; ++host) sightings.Add(Ipv4{0xc6336400 | host}, kOutside);
  sightings.Add(In(1), kOutside);
  EXPECT_FALSE(sightings.Agreed()) << "one network has one word";
  sightings.Add(In(2), {kOutside.address, 7});
  EXPECT_EQ(sightings.Agreed(), (Endpoint{kOutside.address, 7}))
      << "the last port, where a NAT draws one each";
  for (uint32_t network = 10; network < 13; ++network) sightings.Add(In(network), kSelf);
  EXPECT_FALSE(sightings.Agreed()) << "as many say otherwise";
  sightings.Add(In(13), kSelf);
  EXPECT_EQ(sightings.Agreed(), kSelf);
}

TEST(Sightings, OldWordsAreForgotten) {
  Sightings sightings;
  for (uint32_t network = 0; network < 3; ++network) sightings.Add(In(network), kOutside);
  for (uint32_t i = 0; i < Sightings::kMost; ++i) sightings.Add(In(100 + i), {Ipv4{i + 1}, 1});
  EXPECT_FALSE(sightings.Agreed(2));
}

// Nodes in networks of their own, and the last one behind a NAT that it does not know of.
struct BehindNat : testing::Test {
  sim::Simulator s{5, {10ms, 10ms}};
  std::vector<SeenOutput> seen;
  std::vector<GetOutput> gets;
  size_t naive = 0;

  // `knows`: where it is.
  size_t AddBehind(Ipv4 outside, bool knows, bool founds) {
    s.network().SetNat(Ipv4{0x0a000001 + static_cast<uint32_t>(s.size())}, {outside});
    return s.Add({}, [=](ChordConfig* config) {
      if (knows) config->self.address = outside;
      if (!founds) config->bootstrap = {{In(1), 4646}, {In(2), 4646}};
    });
  }
  void Build(uint32_t others) {
    s.on_output = [this](size_t node, const Output& output) {
      if (const auto* told = std::get_if<SeenOutput>(&output)) seen.push_back(*told);
      if (const auto* get = std::get_if<GetOutput>(&output)) gets.push_back(*get);
      EXPECT_TRUE(!std::holds_alternative<SeenOutput>(output) || node == naive);
    };
    for (uint32_t network = 1; network <= others; ++network) AddBehind(In(network), true, network == 1);
    s.RunFor(20s);
    naive = AddBehind(kOutside.address, false, false);
    s.RunFor(20s);
  }
  // What the others hold of it, wherever they take it to be.
  bool Listed() const {
    for (size_t i = 0; i < naive; ++i) {
      for (const Peer& peer : s.node(i).engine->View().successors) {
        if (peer.endpoint.address == kOutside.address || peer.endpoint == s.node(naive).endpoint) return true;
      }
    }
    return false;
  }
  void ExpectSaid() const {
    ASSERT_EQ(seen.size(), 1u);
    EXPECT_EQ(seen[0].at, kOutside);
    EXPECT_EQ(seen[0].believed, s.node(naive).endpoint);
    EXPECT_NE(s.node(naive).engine->StateJson(s.now()).find("203.0.113.9:4646"), std::string::npos);
    EXPECT_FALSE(Listed());
    EXPECT_GT(s.node(0).engine->Counter("misplaced"), 0u);
  }
};

TEST_F(BehindNat, OfARingIsSaidAndNobodysMember) {
  Build(8);
  ExpectSaid();
  s.Put(naive, sim::KeyOf("key"), sim::MakeValue("me", 1));
  s.RunFor(2s);
  s.Get(3, sim::KeyOf("key"));
  s.RunFor(2s);
  ASSERT_EQ(gets.size(), 1u);
  EXPECT_EQ(gets[0].outcome, GetOutcome::kFound) << "it may publish";
  s.Crash(naive);
  EXPECT_TRUE(s.RingIsPerfect()) << "of the others";
}

TEST_F(BehindNat, OfAMeshIsSaidAndNobodysMember) {
  Build(3);
  ExpectSaid();
  EXPECT_NE(s.node(naive).engine->View().mode, Mode::kMesh) << "nor has it founded a ring of its own";
  s.Crash(naive);
  EXPECT_TRUE(s.RingIsPerfect()) << "of the others";
}

}  // namespace
}  // namespace ov6::chord
