// SPDX-License-Identifier: Apache-2.0
// Routers and prefixes that move: DHT slaves with their peering around a DHT and masters in memory.
#include "slaves/dht/mobility.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "tests/unit/slaves/routers.h"

namespace ov6 {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class MobilityTest : public RoutersTest {
 protected:
  void Say(Router& to, const Endpoint& from, const Prefix& prefix, const Bytes& record) {
    to.Receive({from, {}, EncodePeering({PeeringType::kNotify, false, 7, prefix, record})});
    Settle();
  }
};

constexpr const char* kMoving = "fd01:0:1::/48";
constexpr const char* kPeer = "fd02:0:2::/48";

TEST_F(MobilityTest, TheNewPlaceHasTheOldOneHandOverAndTellsItsCorrespondents) {
  Router& old = Add(mover_, "198.51.100.1", {PrefixOf(kMoving)});
  Router& peer = Add(other_, "198.51.100.2", {PrefixOf(kPeer)});
  Correspond(old, peer);
  ASSERT_EQ(peer.Mapped(kMoving).at(0).address, At("198.51.100.1"));
  Router& place = Add(mover_, "198.51.100.3", {PrefixOf(kMoving)});
  ASSERT_EQ(place.former.size(), 1u);
  EXPECT_EQ(boost::json::parse(place.former[0]),
            (boost::json::object{{"prefix", kMoving}, {"addresses", {"198.51.100.1"}}}));
  ASSERT_EQ(old.moved.size(), 1u);
  EXPECT_EQ(old.moved[0].locators.at(0).address, At("198.51.100.3"));
  EXPECT_EQ(old.counters().handed_over, 1u);
  EXPECT_EQ(place.counters().named, 1u);
  EXPECT_EQ(place.Mapped(kPeer).at(0).address, At("198.51.100.2")) << "what comes from there is accepted";
  EXPECT_EQ(peer.counters().learned, 1u);
  const auto locators = peer.Mapped(kMoving);
  ASSERT_EQ(locators.size(), 2u);
  EXPECT_EQ(locators[0].address, At("198.51.100.3"));
  EXPECT_LT(locators[0].priority, kAcceptOnly);
  EXPECT_EQ(locators[1].address, At("198.51.100.1")) << "it may still send from there";
  EXPECT_EQ(locators[1].priority, kAcceptOnly);
}

TEST_F(MobilityTest, UntilTheNewPlaceHasProvenItselfNothingChanges) {
  Router& old = Add(mover_, "198.51.100.1", {PrefixOf(kMoving)});
  Router& peer = Add(other_, "198.51.100.2", {PrefixOf(kPeer)});
  Correspond(old, peer);
  peer.hears = false;
  Add(mover_, "198.51.100.3", {PrefixOf(kMoving)});
  EXPECT_EQ(old.counters().handed_over, 1u) << "what still comes is relayed";
  EXPECT_EQ(peer.Mapped(kMoving).at(0).address, At("198.51.100.1"));
  Pass(seconds(5));
  peer.hears = true;
  old.mobility().OnRelayed(Address("fd01:0:1::5"), At("198.51.100.2"));
  Settle();
  EXPECT_EQ(old.counters().told, 1u);
  EXPECT_EQ(peer.Mapped(kMoving).at(0).address, At("198.51.100.3")) << "one packet was enough";
  old.mobility().OnRelayed(Address("fd03::5"), At("198.51.100.2"));
  old.mobility().OnRelayed(Address("fd01:0:1::5"), At("198.51.100.77"));
  EXPECT_EQ(old.counters().told, 1u) << "of another prefix, or from who is not known";
}

TEST_F(MobilityTest, WhereItWasBeforeTellsOfThePlaceThatItHasMovedOnTo) {
  Router& old = Add(mover_, "198.51.100.1", {PrefixOf(kMoving)});
  Router& peer = Add(other_, "198.51.100.2", {PrefixOf(kPeer)});
  Correspond(old, peer);
  peer.hears = false;
  Router& between = Add(mover_, "198.51.100.3", {PrefixOf(kMoving)});
  Pass(seconds(5));
  Add(mover_, "198.51.100.4", {PrefixOf(kMoving)});
  Pass(seconds(5));
  EXPECT_EQ(between.counters().handed_over, 1u);
  EXPECT_EQ(old.Mapped(kMoving).at(0).address, At("198.51.100.4"));
  peer.hears = true;
  old.mobility().OnRelayed(Address("fd01:0:1::5"), At("198.51.100.2"));
  Settle();
  EXPECT_EQ(peer.Mapped(kMoving).at(0).address, At("198.51.100.4")) << "one packet was enough";
}

TEST_F(MobilityTest, WhoIsNotToldThatItHasMovedReadsItBeforeHeRenews) {
  Router& old = Add(mover_, "198.51.100.1", {PrefixOf(kMoving)});
  Pass(seconds(70));  // puts of the same record are over too
  old.hears = false;
  Router& place = Add(mover_, "198.51.100.3", {PrefixOf(kMoving)});
  Pass(seconds(65));  // it is notified no more
  const Bytes moved = Stored(kMoving);
  old.hears = true;
  Pass(seconds(20));
  EXPECT_TRUE(old.moved.empty()) << "it can't know yet";
  Pass(seconds(280));
  ASSERT_EQ(old.moved.size(), 1u);
  EXPECT_EQ(old.moved[0].locators.at(0).address, At("198.51.100.3"));
  EXPECT_EQ(old.counters().gave_way, 1u);
  EXPECT_EQ(old.counters().handed_over, 1u) << "what still comes is relayed";
  EXPECT_TRUE(place.moved.empty());
  EXPECT_GT(DecodeSigned(Stored(kMoving))->record.sequence, DecodeSigned(moved)->record.sequence)
      << "the new place has renewed its own";
}

// As it is after a partition: the newest place finds the record of the oldest, and notifies that one.
TEST_F(MobilityTest, ThePlaceBetweenTwoCrossedMovesReadsWhereItIsSoonAfterItCame) {
  Router& old = Add(mover_, "198.51.100.1", {PrefixOf(kMoving)});
  Pass(seconds(40));
  const Bytes oldest = Stored(kMoving);
  Router& between = Add(mover_, "198.51.100.2", {PrefixOf(kMoving)});
  const Bytes second = Stored(kMoving);
  network_.stored.at(StorageKey(kDomain, PrefixOf(kMoving))).at(PrefixOf(kMoving)) = oldest;
  Pass(milliseconds(50));
  Router& newest = Add(mover_, "198.51.100.3", {PrefixOf(kMoving)});
  ASSERT_NE(Stored(kMoving), second);
  EXPECT_TRUE(between.moved.empty()) << "nobody has told it";
  Pass(seconds(31));
  EXPECT_EQ(between.counters().gave_way, 1u);
  EXPECT_EQ(between.counters().handed_over, 1u);
  EXPECT_TRUE(newest.moved.empty());
  EXPECT_EQ(old.moved.size(), 1u);
}

// Its own clock is behind that of the place of before, whose record it has not found: the DHT refuses.
TEST_F(MobilityTest, APlaceWhoseRecordTheDhtRefusesClaimsItAboveTheOneThatIsThere) {
  Router& old = Add(mover_, "198.51.100.1", {PrefixOf(kMoving)});
  old.skew = seconds(90);
  Pass(seconds(31));
  const uint64_t before = DecodeSigned(Stored(kMoving))->record.sequence;
  routers_.push_back(
      std::make_unique<Router>(network_, mover_, "198.51.100.3", std::vector{PrefixOf(kMoving)}));
  Router& place = *routers_.back();
  place.finds = false;
  Settle();
  EXPECT_EQ(DecodeSigned(Stored(kMoving))->record.sequence, before) << "refused";
  place.finds = true;
  Pass(seconds(3));
  const auto record = DecodeSigned(Stored(kMoving))->record;
  EXPECT_EQ(record.locators.at(0).address, At("198.51.100.3"));
  EXPECT_GT(record.sequence, before);
  EXPECT_EQ(old.moved.size(), 1u);
  EXPECT_TRUE(place.moved.empty());
}

// The host has left the old place and is not at the new one yet: what takes round trips is done meanwhile.
TEST_F(MobilityTest, WhatIsAwaitedIsClaimedWithinOneRoundTripOfItsComing) {
  Router& old = Add(mover_, "198.51.100.1", {PrefixOf(kMoving)});
  Router& peer = Add(other_, "198.51.100.2", {PrefixOf(kPeer)});
  Correspond(old, peer);
  const Bytes before = Stored(kMoving);
  routers_.push_back(std::make_unique<Router>(
      network_, mover_, "198.51.100.3", std::vector{PrefixOf(kMoving)}, std::vector{PrefixOf(kMoving)}));
  Router& place = *routers_.back();
  Settle();
  Pass(seconds(3));
  EXPECT_EQ(place.former.size(), 1u) << "what the old place sends is accepted already";
  EXPECT_TRUE(old.moved.empty());
  EXPECT_EQ(Stored(kMoving), before);
  EXPECT_EQ(peer.Mapped(kMoving).at(0).address, At("198.51.100.1"));
  EXPECT_EQ(peer.counters().learned, 0u);

  place.Arrived();
  place.Serve();
  std::deque<Network::Datagram> said;
  said.swap(network_.wires);
  for (const auto& datagram : said) {
    if (datagram.to.address == At("198.51.100.1")) old.Receive(datagram);
  }
  old.Serve();
  ASSERT_EQ(old.moved.size(), 1u) << "by the first datagram, and without another question";
  EXPECT_EQ(old.Mapped(kMoving).at(0).address, At("198.51.100.3"));
  EXPECT_LT(old.Mapped(kMoving).at(0).priority, kAcceptOnly) << "which has proven itself";
  Settle();
  EXPECT_NE(Stored(kMoving), before);
  EXPECT_EQ(old.counters().handed_over, 1u);
  Pass(seconds(2));
  EXPECT_EQ(peer.Mapped(kMoving).at(0).address, At("198.51.100.3"));
}

TEST_F(MobilityTest, WhatIsAwaitedAndWasNowhereIsRegisteredWhenItComes) {
  Router place(network_, mover_, "198.51.100.3", {PrefixOf(kMoving)}, {PrefixOf(kMoving)});
  while (place.Serve()) {
  }
  EXPECT_FALSE(network_.stored[StorageKey(kDomain, PrefixOf(kMoving))].contains(PrefixOf(kMoving)));
  place.Arrived();
  while (place.Serve()) {
  }
  EXPECT_TRUE(network_.stored[StorageKey(kDomain, PrefixOf(kMoving))].contains(PrefixOf(kMoving)));
}

TEST_F(MobilityTest, TheMasterHasTheLastWord) {
  Router& old = Add(mover_, "198.51.100.1", {PrefixOf(kMoving)});
  old.moved_answer = absl::PermissionDeniedError("no");
  Add(mover_, "198.51.100.3", {PrefixOf(kMoving)});
  EXPECT_EQ(old.moved.size(), 1u);
  EXPECT_EQ(old.counters().handed_over, 0u);
  old.mobility().OnRelayed(Address("fd01:0:1::5"), At("198.51.100.2"));
  EXPECT_EQ(old.counters().told, 0u);
}

TEST_F(MobilityTest, TrafficFollowsARouterThatHasAnotherAddressBeforeAnythingElse) {
  Router& router = Add(mover_, "198.51.100.1", {PrefixOf(kMoving)});
  Router& peer = Add(other_, "198.51.100.2", {PrefixOf(kPeer)});
  Correspond(router, peer);
  router.MoveTo("198.51.100.9");
  router.Reconfigure();
  router.Serve();  // signed
  ASSERT_EQ(network_.wires.size(), 1u);
  peer.Receive(network_.wires.front());
  network_.wires.clear();
  peer.Serve();
  EXPECT_EQ(peer.counters().learned, 1u);
  EXPECT_EQ(peer.Mapped(kMoving).at(0).address, At("198.51.100.9"));
  EXPECT_EQ(peer.mappings.at(PrefixOf(kMoving)).hard_ttl_ms, 250u) << "until it has proven itself";
  Settle();
  Pass(milliseconds(500));
  EXPECT_EQ(peer.Mapped(kMoving).at(0).priority, 1);
  EXPECT_GT(peer.mappings.at(PrefixOf(kMoving)).hard_ttl_ms, 60'000u);
}

// Nothing that he sent has come, so that the router has no mapping of his.
TEST_F(MobilityTest, WhoHadItProveItselfIsToldOfAnotherAddress) {
  Router& router = Add(mover_, "198.51.100.1", {PrefixOf(kMoving)});
  Router& peer = Add(other_, "198.51.100.2", {PrefixOf(kPeer)});
  peer.Resolve("fd01:0:1::5");
  Settle();
  ASSERT_EQ(peer.Mapped(kMoving).at(0).address, At("198.51.100.1"));
  router.MoveTo("198.51.100.9");
  router.Reconfigure();
  Settle();
  EXPECT_EQ(peer.counters().learned, 1u);
  EXPECT_EQ(peer.Mapped(kMoving).at(0).address, At("198.51.100.9"));
}

TEST_F(MobilityTest, WhatIsNotNewOrNotOursOrNotGoodChangesNothing) {
  Router& old = Add(mover_, "198.51.100.1", {PrefixOf(kMoving)});
  Router& peer = Add(other_, "198.51.100.2", {PrefixOf(kPeer)});
  const Endpoint mover{At("198.51.100.1"), kPort}, stranger{At("203.0.113.7"), kPort};
  Say(peer, mover, PrefixOf(kMoving), Stored(kMoving));
  EXPECT_EQ(peer.counters().unasked, 1u) << "nobody sends there";
  peer.Resolve("fd01:0:1::5");
  Settle();
  Say(peer, mover, PrefixOf(kMoving), Stored(kMoving));
  EXPECT_EQ(peer.counters().old, 1u) << "it is known";
  Bytes forged = Stored(kMoving);
  forged.back() ^= 1;
  Say(peer, mover, PrefixOf("fd01:0:1:7::/64"), Stored(kMoving));
  EXPECT_EQ(peer.counters().refused, 1u) << "a record of another prefix";
  Say(old, stranger, PrefixOf(kMoving), Stored(kMoving));
  EXPECT_TRUE(old.moved.empty()) << "its own";
  Say(old, stranger, PrefixOf(kMoving), forged);
  EXPECT_EQ(old.counters().refused, 1u);
  // The same prefix by another's right, which an open domain lets anybody claim.
  Add(other_, "203.0.113.7", {PrefixOf(kMoving)});
  EXPECT_TRUE(old.moved.empty()) << "another's claim";
  EXPECT_EQ(old.counters().handed_over, 0u);
}

TEST(Notifier, SaysItAgainUntilItIsHeardAndGivesUp) {
  std::vector<PeeringMessage> sent;
  uint64_t nonce = 0;
  Notifier notifier(
      [&](const Endpoint&, const Bytes& bytes) {
        sent.push_back(DecodePeering(bytes).value());
        return true;
      },
      [&] { return ++nonce; });
  BootTime now{seconds(1)};
  const Endpoint to{At("198.51.100.1"), kPort};
  notifier.Notify(now, to, PrefixOf(kMoving), Bytes{1});
  notifier.Notify(now, to, PrefixOf(kMoving), Bytes{1});
  ASSERT_EQ(sent.size(), 1u) << "the same again is said once";
  notifier.Notify(now, to, PrefixOf(kMoving), Bytes{2});
  ASSERT_EQ(sent.size(), 2u);
  notifier.OnAnswer(to, {PeeringType::kNotified, true, 1, PrefixOf(kMoving)});
  EXPECT_EQ(notifier.counters().heard, 0u) << "of what was replaced";
  for (int i = 0; i < Notifier::kTries; ++i) {
    ASSERT_LT(notifier.NextDeadline(), BootTime::max());
    now = notifier.NextDeadline();
    notifier.OnTimer(now);
  }
  EXPECT_EQ(sent.size(), 1u + Notifier::kTries);
  EXPECT_EQ(notifier.counters().unanswered, 1u);
  EXPECT_EQ(notifier.NextDeadline(), BootTime::max());
  notifier.Name(now, to, PrefixOf(kPeer));
  EXPECT_EQ(sent.back().type, PeeringType::kName);
  notifier.OnAnswer(to, {PeeringType::kNamed, true, sent.back().nonce, PrefixOf(kPeer)});
  EXPECT_EQ(notifier.counters().heard, 1u);
  EXPECT_EQ(notifier.NextDeadline(), BootTime::max());
}

TEST(Notifier, WhatDoesNotLeaveIsTriedAgainAtOnce) {
  int tried = 0;
  Notifier notifier([&](const Endpoint&, const Bytes&) { return ++tried == 3; }, [] { return 1; });
  BootTime now{seconds(1)};
  notifier.Notify(now, {At("198.51.100.1"), kPort}, PrefixOf(kMoving), Bytes{1});
  for (; tried < 3; notifier.OnTimer(now)) {
    ASSERT_EQ(notifier.NextDeadline(), now + Notifier::kUnsentWait);
    now = notifier.NextDeadline();
  }
  EXPECT_EQ(notifier.counters().sent, 1u);
  EXPECT_EQ(notifier.NextDeadline(), now + Notifier::kFirstWait);
}

TEST(Notifier, KeepsToItsPace) {
  size_t sent = 0;
  Notifier notifier([&](const Endpoint&, const Bytes&) { return ++sent > 0; }, [] { return 1; });
  const BootTime now{seconds(1)};
  for (uint16_t port = 1; port <= 1000; ++port)
    notifier.Notify(now, {At("198.51.100.1"), port}, PrefixOf(kMoving), Bytes{1});
  EXPECT_EQ(sent, static_cast<size_t>(Notifier::kBurst));
  EXPECT_EQ(notifier.NextDeadline(), now + Notifier::kPace);
}

}  // namespace
}  // namespace ov6
