// SPDX-License-Identifier: Apache-2.0
// Direct paths between those who have a session with one master.
#include "userspace/ov6d/direct_paths.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "tests/unit/ov6d/direct_fixture.h"

namespace ov6 {
namespace {

using std::chrono::milliseconds;
namespace json = boost::json;

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
  offer["brings"] = "fd02::/16";
  EXPECT_FALSE(Call("home", "direct", offer).ok());
  ASSERT_EQ(asked_.size(), 1u);
  EXPECT_EQ(asked_[0].slave, "lake");
  EXPECT_EQ(asked_[0].method, "direct");
  const json::object passed = json::parse(asked_[0].argument).as_object();
  EXPECT_EQ(json::serialize(passed.at("prefixes")), R"(["fd01:0:0:2::/64"])");
  EXPECT_EQ(passed.at("password"), offer.at("password"));
  EXPECT_FALSE(passed.contains("to"));
  EXPECT_FALSE(passed.contains("brings")) << "which only a master may say";
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

// The same where there is somebody, who wants no path.
TEST_F(DirectPathsTest, WhoRefusesADirectPathIsAskedLessAndLess) {
  Up(SlaveKind::kUplink, "uplink", {P("fd00::/8")});
  Duration pause = DirectPaths::kNobodyFirst;
  for (size_t asked = 0; asked < 8;) {
    ASSERT_TRUE(Call("uplink", "carried", {{"address", "fd02:0:0:5::9"}}).ok());
    ASSERT_EQ(asked_.size(), asked + 1);
    asked_.back().reply(R"({"prefixes":["fd02:0:0:5::/64"]})");
    asked_.back().reply(absl::NotFoundError("who has it wants no direct path"));
    asked += 2;
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
