// SPDX-License-Identifier: Apache-2.0
// Slaves from elsewhere (docs/slave-protocol.md section 8). Silence is a matter of real time.
#include <boost/json.hpp>
#include <thread>

#include "tests/unit/ov6d/service_fixture.h"

namespace ov6 {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr char kSite[] = "fd12:3456:789a:ff::/64";
constexpr char kPart[] = "fd12:3456:789a:ff:8000::/65";

class RemoteSlaveTest : public RemoteServiceTest {
 protected:
  void SetUp() override {
    plan_ = Plan(SlaveKind::kGateway, "home", kSite);
    plan_.remote = true;
    RemoteToken token;
    token.name = "home";
    token.domain = "chord";
    token.prefix = P(kSite);
    secret_ = *tokens_.Add(token);
    token.name = "away";
    token.replace = true;
    token.prefix = P("fd12:3456:789a:fe::/64");
    replacing_ = *tokens_.Add(token);
    other_plan_ = Plan(SlaveKind::kGateway, "away", "fd12:3456:789a:fe::/64");
    other_plan_.remote = true;
    token.name = "part";
    token.kind = SlaveKind::kDht;
    token.prefix = P("fd77::/16");
    resolving_ = *tokens_.Add(token);
    SlavePlan part = Plan(SlaveKind::kDht, "part", "fd77::/16");
    part.remote = true;
    remote_.emplace(RemoteEnvironment(), std::vector<SlavePlan>{plan_, other_plan_, part});
  }
  UpgradeRequest Request(const char* prefix = kSite) const {
    return {SlaveKind::kGateway, "home", {P(prefix)}, secret_};
  }
  std::unique_ptr<FakeSlave> UpHome() {
    auto slave = Connect();
    EXPECT_THAT(slave->Open(Request()), StartsWith("HTTP/1.1 101 "));
    return slave;
  }
  std::string OfTheRfcAlone() const {
    return "GET http://x/.well-known/masque/ip/*/*/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
           "Upgrade: connect-ip\r\nAuthorization: Bearer " +
           secret_ + "\r\n\r\n";
  }
  bool Routed(const char* prefix) const { return kernel_.routes().contains(P(prefix)); }

  std::string secret_, replacing_, resolving_;
  SlavePlan plan_, other_plan_;
};

TEST_F(RemoteSlaveTest, RefusedRequestsChangeNothing) {
  const auto with = [this](auto change) {
    UpgradeRequest request = Request();
    change(request);
    return FormatUpgradeRequest(request);
  };
  const struct {
    const char* name;
    std::string request;
    const char* status;
    const char* sentence;
  } rows[] = {
      {"no token", with([](auto& r) { r.token.clear(); }), "HTTP/1.1 401 ", "WWW-Authenticate: Bearer"},
      {"another token", with([](auto& r) { r.token.back() ^= 1; }), "HTTP/1.1 401 ", "Nobody is known"},
      {"the hash for a token", with([this](auto& r) { r.token = tokens_.tokens()[0].hash; }), "HTTP/1.1 401 ",
       "Nobody"},
      {"another name", with([](auto& r) { r.name = "gw0"; }), "HTTP/1.1 403 ",
       "for the slave \"home\" of kind gateway"},
      {"another kind", with([](auto& r) { r.kind = SlaveKind::kManagement; }), "HTTP/1.1 403 ", "\"home\""},
      {"a prefix outside", with([](auto& r) { r.prefixes = {P("::/0")}; }), "HTTP/1.1 403 ",
       "may not register ::/0"},
      {"another's prefix", with([](auto& r) { r.prefixes = {P("fd12:3456:789a:fe::/64")}; }), "HTTP/1.1 403 ",
       "may not register"},
      {"no request", "\x16\x03\x01\x02\r\n\r\n", "HTTP/1.1 400 ", ""},
  };
  for (const auto& row : rows) {
    const auto slave = Connect();
    slave->Write(row.request);
    const std::string answer = slave->Read();
    EXPECT_THAT(answer, StartsWith(row.status)) << row.name;
    EXPECT_THAT(answer, HasSubstr(row.sentence)) << row.name;
    EXPECT_TRUE(slave->Ended()) << row.name;
  }
  EXPECT_THAT(kernel_.slaves(), IsEmpty());
  EXPECT_THAT(kernel_.routes(), IsEmpty());
  EXPECT_EQ(remote_->counters().unknown_tokens, 3u);
}

TEST_F(RemoteSlaveTest, TheFirstCapsuleAssignsThePrefix) {
  const auto slave = UpHome();
  const auto assigned = slave->Next<AddressAssignCapsule>();
  ASSERT_TRUE(assigned);
  EXPECT_EQ(assigned->prefixes, (std::vector<AssignedPrefix>{{0, false, P(kSite)}}));
  EXPECT_EQ(kernel_.routes().at(P(kSite)).action, Action::kSite);
  EXPECT_THAT(kernel_.ports(), IsEmpty());
  EXPECT_EQ(State(), "up");
}

TEST_F(RemoteSlaveTest, OneThatSpeaksTheRfcAloneIsItsToken) {
  const auto slave = Connect();
  slave->Write(OfTheRfcAlone());
  EXPECT_THAT(slave->Read(), StartsWith("HTTP/1.1 101 "));
  EXPECT_TRUE(Routed(kSite));
  Pass(1200);
  EXPECT_EQ(State(), "up") << "it need answer no PING";
}

TEST_F(RemoteSlaveTest, AddressRequestsAreAnsweredWithWhatItHas) {
  const auto slave = UpHome();
  slave->Next<AddressAssignCapsule>();
  const Prefix v4{Ipv6{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}}, 128};
  const Prefix nothing{Ipv6{}, 128};
  slave->Send(AddressRequestCapsule{{{1, false, P(kSite)},
                                     {2, false, P("::/64")},
                                     {3, false, P("::/128")},
                                     {4, false, P("fd12:3456:789a:fe::/64")},
                                     {5, true, v4}}});
  const auto answer = slave->Next<AddressAssignCapsule>();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->prefixes, (std::vector<AssignedPrefix>{{1, false, P(kSite)},
                                                           {2, false, P(kSite)},
                                                           {3, false, nothing},
                                                           {4, false, nothing},
                                                           {5, true, v4}}));
}

TEST_F(RemoteSlaveTest, MayAskForItsConfigurationAndNothingElse) {
  const auto slave = UpHome();
  const ReturnCapsule config = slave->Ask("config");
  EXPECT_EQ(config.code, 0);
  EXPECT_EQ(boost::json::parse(config.result).at("prefixes").at(0), kSite);
  for (const char* method :
       {"sign", "former", "moved", "saved", "save", "slaves", "start", "stop", "resolve"})
    EXPECT_EQ(slave->Ask(method, "{}").code, static_cast<int>(absl::StatusCode::kPermissionDenied)) << method;
  slave->Send(MappingsCapsule{9, {MappingWithdraw{P(kSite)}}});
  const auto ack = slave->Next<MappingsAckCapsule>();
  ASSERT_TRUE(ack);
  EXPECT_EQ(ack->sequence, 9u);
  EXPECT_EQ(ack->refused.size(), 1u);
}

TEST_F(RemoteSlaveTest, ASecondSessionIsRefusedUnlessItMayReplace) {
  const auto first = UpHome();
  const auto second = Connect();
  second->Write(FormatUpgradeRequest(Request()));
  EXPECT_THAT(second->Read(), StartsWith("HTTP/1.1 409 "));
  EXPECT_FALSE(first->Ended());

  const UpgradeRequest away{SlaveKind::kGateway, "away", {}, replacing_};
  const auto old = Connect(), successor = Connect(), wrong = Connect();
  EXPECT_THAT(old->Open(away), StartsWith("HTTP/1.1 101 "));
  UpgradeRequest outside = away;
  outside.prefixes = {P("::/0")};
  wrong->Write(FormatUpgradeRequest(outside));
  EXPECT_THAT(wrong->Read(), StartsWith("HTTP/1.1 403 "));
  old->Read();
  EXPECT_FALSE(old->Ended()) << "who is refused replaces nobody";
  EXPECT_THAT(successor->Open(away), StartsWith("HTTP/1.1 101 "));
  old->Read();
  EXPECT_TRUE(old->Ended());
  EXPECT_TRUE(Routed("fd12:3456:789a:fe::/64"));
}

TEST_F(RemoteSlaveTest, WhenTheSessionBreaksTheRouteGoesAtOnce) {
  auto slave = UpHome();
  slave->Vanish();
  EXPECT_FALSE(Routed(kSite));
  EXPECT_THAT(kernel_.slaves(), IsEmpty());
  EXPECT_EQ(State(), "away");
  slave = UpHome();
  EXPECT_TRUE(Routed(kSite));
}

// The end of a session in the middle of what came at once: what is behind it is not looked at.
TEST_F(RemoteSlaveTest, NothingBehindTheEndIsDone) {
  const auto slave = UpHome();
  ByteQueue queue;
  EncodeCapsule(PingCapsule{false, 1}, &queue);
  queue.Append(Bytes{0x3f, 0x80, 0xff, 0xff, 0xff});  // longer than any
  EncodeCapsule(StatusCapsule{"{}"}, &queue);
  EncodeDatagram(kPacketContext, Bytes(60, 0x60), &queue);
  slave->Write({reinterpret_cast<const char*>(queue.bytes().data()), queue.size()});
  EXPECT_TRUE(slave->Next<PingCapsule>());
  EXPECT_TRUE(slave->Ended());
  EXPECT_FALSE(Routed(kSite));
}

TEST_F(RemoteSlaveTest, SilentItHasNoRoutesAndHeardItHasThemAgain) {
  const auto slave = UpHome();
  slave->Send(RouteAdvertisementCapsule{{P(kPart)}});
  EXPECT_FALSE(Routed(kSite));
  EXPECT_TRUE(Routed(kPart));
  Pass(1100);
  EXPECT_EQ(State(), "silent");
  EXPECT_THAT(kernel_.routes(), IsEmpty());
  EXPECT_TRUE(slave->Next<PingCapsule>());
  slave->Send(PingCapsule{true, 1});
  Pass(300);
  EXPECT_EQ(State(), "up");
  EXPECT_TRUE(Routed(kPart));
  EXPECT_FALSE(Routed(kSite)) << "it has what it advertised";
}

// Its NAT box or its address is another now, and nobody tells the master of the former session's end.
TEST_F(RemoteSlaveTest, ASessionThatIsSilentMakesWay) {
  const auto before = UpHome();
  Pass(1100);
  EXPECT_EQ(State(), "silent");
  const auto after = UpHome();
  before->Read();
  EXPECT_TRUE(before->Ended());
  EXPECT_TRUE(Routed(kSite));
}

TEST_F(RemoteSlaveTest, WhoStoodStillItselfBlamesNobody) {
  const auto slave = UpHome();
  Pass(300);
  std::this_thread::sleep_for(std::chrono::seconds(1));
  Pass(10);
  EXPECT_EQ(State(), "up");
  Pass(1000);
  EXPECT_EQ(State(), "silent");
}

TEST_F(RemoteSlaveTest, WhatItAdvertisesWhileSilentCounts) {
  auto slave = UpHome();
  Pass(1100);
  EXPECT_EQ(State(), "silent");
  slave->Send(RouteAdvertisementCapsule{{P(kPart)}});
  EXPECT_TRUE(Routed(kPart));
  Pass(1100);
  EXPECT_EQ(State(), "silent");
  slave->Send(RouteAdvertisementCapsule{});
  Pass(300);
  EXPECT_THAT(kernel_.routes(), IsEmpty()) << "it said goodbye";
}

TEST_F(RemoteSlaveTest, AGoodbyeEndsWithItsSession) {
  auto slave = UpHome();
  slave->Send(RouteAdvertisementCapsule{});
  EXPECT_THAT(kernel_.routes(), IsEmpty());
  slave->Send(RouteAdvertisementCapsule{{P(kSite)}});
  EXPECT_THAT(kernel_.routes(), IsEmpty()) << "it is over";
  slave->Vanish();
  slave = UpHome();
  Pass(1100);
  EXPECT_EQ(State(), "silent");
  slave->Send(PingCapsule{true, 1});
  Pass(300);
  EXPECT_TRUE(Routed(kSite)) << "the goodbye was another session's";
}

TEST_F(RemoteSlaveTest, OthersPrefixesAreNotAdvertised) {
  const auto slave = UpHome();
  for (const char* prefix : {"::/0", "fd12:3456:789a:fe::/64", "fd12:3456:789a::/48"})
    slave->Send(RouteAdvertisementCapsule{{P(prefix)}});
  EXPECT_EQ(kernel_.routes().size(), 1u);
  EXPECT_TRUE(Routed(kSite));
  EXPECT_FALSE(slave->Ended());
}

TEST_F(RemoteSlaveTest, ALongStatusIsNotKept) {
  const auto slave = UpHome();
  slave->Send(StatusCapsule{R"({"a": 1})"});
  slave->Send(StatusCapsule{R"({"a": ")" + std::string(5000, 'x') + "\"}"});
  EXPECT_EQ(Shown().at("status").at("a"), 1);
}

TEST_F(RemoteSlaveTest, ItsTokenIsTakenAway) {
  const auto slave = UpHome();
  ASSERT_TRUE(tokens_.Remove("home").ok());
  remote_->Replan({other_plan_});
  slave->Read();
  EXPECT_TRUE(slave->Ended());
  EXPECT_THAT(kernel_.routes(), IsEmpty());
  EXPECT_TRUE(Shown().empty());
}

TEST_F(RemoteSlaveTest, ADrainedOneGoesAndMayNotComeYet) {
  auto slave = UpHome();
  absl::StatusOr<std::string> gone = absl::UnavailableError("not yet");
  remote_->Drain("home", std::chrono::seconds(30), [&](auto result) { gone = std::move(result); });
  Run();
  const auto call = slave->Next<CallCapsule>();
  ASSERT_TRUE(call);
  EXPECT_EQ(call->method + call->argument, "drain{\"away_s\":30}");
  EXPECT_TRUE(Routed(kSite)) << "it serves until it has gone";
  EXPECT_EQ(State(), "draining");
  slave->Send(ReturnCapsule{call->id, 0, "{}"});
  EXPECT_FALSE(slave->Ended());
  slave->Vanish();
  EXPECT_TRUE(gone.ok());
  EXPECT_EQ(State(), "drained");
  EXPECT_THAT(Connect()->Open(Request()), HasSubstr("503"));
  EXPECT_THAT(Connect()->Open(Request()), HasSubstr("\"home\" is drained for 30 s more at this master."));
  remote_->StartAgain("home", [](const auto&) {});
  UpHome();
}

TEST_F(RemoteSlaveTest, WhoDoesNotKnowHowToDrainIsShownOut) {
  const auto slave = UpHome();
  remote_->Drain("home", {}, [](const auto&) {});
  Run();
  slave->Send(ReturnCapsule{slave->Next<CallCapsule>()->id, 12, "what?"});
  EXPECT_TRUE(slave->Ended());
  const auto plain = Connect();
  plain->Write(OfTheRfcAlone());
  EXPECT_THAT(plain->Read(), StartsWith("HTTP/1.1 101 "));
  remote_->Drain("home", {}, [](const auto&) {});
  Run();
  plain->Read();
  EXPECT_TRUE(plain->Ended());
}

// One that resolves has a port; what was made for it does not stay when its routes can't be set.
TEST_F(RemoteSlaveTest, ARefusalKeepsNoDescriptors) {
  ASSERT_TRUE(master_.routes().Set(P("fd77::/16"), {OV6_SLAVE_OPERATOR, Action::kPass, 0}).ok());
  const auto descriptors = [] {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return std::distance(begin(all), end(all));
  };
  const UpgradeRequest request{SlaveKind::kDht, "part", {P("fd77::/16")}, resolving_};
  const auto refused = [&] {
    EXPECT_THAT(Connect()->Open(request), HasSubstr("409"));
    Run();
    return descriptors();
  };
  const auto first = refused();  // the datapath keeps the port
  for (int i = 0; i < 3; ++i) EXPECT_EQ(refused(), first);
}

TEST_F(RemoteSlaveTest, TheOperatorEndsASession) {
  EXPECT_THAT(remote_->EndSession("home").message(), HasSubstr("has no session"));
  const auto slave = UpHome();
  EXPECT_TRUE(remote_->EndSession("home").ok());
  slave->Read();
  EXPECT_TRUE(slave->Ended());
  EXPECT_FALSE(Routed(kSite));
  UpHome();
}

TEST_F(RemoteSlaveTest, AnotherPrefixIsAssignedInTheSameSession) {
  const auto slave = UpHome();
  slave->Next<AddressAssignCapsule>();
  plan_.prefixes = {P("fd12:3456:789a:fd::/64")};
  remote_->Replan({plan_, other_plan_});
  Run();
  const auto assigned = slave->Next<AddressAssignCapsule>();
  ASSERT_TRUE(assigned);
  EXPECT_EQ(assigned->prefixes, (std::vector<AssignedPrefix>{{0, false, plan_.prefixes[0]}}));
  EXPECT_TRUE(Routed("fd12:3456:789a:fd::/64"));
  EXPECT_FALSE(Routed(kSite));
}

TEST_F(RemoteSlaveTest, AChangedConfigurationIsToldWhileItRuns) {
  const auto slave = UpHome();
  plan_.config["mtu"] = 1400;
  remote_->Replan({plan_, other_plan_});
  Run();
  const auto call = slave->Next<CallCapsule>();
  ASSERT_TRUE(call);
  EXPECT_EQ(call->method, "reconfigure");
  EXPECT_EQ(boost::json::parse(call->argument).at("mtu"), 1400);
  slave->Send(ReturnCapsule{call->id, 0, "{}"});
  EXPECT_FALSE(slave->Ended());
  plan_.config["mtu"] = 1300;
  remote_->Replan({plan_, other_plan_});
  Run();
  slave->Send(ReturnCapsule{slave->Next<CallCapsule>()->id, 9, "not while I run"});
  slave->Read();
  EXPECT_TRUE(slave->Ended()) << "it takes it when it comes again";
}

TEST_F(RemoteSlaveTest, WhenTheDaemonEndsSessionsDoAndNoneBegins) {
  const auto slave = UpHome(), late = Connect();
  bool ended = false;
  remote_->ShutdownAll([&] { ended = true; });
  Run();
  EXPECT_TRUE(ended);
  slave->Read();
  EXPECT_TRUE(slave->Ended());
  EXPECT_THAT(kernel_.routes(), IsEmpty());
  late->Write(FormatUpgradeRequest(Request()));
  EXPECT_THAT(late->Read(), StartsWith("HTTP/1.1 503 "));
  const auto later = Connect();
  EXPECT_TRUE(later->Ended());
}

TEST_F(RemoteSlaveTest, AStrangerKeepsItsPlaceUntilItIsGone) {
  Crowd crowd{2, 2};
  const auto refused = Connect(crowd.Enter(Ipv4{1}));
  refused->Write("GET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(crowd.size(), 1u) << "it lingers";
  const auto slave = Connect(crowd.Enter(Ipv4{2}));
  EXPECT_THAT(slave->Open(Request()), StartsWith("HTTP/1.1 101 "));
  EXPECT_EQ(crowd.size(), 1u) << "it is somebody now";
  const auto slow = Connect(crowd.Enter(Ipv4{3}));
  slow->Write("GET / HT");
  const auto more = Connect(crowd.Enter(Ipv4{3})), most = Connect(crowd.Enter(Ipv4{3}));
  Run();
  EXPECT_TRUE(refused->Read().starts_with("HTTP/1.1 4"));
  EXPECT_TRUE(slow->Ended()) << "others take its place";
  EXPECT_FALSE(more->Ended());
  EXPECT_FALSE(slave->Ended());
  Pass(1100);
  EXPECT_EQ(crowd.size(), 2u);
}

// Many small capsules at once, all answered, in few writes.
TEST_F(RemoteSlaveTest, ASwarmOfPingsIsAnswered) {
  const auto slave = UpHome();
  ByteQueue queue;
  for (uint64_t i = 0; i < 1000; ++i) EncodeCapsule(PingCapsule{false, i}, &queue);
  slave->Write({reinterpret_cast<const char*>(queue.bytes().data()), queue.size()});
  for (uint64_t i = 0; i < 1000; ++i) {
    const auto pong = slave->Next<PingCapsule>();
    ASSERT_TRUE(pong) << i;
    EXPECT_TRUE(pong->reply);
    EXPECT_EQ(pong->nonce, i);
  }
}

}  // namespace
}  // namespace ov6
