// SPDX-License-Identifier: Apache-2.0
// The session client against a scripted master at the other end of a socket pair. The
// master runs on the same loop's thread, between turns.
#include "slaves/runtime/session_client.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>

namespace ov6 {
namespace {

using std::chrono::milliseconds;

class SessionClientTest : public testing::Test {
 protected:
  void SetUp() override {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    master_ = ends[1];
    SessionHandlers handlers;
    handlers.opened = [this] { opened_ = true; };
    handlers.refresh = [this](const RefreshCapsule& capsule) { refresh_ = capsule; };
    handlers.call = [this](const CallCapsule& call, const SessionHandlers::Respond& respond) {
      called_ = call;
      if (call.method == "known") return respond("yes");
      respond(absl::UnimplementedError("not known"));
    };
    handlers.closed = [this](absl::Status status) { closed_ = std::move(status); };
    SessionOptions options;
    options.call_timeout = milliseconds(50);
    options.upgrade_timeout = milliseconds(100);
    options.max_queued = 1000;
    client_ = std::make_unique<SessionClient>(loop_, PlainStream(UniqueFd(ends[0])), handlers, options);
  }
  void TearDown() override {
    client_.reset();
    if (master_ >= 0) ::close(master_);
  }

  void RunFor(milliseconds time) {
    Timer timer(loop_);
    timer.After(time, [this] { loop_.Stop(0); });
    loop_.Run();
  }
  template <typename Condition>
  void RunUntil(Condition condition) {
    for (int i = 0; i < 500 && !condition(); ++i) RunFor(milliseconds(2));
    EXPECT_TRUE(condition());
  }

  std::string ReadRaw() {
    std::string all;
    char buffer[65536];
    ssize_t size;
    while ((size = ::recv(master_, buffer, sizeof(buffer), MSG_DONTWAIT)) > 0)
      all.append(buffer, static_cast<size_t>(size));
    return all;
  }
  void Write(std::string_view text) {
    ASSERT_EQ(::send(master_, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  }
  void Write(const Capsule& capsule) {
    const Bytes bytes = EncodeCapsule(capsule);
    Write(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }
  void Open() {
    client_->Open(UpgradeRequest{SlaveKind::kDht, "chord", {*Prefix::Parse("fd00::/8")}});
    RunFor(milliseconds(2));
    ReadRaw();
    Write(FormatUpgradeAccepted());
    RunUntil([this] { return opened_; });
  }
  // The next capsule the slave sends.
  std::optional<Capsule> Next() {
    for (int i = 0; i < 100; ++i) {
      const std::string raw = ReadRaw();
      decoder_.Ingest({reinterpret_cast<const uint8_t*>(raw.data()), raw.size()});
      auto capsule = decoder_.Next();
      if (!capsule.ok() || *capsule) return capsule.ok() ? *capsule : std::nullopt;
      RunFor(milliseconds(2));
    }
    return std::nullopt;
  }
  template <typename T>
  T NextAs() {
    const auto capsule = Next();
    if (!capsule || !std::holds_alternative<T>(*capsule)) {
      ADD_FAILURE() << "another capsule or none";
      return {};
    }
    return std::get<T>(*capsule);
  }

  Loop loop_;
  int master_ = -1;
  std::unique_ptr<SessionClient> client_;
  CapsuleDecoder decoder_;
  bool opened_ = false;
  std::optional<RefreshCapsule> refresh_;
  std::optional<CallCapsule> called_;
  std::optional<absl::Status> closed_;
};

TEST_F(SessionClientTest, SendsTheRequestAndNothingBeforeThe101) {
  client_->Open(UpgradeRequest{SlaveKind::kDht, "chord", {*Prefix::Parse("fd00::/8")}});
  client_->Advertise({});
  std::optional<absl::StatusOr<std::string>> result;
  client_->Call("config", "", [&](absl::StatusOr<std::string> r) { result = std::move(r); });
  RunUntil([&] { return result.has_value(); });
  EXPECT_EQ(result->status().code(), absl::StatusCode::kUnavailable);
  const std::string head = ReadRaw();
  const auto parsed = ParseUpgradeRequest(head);
  ASSERT_TRUE(parsed && parsed->request) << head;
  EXPECT_EQ(parsed->request->name, "chord");
  EXPECT_EQ(parsed->request->prefixes, std::vector<Prefix>{*Prefix::Parse("fd00::/8")});
  EXPECT_FALSE(opened_);
}

TEST_F(SessionClientTest, ReadsThe101InPiecesAndCapsulesRightBehindIt) {
  client_->Open(UpgradeRequest{SlaveKind::kDht, "chord", {}});
  const Bytes ping = EncodeCapsule(PingCapsule{false, 7});
  const std::string all = FormatUpgradeAccepted() + std::string(ping.begin(), ping.end());
  for (const char c : all) {
    Write(std::string_view(&c, 1));
    RunFor(milliseconds(0));
  }
  RunUntil([this] { return opened_; });
  ReadRaw();  // may hold the request and the reply; ask again for a clean one
  Write(PingCapsule{false, 8});
  EXPECT_EQ(NextAs<PingCapsule>(), (PingCapsule{true, 8}));
}

TEST_F(SessionClientTest, ARefusalIsTheMastersSentence) {
  client_->Open(UpgradeRequest{SlaveKind::kDht, "chord", {}});
  Write(FormatUpgradeRefused({409, "the name chord is taken"}));
  RunUntil([this] { return closed_.has_value(); });
  EXPECT_NE(std::string(closed_->message()).find("the name chord is taken"), std::string::npos) << *closed_;
  EXPECT_FALSE(opened_);
}

TEST_F(SessionClientTest, AMasterThatDoesNotAnswerTheUpgradeEndsTheSession) {
  client_->Open(UpgradeRequest{SlaveKind::kDht, "chord", {}});
  RunUntil([this] { return closed_.has_value(); });
  EXPECT_EQ(closed_->code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(SessionClientTest, CallsAreMatchedByTheirIds) {
  Open();
  std::vector<std::string> results;
  const auto keep = [&](const absl::StatusOr<std::string>& r) {
    results.push_back(r.ok() ? *r : std::string(r.status().message()));
  };
  client_->Call("config", "", keep);
  client_->Call("sign", "bytes", keep);
  const auto first = NextAs<CallCapsule>(), second = NextAs<CallCapsule>();
  EXPECT_EQ(first.method, "config");
  EXPECT_EQ(second.argument, "bytes");
  Write(ReturnCapsule{second.id, 7, "not this prefix"});
  Write(ReturnCapsule{first.id, 0, "{}"});
  Write(ReturnCapsule{999, 0, "nobody asked"});
  RunUntil([&] { return client_->counters().unexpected_returns == 1; });
  EXPECT_EQ(results, (std::vector<std::string>{"not this prefix", "{}"}));
}

TEST_F(SessionClientTest, ACallThatIsNotAnsweredTimesOut) {
  Open();
  std::optional<absl::StatusOr<std::string>> result;
  client_->Call("config", "", [&](absl::StatusOr<std::string> r) { result = std::move(r); });
  const auto call = NextAs<CallCapsule>();
  RunUntil([&] { return result.has_value(); });
  EXPECT_EQ(result->status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(client_->counters().calls_timed_out, 1u);
  Write(ReturnCapsule{call.id, 0, "too late"});
  RunUntil([&] { return client_->counters().unexpected_returns == 1; });
}

TEST_F(SessionClientTest, AnswersCallsAndRefusesUnknownOnes) {
  Open();
  Write(CallCapsule{5, "known", "x"});
  EXPECT_EQ(NextAs<ReturnCapsule>(), (ReturnCapsule{5, 0, "yes"}));
  EXPECT_EQ(called_->argument, "x");
  Write(CallCapsule{6, "other", ""});
  EXPECT_EQ(NextAs<ReturnCapsule>(), (ReturnCapsule{6, 12, "not known"}));
}

TEST_F(SessionClientTest, MappingsOverTheLimitTakeSeveralCapsulesAndOneAcknowledgement) {
  Open();
  const std::vector<MappingChange> changes(MappingsCapsule::kMaxChanges + 3,
                                           MappingWithdraw{*Prefix::Parse("fd00::/48")});
  std::optional<absl::StatusOr<Session::Refusals>> acknowledged;
  client_->SendMappings(changes, [&](absl::StatusOr<Session::Refusals> r) { acknowledged = std::move(r); });
  const auto first = NextAs<MappingsCapsule>(), second = NextAs<MappingsCapsule>();
  EXPECT_EQ(first.changes.size(), MappingsCapsule::kMaxChanges);
  EXPECT_EQ(second.changes.size(), 3u);
  Write(MappingsAckCapsule{first.sequence, {}});
  RunFor(milliseconds(5));
  EXPECT_FALSE(acknowledged);
  Write(MappingsAckCapsule{second.sequence, {{1, "the map is full"}}});
  RunUntil([&] { return acknowledged.has_value(); });
  ASSERT_TRUE(acknowledged->ok());
  EXPECT_EQ(**acknowledged, (Session::Refusals{{MappingsCapsule::kMaxChanges + 1, "the map is full"}}));
}

TEST_F(SessionClientTest, AMasterThatDoesNotReadMakesCallsFailAndIsCounted) {
  Open();
  const std::string big(60000, 'x');
  int refused = 0;
  for (int i = 0; i < 100; ++i) {
    client_->Call("sign", big,
                  [&](const absl::StatusOr<std::string>& r) { refused += absl::IsUnavailable(r.status()); });
  }
  RunFor(milliseconds(5));
  EXPECT_GT(refused, 0);
  EXPECT_EQ(client_->counters().send_queue_full, static_cast<uint64_t>(refused));
}

TEST_F(SessionClientTest, PassesRefreshAndSkipsUnknownCapsules) {
  Open();
  Write(UnknownCapsule{0x2f7636ff, {1, 2, 3}});
  const RefreshCapsule refresh{{*Ipv6::Parse("fd00::1"), *Ipv6::Parse("fd00::2")}};
  Write(refresh);
  RunUntil([this] { return refresh_.has_value(); });
  EXPECT_EQ(*refresh_, refresh);
  EXPECT_EQ(client_->counters().unknown_capsules, 1u);
}

TEST_F(SessionClientTest, ABrokenCapsuleEndsTheSession) {
  Open();
  Write(std::string("\xaf\x76\x36\x08\x01\x00", 6));  // a PING of one byte
  RunUntil([this] { return closed_.has_value(); });
  EXPECT_FALSE(closed_->ok());
}

TEST_F(SessionClientTest, AnEndBetweenCapsulesIsCleanAndInsideOneIsNot) {
  Open();
  ::close(std::exchange(master_, -1));
  RunUntil([this] { return closed_.has_value(); });
  EXPECT_TRUE(closed_->ok()) << *closed_;
}

TEST_F(SessionClientTest, AnEndInsideACapsuleIsAnError) {
  Open();
  Write(std::string("\xaf\x76\x36\x08\x09\x00", 6));
  ::close(std::exchange(master_, -1));
  RunUntil([this] { return closed_.has_value(); });
  EXPECT_FALSE(closed_->ok());
}

TEST_F(SessionClientTest, FlushComesAfterTheGoodbyeWasHandedOver) {
  Open();
  client_->Advertise({});
  bool flushed = false;
  client_->Flush([&] { flushed = true; });
  RunUntil([&] { return flushed; });
  EXPECT_EQ(NextAs<RouteAdvertisementCapsule>(), RouteAdvertisementCapsule{});
}

}  // namespace
}  // namespace ov6
