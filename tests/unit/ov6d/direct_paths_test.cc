// SPDX-License-Identifier: Apache-2.0
// A master with two sites elsewhere, home and lake, and one of its own; what it is told, sends and writes.
#include "userspace/ov6d/direct_paths.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "tests/unit/master/fixture.h"

namespace ov6 {
namespace {

using std::chrono::milliseconds;
namespace json = boost::json;

Endpoint Place(const char* text) { return Endpoint::Parse(text).value(); }

class DirectPathsTest : public MasterTest {
 protected:
  struct Sent {
    std::string interface;
    Endpoint to;
    std::vector<uint8_t> bytes;
  };
  struct Asked {
    std::string slave, method, argument;
    DirectPaths::Reply reply;
  };

  void SetUp() override {
    here_ = Up(SlaveKind::kGateway, "gw0", {P("fd01:0:0:1::/64")});
    home_ = Up(SlaveKind::kGateway, "home", {P("fd01:0:0:2::/64")});
    Up(SlaveKind::kGateway, "lake", {P("fd01:0:0:3::/64")});
    paths_.SetEnds({{"eth0", 2, our_.address, our_.port}});
  }
  DirectPaths::Environment Environment() {
    return {io_,
            master_,
            [this] { return now_; },
            [this](std::span<uint8_t> bytes) {
              for (uint8_t& byte : bytes) byte = ++drawn_;
            },
            [this](const std::string& interface, const Endpoint& to, std::span<const uint8_t> bytes) {
              sent_.push_back({interface, to, {bytes.begin(), bytes.end()}});
              return true;
            },
            [this](const std::string& slave, const std::string& method, const std::string& argument,
                   DirectPaths::Reply reply) {
              asked_.push_back({slave, method, argument, std::move(reply)});
            },
            [](const std::string& slave) { return slave == "home" || slave == "lake"; },
            true};
  }
  absl::StatusOr<json::object> Call(const std::string& slave, const std::string& method,
                                    const json::object& argument) {
    absl::StatusOr<std::string> answer = absl::UnknownError("no answer yet");
    paths_.OnCall(slave, {1, method, json::serialize(argument)},
                  [&](absl::StatusOr<std::string> result) { answer = std::move(result); });
    if (!answer.ok()) return answer.status();
    return json::parse(*answer).as_object();
  }
  json::object Offer(const char* to) const {
    return {{"to", to},
            {"user", "homehomehome"},
            {"password", std::string(36, 'p')},
            {"candidates", {"192.168.1.2:6080", "198.51.100.7:40000"}}};
  }
  // A request of home's, from there.
  void Request(const Endpoint& from, const json::object& answer, const std::string& password) {
    StunMessage request;
    request.transaction = {42};
    request.username = std::string(answer.at("user").as_string()) + ":homehomehome";
    paths_.OnDatagram("eth0", from, WriteStun(request, password));
  }
  static std::string PasswordIn(const json::object& answer) {
    return std::string(answer.at("password").as_string());
  }
  const Mapping* Home() const {
    const auto found = kernel_.mappings().find(P("fd01:0:0:2::/64"));
    return found == kernel_.mappings().end() ? nullptr : &found->second;
  }

  BootTime now_ = At(1000);
  uint8_t drawn_ = 0;
  SlaveId here_ = 0, home_ = 0;
  boost::asio::io_context io_;
  std::vector<Sent> sent_;
  std::vector<Asked> asked_;
  const Endpoint our_ = Place("203.0.113.1:6080"), outside_ = Place("198.51.100.7:40000");
  DirectPaths paths_{Environment()};
};

TEST_F(DirectPathsTest, AStrangerIsToldWhereItIsSeenInNoMoreThanTwiceItsBytes) {
  StunMessage request;
  request.transaction = {1, 2, 3};
  const auto bytes = WriteStun(request);
  paths_.OnDatagram("eth0", outside_, std::span(bytes).first(0));
  EXPECT_TRUE(sent_.empty());
  paths_.OnDatagram("eth0", outside_, bytes);
  ASSERT_EQ(sent_.size(), 1u);
  EXPECT_EQ(sent_[0].interface, "eth0");
  EXPECT_EQ(sent_[0].to, outside_);
  const auto answer = ParseStun(sent_[0].bytes);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->kind, StunMessage::Kind::kSuccess);
  EXPECT_EQ(answer->transaction, request.transaction);
  EXPECT_EQ(answer->mapped, outside_);
  EXPECT_LE(sent_[0].bytes.size(), 2 * kStunHeader);
}

TEST_F(DirectPathsTest, StrangersShareABudget) {
  const auto bytes = WriteStun(StunMessage{});
  for (int i = 0; i < 1000; ++i) paths_.OnDatagram("eth0", outside_, bytes);
  EXPECT_EQ(sent_.size(), 200u);
  EXPECT_EQ(paths_.counters().limited, 800u);
}

TEST_F(DirectPathsTest, WhoHasAnAddressIsToldToThoseElsewhere) {
  const auto peer = [this](const char* asker, const char* address) {
    const auto answer = Call(asker, "peer", {{"address", address}});
    return answer.ok() ? json::serialize(answer->at("prefixes")) : std::string(answer.status().message());
  };
  EXPECT_EQ(peer("home", "fd01:0:0:3::9"), R"(["fd01:0:0:3::/64"])");
  EXPECT_EQ(peer("home", "fd01:0:0:1::9"), R"(["fd01:0:0:1::/64"])");
  EXPECT_FALSE(Call("home", "peer", {{"address", "fd01:0:0:3::9"}})->contains("relays"));
  EXPECT_EQ(Call("home", "peer", {{"address", "fd01:0:0:1::9"}})->at("relays"), true) << "this is the master";
  EXPECT_EQ(peer("home", "fd01:0:0:2::9"), "no direct path leads to fd01:0:0:2::9");
  EXPECT_EQ(peer("home", "fd09::9"), "no direct path leads to fd09::9");
  EXPECT_EQ(peer("home", "nonsense"), "\"address\" should be an IPv6 address");
  EXPECT_TRUE(absl::IsPermissionDenied(Call("uplink", "peer", {{"address", "fd01::1"}}).status()));
}

// The one in between puts in for whom the asker speaks, whatever he says himself.
TEST_F(DirectPathsTest, AnOfferGoesOnWithThePrefixesOfWhoHasTheSession) {
  json::object offer = Offer("fd01:0:0:3::/64");
  offer["prefixes"] = {"fd01:0:0:1::/64"};
  EXPECT_FALSE(Call("home", "direct", offer).ok());
  ASSERT_EQ(asked_.size(), 1u);
  EXPECT_EQ(asked_[0].slave, "lake");
  EXPECT_EQ(asked_[0].method, "direct");
  const json::object passed = json::parse(asked_[0].argument).as_object();
  EXPECT_EQ(json::serialize(passed.at("prefixes")), R"(["fd01:0:0:2::/64"])");
  EXPECT_EQ(passed.at("password"), offer.at("password"));
  EXPECT_FALSE(passed.contains("to"));
  EXPECT_TRUE(absl::IsNotFound(Call("home", "direct", Offer("fd01:0:0:2::/64")).status())) << "to itself";
  EXPECT_TRUE(absl::IsNotFound(Call("home", "direct", Offer("fd01:0:0:4::/64")).status()));
}

TEST_F(DirectPathsTest, APathIsAcceptedFromWhenTheirCheckComesAndSentToWhenOursIsAnswered) {
  const auto answer = Call("home", "direct", Offer("fd01:0:0:1::/64"));
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(json::serialize(answer->at("candidates")), R"(["203.0.113.1:6080"])");
  ASSERT_EQ(sent_.size(), 2u) << "both candidates are probed";
  EXPECT_EQ(Home(), nullptr);

  Request(outside_, *answer, PasswordIn(*answer));
  ASSERT_NE(Home(), nullptr);
  EXPECT_EQ(Home()->flags, OV6_MAPPING_DIRECT);
  EXPECT_EQ(Home()->locators.at(0),
            (Locator{outside_.address, Encapsulation::kUdp, outside_.port, kAcceptOnly, 0, true}));
  EXPECT_LE(*Home()->soft_expiry, now_);
  EXPECT_EQ(Home()->hard_expiry, now_ + PathCheck::kAccept);
  EXPECT_EQ(kernel_.routes().at(P("fd01:0:0:2::/64")), (Route{home_, Action::kSite, OV6_ROUTE_DIRECT}));

  // Ours went to the same place; home answers.
  const auto probe = std::find_if(sent_.begin(), sent_.end(), [&](const Sent& s) {
    return s.to == outside_ && ParseStun(s.bytes)->kind == StunMessage::Kind::kRequest;
  });
  ASSERT_NE(probe, sent_.end());
  const auto request = ParseStun(probe->bytes);
  EXPECT_EQ(request->username, "homehomehome:" + std::string(answer->at("user").as_string()));
  EXPECT_TRUE(HasIntegrity(probe->bytes, *request, std::string(36, 'p')));
  StunMessage reply;
  reply.kind = StunMessage::Kind::kSuccess;
  reply.transaction = request->transaction;
  reply.mapped = our_;
  now_ += milliseconds(50);
  paths_.OnDatagram("eth0", outside_, WriteStun(reply, "another"));
  EXPECT_EQ(Home()->locators.at(0).priority, kAcceptOnly) << "anybody's answer counts for nothing";
  paths_.OnDatagram("eth0", outside_, WriteStun(reply, std::string(36, 'p')));
  EXPECT_EQ(Home()->locators.at(0).priority, 1);
  EXPECT_EQ(Home()->soft_expiry, now_ - milliseconds(50) + PathCheck::kConsent);
}

TEST_F(DirectPathsTest, WhoDoesNotKnowThePasswordIsNotAnsweredAndChangesNothing) {
  const auto answer = Call("home", "direct", Offer("fd01:0:0:1::/64"));
  ASSERT_TRUE(answer.ok());
  const size_t sent = sent_.size();
  Request(outside_, *answer, "guessed");
  StunMessage request;
  request.username = "nobody:here";
  paths_.OnDatagram("eth0", outside_, WriteStun(request, "guessed"));
  EXPECT_EQ(sent_.size(), sent);
  EXPECT_EQ(paths_.counters().unauthentic, 2u);
  EXPECT_EQ(Home(), nullptr);
}

TEST_F(DirectPathsTest, OffersThatAreRefused) {
  const auto refused = [this](const char* name, json::value value) {
    json::object offer = Offer("fd01:0:0:1::/64");
    offer[name] = std::move(value);
    return std::string(Call("home", "direct", offer).status().message());
  };
  const std::string list = "\"candidates\" should be a list of at most 8";
  EXPECT_EQ(refused("candidates", "198.51.100.7:1"), list);
  EXPECT_EQ(refused("candidates", {"198.51.100.7"}), list);
  EXPECT_EQ(refused("candidates", json::array(9, json::value("198.51.100.7:1"))), list);
  EXPECT_EQ(refused("password", "short"), "\"user\" and \"password\" should have 12 and 36 to 64 characters");
  EXPECT_EQ(refused("user", json::string(65, 'u')),
            "\"user\" and \"password\" should have 12 and 36 to 64 characters");
  EXPECT_TRUE(sent_.empty());
}

TEST_F(DirectPathsTest, NothingIsSentToUsOrWhereNoTunnelLeads) {
  json::object offer = Offer("fd01:0:0:1::/64");
  offer["candidates"] = {"203.0.113.1:6080", "127.0.0.1:53", "224.0.0.1:53", "198.51.100.7:0"};
  EXPECT_TRUE(Call("home", "direct", offer).ok());
  EXPECT_TRUE(sent_.empty());
}

TEST_F(DirectPathsTest, QuestionsOfOneElsewhereHaveABudget) {
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(Call("home", "peer", {{"address", "fd01:0:0:3::9"}}).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(Call("home", "peer", {{"address", "fd01:0:0:3::9"}}).status()));
  EXPECT_TRUE(Call("lake", "peer", {{"address", "fd01:0:0:2::9"}}).ok());
}

// The other side: a router whose uplink has seen a packet.
TEST_F(DirectPathsTest, WhoIsMetIsAskedForAndOfferedAPath) {
  const SlaveId uplink = Up(SlaveKind::kUplink, "uplink", {P("fd00::/8")});
  ASSERT_TRUE(Call("uplink", "carried", {{"address", "fd02:0:0:5::9"}}).ok());
  ASSERT_EQ(asked_.size(), 1u);
  EXPECT_EQ(asked_[0].method, "peer");
  EXPECT_EQ(asked_[0].argument, R"({"address":"fd02:0:0:5::9","ring":true})");
  ASSERT_TRUE(Call("uplink", "carried", {{"address", "fd02:0:0:5::8"}}).ok());
  EXPECT_EQ(asked_.size(), 1u) << "the same /64 is asked about once";
  asked_[0].reply(R"({"prefixes":["fd02:0:0:5::/64"]})");
  ASSERT_EQ(asked_.size(), 2u);
  EXPECT_EQ(asked_[1].method, "direct");
  const json::object offer = json::parse(asked_[1].argument).as_object();
  EXPECT_EQ(offer.at("to"), "fd02:0:0:5::/64");
  asked_[1].reply(json::serialize(json::object{
      {"user", "lakelakelake"}, {"password", std::string(36, 'q')}, {"candidates", {"198.51.100.7:40000"}}}));
  ASSERT_EQ(sent_.size(), 1u);
  EXPECT_EQ(sent_[0].to, outside_);
  EXPECT_EQ(master_.routes().routes().at(P("fd00::/8")).slave, uplink);
}

// A master that named what is ours, or what it does not carry, would turn our own traffic on somebody.
TEST_F(DirectPathsTest, NoPeerIsTakenForWhatIsNotTheUplinks) {
  Up(SlaveKind::kUplink, "uplink", {P("fd00::/8")});
  for (const char* prefix : {"fd01:0:0:1::/64", "2001:db8::/32", "::/0"}) {
    json::object offer = Offer("unused");
    offer["prefixes"] = {prefix};
    EXPECT_TRUE(absl::IsPermissionDenied(Call("uplink", "direct", offer).status())) << prefix;
  }
}

// What it relays is from anybody; to the kernel such packets come from where the master is.
TEST_F(DirectPathsTest, AMastersPathBringsWhatIsFromOthers) {
  Up(SlaveKind::kUplink, "uplink", {P("fd00::/8")});
  const Endpoint master = Place("192.0.2.1:6080");
  const auto meet = [this](const char* address, const char* answer, const char* user) {
    ASSERT_TRUE(Call("uplink", "carried", {{"address", address}}).ok());
    asked_.back().reply(answer);
    asked_.back().reply(json::serialize(
        json::object{{"user", user}, {"password", std::string(36, 'q')}, {"candidates", json::array()}}));
  };
  const auto hear = [this](const char* user, const Endpoint& from) {
    const auto offer = std::find_if(asked_.begin(), asked_.end(), [&](const Asked& a) {
      return a.method == "direct" &&
             json::parse(a.argument).at("to") == (user[0] == 'm' ? "fd02:0:0:5::/64" : "fd02:0:0:6::/64");
    });
    ASSERT_NE(offer, asked_.end());
    const auto ours = json::parse(offer->argument);
    StunMessage request;
    request.username = std::string(ours.at("user").as_string()) + ":" + user;
    paths_.OnDatagram("eth0", from, WriteStun(request, std::string(ours.at("password").as_string())));
  };
  meet("fd02:0:0:6::9", R"({"prefixes":["fd02:0:0:6::/64"]})", "lakelakelake");
  hear("lakelakelake", outside_);
  EXPECT_EQ(kernel_.mappings().at(P("fd02:0:0:6::/64")).locators.size(), 1u);
  EXPECT_FALSE(kernel_.mappings().contains(P("fd00::/8")));

  meet("fd02:0:0:5::9", R"({"prefixes":["fd02:0:0:5::/64"],"relays":true})", "mastermaster");
  hear("mastermaster", master);
  const Locator relayed{master.address, Encapsulation::kUdp, master.port, kAcceptOnly, 0, true};
  const Mapping all = kernel_.mappings().at(P("fd00::/8"));
  EXPECT_EQ(all.flags, OV6_MAPPING_DIRECT);
  EXPECT_EQ(all.locators, std::vector{relayed});
  EXPECT_LE(*all.soft_expiry, now_) << "nothing is sent there for others";
  EXPECT_EQ(kernel_.mappings().at(P("fd02:0:0:6::/64")).locators.at(1), relayed);
}

TEST_F(DirectPathsTest, WhoHasNoDirectPathIsAskedAboutLessAndLess) {
  Up(SlaveKind::kUplink, "uplink", {P("fd00::/8")});
  Duration pause = DirectPaths::kNobodyFirst;
  for (size_t asked = 1; asked <= 8; ++asked) {
    ASSERT_TRUE(Call("uplink", "carried", {{"address", "fd02:0:0:5::9"}}).ok());
    ASSERT_EQ(asked_.size(), asked);
    asked_.back().reply(absl::NotFoundError("no direct path leads there"));
    now_ += pause - std::chrono::milliseconds(1);
    ASSERT_TRUE(Call("uplink", "carried", {{"address", "fd02:0:0:5::9"}}).ok());
    EXPECT_EQ(asked_.size(), asked) << "not yet";
    now_ += std::chrono::milliseconds(1);
    pause = std::min<Duration>(pause * 2, DirectPaths::kNobodyFor);
  }
}

// RFC 8445 section 5.1.1.2: an offer waits for a moment until the outside place is known.
TEST_F(DirectPathsTest, AnOfferHasTheOutsidePlace) {
  Up(SlaveKind::kUplink, "uplink", {P("fd00::/8")});
  ASSERT_TRUE(Call("uplink", "stun", {{"servers", {"192.0.2.1:6080"}}}).ok());
  ASSERT_EQ(sent_.size(), 1u);
  ASSERT_TRUE(Call("uplink", "carried", {{"address", "fd02:0:0:5::9"}}).ok());
  EXPECT_TRUE(asked_.empty());
  StunMessage answer;
  answer.kind = StunMessage::Kind::kSuccess;
  answer.transaction = ParseStun(sent_[0].bytes)->transaction;
  answer.mapped = outside_;
  paths_.OnDatagram("eth0", Place("192.0.2.1:6080"), WriteStun(answer));
  ASSERT_TRUE(Call("uplink", "carried", {{"address", "fd02:0:0:5::9"}}).ok());
  ASSERT_EQ(asked_.size(), 1u);
  asked_[0].reply(R"({"prefixes":["fd02:0:0:5::/64"]})");
  const json::object offer = json::parse(asked_[1].argument).as_object();
  EXPECT_EQ(json::serialize(offer.at("candidates")), R"(["203.0.113.1:6080","198.51.100.7:40000"])");
}

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
                                                           {"password", std::string(36, 'p')}}));
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
  for (const char* to : {"fd01:0:0:2::/64", "fd02:0:0:1::/64", "fd01::/48"}) {
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

// The other end of it: the master may not have found him when the first packet goes.
TEST_F(DirectPathsTest, WhoIsNotFoundYetIsAskedAboutSoon) {
  Up(SlaveKind::kUplink, "uplink", {P("fd00::/8")});
  ASSERT_TRUE(Call("uplink", "carried", {{"address", "fd02:0:0:5::9"}}).ok());
  asked_[0].reply(absl::UnavailableError("not known yet"));
  ASSERT_TRUE(Call("uplink", "carried", {{"address", "fd02:0:0:5::9"}}).ok());
  EXPECT_EQ(asked_.size(), 1u);
  now_ += DirectPaths::kNobodyFirst;
  ASSERT_TRUE(Call("uplink", "carried", {{"address", "fd02:0:0:5::9"}}).ok());
  EXPECT_EQ(asked_.size(), 2u);
}

}  // namespace
}  // namespace ov6
