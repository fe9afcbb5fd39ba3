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
MemberEvent Alive(const Peer& peer) { return {peer, false}; }
MemberEvent Dead(const Peer& peer) { return {peer, true}; }

struct Table : MemberTable {
  explicit Table(uint32_t members = 0, Limits limits = {}) : MemberTable(Node(0), limits) {
    for (uint32_t i = 1; i <= members; ++i) Seen(Node(i));
  }
  bool Has(const Peer& peer) const { return Find(peer.id) == peer; }
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

TEST(News, IsWhatDiffersFromWhatIsKnown) {
  Table table(1);
  EXPECT_TRUE(table.IsNews(Alive(Node(2)), At(0s)));
  EXPECT_FALSE(table.IsNews(Alive(Node(1)), At(0s)));
  EXPECT_TRUE(table.IsNews(Alive(Node(1, 2)), At(0s))) << "restarted";
  EXPECT_TRUE(table.IsNews(Dead(Node(1)), At(0s)));
  EXPECT_FALSE(table.IsNews(Dead(Node(1, 2)), At(0s))) << "another incarnation";
  EXPECT_FALSE(table.IsNews(Dead(Node(2)), At(0s))) << "nobody knows it";
  EXPECT_FALSE(table.IsNews(Alive(Node(0)), At(0s))) << "oneself";
  EXPECT_FALSE(table.IsNews(Dead(Node(0)), At(0s))) << "oneself";
  EXPECT_EQ(table.size(), 2u) << "and changes nothing";
}

TEST(Suspects, AreLeftOutUntilTheyAreSeen) {
  Table table(1);
  table.Suspect(Node(1).id);
  EXPECT_FALSE(table.Has(Node(1)));
  EXPECT_EQ(table.suspects(), 1u);
  EXPECT_EQ(table.Behind(Key{}, 9).size(), 1u);
  EXPECT_FALSE(table.IsNews(Dead(Node(1)), At(0s))) << "being asked already";
  EXPECT_FALSE(table.Seen(Node(1))) << "as it was";
  EXPECT_TRUE(table.Has(Node(1)));
  table.Suspect(Node(0).id);
  table.Suspect(Node(7).id);
  EXPECT_EQ(table.suspects(), 0u);
}

TEST(Presumed, GiveWayToWhatIsSeen) {
  Table table;
  table.Presume(Node(1));
  table.Presume(Node(2));
  table.Presume(Node(1, 7));
  EXPECT_TRUE(table.Has(Node(1))) << "who is known is not replaced by hearsay";
  EXPECT_EQ(table.presumed(), 2u);
  EXPECT_TRUE(table.Seen(Node(1, 3)));
  EXPECT_TRUE(table.Has(Node(1, 3)));
  EXPECT_EQ(table.presumed(), 1u);
  table.Lost(Node(2), At(0s));
  EXPECT_EQ(table.presumed(), 0u);
}

TEST(ToCheck, ThePresumedComeFirstAndThenAllInTurn) {
  Table table(5);
  table.Presume(Node(6));
  table.Presume(Node(7));
  std::set<Key> presumed{Node(6).id, Node(7).id};
  Key at{};
  for (int i = 0; i < 2; ++i) {
    const Peer next = table.ToCheck(at);
    EXPECT_EQ(presumed.erase(next.id), 1u);
    table.Seen(next);
    at = next.id;
  }
  std::set<Key> turns;
  for (int i = 0; i < 8; ++i) turns.insert(at = table.ToCheck(at).id);
  EXPECT_EQ(turns.size(), 8u);
}

TEST(Lost, IsToldAndStaysSilentForAWhile) {
  Table table(1);
  EXPECT_EQ(table.Lost(Node(1), At(0s)), Dead(Node(1)));
  EXPECT_EQ(table.Lost(Node(1), At(0s)), std::nullopt);
  EXPECT_EQ(table.Lost(Node(0), At(0s)), std::nullopt) << "oneself";
  EXPECT_FALSE(table.IsNews(Alive(Node(1)), At(MemberTable::kSilence - 1s))) << "an old tale of it";
  EXPECT_TRUE(table.IsNews(Alive(Node(1, 2)), At(1s))) << "it is back";
  EXPECT_TRUE(table.IsNews(Alive(Node(1)), At(MemberTable::kSilence)));
  EXPECT_TRUE(table.Seen(Node(1))) << "it answers";
  EXPECT_EQ(table.Lost(Node(1, 0), At(0s)), std::nullopt) << "an incarnation before this";
  EXPECT_EQ(table.Lost(Node(1, 9, 7), At(0s)), std::nullopt) << "at another port";
}

TEST(Bounds, MembersAndThoseOfANetwork) {
  EXPECT_EQ(Table(100, {.members = 10}).size(), 10u);
  Table crowded;
  for (uint8_t i = 1; i <= 50; ++i) {
    crowded.Seen(PeerAt({Ipv4{0xc0000200u + i}, 4646}, 0, 1));
  }
  EXPECT_EQ(crowded.size(), 5u) << "this node and four";
  const Peer gone = crowded.At(0).id == Node(0).id ? crowded.At(1) : crowded.At(0);
  crowded.Lost(gone, At(0s));
  EXPECT_TRUE(crowded.Seen(PeerAt({Ipv4{0xc0000263}, 4646}, 0, 1))) << "room again";
  Table unlimited(0, {.members = 100, .per_24 = 0});
  for (uint8_t i = 1; i <= 50; ++i) {
    unlimited.Seen(PeerAt({Ipv4{0xc0000200u + i}, 4646}, 0, 1));
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
  for (uint32_t i = 300; i > 0; --i) b.Seen(Node(i));
  EXPECT_EQ(Differ(a, b, {}), std::vector<int>{});
}

TEST(Comparing, FindsTheOneThatDiffersBitByBit) {
  for (const bool restarted : {false, true}) {
    Table a(300), b(300);
    restarted ? (void)b.Seen(Node(77, 2)) : (void)b.Lost(Node(77), At(0s));
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
    more = table.Walk(arc, after, [&](const Peer& peer) {
      if (left-- == 0) return false;
      EXPECT_TRUE(arc.Contains(peer.id));
      EXPECT_TRUE(seen.insert(peer.id).second);
      after = peer.id;
      return true;
    });
  }
  EXPECT_EQ(seen.size(), table.CountIn(arc));
  EXPECT_GT(seen.size(), 3u);
}

TEST(Arcs, SuspectsAreNotToldOn) {
  Table table(1);
  table.Suspect(Node(1).id);
  EXPECT_EQ(table.CountIn({}), 1u);
}

}  // namespace
}  // namespace ov6::chord
