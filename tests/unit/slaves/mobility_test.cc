// SPDX-License-Identifier: Apache-2.0
// Routers and prefixes that move: DHT slaves with their peering around a DHT and masters in memory.
#include "slaves/dht/mobility.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <memory>

#include "slaves/dht/peering.h"
#include "tests/unit/slaves/fakes.h"
#include "userspace/wire/storage_key.h"

namespace ov6 {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Domain kDomain{"chord", PrefixOf("fd00::/8"), 48, Domain::Trust::kOpen};
constexpr uint16_t kPort = 4646;

Ipv4 At(const std::string& text) { return Ipv4::Parse(text).value(); }

// The one clock, the wires, and what the DHT holds.
struct Network {
  struct Datagram {
    Endpoint from, to;
    Bytes bytes;
  };
  BootTime now{seconds(1000)};
  std::chrono::sys_time<milliseconds> wall{seconds(1'700'000'000)};
  std::deque<Datagram> wires;
  std::map<Key, std::map<Prefix, Bytes>> stored;
  uint64_t nonce = 0;
};

class Router {
 public:
  Router(Network& network, const PrivateKey& key, const std::string& address, std::vector<Prefix> prefixes,
         std::vector<Prefix> awaited = {})
      : network_(network), key_(key) {
    config_.awaited = std::move(awaited);
    config_.domain = kDomain;
    config_.listen = {Ipv4{}, kPort};
    config_.public_key = key.public_key();
    config_.registrations = std::move(prefixes);
    MoveTo(address);
    registrar_.emplace(config_, session_, Submit(), Clock());
    slave_.emplace(kDomain, session_, port_, Submit(), Clock());
    query_.emplace(kDomain, Submit(), Clock());
    peering_.emplace(
        config_, session_, *registrar_, *slave_, *query_,
        [this](const Endpoint& to, const Bytes& bytes, std::optional<Ipv4>) {
          network_.wires.push_back({{address_, kPort}, to, bytes});
          return true;
        },
        [this] { return ++network_.nonce; }, Clock());
    registrar_->OnTimer();
    registrar_->OnJoined();
    peering_->mobility().OnJoined();
  }

  void MoveTo(const std::string& address) {
    address_ = At(address);
    Locator locator;
    locator.address = address_;
    config_.locators = {locator};
  }
  void Arrived() {
    config_.awaited.clear();
    Reconfigure();
  }
  void Reconfigure() {
    registrar_->Reconfigure(config_);
    peering_->mobility().Reconfigure(config_);
  }
  // What the master and the DHT are asked, until there is nothing more. True: there was something.
  bool Serve() {
    bool any = !session_.calls.empty() || !session_.mappings.empty() || !asked_.empty();
    while (!session_.calls.empty()) Answer();
    while (!session_.mappings.empty()) {
      for (const MappingChange& change : session_.mappings.front().changes) Install(change);
      session_.Acknowledge();
    }
    while (!asked_.empty()) {
      const Request request = asked_.front();
      asked_.pop_front();
      AnswerDht(request);
    }
    return any;
  }
  void Receive(const Network::Datagram& datagram) {
    if (!hears) return;
    EXPECT_TRUE(peering_->OnDatagram(datagram.from, address_, datagram.bytes));
  }
  void OnTimer() {
    registrar_->OnTimer();
    slave_->OnTimer();
    peering_->OnTimer();
    peering_->mobility().OnProofs();
  }
  void Resolve(const std::string& address) { slave_->OnRefresh(std::vector{Address(address)}); }

  const Mobility::Counters& counters() { return peering_->mobility().counters(); }
  Mobility& mobility() { return peering_->mobility(); }
  Ipv4 address() const { return address_; }
  // Where the kernel would send to for the address; :: nowhere.
  std::vector<Locator> Mapped(const std::string& prefix) {
    const auto found = mappings.find(PrefixOf(prefix));
    return found == mappings.end() ? std::vector<Locator>() : found->second.locators;
  }

  bool hears = true, finds = true;
  milliseconds skew{0};
  std::map<Prefix, MappingAdd> mappings;
  std::vector<std::string> former;  // arguments of the calls
  std::vector<Record> moved;
  absl::Status moved_answer;

 private:
  DhtClock Clock() {
    return {[this] { return network_.now; }, [this] { return network_.wall + skew; }};
  }
  SubmitRequest Submit() {
    return [this](Request request) { asked_.push_back(std::move(request)); };
  }
  void Install(const MappingChange& change) {
    if (const auto* add = std::get_if<MappingAdd>(&change)) mappings[add->prefix] = *add;
    if (const auto* gone = std::get_if<MappingWithdraw>(&change)) mappings.erase(gone->prefix);
  }
  void Answer() {
    const std::string method = session_.calls.front().method, argument = session_.calls.front().argument;
    const Bytes bytes(argument.begin(), argument.end());
    if (method == "sign") {
      const Signature signature = key_.Sign(SignedBytes(bytes));
      return session_.Return(std::string(signature.begin(), signature.end()));
    }
    if (method == "former") former.push_back(argument);
    if (method == "moved") {
      moved.push_back(VerifySigned(bytes, kDomain, std::chrono::floor<seconds>(network_.wall)).value());
      if (!moved_answer.ok()) return session_.Return(moved_answer);
      std::erase(config_.registrations, moved.back().prefix);
    }
    session_.Return(std::string("{}"));
    if (method == "moved") Reconfigure();
  }
  void AnswerDht(const Request& request) {
    if (const auto* put = std::get_if<PutRequest>(&request)) {
      const auto record = VerifySigned(put->value, kDomain, std::chrono::floor<seconds>(network_.wall));
      ASSERT_TRUE(record.ok()) << record.status();
      Bytes& stored = network_.stored[put->key][record->prefix];
      const bool older = !stored.empty() && DecodeSigned(stored)->record.sequence > record->sequence;
      if (!older) stored = put->value;
      registrar_->OnPut({put->id, !older, older ? 0 : 8});
    }
    if (const auto* get = std::get_if<GetRequest>(&request)) {
      std::vector<Bytes> values;
      if (finds) {
        for (const auto& [prefix, value] : network_.stored[get->key]) values.push_back(value);
      }
      const GetOutput got{get->id, values.empty() ? GetOutcome::kAbsent : GetOutcome::kFound, values, 1};
      if (!query_->OnGet(got)) slave_->OnGet(got);
    }
  }

  Network& network_;
  const PrivateKey& key_;
  DhtConfig config_;
  Ipv4 address_;
  FakeSession session_;
  FakePort port_;
  std::deque<Request> asked_;
  std::optional<Registrar> registrar_;
  std::optional<DhtSlave> slave_;
  std::optional<RecordQuery> query_;
  std::optional<Peering> peering_;
};

class MobilityTest : public testing::Test {
 protected:
  Router& Add(const PrivateKey& key, const std::string& address, std::vector<Prefix> prefixes) {
    routers_.push_back(std::make_unique<Router>(network_, key, address, std::move(prefixes)));
    Settle();
    return *routers_.back();
  }
  // Without any time.
  void Settle() {
    for (bool any = true; any;) {
      any = false;
      for (const auto& router : routers_) any |= router->Serve();
      while (!network_.wires.empty()) {
        any = true;
        const Network::Datagram datagram = network_.wires.front();
        network_.wires.pop_front();
        for (const auto& router : routers_) {
          if (router->address() == datagram.to.address) router->Receive(datagram);
        }
      }
    }
  }
  // Each sends to the other.
  void Correspond(Router& mover, Router& peer) {
    peer.Resolve("fd01:0:1::5");
    mover.Resolve("fd02:0:2::5");
    Settle();
  }
  void Pass(Duration time) {
    for (const BootTime end = network_.now + time; network_.now < end;) {
      network_.now += milliseconds(50);
      network_.wall += milliseconds(50);
      for (const auto& router : routers_) router->OnTimer();
      Settle();
    }
  }
  void Say(Router& to, const Endpoint& from, const Prefix& prefix, const Bytes& record) {
    to.Receive({from, {}, EncodePeering({PeeringType::kNotify, false, 7, prefix, record})});
    Settle();
  }
  Bytes Stored(const std::string& prefix) {
    return network_.stored.at(StorageKey(kDomain, PrefixOf(prefix))).at(PrefixOf(prefix));
  }

  const PrivateKey mover_ = PrivateKey::Generate(), other_ = PrivateKey::Generate();
  Network network_;
  std::vector<std::unique_ptr<Router>> routers_;
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
