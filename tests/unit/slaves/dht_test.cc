// SPDX-License-Identifier: Apache-2.0
// The DHT slave's logic and its registrations over a session and a port in memory. The
// test answers for the DHT.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "slaves/dht/dht_config.h"
#include "slaves/dht/dht_memory.h"
#include "slaves/dht/dht_slave.h"
#include "slaves/dht/record_checker.h"
#include "slaves/dht/record_query.h"
#include "slaves/dht/registrar.h"
#include "tests/sim/record_judge.h"
#include "tests/unit/slaves/fakes.h"
#include "userspace/wire/storage_key.h"

namespace ov6 {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using WallTime = std::chrono::sys_time<milliseconds>;

const Domain kDomain{"chord", PrefixOf("fd00::/8"), 48, Domain::Trust::kOpen};

Locator LocatorAt(const std::string& address) {
  Locator locator;
  locator.address = Ipv4::Parse(address).value();
  return locator;
}

// A DHT slave with everything around it.
class DhtTest : public testing::Test {
 protected:
  DhtClock Clock() {
    return {[this] { return now_; }, [this] { return wall_; }};
  }
  SubmitRequest Submit() {
    return [this](Request request) {
      if (const auto* get = std::get_if<GetRequest>(&request)) gets_.push_back(*get);
      if (const auto* put = std::get_if<PutRequest>(&request)) puts_.push_back(*put);
    };
  }
  void Advance(Duration time) {
    now_ += time;
    wall_ += std::chrono::duration_cast<milliseconds>(time);
  }
  UnixTime Wall() const { return std::chrono::floor<seconds>(wall_); }

  Bytes SignedRecord(const std::string& prefix, const std::string& locator, Duration lifetime = minutes(10)) {
    Record record;
    record.domain = kDomain.name;
    record.prefix = PrefixOf(prefix);
    record.sequence = 1;
    record.not_before = Wall();
    record.expiry = Wall() + std::chrono::duration_cast<seconds>(lifetime);
    record.locators = {LocatorAt(locator)};
    record.public_key = key_.public_key();
    const Bytes bytes = EncodeRecord(record);
    return EncodeSigned(bytes, key_.Sign(SignedBytes(bytes)));
  }

  BootTime now_{seconds(1000)};
  WallTime wall_{seconds(1'700'000'000)};
  PrivateKey key_ = PrivateKey::Generate();
  FakeSession session_;
  FakePort port_;
  Frames frames_;
  std::vector<GetRequest> gets_;
  std::vector<PutRequest> puts_;
};

class DhtSlaveTest : public DhtTest {
 protected:
  void SetUp() override {
    PortCapsule port;
    port.slave = 9;
    port.frame_count = 1024;
    slave_.OnPort(port);
  }
  void Punt(const Frame& frame) { slave_.OnFrames(std::span(&frame, 1)); }

  void Refresh(const std::string& address) {
    const Ipv6 in_use = Address(address);
    slave_.OnRefresh(std::span(&in_use, 1));
  }

  // Answers every get until no more come: with `values` under `prefix`'s key, absent elsewhere.
  void AnswerGets(const std::string& prefix, const std::vector<Bytes>& values,
                  GetOutcome otherwise = GetOutcome::kAbsent) {
    const Key key = StorageKey(kDomain, PrefixOf(prefix));
    while (!gets_.empty()) {
      const GetRequest get = gets_.front();
      gets_.erase(gets_.begin());
      const bool here = get.key == key && !values.empty();
      EXPECT_TRUE(slave_.OnGet(
          {get.id, here ? GetOutcome::kFound : otherwise, here ? values : std::vector<Bytes>{}, 2}));
    }
  }
  const MappingAdd& AddAt(size_t capsule, size_t change) {
    return std::get<MappingAdd>(session_.mappings.at(capsule).changes.at(change));
  }

  DhtSlave slave_{kDomain, session_, port_, Submit(), Clock()};
};

TEST_F(DhtSlaveTest, PacketsWaitForTheAcknowledgementAndGoBackInOrder) {
  for (int i = 0; i < 3; ++i) Punt(frames_.Miss("fd02:0:7:1::5"));
  EXPECT_FALSE(gets_.empty());
  AnswerGets("fd02:0:7::/48", {SignedRecord("fd02:0:7::/48", "198.51.100.2")});
  ASSERT_EQ(session_.mappings.size(), 1u);
  EXPECT_EQ(AddAt(0, 0).prefix, PrefixOf("fd02:0:7::/48"));
  EXPECT_EQ(AddAt(0, 0).locators, std::vector<Locator>{LocatorAt("198.51.100.2")});
  EXPECT_NEAR(AddAt(0, 0).soft_ttl_ms, 0.8 * AddAt(0, 0).hard_ttl_ms, 0.081 * AddAt(0, 0).hard_ttl_ms);
  Punt(frames_.Miss("fd02:0:7:1::5"));  // comes while the master writes the maps
  EXPECT_EQ(session_.mappings.size(), 1u);
  EXPECT_TRUE(port_.sent.empty());
  session_.Acknowledge();
  EXPECT_EQ(port_.SentChunks(), (std::vector<uint32_t>{0, 1, 2, 3}));
  for (const Frame& frame : port_.sent) {
    EXPECT_EQ(PortType(frame), OV6_PORT_RESUBMIT_OUT);
    EXPECT_EQ(PortSlave(frame), 9);
  }
  EXPECT_TRUE(port_.released.empty());
  EXPECT_EQ(slave_.counters().returned, 4u);
  EXPECT_EQ(slave_.held().size(), 0u);
}

// Also with a clock that never stands still: "first attempts to look the address up as is".
TEST_F(DhtSlaveTest, AQuietLookupHasNotWaitedAndAsksForTheAddressAsItIs) {
  Domain domain = kDomain;
  domain.resolving = Domain::Resolving::kZeroing;
  DhtSlave slave(domain, session_, port_, Submit(),
                 {[this] { return now_ += std::chrono::nanoseconds(1); }, [this] { return wall_; }});
  PortCapsule port;
  port.frame_count = 1024;
  slave.OnPort(port);
  const Frame frame = frames_.Miss("fd02:0:7:1::5");
  slave.OnFrames(std::span(&frame, 1));
  ASSERT_EQ(gets_.size(), 1u);
  EXPECT_EQ(gets_[0].key, LookupKey(kDomain, Address("fd02:0:7:1::5")));
  EXPECT_EQ(slave.lookups().counters().waited, 0u);
}

// What waits while one source has its fill begins at the aggregate.
TEST_F(DhtSlaveTest, AScanKeepsToItsPlacesAndItsPacketsAreReleased) {
  for (int i = 1; i <= 100; ++i) Punt(frames_.Miss("fd02:0:" + std::to_string(i) + ":1::5"));
  EXPECT_EQ(slave_.lookups().in_flight(LookupQueue::kMiss), 4u) << "of what a source may ask at once";
  EXPECT_EQ(slave_.lookups().counters().dropped_source_full, 32u);
  EXPECT_EQ(slave_.counters().dropped_budget, 32u);
  EXPECT_EQ(port_.released.size(), 32u);
  Advance(seconds(2));
  slave_.OnTimer();
  EXPECT_EQ(slave_.lookups().waiting(LookupQueue::kMiss), 0u);
  EXPECT_EQ(slave_.held().size(), 4u);
}

TEST_F(DhtSlaveTest, DestinationsOfOneAggregateShareALookup) {
  Punt(frames_.Miss("fd02:0:7:1::5"));
  const size_t gets = gets_.size();
  Punt(frames_.Miss("fd02:0:7:1::5"));
  EXPECT_EQ(gets_.size(), gets);
  Punt(frames_.Miss("fd02:0:7:1::6"));
  AnswerGets("fd02:0:7::/48", {SignedRecord("fd02:0:7::/48", "198.51.100.2")});
  while (!session_.mappings.empty()) session_.Acknowledge();
  EXPECT_EQ(port_.sent.size(), 3u);
  EXPECT_EQ(slave_.counters().found, 2u);
}

TEST_F(DhtSlaveTest, AbsentIsANegativeWithNoRouteAndThePacketsGoBackToMeetIt) {
  Punt(frames_.Miss("fd02:0:7:1::5"));
  AnswerGets("fd02:0:7::/48", {});
  ASSERT_EQ(session_.mappings.size(), 1u);
  const auto negative = std::get<MappingNegative>(session_.mappings[0].changes.at(0));
  EXPECT_TRUE(negative.prefix.Contains(Address("fd02:0:7:1::5")));
  EXPECT_EQ(negative.icmp_code, 0);
  EXPECT_FALSE(negative.failed);
  EXPECT_GT(negative.ttl_ms, 0u);
  session_.Acknowledge();
  EXPECT_EQ(port_.SentChunks(), std::vector<uint32_t>{0});
  EXPECT_EQ(slave_.counters().absent, 1u);
}

TEST_F(DhtSlaveTest, AFailedLookupIsANegativeWithAddressUnreachable) {
  Punt(frames_.Miss("fd02:0:7:1::5"));
  AnswerGets("fd02:0:7::/48", {}, GetOutcome::kUnreachable);
  ASSERT_EQ(session_.mappings.size(), 1u);
  const auto negative = std::get<MappingNegative>(session_.mappings[0].changes.at(0));
  EXPECT_EQ(negative.icmp_code, 3);
  EXPECT_TRUE(negative.failed);
}

TEST_F(DhtSlaveTest, VerifyResolvesTheSourceAndGoesBackIn) {
  const Bytes inner = Ipv6Packet(Address("fd02:0:7:1::5"), Address("fd01::1"));
  Punt(frames_.Punt(OV6_PUNT_VERIFY, Ipv4Packet(41, inner)));
  AnswerGets("fd02:0:7::/48", {SignedRecord("fd02:0:7::/48", "198.51.100.2")});
  EXPECT_EQ(AddAt(0, 0).prefix, PrefixOf("fd02:0:7::/48"));
  session_.Acknowledge();
  ASSERT_EQ(port_.sent.size(), 1u);
  EXPECT_EQ(PortType(port_.sent[0]), OV6_PORT_RESUBMIT_IN);
  EXPECT_EQ(slave_.counters().punted_verify, 1u);
}

TEST_F(DhtSlaveTest, ASourceThatMovedIsNotVerifiedFromTheCache) {
  const Bytes inner = Ipv6Packet(Address("fd02:0:7:1::5"), Address("fd01::1"));
  Punt(frames_.Punt(OV6_PUNT_VERIFY, Ipv4Packet(41, inner)));
  AnswerGets("fd02:0:7::/48", {SignedRecord("fd02:0:7::/48", "198.51.100.2")});
  session_.Acknowledge();
  Punt(frames_.Punt(OV6_PUNT_VERIFY, Ipv4Packet(41, inner)));
  AnswerGets("fd02:0:7::/48", {SignedRecord("fd02:0:7::/48", "198.51.100.9")});
  EXPECT_EQ(AddAt(0, 0).locators.at(0).address, *Ipv4::Parse("198.51.100.9"));
}

TEST_F(DhtSlaveTest, LongerPrefixesOfTheAggregateComeAlong) {
  Punt(frames_.Miss("fd02:0:7:1::5"));
  AnswerGets("fd02:0:7::/48", {SignedRecord("fd02:0:7::/48", "198.51.100.2"),
                               SignedRecord("fd02:0:7:9::/64", "198.51.100.3")});
  ASSERT_EQ(session_.mappings.size(), 1u);
  ASSERT_EQ(session_.mappings[0].changes.size(), 2u);
  EXPECT_EQ(AddAt(0, 0).prefix, PrefixOf("fd02:0:7::/48"));
  EXPECT_EQ(AddAt(0, 1).prefix, PrefixOf("fd02:0:7:9::/64"));
}

TEST_F(DhtSlaveTest, AMappingLivesNoLongerThanItsRecord) {
  Punt(frames_.Miss("fd02:0:7:1::5"));
  AnswerGets("fd02:0:7::/48", {SignedRecord("fd02:0:7::/48", "198.51.100.2", seconds(20))});
  EXPECT_EQ(AddAt(0, 0).hard_ttl_ms, 20000u);
  EXPECT_LT(AddAt(0, 0).soft_ttl_ms, 18000u);
}

TEST_F(DhtSlaveTest, ASessionThatTakesNoMappingCostsThePackets) {
  Punt(frames_.Miss("fd02:0:7:1::5"));
  AnswerGets("fd02:0:7::/48", {SignedRecord("fd02:0:7::/48", "198.51.100.2")});
  session_.Acknowledge(absl::UnavailableError("the master does not read"));
  EXPECT_EQ(port_.released, std::vector<uint32_t>{0});
  EXPECT_EQ(slave_.counters().dropped_session, 1u);
  Punt(frames_.Miss("fd02:0:7:1::5"));  // asked again, out of the cache
  EXPECT_EQ(session_.mappings.size(), 1u);
}

TEST_F(DhtSlaveTest, RefusalsAreCountedAndThePacketsGoBackAllTheSame) {
  Punt(frames_.Miss("fd02:0:7:1::5"));
  AnswerGets("fd02:0:7::/48", {SignedRecord("fd02:0:7::/48", "198.51.100.2")});
  session_.Acknowledge(Session::Refusals{{0, "the map is full"}});
  EXPECT_EQ(slave_.counters().mappings_refused, 1u);
  EXPECT_EQ(port_.sent.size(), 1u);
}

TEST_F(DhtSlaveTest, RefreshAsksPastTheCache) {
  Punt(frames_.Miss("fd02:0:7:1::5"));
  AnswerGets("fd02:0:7::/48", {SignedRecord("fd02:0:7::/48", "198.51.100.2")});
  session_.Acknowledge();
  Refresh("fd02:0:7:1::5");
  EXPECT_FALSE(gets_.empty());
  AnswerGets("fd02:0:7::/48", {SignedRecord("fd02:0:7::/48", "198.51.100.9")});
  ASSERT_EQ(session_.mappings.size(), 1u);
  EXPECT_EQ(AddAt(0, 0).locators, std::vector<Locator>{LocatorAt("198.51.100.9")});
  session_.Acknowledge();
  EXPECT_EQ(slave_.counters().refreshed, 1u);
}

// What was withdrawn from the DHT, or has expired there, goes at once; what is still there stays.
TEST_F(DhtSlaveTest, WhatTheDhtNoLongerKnowsIsWithdrawn) {
  Punt(frames_.Miss("fd02:0:7:1::5"));
  AnswerGets("fd02:0:7::/48", {SignedRecord("fd02:0:7::/48", "198.51.100.2"),
                               SignedRecord("fd02:0:7:9::/64", "198.51.100.3")});
  session_.Acknowledge();
  Refresh("fd02:0:7:9::5");
  AnswerGets("fd02:0:7::/48", {SignedRecord("fd02:0:7::/48", "198.51.100.2")});
  ASSERT_EQ(session_.mappings.at(0).changes.size(), 2u);
  EXPECT_EQ(AddAt(0, 0).prefix, PrefixOf("fd02:0:7::/48"));
  EXPECT_EQ(std::get<MappingWithdraw>(session_.mappings[0].changes[1]).prefix, PrefixOf("fd02:0:7:9::/64"));
  session_.Acknowledge();
  Refresh("fd02:0:7:9::5");
  AnswerGets("fd02:0:7::/48", {});
  ASSERT_EQ(session_.mappings.at(0).changes.size(), 2u);
  EXPECT_EQ(std::get<MappingWithdraw>(session_.mappings[0].changes[0]).prefix, PrefixOf("fd02:0:7::/48"));
  EXPECT_EQ(std::get<MappingNegative>(session_.mappings[0].changes[1]).prefix, PrefixOf("fd02:0:7::/48"));
  EXPECT_EQ(slave_.counters().refresh_gone, 1u);
}

// RFC 8767.
TEST_F(DhtSlaveTest, AMappingInUseGoesOnWhileNobodyCanBeAskedAndIsPutRightWhenTheyAnswer) {
  Punt(frames_.Miss("fd02:0:7:1::5"));
  AnswerGets("fd02:0:7::/48", {SignedRecord("fd02:0:7::/48", "198.51.100.2")});
  session_.Acknowledge();
  Advance(seconds(290));
  Refresh("fd02:0:7:1::5");
  AnswerGets("fd02:0:7::/48", {}, GetOutcome::kUnreachable);
  EXPECT_TRUE(AddAt(0, 0).silent);
  EXPECT_EQ(AddAt(0, 0).age_ms, 290'000u);
  EXPECT_EQ(AddAt(0, 0).hard_ttl_ms, 45'000u);
  EXPECT_EQ(AddAt(0, 0).soft_ttl_ms, 30'000u);
  session_.Acknowledge();
  // Now and then it is asked about, in use or not.
  Advance(seconds(5));
  EXPECT_EQ(slave_.NextDeadline(), now_);
  slave_.OnTimer();
  EXPECT_FALSE(gets_.empty());
  AnswerGets("fd02:0:7::/48", {SignedRecord("fd02:0:7::/48", "198.51.100.4")});
  EXPECT_FALSE(AddAt(0, 0).silent);
  EXPECT_EQ(AddAt(0, 0).locators, std::vector<Locator>{LocatorAt("198.51.100.4")});
  EXPECT_EQ(slave_.stale(), 0u);
  EXPECT_EQ(slave_.NextDeadline(), BootTime::max());
}

TEST_F(DhtSlaveTest, OneAnswerPutsEveryStaleMappingRight) {
  for (const char* site : {"fd02:0:7", "fd02:0:8"}) {
    Punt(frames_.Miss(std::string(site) + ":1::5"));
    const std::string prefix = std::string(site) + "::/48";
    AnswerGets(prefix, {SignedRecord(prefix, "198.51.100.2")});
    session_.Acknowledge();
  }
  Advance(seconds(290));
  Refresh("fd02:0:7:1::5");
  Refresh("fd02:0:8:1::5");
  AnswerGets("fd02:0:7::/48", {}, GetOutcome::kUnreachable);
  while (!session_.mappings.empty()) session_.Acknowledge();
  EXPECT_EQ(slave_.stale(), 2u);
  Punt(frames_.Miss("fd02:0:9:1::5"));
  AnswerGets("fd02:0:9::/48", {SignedRecord("fd02:0:9::/48", "198.51.100.2")});
  EXPECT_EQ(slave_.stale(), 0u);
  EXPECT_EQ(slave_.counters().refresh_gone, 2u) << "they are no longer there";
}

TEST_F(DhtSlaveTest, WhatIsNoPuntIsReleasedAndCounted) {
  Punt(frames_.Raw(Bytes(80, 0)));
  EXPECT_EQ(port_.released, std::vector<uint32_t>{0});
  EXPECT_EQ(slave_.counters().bad_punt, 1u);
  EXPECT_TRUE(gets_.empty());
}

TEST_F(DhtSlaveTest, WaitingPacketsAreBoundedInAll) {
  for (int i = 0; i < 700; ++i) Punt(frames_.Miss("fd02:0:7:1::" + std::to_string(i % 9 + 1)));
  EXPECT_EQ(slave_.held().size(), 512u);
  EXPECT_EQ(port_.released.size(), 188u);
}

TEST_F(DhtSlaveTest, ResolveAnswersWithItsSteps) {
  absl::StatusOr<std::string> result;
  slave_.OnResolveCall(R"({"address":"fd02:0:7:1::5"})",
                       [&](absl::StatusOr<std::string> r) { result = std::move(r); });
  AnswerGets("fd02:0:7::/48", {SignedRecord("fd02:0:7::/48", "198.51.100.2")});
  ASSERT_TRUE(result.ok()) << result.status();
  const boost::json::value parsed = boost::json::parse(*result);
  const boost::json::object& json = parsed.as_object();
  EXPECT_EQ(json.at("outcome"), "found");
  EXPECT_EQ(json.at("prefix"), "fd02:0:7::/48");
  EXPECT_EQ(json.at("locators").at(0).at("address"), "198.51.100.2");
  EXPECT_FALSE(json.at("steps").as_array().empty());
  EXPECT_TRUE(session_.mappings.empty());
}

TEST_F(DhtSlaveTest, ResolveRefusesWhatItCannotAsk) {
  for (const char* argument :
       {"", "[]", "{}", R"({"address":7})", R"({"address":"x"})", R"({"address":"2001:db8::1"})"}) {
    absl::StatusOr<std::string> result;
    slave_.OnResolveCall(argument, [&](absl::StatusOr<std::string> r) { result = std::move(r); });
    EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument) << argument;
  }
}

class RegistrarTest : public DhtTest {
 protected:
  void SetUp() override {
    config_.domain = kDomain;
    config_.registrations = {PrefixOf("fd01:0:1::/48")};
    config_.locators = {LocatorAt("198.51.100.1")};
    config_.public_key = key_.public_key();
    registrar_.emplace(config_, session_, Submit(), Clock());
    registrar_->OnTimer();
  }
  // As the master does.
  void SignOldest() {
    const std::string& unsigned_record = session_.calls.front().argument;
    EXPECT_EQ(session_.calls.front().method, "sign");
    const Signature signature = key_.Sign(SignedBytes(Bytes(unsigned_record.begin(), unsigned_record.end())));
    session_.Return(std::string(signature.begin(), signature.end()));
  }
  void MoveTo(const std::string& address) {
    config_.locators = {LocatorAt(address)};
    registrar_->Reconfigure(config_);
  }
  Record RecordOf(const PutRequest& put) {
    const auto record = VerifySigned(put.value, kDomain, Wall());
    EXPECT_TRUE(record.ok()) << record.status();
    return record.value_or(Record{});
  }

  DhtConfig config_;
  std::optional<Registrar> registrar_;
};

TEST_F(RegistrarTest, PutsASignedRecordOnceTheNodeIsAMember) {
  SignOldest();
  EXPECT_TRUE(puts_.empty());
  registrar_->OnJoined();
  ASSERT_EQ(puts_.size(), 1u);
  EXPECT_EQ(puts_[0].key, StorageKey(kDomain, PrefixOf("fd01:0:1::/48")));
  const Record record = RecordOf(puts_[0]);
  EXPECT_EQ(record.prefix, PrefixOf("fd01:0:1::/48"));
  EXPECT_EQ(record.sequence, static_cast<uint64_t>(wall_.time_since_epoch().count()));
  EXPECT_EQ(record.expiry - Wall(), minutes(10));
  EXPECT_EQ(record.locators, config_.locators);
  EXPECT_EQ(registrar_->registered(), 0u);
  registrar_->OnPut({puts_[0].id, true, 3});
  EXPECT_EQ(registrar_->registered(), 1u);
}

TEST_F(RegistrarTest, RenewsAtHalfItsLifetimeWithAHigherSequence) {
  EXPECT_EQ(registrar_->NextDeadline(), BootTime::max());  // while the master signs
  SignOldest();
  EXPECT_EQ(registrar_->NextDeadline(), now_ + minutes(5));
  registrar_->OnJoined();
  Advance(minutes(5));
  registrar_->OnTimer();
  SignOldest();
  ASSERT_EQ(puts_.size(), 2u);
  EXPECT_GT(RecordOf(puts_[1]).sequence, RecordOf(puts_[0]).sequence);
}

TEST_F(RegistrarTest, PutsTheSameRecordAgainWhileARingMayStillGrow) {
  SignOldest();
  registrar_->OnJoined();
  const BootTime joined = now_;
  std::vector<Duration> times;
  while (registrar_->NextDeadline() < joined + minutes(5)) {
    Advance(registrar_->NextDeadline() - now_);
    registrar_->OnTimer();
    times.push_back(now_ - joined);
  }
  EXPECT_EQ(times, (std::vector<Duration>{seconds(1), seconds(3), seconds(7), seconds(15), seconds(31),
                                          seconds(63)}));
  ASSERT_EQ(puts_.size(), 7u);
  EXPECT_EQ(puts_.front().value, puts_.back().value);
}

TEST_F(RegistrarTest, PutsAgainWhenTheNodeJoinsAgain) {
  SignOldest();
  registrar_->OnJoined();
  registrar_->OnJoined();
  EXPECT_EQ(puts_.size(), 2u);
}

TEST_F(RegistrarTest, ARestartedRouterWinsOverItsOldRecords) {
  SignOldest();
  registrar_->OnJoined();
  Advance(milliseconds(5));
  Registrar second(config_, session_, Submit(), Clock());
  second.OnTimer();
  SignOldest();
  second.OnJoined();
  ASSERT_EQ(puts_.size(), 2u);
  EXPECT_GT(RecordOf(puts_[1]).sequence, RecordOf(puts_[0]).sequence);
}

TEST_F(RegistrarTest, AClockSetBackMakesNoOlderRecords) {
  SignOldest();
  registrar_->OnJoined();
  wall_ -= minutes(1);
  Registrar second(config_, session_, Submit(), Clock());
  second.Resume(registrar_->last_sequence());
  second.OnTimer();
  SignOldest();
  second.OnJoined();
  ASSERT_EQ(puts_.size(), 2u);
  EXPECT_EQ(RecordOf(puts_[1]).sequence, RecordOf(puts_[0]).sequence + 1);
}

TEST(DhtMemory, IsReadAsFarAsItCanBe) {
  const DhtMemory memory{{{Ipv4{0xc6336402}, 4646}, {Ipv4{0xc6336403}, 4647}}, 1764000000000};
  EXPECT_EQ(ParseDhtMemory(ToJson(memory)), memory);
  EXPECT_EQ(ParseDhtMemory("{}"), DhtMemory{});
  EXPECT_EQ(ParseDhtMemory("no JSON"), DhtMemory{});
  EXPECT_EQ(ParseDhtMemory(R"({"peers":[1,"x","198.51.100.2:4646","0.0.0.0:1"],"sequence":"7"})"),
            (DhtMemory{{{Ipv4{0xc6336402}, 4646}}, 0}));
  EXPECT_EQ(ParseDhtMemory(R"({"peers":{},"sequence":-1})"), DhtMemory{});
}

TEST_F(RegistrarTest, SignsAnewWhenTheLocatorsChangeAlsoWhileSigning) {
  MoveTo("198.51.100.7");
  SignOldest();  // for the locators of before
  SignOldest();
  registrar_->OnJoined();
  ASSERT_EQ(puts_.size(), 1u);
  EXPECT_EQ(RecordOf(puts_[0]).locators, std::vector<Locator>{LocatorAt("198.51.100.7")});
  MoveTo("198.51.100.7");
  EXPECT_TRUE(session_.calls.empty());
}

TEST_F(RegistrarTest, RefusalsAreTriedAgainEverMoreSlowly) {
  Duration delay = seconds(1);
  for (int i = 0; i < 8; ++i) {
    session_.Return(absl::PermissionDeniedError("not this router's"));
    ASSERT_EQ(registrar_->NextDeadline(), now_ + delay) << i;
    Advance(delay);
    delay = std::min<Duration>(2 * delay, seconds(30));
    registrar_->OnTimer();
  }
  EXPECT_EQ(registrar_->counters().sign_refused, 8u);
}

TEST_F(RegistrarTest, WhatWasNotStoredIsSignedAndPutAgain) {
  SignOldest();
  registrar_->OnJoined();
  registrar_->OnPut({puts_[0].id, false, 0});
  EXPECT_EQ(registrar_->counters().store_failed, 1u);
  EXPECT_EQ(registrar_->NextDeadline(), now_ + seconds(1));
  Advance(seconds(1));
  registrar_->OnTimer();
  SignOldest();
  ASSERT_EQ(puts_.size(), 2u);
  EXPECT_GT(RecordOf(puts_[1]).sequence, RecordOf(puts_[0]).sequence);
}

TEST_F(RegistrarTest, RevokesAndRenews) {
  SignOldest();
  registrar_->OnJoined();
  registrar_->OnPut({puts_[0].id, true, 3});
  EXPECT_EQ(RecordOf(puts_[0]).control_port, config_.listen.port);
  std::vector<absl::StatusOr<std::string>> answers;
  const auto respond = [&](absl::StatusOr<std::string> answer) { answers.push_back(std::move(answer)); };
  const Prefix prefix = config_.registrations[0];
  registrar_->Renew(prefix, respond);
  EXPECT_EQ(answers.back().status().code(), absl::StatusCode::kNotFound);
  Advance(milliseconds(5));
  registrar_->Revoke(prefix, respond);
  SignOldest();
  ASSERT_EQ(puts_.size(), 2u);
  EXPECT_TRUE(RecordOf(puts_[1]).locators.empty());
  EXPECT_GT(RecordOf(puts_[1]).sequence, RecordOf(puts_[0]).sequence);
  EXPECT_EQ(answers.size(), 1u);
  registrar_->OnPut({puts_[0].id, true, 3});  // of the record before
  EXPECT_EQ(answers.size(), 1u);
  registrar_->OnPut({puts_[1].id, true, 8});
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_EQ(*answers.back(), "{\"replicas\": 8}");
  EXPECT_EQ(registrar_->revoked(), 1u);
  registrar_->Renew(prefix, respond);
  SignOldest();
  EXPECT_EQ(RecordOf(puts_.back()).locators, config_.locators);
  EXPECT_EQ(registrar_->revoked(), 0u);
}

TEST_F(RegistrarTest, AGivenPrefixCarriesItsChain) {
  const PrivateKey anchor = PrivateKey::Generate();
  config_.domain.trust = Domain::Trust::kAnchors;
  config_.domain.anchors = {anchor.public_key()};
  const Delegation link{PrefixOf("fd01::/16"), 64, key_.public_key(), Wall(), Wall() + minutes(7), {}};
  config_.delegations = {Extend({kDomain.name, anchor.public_key(), {}, 0, {}}, anchor, link)};
  session_.calls.clear();
  registrar_.emplace(config_, session_, Submit(), Clock());
  registrar_->OnTimer();
  SignOldest();
  registrar_->OnJoined();
  ASSERT_EQ(puts_.size(), 1u);
  const auto record = VerifySigned(puts_[0].value, config_.domain, Wall());
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(record->chain, config_.delegations[0].chain);
  EXPECT_EQ(record->expiry, Wall() + minutes(7));  // not past its delegation
}

class RecordQueryTest : public DhtTest {
 protected:
  RecordQuery query_{kDomain, Submit(), Clock()};
  absl::StatusOr<std::string> answer_ = absl::UnavailableError("none yet");
  void Ask(const std::string& argument) {
    query_.OnCall(argument, [this](absl::StatusOr<std::string> answer) { answer_ = std::move(answer); });
  }
};

TEST_F(RecordQueryTest, AnswersOnceAllItsKeysHave) {
  Ask(R"({"prefix": "fd02:0:7::/48"})");
  ASSERT_FALSE(gets_.empty());
  EXPECT_EQ(gets_[0].key, StorageKey(kDomain, PrefixOf("fd02:0:7::/48")));
  const std::vector<GetRequest> gets = gets_;
  for (const GetRequest& get : gets) {
    GetOutput output{get.id, GetOutcome::kFound, {}, 1};
    output.values = {SignedRecord("fd02:0:7::/48", "198.51.100.2"),
                     SignedRecord("fd02:0:7:1::/64", "198.51.100.3")};
    EXPECT_TRUE(query_.OnGet(output));
  }
  ASSERT_TRUE(answer_.ok()) << answer_.status();
  const boost::json::value answer = boost::json::parse(*answer_);
  ASSERT_EQ(answer.at("records").as_array().size(), 1u) << *answer_;  // the other is not what was asked for
  const auto& record = answer.at("records").at(0);
  EXPECT_EQ(record.at("prefix"), "fd02:0:7::/48");
  EXPECT_TRUE(record.at("good").as_bool());
  EXPECT_EQ(record.at("root"), ToHex(key_.public_key()).c_str());
  EXPECT_EQ(answer.at("unanswered").as_int64(), 0);
  EXPECT_FALSE(query_.OnGet({7, GetOutcome::kAbsent, {}, 1}));
}

TEST_F(RecordQueryTest, RefusesWhatItCannotAsk) {
  for (const char* argument : {"", "[]", "{}", R"({"prefix":"x"})", R"({"address":"2001:db8::1"})"}) {
    Ask(argument);
    EXPECT_EQ(answer_.status().code(), absl::StatusCode::kInvalidArgument) << argument;
  }
}

class RecordCheckerTest : public DhtTest {
 protected:
  ValueChecker checker_ = MakeRecordChecker(kDomain, [this] { return Wall(); });
  const Key key_of_seven_ = StorageKey(kDomain, PrefixOf("fd02:0:7::/48"));
};

TEST_F(RecordCheckerTest, AGoodRecordUnderItsKey) {
  const auto info = checker_(key_of_seven_, SignedRecord("fd02:0:7::/48", "198.51.100.2"), now_);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->sequence, 1u);
  EXPECT_EQ(info->lifetime, minutes(10));
}

TEST_F(RecordCheckerTest, OwnersDifferByPrefix) {
  const auto a = checker_(key_of_seven_, SignedRecord("fd02:0:7::/48", "198.51.100.2"), now_);
  const auto b = checker_(key_of_seven_, SignedRecord("fd02:0:7:1::/64", "198.51.100.2"), now_);
  ASSERT_TRUE(a && b);
  EXPECT_NE(a->owner, b->owner);
}

// "Two keys for one prefix: the first seen stays, and it is an alarm."
TEST_F(RecordCheckerTest, TheFirstClaimStaysWhileItHolds) {
  RecordChecker checker(kDomain, [this] { return Wall(); });
  const Bytes first = SignedRecord("fd02:0:7::/48", "198.51.100.2", minutes(10));
  key_ = PrivateKey::Generate();
  const Bytes second = SignedRecord("fd02:0:7::/48", "198.51.100.66", minutes(30));
  EXPECT_TRUE(checker.Check(key_of_seven_, first));
  EXPECT_FALSE(checker.Check(key_of_seven_, second));
  EXPECT_FALSE(checker.Check(key_of_seven_, second));
  EXPECT_TRUE(checker.Check(key_of_seven_, first));
  EXPECT_EQ(checker.second_claims(), 2u);
  ASSERT_EQ(checker.alarms().size(), 1u);
  EXPECT_EQ(checker.alarms()[0].second, key_.public_key());
  EXPECT_EQ(ChecksJson(checker).at("alarms").at(0).at("prefix"), "fd02:0:7::/48");
  Advance(minutes(11));
  EXPECT_TRUE(checker.Check(key_of_seven_, second));
}

TEST_F(RecordCheckerTest, WhatIsPublishedAgainCostsNoSignature) {
  RecordChecker checker(kDomain, [this] { return Wall(); });
  const Bytes value = SignedRecord("fd02:0:7::/48", "198.51.100.2");
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(checker.Check(key_of_seven_, value));
  EXPECT_EQ(checker.counters().signatures, 1u);
  EXPECT_EQ(checker.counters().remembered, 4u);
  Advance(minutes(10));
  EXPECT_FALSE(checker.Check(key_of_seven_, value));  // remembered or not, it has ended
  RecordVerifier small(kDomain, 1);
  const Bytes other = SignedRecord("fd02:0:8::/48", "198.51.100.2");
  const Bytes again = SignedRecord("fd02:0:9::/48", "198.51.100.2");
  for (const Bytes& bytes : {other, again, other}) EXPECT_TRUE(small.Verify(bytes, Wall()).ok());
  EXPECT_EQ(small.counters().signatures, 3u);  // the oldest is forgotten
}

TEST_F(RecordCheckerTest, RefusesAnotherKeyExpiredForgedAndTruncated) {
  const Bytes good = SignedRecord("fd02:0:7::/48", "198.51.100.2");
  EXPECT_FALSE(checker_(StorageKey(kDomain, PrefixOf("fd02:0:8::/48")), good, now_));
  EXPECT_FALSE(checker_(key_of_seven_, SignedRecord("fd02:0:7::/48", "198.51.100.2", seconds(0)), now_));
  for (size_t i = 0; i < good.size(); ++i) {
    Bytes forged = good;
    forged[i] ^= 0x40;
    EXPECT_FALSE(checker_(key_of_seven_, forged, now_)) << i;
    EXPECT_FALSE(checker_(key_of_seven_, std::span(good).first(i), now_)) << i;
  }
}

const char kConfig[] = R"({"name": "chord", "kind": "dht", "id": 7, "prefixes": ["fd00::/8"],
  "node": {"public_key": "0101010101010101010101010101010101010101010101010101010101010101",
           "modifier": "02020202020202020202020202020202"},
  "domain": {"name": "chord", "prefix": "fd00::/8", "aggregate": 48, "trust": "self"},
  "engine": "chord", "listen": "0.0.0.0:4646", "bootstrap": ["198.51.100.2:4646"],
  "ring": {"lookups": "recursive", "successors": 12, "replicas": 6, "reads": 2, "table_members": 0, "table_budget": 9},
  "registrations": ["fd12:3456:789a::/48"],
  "locators": [{"address": "198.51.100.1", "encapsulation": "udp", "port": 6080, "mtu": 1500}]})";

TEST(DhtConfig, ReadsWhatTheMasterGives) {
  const boost::json::value json = boost::json::parse(kConfig);
  const auto config = ParseDhtConfig(json.as_object());
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->domain, (Domain{"chord", PrefixOf("fd00::/8"), 48, Domain::Trust::kSelf}));
  EXPECT_EQ(config->Self(), (Endpoint{*Ipv4::Parse("198.51.100.1"), 4646}));
  EXPECT_EQ(config->bootstrap.size(), 1u);
  EXPECT_EQ(config->ring, (RingConfig{Lookups::kRecursive, 12, 6, 2, 0, 9}));
  EXPECT_EQ(config->registrations, std::vector<Prefix>{PrefixOf("fd12:3456:789a::/48")});
  ASSERT_EQ(config->locators.size(), 1u);
  EXPECT_EQ(config->locators[0].ToString(), "198.51.100.1:6080/udp");
  EXPECT_EQ(config->public_key[31], 1);
  EXPECT_EQ(config->modifier[15], 2);
}

TEST(DhtConfig, EachWrongFieldIsASentenceThatNamesIt) {
  const std::pair<const char*, const char*> rows[] = {
      {R"({"engine": "kademlia"})", "kademlia"},
      {R"({"listen": "here"})", "here"},
      {R"({"bootstrap": ["there"]})", "there"},
      {R"({"locators": []})", "no locators"},
      {R"({"locators": [{"address": "x", "encapsulation": "udp", "port": 1, "mtu": 0}]})", "x"},
      {R"({"registrations": ["fd00::1/48"]})", "fd00::1/48"},
      {R"({"domain": {"name": "c", "prefix": "fd00::/8", "aggregate": 48, "trust": "blind"}})", "blind"},
      {R"({"lifetime_s": 0})", "lifetime_s"},
      {R"({"stale_s": 100000})", "stale_s"},
      {R"({"ring": 7})", "ring"},
      {R"({"ring": {"lookups": "random"}})", "iterative"},
      {R"({"ring": {"successors": 17}})", "successors"},
      {R"({"ring": {"successors": -1}})", "successors"},
      {R"({"ring": {"replicas": 9, "successors": 8}})", "replicas"},
      {R"({"ring": {"table_members": -1}})", "table_members"},
      {R"({"domain": {"name": "c", "prefix": "fd00::/8", "aggregate": 48, "trust": "self", "resolver": "x"}})",
       "zeroing"},
      {R"({"domain": {"name": "c", "prefix": "fd00::/8", "aggregate": 48, "trust": "self", "aggregates": [129]}})",
       "aggregates"},
      {R"({"node": {"public_key": "01", "modifier": "02"}})", "public_key"},
      {R"({"domain": 7})", "domain"},
  };
  for (const auto& [change, word] : rows) {
    boost::json::value config = boost::json::parse(kConfig);
    const boost::json::value changes = boost::json::parse(change);
    for (const auto& [name, value] : changes.as_object()) config.as_object()[name] = value;
    const auto result = ParseDhtConfig(config.as_object());
    ASSERT_FALSE(result.ok()) << change;
    EXPECT_NE(std::string(result.status().message()).find(word), std::string::npos) << result.status();
  }
}

}  // namespace
}  // namespace ov6
