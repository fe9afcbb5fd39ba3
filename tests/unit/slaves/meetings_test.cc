// SPDX-License-Identifier: Apache-2.0
// A master that introduces a router behind NAT to a member of the ring; and who else would like to.
#include "slaves/dht/meetings.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "tests/unit/slaves/routers.h"
#include "userspace/base/text.h"

namespace ov6 {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
namespace json = boost::json;

constexpr const char* kSite = "fd01:0:1:ffff::/64";  // behind NAT; its master has fd01:0:1::/48
constexpr const char* kThere = "fd02:0:2:1::/64";

const std::vector<Endpoint> kPlaces = {Endpoint::Parse("192.168.1.2:6080").value(),
                                       Endpoint::Parse("203.0.113.7:40000").value()};
const std::string kPlacesHex =
    "02"
    "c0a8010217c0"
    "cb0071079c40";

PeeringMessage Meet(const std::string& prefix, uint64_t cookie = 0) {
  PeeringMessage message{PeeringType::kMeet, false, 7, PrefixOf(prefix)};
  message.meeting = {cookie, PrefixOf(kThere), std::string(12, 'u'), std::string(36, 'p'), 0, kPlaces};
  return message;
}

TEST(MeetingCodec, ByteForByte) {
  const std::string head =
      "d60107000000000000000007"
      "40"
      "fd0100000001ffff0000000000000000";
  const std::string words = "0c" + ToHex(Bytes(12, 'u')) + "24" + ToHex(Bytes(36, 'p'));
  const PeeringMessage meet = Meet(kSite, 0x1112131415161718);
  EXPECT_EQ(ToHex(EncodePeering(meet)), head +
                                            "1112131415161718"
                                            "40"
                                            "fd020000000200010000000000000000" +
                                            words + kPlacesHex);
  EXPECT_EQ(DecodePeering(EncodePeering(meet)), meet);

  PeeringMessage met{PeeringType::kMet, true, 7, PrefixOf(kSite)};
  met.meeting = {0, {}, std::string(12, 'u'), std::string(36, 'p'), 6080};
  EXPECT_EQ(ToHex(EncodePeering(met)), "d6010801" + head.substr(8) + words + "17c0");
  EXPECT_EQ(DecodePeering(EncodePeering(met)), met);
  EXPECT_LE(EncodePeering(met).size(), EncodePeering(meet).size())
      << "an answer is no bigger than its question";

  PeeringMessage behind = met;
  behind.meeting.port = 0;
  behind.meeting.candidates = kPlaces;
  EXPECT_EQ(ToHex(EncodePeering(behind)), "d6010801" + head.substr(8) + words + "0000" + kPlacesHex);
  EXPECT_EQ(DecodePeering(EncodePeering(behind)), behind);

  PeeringMessage again{PeeringType::kMet, false, 7, PrefixOf(kSite)};
  again.meeting.cookie = 0x1112131415161718;
  EXPECT_EQ(ToHex(EncodePeering(again)), "d6010800" + head.substr(8) + "1112131415161718");
  EXPECT_EQ(DecodePeering(EncodePeering(again)), again);
}

TEST(MeetingCodec, TakesNothingElse) {
  const auto taken = [](const auto& change) {
    PeeringMessage message = Meet(kSite);
    change(message);
    return DecodePeering(EncodePeering(message)).has_value();
  };
  EXPECT_TRUE(taken([](PeeringMessage&) {}));
  EXPECT_FALSE(taken([](PeeringMessage& m) { m.meeting.user.resize(11); }));
  EXPECT_FALSE(taken([](PeeringMessage& m) { m.meeting.user.resize(65, 'u'); }));
  EXPECT_FALSE(taken([](PeeringMessage& m) { m.meeting.user[3] = ':'; }))
      << "it would end the name in a check";
  EXPECT_FALSE(taken([](PeeringMessage& m) { m.meeting.password.resize(35); }));
  EXPECT_FALSE(taken([](PeeringMessage& m) { m.meeting.password[0] = '\0'; }));
  EXPECT_FALSE(taken([](PeeringMessage& m) { m.meeting.to.length = 48; })) << "bits past the length";
  EXPECT_FALSE(taken([](PeeringMessage& m) { m.yes = true; })) << "a question that answers";
  EXPECT_FALSE(taken([](PeeringMessage& m) { m.record = {1}; }));
  EXPECT_FALSE(taken([](PeeringMessage& m) {
    m.type = PeeringType::kMet;
    m.yes = true;  // without a port
    m.meeting.candidates.clear();
  }));
  EXPECT_FALSE(taken([](PeeringMessage& m) { m.meeting.candidates.resize(9, kPlaces[0]); }));
  EXPECT_FALSE(taken([](PeeringMessage& m) { m.meeting.candidates[0].port = 0; }));
  const Bytes good = EncodePeering(Meet(kSite));
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(DecodePeering(std::span(good).first(size))) << size;
}

class MeetingsTest : public RoutersTest {
 protected:
  void SetUp() override {
    master_ = &Add(mover_, "198.51.100.1", {PrefixOf("fd01:0:1::/48")});
    member_ = &Add(other_, "198.51.100.2", {PrefixOf("fd02:0:2::/48")});
    member_->met_answer = json::serialize(
        json::object{{"user", std::string(12, 'm')}, {"password", std::string(36, 'q')}, {"port", 6080}});
  }
  json::object Argument(const char* prefix = kSite, const char* to = kThere) const {
    return {{"prefix", prefix},
            {"to", to},
            {"user", std::string(12, 'u')},
            {"password", std::string(36, 'p')},
            {"candidates", Strings(kPlaces)}};
  }
  // What a router says of itself that the member is the master of.
  static std::string Behind(const std::vector<Endpoint>& places, size_t user = 12, size_t password = 36) {
    return json::serialize(json::object{{"user", std::string(user, 'b')},
                                        {"password", std::string(password, 'q')},
                                        {"candidates", Strings(places)}});
  }
  void Ask(const json::object& argument) {
    answer_ = absl::UnknownError("no answer yet");
    master_->meetings().OnCall(json::serialize(argument),
                               [this](absl::StatusOr<std::string> result) { answer_ = std::move(result); });
    Settle();
  }
  // What the member says to it; the wires are empty before and after.
  std::optional<PeeringMessage> Say(const std::string& from, const PeeringMessage& message) {
    member_->Receive({Endpoint::Parse(from).value(), {}, EncodePeering(message)});
    member_->Serve();
    if (network_.wires.empty()) return std::nullopt;
    EXPECT_EQ(network_.wires.size(), 1u);
    EXPECT_EQ(network_.wires.front().to, Endpoint::Parse(from));
    EXPECT_LE(network_.wires.front().bytes.size(), EncodePeering(message).size());
    const auto said = DecodePeering(network_.wires.front().bytes);
    network_.wires.clear();
    return said;
  }
  // By who hears what is sent to that place.
  std::optional<PeeringMessage> SayTwice(const std::string& from, const std::string& prefix) {
    const auto challenge = Say(from, Meet(prefix));
    EXPECT_TRUE(challenge && !challenge->yes && challenge->meeting.cookie != 0);
    return Say(from, Meet(prefix, challenge->meeting.cookie));
  }

  Router* master_ = nullptr;
  Router* member_ = nullptr;
  absl::StatusOr<std::string> answer_;
};

TEST_F(MeetingsTest, TheMemberIsToldAndSaysWhereAndByWhatItIsChecked) {
  Correspond(*master_, *member_);
  Ask(Argument());
  ASSERT_TRUE(answer_.ok()) << answer_.status();
  EXPECT_EQ(json::parse(*answer_), (json::object{{"user", std::string(12, 'm')},
                                                 {"password", std::string(36, 'q')},
                                                 {"candidates", {"198.51.100.2:6080"}}}));
  ASSERT_EQ(member_->met.size(), 1u);
  json::object told = Argument();
  told["from"] = "198.51.100.1";
  told["at"] = "198.51.100.2";
  EXPECT_EQ(json::parse(member_->met[0]), told);
  EXPECT_EQ(member_->meetings().counters().challenged, 1u);
  EXPECT_EQ(member_->meetings().counters().met, 1u);
  EXPECT_EQ(master_->meetings().counters().agreed, 1u);
}

TEST_F(MeetingsTest, AMasterSpeaksForWhatItRegistersToWhoHasProvenToBeThere) {
  Ask(Argument());
  EXPECT_TRUE(absl::IsUnavailable(answer_.status())) << "nothing is known of the member, and it is looked up";
  EXPECT_FALSE(master_->Mapped("fd02:0:2::/48").empty());
  Ask(Argument(kSite, "fd03:0:3:1::/64"));
  EXPECT_TRUE(absl::IsUnavailable(answer_.status()));
  Ask(Argument("fd03:0:3::/64"));
  EXPECT_TRUE(absl::IsPermissionDenied(answer_.status()));
  json::object bad = Argument();
  bad["password"] = "short";
  Ask(bad);
  EXPECT_TRUE(absl::IsInvalidArgument(answer_.status()));
  for (const json::value& candidates :
       {json::value("192.0.2.1:1"), json::value{"192.0.2.1"}, json::value{"192.0.2.1:0"},
        json::value(json::array(9, json::value("192.0.2.1:1")))}) {
    bad = Argument();
    bad["candidates"] = candidates;
    Ask(bad);
    EXPECT_TRUE(absl::IsInvalidArgument(answer_.status())) << candidates;
  }
  EXPECT_EQ(master_->meetings().counters().asked, 0u);
}

// An older router counts it as malformed and is silent.
TEST_F(MeetingsTest, AMemberThatDoesNotAnswerIsGivenUp) {
  Correspond(*master_, *member_);
  member_->hears = false;
  Ask(Argument());
  Pass(milliseconds(1700));
  EXPECT_TRUE(absl::IsUnknown(answer_.status()));
  Pass(milliseconds(100));
  EXPECT_TRUE(absl::IsDeadlineExceeded(answer_.status()));
  EXPECT_EQ(master_->meetings().NextDeadline(), BootTime::max());
}

// Its candidates are its master's word alone: who gets them is told so.
TEST_F(MeetingsTest, ARouterBehindTheMemberIsWhereItSays) {
  Correspond(*master_, *member_);
  member_->met_answer = Behind(kPlaces);
  Ask(Argument());
  ASSERT_TRUE(answer_.ok()) << answer_.status();
  EXPECT_EQ(json::parse(*answer_), (json::object{{"user", std::string(12, 'b')},
                                                 {"password", std::string(36, 'q')},
                                                 {"candidates", Strings(kPlaces)},
                                                 {"ring", true}}));
  EXPECT_EQ(member_->meetings().counters().met, 1u);
}

// Who is asked sends no more bytes than came; where he is seen outside comes last, and stays.
TEST_F(MeetingsTest, AnAnswerGivesUpCandidatesBeforeItIsBiggerThanTheQuestion) {
  Correspond(*master_, *member_);
  std::vector<Endpoint> places;
  for (uint16_t port = 1; port <= 8; ++port) places.push_back({kPlaces[1].address, port});
  member_->met_answer = Behind(places);
  const auto said = SayTwice("198.51.100.1:4646", kSite);
  ASSERT_TRUE(said && said->yes);
  EXPECT_EQ(said->meeting.candidates, std::vector(places.end() - 5, places.end()));

  member_->met_answer = Behind(kPlaces, 22, 50);
  EXPECT_EQ(SayTwice("198.51.100.1:4646", kSite)->meeting.candidates, std::vector{kPlaces[1]});
  member_->met_answer = Behind(kPlaces, 64, 64);
  EXPECT_FALSE(SayTwice("198.51.100.1:4646", kSite)->yes) << "names so long that no place has room";
  EXPECT_EQ(member_->meetings().counters().refused, 1u);
}

TEST_F(MeetingsTest, WhatARouterBehindTheMemberCanNotHaveSaidIsANo) {
  Correspond(*master_, *member_);
  for (const std::string& answer : {Behind({}), Behind(kPlaces, 11), Behind({{kPlaces[0].address, 0}}),
                                    std::string("[]"), Behind(std::vector(9, kPlaces[0]))}) {
    member_->met_answer = answer;
    EXPECT_FALSE(SayTwice("198.51.100.1:4646", kSite)->yes) << answer;
  }
  EXPECT_EQ(member_->meetings().counters().met, 0u);
}

TEST_F(MeetingsTest, AMemberMayRefuse) {
  Correspond(*master_, *member_);
  member_->met_answer = absl::NotFoundError("no site of mine");
  Ask(Argument());
  EXPECT_TRUE(absl::IsNotFound(answer_.status()));
}

// The site's first packet comes with the question, and its prefix is still looked up.
TEST_F(MeetingsTest, AMemberThatHasNotFoundThePrefixYetIsAskedAgain) {
  master_->Resolve("fd02:0:2::5");
  Settle();
  Ask(Argument());
  EXPECT_TRUE(absl::IsUnknown(answer_.status()));
  EXPECT_EQ(member_->meetings().counters().unknown, 1u);
  EXPECT_FALSE(member_->Mapped("fd01:0:1::/48").empty()) << "it is looked up";
  member_->met_answer = absl::UnavailableError("the map-cache does not have it");
  Pass(milliseconds(250));
  EXPECT_TRUE(absl::IsUnknown(answer_.status()));
  member_->met_answer = json::serialize(
      json::object{{"user", std::string(12, 'm')}, {"password", std::string(36, 'q')}, {"port", 1}});
  Pass(milliseconds(500));
  EXPECT_TRUE(answer_.ok()) << answer_.status();
}

TEST_F(MeetingsTest, WhoDoesNotHearWhatIsSentToTheMasterChangesNothing) {
  Correspond(*master_, *member_);
  for (uint64_t guess = 0; guess < 100; ++guess) {
    const auto said = Say("198.51.100.1:4646", Meet(kSite, guess));
    ASSERT_TRUE(said);
    EXPECT_FALSE(said->yes);
    EXPECT_NE(said->meeting.cookie, guess);
  }
  EXPECT_TRUE(member_->met.empty());
  EXPECT_EQ(member_->meetings().counters().challenged, 100u);
}

TEST_F(MeetingsTest, OnlyWhomTheRecordNamesSpeaksForThePrefix) {
  Correspond(*master_, *member_);
  for (const char* place : {"198.51.100.9:4646", "198.51.100.1:4647"}) {
    const auto said = SayTwice(place, kSite);
    ASSERT_TRUE(said) << place;
    EXPECT_FALSE(said->yes) << place;
    EXPECT_EQ(said->meeting.cookie, 0u) << place;
  }
  EXPECT_EQ(member_->meetings().counters().refused, 2u);
  EXPECT_FALSE(SayTwice("198.51.100.1:4646", "fd03:0:3::/64")) << "of what is not known nothing is said";
  EXPECT_FALSE(SayTwice("198.51.100.1:4646", "fd00::/8")) << "nor of more than a record holds";
  EXPECT_FALSE(SayTwice("198.51.100.1:4646", "2001:db8::/64")) << "nor of what is outside the domain";
  EXPECT_TRUE(member_->met.empty());
  EXPECT_TRUE(SayTwice("198.51.100.1:4646", kSite)->yes);
}

TEST_F(MeetingsTest, ACookieIsGoodForOnePlaceAndPrefixAndAMoment) {
  Correspond(*master_, *member_);
  const uint64_t cookie = Say("198.51.100.1:4646", Meet(kSite))->meeting.cookie;
  EXPECT_TRUE(Say("198.51.100.1:4646", Meet(kSite, cookie))->yes);
  EXPECT_NE(Say("198.51.100.9:4646", Meet(kSite, cookie))->meeting.cookie, 0u);
  EXPECT_NE(Say("198.51.100.1:4646", Meet("fd01:0:1:fffe::/64", cookie))->meeting.cookie, 0u);
  Pass(2 * Meetings::kTurn);
  network_.wires.clear();
  const auto said = Say("198.51.100.1:4646", Meet(kSite, cookie));
  EXPECT_FALSE(said->yes) << "a replay";
  EXPECT_EQ(member_->met.size(), 1u);
}

TEST_F(MeetingsTest, AFloodOfQuestionsIsCut) {
  Correspond(*master_, *member_);
  const uint64_t cookie = Say("198.51.100.1:4646", Meet(kSite))->meeting.cookie;
  for (int i = 0; i < 500; ++i) Say("198.51.100.1:4646", Meet(kSite, cookie));
  EXPECT_EQ(member_->met.size(), 50u);
  EXPECT_EQ(member_->meetings().counters().limited, 450u);
}

TEST_F(MeetingsTest, WhatAnswersNoQuestionIsNotHeeded) {
  Correspond(*master_, *member_);
  member_->hears = false;
  Ask(Argument());
  PeeringMessage met{PeeringType::kMet, true, network_.nonce, PrefixOf(kSite)};
  met.meeting = {0, {}, std::string(12, 'x'), std::string(36, 'x'), 53};
  const auto say = [&](const char* from, PeeringMessage message) {
    master_->Receive({Endpoint::Parse(from).value(), {}, EncodePeering(message)});
  };
  say("198.51.100.9:4646", met);
  PeeringMessage other = met;
  other.nonce = met.nonce + 1;
  say("198.51.100.2:4646", other);
  other = met;
  other.prefix = PrefixOf("fd01:0:1:fffe::/64");
  say("198.51.100.2:4646", other);
  EXPECT_EQ(master_->meetings().counters().unexpected, 3u);
  EXPECT_TRUE(absl::IsUnknown(answer_.status()));
  // Who is asked can name no address but his own.
  say("198.51.100.2:4646", met);
  ASSERT_TRUE(answer_.ok());
  EXPECT_EQ(json::serialize(json::parse(*answer_).at("candidates")), R"(["198.51.100.2:53"])");
}

}  // namespace
}  // namespace ov6
