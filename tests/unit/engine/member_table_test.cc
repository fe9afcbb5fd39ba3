// SPDX-License-Identifier: Apache-2.0
#include "slaves/engine/chord/member_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "slaves/engine/chord/ring.h"

namespace ov6::chord {
namespace {

using namespace std::chrono_literals;

BootTime At(Duration d) { return BootTime(d); }
Peer Node(uint32_t number, uint64_t incarnation = 1, uint16_t port = 4646) {
  return PeerAt({Ipv4{0x0a000000 + (number << 8) + 1}, port}, 0, incarnation);
}
MemberEvent Alive(const Peer& peer, uint64_t epoch = 0) { return {peer, epoch, false}; }
MemberEvent Dead(const Peer& peer, uint64_t epoch = 0) { return {peer, epoch, true}; }

struct Table : MemberTable {
  explicit Table(uint32_t members = 0, Limits limits = {}) : MemberTable(Node(0), limits) {
    for (uint32_t i = 1; i <= members; ++i) Hear(Alive(Node(i)), BootTime{});
  }
  bool Has(const Peer& peer) const {
    const auto event = Find(peer.id);
    return event && event->peer == peer;
  }
};

TEST(Behind, IsTheRingsOrderFromAnyKey) {
  const Table table(99);
  std::mt19937_64 random(1);
  for (int round = 0; round < 50; ++round) {
    Key key;
    for (uint8_t& byte : key) byte = static_cast<uint8_t>(random());
    std::vector<Peer> expected;
    for (uint32_t i = 0; i < 100; ++i) expected.push_back(Node(i));
    std::sort(expected.begin(), expected.end(),
              [&](const Peer& a, const Peer& b) { return Distance(key, a.id) < Distance(key, b.id); });
    std::vector<Peer> before(expected.rbegin(), expected.rbegin() + 4);
    expected.resize(8);
    EXPECT_EQ(table.Behind(key, 8), expected);
    EXPECT_EQ(table.Before(key, 4), before);
  }
}

TEST(Behind, IsEverybodyOnceIfMoreAreWanted) {
  EXPECT_EQ(Table(3).Behind(Key{}, 100).size(), 4u);
  EXPECT_EQ(Table(3).Before(Key{}, 100).size(), 4u);
}

TEST(Told, OldNewsIsNoNews) {
  Table table;
  EXPECT_TRUE(table.Hear(Alive(Node(1)), At(0s)));
  EXPECT_FALSE(table.Hear(Alive(Node(1)), At(0s)));
  EXPECT_TRUE(table.Hear(Alive(Node(1), 1), At(0s)));
  EXPECT_FALSE(table.Hear(Alive(Node(1)), At(0s)));
  EXPECT_TRUE(table.Hear(Alive(Node(1, 2)), At(0s))) << "restarted: epochs begin again";
  EXPECT_FALSE(table.Hear(Alive(Node(1), 9), At(0s)));
  EXPECT_FALSE(table.Hear(Alive(Node(0)), At(0s))) << "oneself";
  EXPECT_EQ(table.size(), 2u);
}

TEST(Told, ADeathMakesSuspectUntilTheMemberContradicts) {
  Table table(1);
  EXPECT_TRUE(table.Hear(Dead(Node(1)), At(0s)));
  EXPECT_FALSE(table.Hear(Dead(Node(1)), At(1s))) << "told once";
  EXPECT_FALSE(table.Has(Node(1)));
  EXPECT_EQ(table.suspects(), 1u);
  EXPECT_TRUE(table.Hear(Alive(Node(1), 1), At(2s)));
  EXPECT_TRUE(table.Has(Node(1)));
  table.Expire(At(2s + 2 * MemberTable::kSuspicion));
  EXPECT_TRUE(table.Has(Node(1)));
}

TEST(Told, AnAnswerEndsASuspicion) {
  Table table(1);
  table.Hear(Dead(Node(1)), At(0s));
  table.Seen(Node(1));
  EXPECT_TRUE(table.Has(Node(1)));
}

TEST(Told, ADeathThatNobodyContradictsIsOne) {
  Table table(1);
  table.Hear(Dead(Node(1)), At(0s));
  table.Expire(At(MemberTable::kSuspicion - 1s));
  EXPECT_EQ(table.size(), 2u);
  table.Expire(At(MemberTable::kSuspicion));
  EXPECT_EQ(table.size(), 1u);
  EXPECT_FALSE(table.Hear(Alive(Node(1)), At(61s))) << "an old tale of it";
  EXPECT_TRUE(table.Hear(Alive(Node(1, 2)), At(61s))) << "it is back";
}

TEST(Told, TombstonesEnd) {
  Table table(1);
  table.Lost(Node(1), At(0s));
  EXPECT_FALSE(table.Hear(Alive(Node(1)), At(MemberTable::kTombstoneLife - 1s)));
  table.Expire(At(MemberTable::kTombstoneLife));
  EXPECT_TRUE(table.Hear(Alive(Node(1)), At(MemberTable::kTombstoneLife)));
}

TEST(Told, ALieAboutTheDeadOrTheFutureIsNotTaken) {
  Table table(1);
  EXPECT_FALSE(table.Hear(Dead(Node(2)), At(0s))) << "nobody knows it";
  EXPECT_FALSE(table.Hear(Dead(Node(1, 2)), At(0s))) << "another incarnation";
  EXPECT_FALSE(table.Hear(Dead(Node(1), MemberTable::kMaxEpochStep), At(0s)));
  EXPECT_FALSE(table.Hear(Alive(Node(1), MemberTable::kMaxEpochStep), At(0s)));
  EXPECT_TRUE(table.Has(Node(1)));
}

// Somebody tells of a port or an incarnation that is none of the member's.
TEST(Told, WhatProvesWrongGivesWayToWhatWasKnown) {
  for (const Peer& lie : {Node(1, 7), Node(1, 7, 9)}) {
    Table table(1);
    table.Hear(Alive(lie), At(0s));
    EXPECT_TRUE(table.Has(lie)) << "it may have restarted";
    table.Hear(Alive(Node(1, 8, 10)), At(0s));
    EXPECT_EQ(table.Lost(Node(1, 8, 10), At(0s)), std::nullopt) << "nothing to tell: one tale was wrong";
    EXPECT_TRUE(table.Has(Node(1)));
    EXPECT_EQ(table.Lost(Node(1), At(0s)), Dead(Node(1)));
  }
}

TEST(Seen, OutranksWhateverIsTold) {
  Table table(1);
  table.Hear(Alive(Node(1, 99, 9)), At(0s));
  EXPECT_TRUE(table.Seen(Node(1)));
  EXPECT_TRUE(table.Has(Node(1)));
  EXPECT_FALSE(table.Seen(Node(0))) << "oneself";
  table.Lost(Node(1), At(0s));
  EXPECT_TRUE(table.Seen(Node(1))) << "dead for this node, but it answers";
}

TEST(Lost, IsToldWithTheEpochItHad) {
  Table table(1);
  table.Hear(Alive(Node(1), 3), At(0s));
  EXPECT_EQ(table.Lost(Node(1), At(0s)), Dead(Node(1), 3));
  EXPECT_EQ(table.Lost(Node(1), At(0s)), std::nullopt);
  EXPECT_EQ(table.Lost(Node(0), At(0s)), std::nullopt) << "oneself";
}

TEST(OwnDeath, IsContradictedWithAHigherEpoch) {
  Table table;
  EXPECT_TRUE(table.Contradict(Dead(Node(0))));
  EXPECT_EQ(table.Self(), Alive(Node(0), 1));
  EXPECT_EQ(table.Find(Node(0).id), Alive(Node(0), 1));
  EXPECT_FALSE(table.Contradict(Dead(Node(0)))) << "already";
  EXPECT_FALSE(table.Contradict(Dead(Node(0, 2)))) << "another incarnation";
  EXPECT_FALSE(table.Contradict(Alive(Node(0), 5)));
  EXPECT_FALSE(table.Contradict(Dead(Node(0), 1 + MemberTable::kMaxEpochStep)));
}

TEST(Bounds, MembersAndThoseOfANetwork) {
  EXPECT_EQ(Table(100, {.members = 10}).size(), 10u);
  Table crowded;
  for (uint8_t i = 1; i <= 50; ++i) {
    crowded.Hear(Alive(PeerAt({Ipv4{0xc0000200u + i}, 4646}, 0, 1)), At(0s));
  }
  EXPECT_EQ(crowded.size(), 5u) << "this node and four";
  const Peer gone = crowded.At(0).id == Node(0).id ? crowded.At(1) : crowded.At(0);
  crowded.Lost(gone, At(0s));
  EXPECT_TRUE(crowded.Hear(Alive(PeerAt({Ipv4{0xc0000263}, 4646}, 0, 1)), At(0s))) << "room again";
  Table unlimited(0, {.members = 100, .per_24 = 0});
  for (uint8_t i = 1; i <= 50; ++i) {
    unlimited.Hear(Alive(PeerAt({Ipv4{0xc0000200u + i}, 4646}, 0, 1)), At(0s));
  }
  EXPECT_EQ(unlimited.size(), 51u);
}

// --- comparing -----------------------------------------------------------------

std::vector<int> Differ(const MemberTable& a, const MemberTable& b, const MemberTable::Arc& arc) {
  const auto left = a.DigestsOf(arc), right = b.DigestsOf(arc);
  std::vector<int> parts;
  for (int i = 0; i < MemberTable::kChildren; ++i) {
    if (left[i] != right[i]) parts.push_back(i);
  }
  return parts;
}

TEST(Comparing, TheSameMembersInAnyOrderAreTheSame) {
  Table a(300);
  Table b;
  for (uint32_t i = 300; i > 0; --i) b.Hear(Alive(Node(i)), At(0s));
  EXPECT_EQ(Differ(a, b, {}), std::vector<int>{});
}

TEST(Comparing, FindsTheOneThatDiffersBitByBit) {
  for (const bool restarted : {false, true}) {
    Table a(300), b(300);
    restarted ? (void)b.Hear(Alive(Node(77, 2)), At(0s)) : (void)b.Lost(Node(77), At(0s));
    MemberTable::Arc arc;
    while (a.CountIn(arc) > 1) {
      const auto parts = Differ(a, b, arc);
      ASSERT_EQ(parts.size(), 1u) << "at " << arc.depth;
      arc = arc.Child(parts[0]);
      ASSERT_TRUE(arc.Contains(Node(77).id));
    }
    EXPECT_LE(arc.depth, 25);
  }
}

TEST(Arcs, AreDividedWithoutRemainder) {
  const Table table(300);
  size_t sum = 0;
  for (int i = 0; i < MemberTable::kChildren; ++i) sum += table.CountIn(MemberTable::Arc{}.Child(i));
  EXPECT_EQ(sum, table.size());
  EXPECT_EQ(table.CountIn({}), table.size());
}

TEST(Arcs, AreWalkedInPortionsEachMemberOnce) {
  const Table table(300);
  const MemberTable::Arc arc = MemberTable::Arc{}.Child(9);
  std::set<Key> seen;
  std::optional<Key> after;
  for (bool more = true; more;) {
    int left = 3;
    more = table.Walk(arc, after, [&](const MemberEvent& event) {
      if (left-- == 0) return false;
      EXPECT_TRUE(arc.Contains(event.peer.id));
      EXPECT_TRUE(seen.insert(event.peer.id).second);
      after = event.peer.id;
      return true;
    });
  }
  EXPECT_EQ(seen.size(), table.CountIn(arc));
  EXPECT_GT(seen.size(), 3u);
}

TEST(Arcs, SuspectsAreNotToldOn) {
  Table table(1);
  table.Hear(Dead(Node(1)), At(0s));
  EXPECT_EQ(table.CountIn({}), 1u);
}

}  // namespace
}  // namespace ov6::chord
