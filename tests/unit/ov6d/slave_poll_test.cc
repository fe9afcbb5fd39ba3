// SPDX-License-Identifier: Apache-2.0
// Slaves from elsewhere by long polls (docs/slave-protocol.md section 9), whose requests come whole and in
// order, or lost, repeated, cut and forged.
#include <boost/json.hpp>
#include <thread>

#include "tests/fuzz/smuggling.h"
#include "tests/unit/ov6d/service_fixture.h"
#include "userspace/wire/poll_answer.h"

namespace ov6 {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr char kSite[] = "fd12:3456:789a:ff::/64";

class PolledSlaveTest : public RemoteServiceTest {
 protected:
  using Kind = PollRequest::Kind;

  void SetUp() override {
    std::vector<SlavePlan> plans;
    for (const auto& [name, prefix] : {std::pair{"home", kSite}, {"away", "fd12:3456:789a:fe::/64"}}) {
      RemoteToken token;
      token.name = name;
      token.domain = "chord";
      token.prefix = P(prefix);
      secrets_.push_back(*tokens_.Add(token));
      plans.push_back(Plan(SlaveKind::kGateway, name, prefix));
      plans.back().remote = true;
    }
    remote_.emplace(RemoteEnvironment(), std::move(plans));
  }
  UpgradeRequest Home() const { return {SlaveKind::kGateway, "home", {}, secrets_[0]}; }
  PollRequest Request(Kind kind, uint64_t sequence, const std::string& body = "") const {
    return {
        .kind = kind, .session = session_, .sequence = sequence, .token = secrets_[0], .body = body.size()};
  }
  static std::string Text(const Capsule& capsule) {
    const Bytes bytes = EncodeCapsule(capsule);
    return {bytes.begin(), bytes.end()};
  }
  static std::optional<PollAnswer> Parse(const std::string& text) {
    PollAnswerReader reader;
    auto answer = reader.Ingest({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
    EXPECT_TRUE(answer.ok()) << answer.status() << text;
    return answer.ok() ? *answer : std::nullopt;
  }
  // On a connection of its own, unless one is given; nullopt: it waits.
  std::optional<PollAnswer> Ask(const PollRequest& request, const std::string& body = "",
                                FakeSlave* connection = nullptr) {
    std::unique_ptr<FakeSlave> own = connection == nullptr ? Connect() : nullptr;
    FakeSlave& slave = connection == nullptr ? *own : *connection;
    slave.Write(FormatPollRequest(request, "master") + body);
    const std::string text = slave.Read();
    if (own) kept_.push_back(std::move(own));
    return text.empty() ? std::nullopt : Parse(text);
  }
  PollAnswer Up(uint64_t sequence, const std::string& body) {
    return Ask(Request(Kind::kUp, sequence, body), body).value_or(PollAnswer{});
  }
  std::optional<PollAnswer> Down(uint64_t sequence) { return Ask(Request(Kind::kDown, sequence)); }
  void Open() {
    const auto answer = Ask({.kind = Kind::kOpen, .slave = Home()});
    ASSERT_TRUE(answer);
    ASSERT_EQ(answer->status, 200) << std::string(answer->body.begin(), answer->body.end());
    session_ = answer->session;
    ASSERT_TRUE(IsPollSession(session_));
  }
  // What waits for it.
  template <typename T>
  std::optional<T> FirstIn(const PollAnswer& answer) {
    CapsuleDecoder decoder;
    decoder.Ingest(answer.body);
    for (;;) {
      const auto capsule = decoder.Next();
      if (!capsule.ok() || !*capsule) return std::nullopt;
      if (const T* wanted = std::get_if<T>(&**capsule)) return *wanted;
    }
  }
  bool Routed() const { return kernel_.routes().contains(P(kSite)); }

  std::vector<std::string> secrets_;
  std::string session_;
  std::vector<std::unique_ptr<FakeSlave>> kept_;
};

TEST_F(PolledSlaveTest, TheFirstAnswerAssignsThePrefix) {
  Open();
  EXPECT_TRUE(Routed());
  EXPECT_EQ(State(), "up");
  EXPECT_EQ(Shown().at("remote").at("transport"), "poll");
  const auto answer = Down(1);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->sequence, 1u);
  EXPECT_EQ(FirstIn<AddressAssignCapsule>(*answer)->prefixes,
            (std::vector<AssignedPrefix>{{0, false, P(kSite)}}));
}

TEST_F(PolledSlaveTest, RefusalsAreThoseOfAnUpgrade) {
  const auto with = [this](auto change) {
    PollRequest request{.kind = Kind::kOpen, .slave = Home()};
    change(request.slave);
    return request;
  };
  const struct {
    const char* name;
    PollRequest request;
    int status;
  } rows[] = {
      {"no token", with([](auto& r) { r.token.clear(); }), 401},
      {"another token", with([](auto& r) { r.token.back() ^= 1; }), 401},
      {"another's name", with([](auto& r) { r.name = "away"; }), 403},
      {"another kind", with([](auto& r) { r.kind = SlaveKind::kDht; }), 403},
      {"a prefix outside", with([](auto& r) { r.prefixes = {P("::/0")}; }), 403},
  };
  for (const auto& row : rows) {
    const auto connection = Connect();
    const auto answer = Ask(row.request, "", connection.get());
    EXPECT_EQ(answer->status, row.status) << row.name;
    EXPECT_TRUE(connection->Ended()) << row.name;
  }
  EXPECT_FALSE(Routed());
  Open();
  EXPECT_EQ(Ask({.kind = Kind::kOpen, .slave = Home()})->status, 409) << "it has a session";
}

TEST_F(PolledSlaveTest, OneThatSaidGoodbyeMayComeAgainAtOnce) {
  Open();
  Up(1, Text(RouteAdvertisementCapsule{}));
  EXPECT_FALSE(Routed());
  Open();
  EXPECT_TRUE(Routed());
}

TEST_F(PolledSlaveTest, ALostAnswerComesAgainAndALostRequestCountsOnce) {
  Open();
  const auto first = Down(1);
  const auto again = Down(1);
  EXPECT_EQ(first->body, again->body);
  const std::string call = Text(CallCapsule{5, "config", ""});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Up(1, call).sequence, 1u);
  const auto answer = Down(2);
  ASSERT_TRUE(answer);
  EXPECT_EQ(FirstIn<ReturnCapsule>(*answer)->id, 5u);
  EXPECT_EQ(FirstIn<ReturnCapsule>(*Down(2))->id, 5u);
  EXPECT_EQ(Down(3), std::nullopt) << "the call was heard once";
  EXPECT_EQ(remote_->counters().sessions.capsules_in, 1u);
}

TEST_F(PolledSlaveTest, WrongNumbersChangeNothing) {
  Open();
  Down(1);
  Up(1, Text(PingCapsule{false, 1}));
  for (const uint64_t number : {uint64_t{3}, uint64_t{99}, UINT64_MAX}) {
    EXPECT_EQ(Down(number)->status, 409) << number;
    EXPECT_EQ(Up(number, Text(RouteAdvertisementCapsule{})).status, 409) << number;
  }
  Down(2);
  EXPECT_EQ(Down(1)->status, 409) << "late";
  EXPECT_TRUE(Routed());
  EXPECT_EQ(State(), "up");
}

TEST_F(PolledSlaveTest, ABodyThatIsCutDoesNotCount) {
  Open();
  const std::string goodbye = Text(RouteAdvertisementCapsule{});
  const auto cut = Connect();
  cut->Write(FormatPollRequest(Request(Kind::kUp, 1, goodbye + "x"), "master") + goodbye);
  EXPECT_EQ(cut->Read(), "");
  cut->Vanish();
  EXPECT_TRUE(Routed());
  const std::string call = Text(CallCapsule{1, "config", ""});
  EXPECT_EQ(Up(1, call).status, 200) << "its number is still to come";
  EXPECT_TRUE(FirstIn<ReturnCapsule>(*Down(1)));
}

TEST_F(PolledSlaveTest, ACapsuleMayBeCutByBodies) {
  Open();
  const std::string call = Text(CallCapsule{1, "config", ""});
  Up(1, call.substr(0, 5));
  Up(2, call.substr(5));
  EXPECT_TRUE(FirstIn<ReturnCapsule>(*Down(1)));
}

TEST_F(PolledSlaveTest, ARequestThatIsRepeatedTakesThePlaceOfTheOneThatWaits) {
  Open();
  Down(1);
  const auto first = Connect(), second = Connect();
  EXPECT_EQ(Ask(Request(Kind::kDown, 2), "", first.get()), std::nullopt);
  EXPECT_EQ(Ask(Request(Kind::kDown, 2), "", second.get()), std::nullopt);
  EXPECT_TRUE(first->Ended());
  Up(1, Text(CallCapsule{1, "config", ""}));
  EXPECT_TRUE(FirstIn<ReturnCapsule>(*Parse(second->Read())));
}

TEST_F(PolledSlaveTest, OneConnectionServesRequestAfterRequest) {
  Open();
  const auto connection = Connect();
  for (uint64_t number = 1; number <= 5; ++number) {
    const std::string body = Text(CallCapsule{number, "config", ""});
    EXPECT_EQ(Ask(Request(Kind::kUp, number, body), body, connection.get())->sequence, number);
    const auto down = Ask(Request(Kind::kDown, number), "", connection.get());
    EXPECT_EQ(down->sequence, number);
    EXPECT_TRUE(down->keep_alive);
    EXPECT_EQ(FirstIn<ReturnCapsule>(*down)->id, number);
  }
  EXPECT_FALSE(connection->Ended());
}

TEST_F(PolledSlaveTest, ConnectionsBetweenTwoRequestsHaveTheirMost) {
  Open();  // and its connection is kept
  std::vector<std::unique_ptr<FakeSlave>> connections;
  for (size_t i = 0; i < PollServer::kMostIdleOfOne + 3; ++i) {
    connections.push_back(Connect());
    EXPECT_EQ(Ask(Request(Kind::kDown, 1), "", connections.back().get())->status, 200) << i;
  }
  EXPECT_TRUE(kept_.front()->Ended());
  for (size_t i = 0; i < connections.size(); ++i) EXPECT_EQ(connections[i]->Ended(), i < 3) << i;
  EXPECT_EQ(State(), "up");
}

TEST_F(PolledSlaveTest, NothingMayComeBeforeTheAnswer) {
  Open();
  Down(1);
  const auto connection = Connect();
  Ask(Request(Kind::kDown, 2), "", connection.get());
  connection->Write("GET ");
  EXPECT_TRUE(connection->Ended());
  const auto another = Connect();
  another->Write(FormatPollRequest(Request(Kind::kUp, 1, "x"), "master") + "xGET ");
  EXPECT_THAT(another->Read(), StartsWith("HTTP/1.1 400 "));
  EXPECT_TRUE(Routed());
}

TEST_F(PolledSlaveTest, ASessionIsOfNoUseWithoutItsToken) {
  Open();
  const std::string goodbye = Text(RouteAdvertisementCapsule{});
  for (const auto kind : {Kind::kDown, Kind::kUp}) {
    PollRequest request = Request(kind, 1, kind == Kind::kUp ? goodbye : "");
    const std::string body = kind == Kind::kUp ? goodbye : "";
    for (const std::string& token : {std::string(), secrets_[1], secrets_[0].substr(1), std::string("x")}) {
      request.token = token;
      EXPECT_EQ(Ask(request, body)->status, 410) << token;
    }
    request.token = secrets_[0];
    request.session.back() = request.session.back() == '0' ? '1' : '0';
    EXPECT_EQ(Ask(request, body)->status, 410);
  }
  EXPECT_TRUE(Routed());
  EXPECT_EQ(remote_->counters().unknown_tokens, 10u);
  EXPECT_TRUE(FirstIn<AddressAssignCapsule>(*Down(1))) << "its first answer is still there";
}

TEST_F(PolledSlaveTest, WhatTwoParsersMayReadInTwoWaysIsRefused) {
  Open();
  for (const auto& [name, request] : smuggling::PollRequests()) {
    const auto connection = Connect();
    connection->Write(request);
    EXPECT_THAT(connection->Read(),
                testing::AnyOf(StartsWith("HTTP/1.1 400 "), StartsWith("HTTP/1.1 413 "), ""))
        << name;
  }
  EXPECT_EQ(State(), "up");
}

TEST_F(PolledSlaveTest, OneThatIsNobodyMakesWayAndOneThatIsKnownDoesNot) {
  Crowd crowd(1, 1);
  const Ipv4 address = *Ipv4::Parse("192.0.2.7");
  const auto known = Connect(crowd.Enter(address));
  Open();
  EXPECT_EQ(Ask(Request(Kind::kDown, 1), "", known.get())->status, 200);
  EXPECT_EQ(crowd.size(), 0u);
  const auto slow = Connect(crowd.Enter(address));
  const std::string request = FormatPollRequest(Request(Kind::kDown, 2), "master");
  slow->Write(request.substr(0, request.size() - 3));
  EXPECT_EQ(crowd.size(), 1u);
  const auto place = crowd.Enter(address);
  Run();
  EXPECT_TRUE(slow->Ended());
  EXPECT_FALSE(known->Ended());
}

TEST_F(PolledSlaveTest, SilenceTakesTheRoutesAndARequestBringsThemBack) {
  Open();
  Down(1);
  Pass(1200);
  EXPECT_EQ(State(), "silent");
  EXPECT_FALSE(Routed());
  Up(1, Text(PingCapsule{true, 1}));
  Pass(400);
  EXPECT_EQ(State(), "up");
  EXPECT_TRUE(Routed());
}

TEST_F(PolledSlaveTest, PingsAreAnsweredAndTimed) {
  Open();
  for (uint64_t number = 1; number < 6; ++number) {
    Pass(300);
    const auto down = Down(number);
    ASSERT_TRUE(down);
    if (const auto ping = FirstIn<PingCapsule>(*down)) Up(number - 1, Text(PingCapsule{true, ping->nonce}));
  }
  EXPECT_EQ(State(), "up");
  EXPECT_TRUE(Shown().at("remote").at("rtt_us").is_int64());
}

TEST_F(PolledSlaveTest, TheEndOfTheSessionIsToldToWhoWaits) {
  Open();
  Down(1);
  const auto waiting = Connect();
  EXPECT_EQ(Ask(Request(Kind::kDown, 2), "", waiting.get()), std::nullopt);
  remote_->CloseRemote("home", absl::UnavailableError("its token was taken away"));
  Run();
  EXPECT_THAT(waiting->Read(), StartsWith("HTTP/1.1 410 "));
  EXPECT_TRUE(waiting->Ended());
  EXPECT_FALSE(Routed());
  EXPECT_EQ(Down(2)->status, 410);
  EXPECT_EQ(Up(1, "").status, 410);
  Open();
}

TEST_F(PolledSlaveTest, AMalformedCapsuleEndsTheSession) {
  Open();
  EXPECT_EQ(Up(1, std::string("\xaf\x76\x36\x08\x01\x00", 6)).status, 200);
  EXPECT_EQ(Down(1)->status, 410);
  EXPECT_EQ(State(), "away");
}

}  // namespace
}  // namespace ov6
