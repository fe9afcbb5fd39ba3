// SPDX-License-Identifier: Apache-2.0
// Locators that prove themselves, the bytes they do it with, and what a DHT slave holds back until then.
#include "slaves/dht/locator_prover.h"

#include <gtest/gtest.h>

#include "slaves/dht/dht_slave.h"
#include "tests/unit/slaves/fakes.h"
#include "userspace/wire/storage_key.h"

namespace ov6 {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using State = LocatorProver::State;

const Domain kDomain{"chord", PrefixOf("fd00::/8"), 48, Domain::Trust::kOpen};
constexpr const char* kSite = "fd02:0:7::/48";

Endpoint At(const std::string& text) { return Endpoint::Parse(text).value(); }

Record RecordOf(const std::string& prefix, std::vector<std::string> locators, uint16_t port = 4646) {
  Record record;
  record.domain = kDomain.name;
  record.prefix = PrefixOf(prefix);
  record.sequence = 1;
  record.control_port = port;
  for (const std::string& text : locators) record.locators.emplace_back().address = *Ipv4::Parse(text);
  return record;
}

TEST(PeeringCodec, ByteForByte) {
  const PeeringMessage probe{PeeringType::kProbe, false, 0x0102030405060708, PrefixOf(kSite)};
  const Bytes bytes = EncodePeering(probe);
  EXPECT_EQ(ToHex(bytes),
            "d60101000102030405060708"
            "30"
            "fd020000000700000000000000000000");
  EXPECT_EQ(bytes.size(), kPeeringSize);
  EXPECT_EQ(DecodePeering(bytes), probe);
  PeeringMessage probed = probe;
  probed.type = PeeringType::kProbed;
  probed.yes = true;
  EXPECT_EQ(ToHex(EncodePeering(probed)).substr(0, 8), "d6010201");
  EXPECT_EQ(EncodePeering(probed).size(), bytes.size()) << "an answer is no bigger than its question";
  EXPECT_EQ(DecodePeering(EncodePeering(probed)), probed);
}

TEST(PeeringCodec, TakesNothingElse) {
  const Bytes good = EncodePeering({PeeringType::kProbe, false, 7, PrefixOf(kSite)});
  const auto with = [&](size_t at, uint8_t value) {
    Bytes bytes = good;
    bytes.at(at) = value;
    return DecodePeering(bytes).has_value();
  };
  EXPECT_FALSE(with(0, 1)) << "an engine's";
  EXPECT_FALSE(with(1, 2)) << "another version";
  EXPECT_FALSE(with(2, 0)) << "no type";
  EXPECT_FALSE(with(2, 3)) << "a NOTIFY without a record";
  EXPECT_FALSE(with(2, 7)) << "a MEET without its words";
  EXPECT_FALSE(with(2, 9)) << "no type";
  EXPECT_FALSE(with(3, 1)) << "a question that answers";
  EXPECT_FALSE(with(12, 129)) << "a length";
  EXPECT_FALSE(with(28, 1)) << "a bit past the length";
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_FALSE(DecodePeering(longer));
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(DecodePeering(std::span(good).first(size))) << size;
}

class LocatorProverTest : public testing::Test {
 protected:
  struct Sent {
    Endpoint to;
    PeeringMessage message;
  };
  void Answer(bool yes = true) {
    const Sent sent = sent_.front();
    sent_.erase(sent_.begin());
    prover_.OnProbed(now_, sent.to, {PeeringType::kProbed, yes, sent.message.nonce, sent.message.prefix});
  }
  void Silence() {
    while (prover_.NextDeadline() != BootTime::max()) {
      now_ = prover_.NextDeadline();
      prover_.OnTimer(now_);
    }
  }

  BootTime now_{seconds(1000)};
  uint64_t nonce_ = 40;
  std::vector<Sent> sent_;
  LocatorProver prover_{[this](const Endpoint& to, const Bytes& bytes) {
                          sent_.push_back({to, DecodePeering(bytes).value()});
                        },
                        [this] { return ++nonce_; }};
};

TEST_F(LocatorProverTest, AsksAllLocatorsAtOnceAndTheFirstAnswerCounts) {
  const Record record = RecordOf(kSite, {"198.51.100.2", "198.51.100.3"});
  EXPECT_EQ(prover_.Prove(now_, record), State::kAsking);
  EXPECT_EQ(prover_.Prove(now_, record), State::kAsking);
  ASSERT_EQ(sent_.size(), 2u) << "each once";
  EXPECT_EQ(sent_[0].to, At("198.51.100.2:4646"));
  sent_.erase(sent_.begin());
  Answer();
  EXPECT_EQ(prover_.TakeSettled(), std::vector<Prefix>{PrefixOf(kSite)});
  EXPECT_EQ(prover_.Prove(now_, record), State::kProven);
  EXPECT_TRUE(prover_.Proven(now_, record.prefix, record.locators[1].address));
  EXPECT_FALSE(prover_.Proven(now_, record.prefix, record.locators[0].address));
  EXPECT_FALSE(prover_.Proven(now_, PrefixOf("fd02:0:8::/48"), record.locators[1].address));
}

TEST_F(LocatorProverTest, SilenceIsThreeProbesAndIsRememberedForAWhile) {
  const Record record = RecordOf(kSite, {"198.51.100.2"});
  prover_.Prove(now_, record);
  Silence();
  EXPECT_EQ(sent_.size(), 3u);
  EXPECT_EQ(prover_.counters().unanswered, 1u);
  EXPECT_EQ(prover_.Prove(now_, record), State::kFailed);
  EXPECT_EQ(sent_.size(), 3u);
  now_ += LocatorProver::kFailureLifetime;
  EXPECT_EQ(prover_.Prove(now_, record), State::kAsking);
}

TEST_F(LocatorProverTest, OnlyWhoWasAskedAnswers) {
  const Record record = RecordOf(kSite, {"198.51.100.2"});
  prover_.Prove(now_, record);
  const PeeringMessage right{PeeringType::kProbed, true, nonce_, record.prefix};
  PeeringMessage guessed = right, other = right;
  ++guessed.nonce;
  other.prefix = PrefixOf("fd02:0:8::/48");
  prover_.OnProbed(now_, At("198.51.100.2:4646"), guessed);
  prover_.OnProbed(now_, At("198.51.100.2:4646"), other);
  prover_.OnProbed(now_, At("198.51.100.9:4646"), right);
  prover_.OnProbed(now_, At("198.51.100.2:53"), right);
  EXPECT_EQ(prover_.counters().unexpected, 4u);
  EXPECT_EQ(prover_.Prove(now_, record), State::kAsking);
  Answer(false);
  EXPECT_EQ(prover_.Prove(now_, record), State::kFailed);
  EXPECT_EQ(prover_.counters().denied, 1u);
}

TEST_F(LocatorProverTest, AProofIsRenewedInUseAndOutlivesASilentRenewal) {
  const Record record = RecordOf(kSite, {"198.51.100.2"});
  prover_.Prove(now_, record);
  Answer();
  now_ += minutes(6);
  EXPECT_EQ(prover_.Prove(now_, record), State::kProven);
  EXPECT_EQ(sent_.size(), 1u);
  Silence();
  EXPECT_EQ(prover_.Prove(now_, record), State::kProven);
  now_ += minutes(4);
  EXPECT_FALSE(prover_.Proven(now_, record.prefix, record.locators[0].address));
}

TEST_F(LocatorProverTest, WhatCannotBeAskedFails) {
  EXPECT_EQ(prover_.Prove(now_, RecordOf(kSite, {"198.51.100.2"}, 0)), State::kFailed);
  Record accepting = RecordOf(kSite, {"198.51.100.2"});
  accepting.locators[0].priority = 255;
  EXPECT_EQ(prover_.Prove(now_, accepting), State::kFailed);
  EXPECT_TRUE(sent_.empty());
}

TEST_F(LocatorProverTest, QuestionsUnderWayAreBounded) {
  for (int i = 0; i < 1100; ++i) {
    Record record = RecordOf(kSite, {"198.51.100.2"});
    record.control_port = static_cast<uint16_t>(i + 1);
    prover_.Prove(now_, record);
  }
  EXPECT_EQ(sent_.size(), LocatorProver::kMaxQuestions);
  EXPECT_EQ(prover_.counters().overflow, 76u);
}

// The slave, with a DHT and a prover in memory.
class ProvingSlaveTest : public LocatorProverTest {
 protected:
  void SetUp() override {
    PortCapsule port;
    port.slave = 9;
    port.frame_count = 1024;
    slave_.OnPort(port);
    slave_.ProveBy(&prover_);
  }
  Bytes Signed(Record record) {
    record.not_before = wall_;
    record.expiry = wall_ + lifetime_;
    record.sequence = 1;
    record.public_key = key_.public_key();
    const Bytes bytes = EncodeRecord(record);
    return EncodeSigned(bytes, key_.Sign(SignedBytes(bytes)));
  }
  void Punt(const Frame& frame) { slave_.OnFrames(std::span(&frame, 1)); }
  void AnswerGets(const std::vector<Record>& records) {
    std::vector<Bytes> values;
    for (const Record& record : records) values.push_back(Signed(record));
    const Key key = StorageKey(kDomain, PrefixOf(kSite));
    while (!gets_.empty()) {
      const GetRequest get = gets_.front();
      gets_.erase(gets_.begin());
      const bool here = get.key == key;
      slave_.OnGet(
          {get.id, here ? GetOutcome::kFound : GetOutcome::kAbsent, here ? values : std::vector<Bytes>{}, 2});
    }
  }
  void Probed(size_t which, bool yes = true) {
    const Sent& sent = sent_.at(which);
    slave_.OnProbed(sent.to, {PeeringType::kProbed, yes, sent.message.nonce, sent.message.prefix});
  }
  void NobodyAnswers() {
    while (prover_.NextDeadline() != BootTime::max()) {
      now_ = prover_.NextDeadline();
      slave_.OnTimer();
    }
  }
  std::vector<int> Priorities(size_t capsule, size_t change = 0) {
    std::vector<int> out;
    for (const Locator& l : std::get<MappingAdd>(session_.mappings.at(capsule).changes.at(change)).locators)
      out.push_back(l.priority);
    return out;
  }

  UnixTime wall_{seconds(1'700'000'000)};
  seconds lifetime_ = minutes(10);
  PrivateKey key_ = PrivateKey::Generate();
  FakeSession session_;
  FakePort port_;
  Frames frames_;
  std::vector<GetRequest> gets_;
  DhtSlave slave_{kDomain,
                  session_,
                  port_,
                  [this](Request request) {
                    if (const auto* get = std::get_if<GetRequest>(&request)) gets_.push_back(*get);
                  },
                  {[this] { return now_; }, [this] { return wall_; }}};
};

TEST_F(ProvingSlaveTest, PacketsWaitForTheProofAndThenGo) {
  Punt(frames_.Miss("fd02:0:7:1::5"));
  AnswerGets({RecordOf(kSite, {"198.51.100.2"})});
  EXPECT_TRUE(session_.mappings.empty());
  EXPECT_EQ(slave_.held().size(), 1u);
  Probed(0);
  EXPECT_EQ(Priorities(0), std::vector<int>{1});
  session_.Acknowledge();
  EXPECT_EQ(port_.sent.size(), 1u);
  Punt(frames_.Miss("fd02:0:7:2::5"));
  EXPECT_EQ(sent_.size(), 1u) << "one proof serves them all";
  EXPECT_EQ(session_.mappings.size(), 1u);
}

TEST_F(ProvingSlaveTest, ALocatorThatIsSilentGetsNothingAndTheHostIsTold) {
  Punt(frames_.Miss("fd02:0:7:1::5"));
  AnswerGets({RecordOf(kSite, {"203.0.113.66"})});
  NobodyAnswers();
  EXPECT_EQ(sent_.size(), 3u);
  ASSERT_EQ(session_.mappings.size(), 1u);
  const auto negative = std::get<MappingNegative>(session_.mappings[0].changes.at(0));
  EXPECT_TRUE(negative.failed);
  EXPECT_EQ(negative.ttl_ms, 2000u);
  EXPECT_EQ(slave_.counters().unproven, 1u);
}

TEST_F(ProvingSlaveTest, WhatWaitsForARecordThatEndsMeanwhileIsToldSo) {
  lifetime_ = seconds(1);
  Punt(frames_.Miss("fd02:0:7:1::5"));
  const Bytes inner = Ipv6Packet(Address("fd02:0:7:1::6"), Address("fd01::1"));
  Punt(frames_.Punt(OV6_PUNT_VERIFY, Ipv4Packet(41, inner)));
  AnswerGets({RecordOf(kSite, {"198.51.100.2"})});
  EXPECT_EQ(slave_.held().size(), 2u);
  NobodyAnswers();
  ASSERT_EQ(session_.mappings.size(), 2u);
  for (const auto& sent : session_.mappings)
    EXPECT_TRUE(std::get<MappingNegative>(sent.changes.at(0)).failed);
  while (!session_.mappings.empty()) session_.Acknowledge();
  EXPECT_EQ(slave_.held().size(), 0u);
  Punt(frames_.Miss("fd02:0:7:1::5"));
  EXPECT_FALSE(gets_.empty()) << "it is asked for anew";
}

TEST_F(ProvingSlaveTest, TheFirstLocatorThatAnswersCarriesTheTrafficAndTheOtherFollows) {
  Punt(frames_.Miss("fd02:0:7:1::5"));
  AnswerGets({RecordOf(kSite, {"198.51.100.2", "198.51.100.3"})});
  Probed(1);
  EXPECT_EQ(Priorities(0), (std::vector<int>{255, 1}));
  Probed(0);
  EXPECT_EQ(Priorities(1), (std::vector<int>{1, 1}));
}

TEST_F(ProvingSlaveTest, WhoComesFromASilentLocatorIsHeardButNothingGoesThere) {
  const Bytes inner = Ipv6Packet(Address("fd02:0:7:1::5"), Address("fd01::1"));
  Punt(frames_.Punt(OV6_PUNT_VERIFY, Ipv4Packet(41, inner)));
  AnswerGets({RecordOf(kSite, {"198.51.100.2"})});
  Probed(0, false);
  EXPECT_EQ(Priorities(0), std::vector<int>{255});
  EXPECT_EQ(std::get<MappingAdd>(session_.mappings[0].changes[0]).soft_ttl_ms, 1000u) << "asked again soon";
  session_.Acknowledge();
  ASSERT_EQ(port_.sent.size(), 1u);
  EXPECT_EQ(PortType(port_.sent[0]), OV6_PORT_RESUBMIT_IN);
}

TEST_F(ProvingSlaveTest, LongerOnesBeneathAreProvenAlongside) {
  Punt(frames_.Miss("fd02:0:7:1::5"));
  AnswerGets({RecordOf(kSite, {"198.51.100.2"}), RecordOf("fd02:0:7:9::/64", {"198.51.100.3"})});
  Probed(0);
  ASSERT_EQ(session_.mappings.at(0).changes.size(), 2u);
  EXPECT_EQ(Priorities(0, 0), std::vector<int>{1});
  EXPECT_EQ(Priorities(0, 1), std::vector<int>{255}) << "so that the shorter does not hide it";
  Probed(1);
  ASSERT_EQ(session_.mappings.size(), 2u);
  const auto& add = std::get<MappingAdd>(session_.mappings[1].changes.at(0));
  EXPECT_EQ(add.prefix, PrefixOf("fd02:0:7:9::/64"));
  EXPECT_EQ(add.locators[0].priority, 1);
}

TEST_F(ProvingSlaveTest, ARefreshThatNamesASilentPlaceLeavesTheMappingAlone) {
  Punt(frames_.Miss("fd02:0:7:1::5"));
  AnswerGets({RecordOf(kSite, {"198.51.100.2"})});
  Probed(0);
  session_.Acknowledge();
  const Ipv6 address = Address("fd02:0:7:1::5");
  slave_.OnRefresh(std::span(&address, 1));
  AnswerGets({RecordOf(kSite, {"203.0.113.66"})});
  NobodyAnswers();
  EXPECT_TRUE(session_.mappings.empty());
  EXPECT_EQ(slave_.counters().refresh_failed, 1u);
}

}  // namespace
}  // namespace ov6
