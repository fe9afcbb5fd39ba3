// SPDX-License-Identifier: Apache-2.0
// Direct paths through the ring: with a member that is not the master, and with who is behind one.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "tests/unit/ov6d/direct_fixture.h"

namespace ov6 {
namespace {

using std::chrono::milliseconds;
namespace json = boost::json;

// --- with a member of the ring that is not the master ---------------------------------

class DirectRingTest : public DirectPathsTest {
 protected:
  void SetUp() override {
    DirectPathsTest::SetUp();
    chord_ = UpChord();
  }
  void Map(const char* prefix, const char* locator, uint32_t soft = 60000, uint32_t hard = 120000) {
    ASSERT_EQ(Apply(chord_, Add(prefix, {L(locator)}, soft, hard), now_), "");
  }
  // Of the slave of a member of the ring, whose site is fd01:0:0:1::/64.
  json::object Met(const char* prefix = "fd02:0:0:ffff::/64", const char* from = "198.51.100.2") const {
    json::object met = Offer("unused");
    met["prefix"] = prefix;
    met["from"] = from;
    met["at"] = our_.address.ToString();
    met["to"] = "fd01:0:0:1::/64";
    return met;
  }
  const Mapping* Far(const char* prefix = "fd02:0:0:ffff::/64") const {
    const auto found = kernel_.mappings().find(P(prefix));
    return found == kernel_.mappings().end() ? nullptr : &found->second;
  }
  // Of what was sent, the last question that went there, answered.
  void AnswerProbe(const Endpoint& from) {
    const auto probe = std::find_if(sent_.rbegin(), sent_.rend(), [&](const Sent& s) {
      return s.to == from && ParseStun(s.bytes)->kind == StunMessage::Kind::kRequest;
    });
    ASSERT_NE(probe, sent_.rend());
    StunMessage reply;
    reply.kind = StunMessage::Kind::kSuccess;
    reply.transaction = ParseStun(probe->bytes)->transaction;
    paths_.OnDatagram("eth0", from, WriteStun(reply, std::string(36, 'p')));
  }

  SlaveId chord_ = 0;
};

TEST_F(DirectRingTest, AMasterSaysWhatAPathIntoTheRingMayStandFor) {
  const auto peer = [this](const char* address) {
    const auto answer = Call("home", "peer", {{"address", address}, {"ring", true}});
    return answer.ok() ? json::serialize(*answer) : std::string(answer.status().message());
  };
  EXPECT_EQ(peer("fd02:0:0:5::9"), "who has fd02:0:0:5::9 is not known yet");
  Map("fd02::/48", "198.51.100.2");
  EXPECT_EQ(peer("fd02:0:0:5::9"), R"({"prefixes":["fd02:0:0:5::/64"]})");
  Map("fd02:0:0:6::7/128", "198.51.100.3");
  EXPECT_EQ(peer("fd02:0:0:6::7"), R"({"prefixes":["fd02:0:0:6::7/128"]})");
  EXPECT_EQ(peer("fd02:0:0:6::9"), "no direct path leads to fd02:0:0:6::9") << "a part of it is elsewhere";
  ASSERT_EQ(Apply(chord_, MappingNegative{P("fd03::/48"), 60000, 0, false}, now_), "");
  EXPECT_EQ(peer("fd03::1"), "no direct path leads to fd03::1");
  EXPECT_TRUE(absl::IsNotFound(Call("home", "peer", {{"address", "fd02:0:0:5::9"}}).status()))
      << "who does not know of the ring";
}

TEST_F(DirectRingTest, AMastersSlaveIsAskedToIntroduceThem) {
  Map("fd02::/48", "198.51.100.2");
  EXPECT_FALSE(Call("home", "direct", Offer("fd02:0:0:5::/64")).ok());
  ASSERT_EQ(asked_.size(), 1u);
  EXPECT_EQ(asked_[0].slave, "chord");
  EXPECT_EQ(asked_[0].method, "meet");
  EXPECT_EQ(json::parse(asked_[0].argument), (json::object{{"to", "fd02:0:0:5::/64"},
                                                           {"prefix", "fd01:0:0:2::/64"},
                                                           {"user", "homehomehome"},
                                                           {"password", std::string(36, 'p')},
                                                           {"candidates", Offer("").at("candidates")}}));
}

// Whose packets a member brings by its path its record says, of which that is a part.
TEST_F(DirectRingTest, AMasterSaysWhoseRecordAMemberIsAndNothingOfWhoIsBehindOne) {
  Map("fd02::/48", "198.51.100.2");
  std::vector<json::object> told;
  for (int i = 0; i < 2; ++i) {
    paths_.OnCall("home", {1, "direct", json::serialize(Offer("fd02:0:0:5::/64"))},
                  [&](const absl::StatusOr<std::string>& answer) {
                    told.push_back(json::parse(answer.value()).as_object());
                  });
  }
  asked_[0].reply(R"({"user":"u","password":"p","candidates":["198.51.100.2:6080"]})");
  asked_[1].reply(R"({"user":"u","password":"p","candidates":["198.51.100.2:6080"],"ring":true})");
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[0].at("brings"), "fd02::/48");
  EXPECT_FALSE(told[1].contains("brings"));
  EXPECT_EQ(told[1].at("ring"), true);
}

// --- between two routers behind NAT whose masters are members of one ring --------------

TEST_F(DirectRingTest, AMasterPassesOnToItsSiteElsewhereWhatAnotherMasterAsks) {
  Map("fd02::/48", "198.51.100.2");
  json::object met = Met();
  met["to"] = "fd01:0:0:2::/64";
  absl::StatusOr<std::string> answer = absl::UnknownError("no answer yet");
  const auto ask = [&] {
    paths_.OnCall("chord", {1, "met", json::serialize(met)},
                  [&](absl::StatusOr<std::string> result) { answer = std::move(result); });
  };
  ask();
  ASSERT_EQ(asked_.size(), 1u);
  EXPECT_EQ(asked_[0].slave, "home");
  EXPECT_EQ(asked_[0].method, "direct");
  EXPECT_EQ(json::parse(asked_[0].argument), (json::object{{"user", "homehomehome"},
                                                           {"password", std::string(36, 'p')},
                                                           {"candidates", met.at("candidates")},
                                                           {"prefixes", {"fd02:0:0:ffff::/64"}},
                                                           {"ring", true}}));
  const json::object said{
      {"user", "athomeathome"}, {"password", std::string(36, 'h')}, {"candidates", {"192.0.2.7:6080"}}};
  json::object more = said;  // which only masters say
  more["port"] = 6080;
  more["brings"] = "fd00::/8";
  more["ring"] = false;
  asked_[0].reply(json::serialize(more));
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(json::parse(*answer), said);
  EXPECT_EQ(paths_.counters().passed_on, 1u);
  EXPECT_TRUE(paths_.Json().at("peers").as_array().empty()) << "it has no part in that path";
  EXPECT_TRUE(sent_.empty());

  met["from"] = "198.51.100.9";
  ask();
  EXPECT_TRUE(absl::IsPermissionDenied(answer.status()));
  met["prefix"] = "fd03:0:0:1::/64";
  ask();
  EXPECT_TRUE(absl::IsUnavailable(answer.status()));
  EXPECT_EQ(asked_.size(), 1u);
}

// It is no part of anything, so that a shortcut could not be made; here none is.
TEST_F(DirectRingTest, APrefixWithARecordOfItsOwnMeetsSitesElsewhere) {
  Map("fd02:0:0:ffff::/64", "198.51.100.2");
  EXPECT_TRUE(absl::IsPermissionDenied(Call("chord", "met", Met()).status()));
  json::object met = Met();
  met["to"] = "fd01:0:0:2::/64";
  EXPECT_TRUE(absl::IsUnknown(Call("chord", "met", met).status()));
  EXPECT_EQ(paths_.counters().passed_on, 1u);
}

// The direct path that this router has itself hides nothing.
TEST_F(DirectRingTest, APathOfTheMastersOwnIsInNobodysWay) {
  Map("fd02::/48", "198.51.100.2");
  const auto answer = Call("chord", "met", Met());
  Request(outside_, *answer, PasswordIn(*answer));
  ASSERT_NE(Far(), nullptr);
  const auto peer = Call("home", "peer", {{"address", "fd02:0:0:ffff::9"}, {"ring", true}});
  ASSERT_TRUE(peer.ok()) << peer.status();
  EXPECT_EQ(json::serialize(peer->at("prefixes")), R"(["fd02:0:0:ffff::/64"])");
}

// The ends of it: routers with an uplink.
class DirectStrangersTest : public DirectPathsTest {
 protected:
  void SetUp() override {
    DirectPathsTest::SetUp();
    Up(SlaveKind::kUplink, "uplink", {P("fd00::/8")});
  }
  // What its master brings from the ring.
  absl::StatusOr<json::object> Brought(const std::string& site, json::array candidates) {
    json::object offer = Offer("");
    offer.erase("to");
    offer["prefixes"] = {site};
    offer["candidates"] = std::move(candidates);
    offer["ring"] = true;
    return Call("uplink", "direct", offer);
  }
  void Look() { ASSERT_TRUE(Call("uplink", "stun", {{"servers", json::array()}}).ok()); }
  // Both directions of a path that was brought, up.
  void ComeUp() {
    const auto answer = Brought("fd02:0:0:5::/64", {outside_.ToString()});
    ASSERT_TRUE(answer.ok()) << answer.status();
    Answer();
    ASSERT_EQ(paths_.counters().came_up, 1u);
  }
  void Answer() {
    StunMessage reply;
    reply.kind = StunMessage::Kind::kSuccess;
    reply.transaction = ParseStun(sent_.back().bytes)->transaction;
    paths_.OnDatagram("eth0", sent_.back().to, WriteStun(reply, std::string(36, 'p')));
  }
  // The path is used and stays up for so long.
  void Use(Duration time) {
    for (const BootTime end = now_ + time; now_ < end;) {
      now_ += PathCheck::kRefresh;
      paths_.OnUsed(*Ipv6::Parse("fd02:0:0:5::9"));
      const size_t sent = sent_.size();
      Look();
      if (sent_.size() > sent) Answer();
    }
  }
  bool IsUp() const { return kernel_.mappings().contains(P("fd02:0:0:5::/64")); }
};

TEST_F(DirectStrangersTest, PlacesThatNoNatGivesOutAreNotTried) {
  ASSERT_TRUE(Brought("fd02:0:0:5::/64", {"198.51.100.7:53", "198.51.100.7:1023", "224.0.0.1:6080"}).ok());
  EXPECT_TRUE(sent_.empty());
  ASSERT_TRUE(Brought("fd02:0:0:5::/64", {"198.51.100.7:1024"}).ok());
  EXPECT_EQ(sent_.size(), 1u);
}

TEST_F(DirectStrangersTest, ChecksOfPlacesThatStrangersTellAreFew) {
  size_t taken = 0;
  for (int i = 0; i < 100; ++i) {
    const std::string site = "fd02:0:0:" + std::to_string(1000 + i) + "::/64";
    taken += Brought(site, {"198.51.100.7:1024", "198.51.100.7:1025"}).ok() ? 1 : 0;
  }
  EXPECT_EQ(taken, 100u);
  EXPECT_EQ(sent_.size(), 100u);
  EXPECT_EQ(paths_.counters().withheld, 100u);
  now_ += std::chrono::seconds(1);
  Look();
  EXPECT_EQ(sent_.size(), 120u);
}

TEST_F(DirectStrangersTest, StrangersHaveHalfThePlacesAndKeepNoneForNothing) {
  size_t taken = 0;
  const auto ask = [&] {
    for (int i = 0; i < 200; ++i) {
      const std::string site = "fd02:0:0:" + std::to_string(1000 + i) + "::/64";
      taken += Brought(site, json::array()).ok() ? 1 : 0;
    }
  };
  ask();
  EXPECT_EQ(taken, DirectPaths::kMaxStrange);
  ask();
  EXPECT_EQ(taken, 2 * DirectPaths::kMaxStrange) << "who is there already";
  now_ += PathCheck::kProbeFor;
  Look();
  EXPECT_TRUE(paths_.Json().at("peers").as_array().empty()) << "nobody has come to be checked";
}

// It was asked before it knew: who was told a half gets the whole.
TEST_F(DirectStrangersTest, AnOutsidePlaceThatIsLearnedLaterIsTold) {
  ASSERT_TRUE(Call("uplink", "stun", {{"servers", {"192.0.2.1:6080"}}}).ok());
  const auto transaction = ParseStun(sent_.at(0).bytes)->transaction;
  const auto answer = Brought("fd02:0:0:5::/64", {"198.51.100.8:6080"});
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(json::serialize(answer->at("candidates")), R"(["203.0.113.1:6080"])");
  StunMessage seen;
  seen.kind = StunMessage::Kind::kSuccess;
  seen.transaction = transaction;
  seen.mapped = outside_;
  paths_.OnDatagram("eth0", Place("192.0.2.1:6080"), WriteStun(seen));
  ASSERT_EQ(asked_.size(), 1u);
  EXPECT_EQ(asked_[0].method, "direct");
  const json::object offer = json::parse(asked_[0].argument).as_object();
  EXPECT_EQ(offer.at("to"), "fd02:0:0:5::/64");
  EXPECT_EQ(json::serialize(offer.at("candidates")), R"(["203.0.113.1:6080","198.51.100.7:40000"])");
}

TEST_F(DirectStrangersTest, APathThatIsUsedIsVouchedForAnew) {
  ComeUp();
  Use(DirectPaths::kVouched - std::chrono::seconds(1));
  EXPECT_TRUE(asked_.empty());
  Use(std::chrono::seconds(2));
  ASSERT_EQ(asked_.size(), 1u);
  EXPECT_EQ(asked_[0].method, "direct");
  EXPECT_EQ(json::parse(asked_[0].argument).at("to"), "fd02:0:0:5::/64");
  // Nobody answers.
  asked_[0].reply(absl::DeadlineExceededError("the other router does not answer"));
  Use(std::chrono::seconds(61));
  ASSERT_EQ(asked_.size(), 2u);
  EXPECT_TRUE(IsUp());
  // It is as before.
  json::object same = Offer("");
  same["ring"] = true;
  asked_[1].reply(json::serialize(same));
  Use(DirectPaths::kVouched - std::chrono::seconds(1));
  EXPECT_EQ(asked_.size(), 2u);
  // It is not, any more.
  Use(std::chrono::seconds(2));
  ASSERT_EQ(asked_.size(), 3u);
  EXPECT_TRUE(IsUp());
  asked_[2].reply(absl::NotFoundError("who has it wants no direct path"));
  EXPECT_FALSE(IsUp());
}

TEST_F(DirectStrangersTest, WhereNobodyAnswersThePathEndsAfterAnHour) {
  ComeUp();
  const BootTime begin = now_;
  for (size_t answered = 0; IsUp() && now_ < begin + std::chrono::hours(2);) {
    Use(std::chrono::seconds(1));
    for (; answered < asked_.size(); ++answered) asked_[answered].reply(absl::UnavailableError("no session"));
  }
  EXPECT_GE(now_, begin + DirectPaths::kVouchedStale);
  EXPECT_LE(now_, begin + DirectPaths::kVouchedStale + std::chrono::seconds(2));
}

TEST_F(DirectStrangersTest, TheWordOfMastersKeepsNoPathThatIsNotUsed) {
  ComeUp();
  for (int i = 0; i < 130 * 5; ++i) {
    now_ += PathCheck::kRefresh;
    const size_t sent = sent_.size();
    Look();
    if (sent_.size() > sent) Answer();
    for (Asked& asked : std::exchange(asked_, {})) {
      if (asked.method == "direct") asked.reply(json::serialize(Offer("")));
    }
  }
  EXPECT_FALSE(IsUp());
}

// A member's hosts are on more than one of its networks.
TEST_F(DirectStrangersTest, WhatAMemberBringsIsAcceptedFromWhereItIs) {
  ASSERT_TRUE(Call("uplink", "carried", {{"address", "fd02:0:0:5::9"}}).ok());
  asked_[0].reply(R"({"prefixes":["fd02:0:0:5::/64"]})");
  json::object description = Offer("");
  description["candidates"] = {outside_.ToString()};
  description["brings"] = "fd02::/48";
  asked_[1].reply(json::serialize(description));
  Answer();
  ASSERT_TRUE(IsUp());
  const Mapping brought = kernel_.mappings().at(P("fd02::/48"));
  EXPECT_EQ(
      brought.locators,
      (std::vector<Locator>{{outside_.address, Encapsulation::kUdp, outside_.port, kAcceptOnly, 0, true}}));
  EXPECT_LE(*brought.soft_expiry, now_) << "nothing is sent there for others";
  now_ += DirectPaths::kIdle;
  Look();
  EXPECT_FALSE(kernel_.mappings().contains(P("fd02::/48")));
}

TEST_F(DirectRingTest, WhoIsMetIsSentNothingBeforeItsCheckHasCome) {
  Map("fd02::/48", "198.51.100.2");
  const auto answer = Call("chord", "met", Met());
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->at("port"), our_.port);
  now_ += milliseconds(100);
  EXPECT_TRUE(sent_.empty()) << "whatever candidates it has";
  Request(outside_, *answer, "guessed");
  EXPECT_TRUE(sent_.empty());
  EXPECT_EQ(Far(), nullptr);

  Request(outside_, *answer, PasswordIn(*answer));
  ASSERT_EQ(sent_.size(), 2u) << "an answer and a question";
  EXPECT_EQ(Far()->locators.at(0), (Locator{L("198.51.100.2").address, Encapsulation::k6in4, 0, 2}))
      << "it is accepted from, and nothing more";
  EXPECT_EQ(Far()->locators.at(1).address, outside_.address);
  AnswerProbe(outside_);
  ASSERT_EQ(Far()->locators.size(), 2u);
  EXPECT_EQ(Far()->locators.at(0),
            (Locator{outside_.address, Encapsulation::kUdp, outside_.port, 1, 0, true}));
  EXPECT_EQ(Far()->locators.at(1).address, L("198.51.100.2").address);
  EXPECT_EQ(Far()->soft_expiry, now_ + PathCheck::kConsent);
  EXPECT_EQ(Far()->hard_expiry, now_ - milliseconds(100) + std::chrono::seconds(120))
      << "the mapping's it is part of";
}

TEST_F(DirectRingTest, AMemberBelievesAMasterOnlyOfWhatLeadsToIt) {
  EXPECT_TRUE(absl::IsUnavailable(Call("chord", "met", Met()).status())) << "it is looked up still";
  Map("fd02::/48", "198.51.100.2");
  EXPECT_TRUE(
      absl::IsPermissionDenied(Call("chord", "met", Met("fd02:0:0:ffff::/64", "198.51.100.9")).status()));
  EXPECT_TRUE(absl::IsPermissionDenied(Call("chord", "met", Met("fd02::/48")).status()));
  Map("fd03::/48", "198.51.100.3");
  EXPECT_TRUE(absl::IsPermissionDenied(Call("chord", "met", Met("fd03:0:0:1::/64")).status()));
  json::object met = Met();
  for (const char* to : {"fd02:0:0:1::/64", "fd01::/48"}) {
    met["to"] = to;
    EXPECT_TRUE(absl::IsNotFound(Call("chord", "met", met).status())) << to;
  }
  Up(SlaveKind::kUplink, "uplink", {P("fc00::/8")});
  EXPECT_FALSE(DirectPaths::Knows(SlaveKind::kUplink, false, "met"));
  EXPECT_FALSE(DirectPaths::Knows(SlaveKind::kDht, true, "met"));
  EXPECT_FALSE(DirectPaths::Knows(SlaveKind::kDht, false, "direct"));
  EXPECT_EQ(paths_.counters().offers_taken, 0u);
}

TEST_F(DirectRingTest, OneMasterHasNoMoreThanItsShareOfPaths) {
  Map("fd02::/48", "198.51.100.2");
  Map("fd03::/48", "198.51.100.3");
  size_t taken = 0;
  for (int i = 0; i < 100; ++i) {
    const std::string prefix = "fd02:0:0:" + std::to_string(1000 + i) + "::/64";
    taken += Call("chord", "met", Met(prefix.c_str())).ok() ? 1 : 0;
  }
  EXPECT_EQ(taken, DirectPaths::kMaxVia);
  EXPECT_TRUE(Call("chord", "met", Met("fd03:0:0:1::/64", "198.51.100.3")).ok());
  EXPECT_TRUE(Call("chord", "met", Met("fd02:0:0:1000::/64")).ok()) << "who is there already";
}

// Whoever does not come to be checked is forgotten, and who was once met is by his master's word alone.
TEST_F(DirectRingTest, APathEndsWithWhatItRestsOn) {
  Map("fd02::/48", "198.51.100.2");
  const auto look = [this] { EXPECT_TRUE(Call("uplink", "stun", {{"servers", json::array()}}).ok()); };
  auto answer = Call("chord", "met", Met());
  Request(outside_, *answer, PasswordIn(*answer));
  ASSERT_NE(Far(), nullptr);
  Map("fd02::/48", "198.51.100.3");
  now_ += milliseconds(100);
  Request(outside_, *answer, PasswordIn(*answer));
  EXPECT_EQ(Far(), nullptr) << "its prefix leads to another now";
  EXPECT_TRUE(paths_.Json().at("peers").as_array().empty());

  answer = Call("chord", "met", Met("fd02:0:0:ffff::/64", "198.51.100.3"));
  ASSERT_TRUE(answer.ok());
  now_ += PathCheck::kProbeFor;
  look();
  EXPECT_TRUE(paths_.Json().at("peers").as_array().empty()) << "no check of its has come";
}

TEST_F(DirectRingTest, WhatLeadsThereWithoutThePathIsAskedAboutWhileThePathIsUsed) {
  Map("fd02::/48", "198.51.100.2");
  const auto answer = Call("chord", "met", Met());
  Request(outside_, *answer, PasswordIn(*answer));
  EXPECT_FALSE(paths_.OnUsed(*Ipv6::Parse("fd02:0:0:ffff::9")));
  now_ += std::chrono::seconds(60);
  EXPECT_TRUE(paths_.OnUsed(*Ipv6::Parse("fd02:0:0:ffff::9")));
  EXPECT_FALSE(paths_.OnUsed(*Ipv6::Parse("fd02:0:0:5::9"))) << "the kernel itself asks about it";
}

}  // namespace
}  // namespace ov6
