// SPDX-License-Identifier: Apache-2.0
// The slave's end of a session by long polls against a master over loopback that the test plays by hand:
// answers that are lost, late, cut, of somebody else, or none.
#include "slaves/runtime/poll_stream.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <deque>
#include <map>

#include "slaves/runtime/remote_session.h"
#include "tests/unit/slaves/loopback.h"

namespace ov6 {
namespace {

using std::chrono::milliseconds;
using Kind = PollRequest::Kind;

constexpr char kSession[] = "00112233445566778899aabbccddeeff";
constexpr char kCapsule[] = "capsules";

// Takes connections and requests, and answers when it is told to.
class ByHand {
 public:
  struct Asked {
    int connection = 0;
    std::string head;                    // of whatever came
    std::optional<PollRequest> request;  // if it was a poll's
    std::string body;
  };

  void Pump() {
    for (;;) {
      UniqueFd fd(::accept4(listener_.fd.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!fd.ok()) break;
      connections_[++accepted] = {std::move(fd), ""};
    }
    for (auto& [number, connection] : connections_) ReadFrom(number, connection);
  }
  void Say(int connection, std::string_view text) {
    ::send(connections_[connection].fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
  }
  void Hang(int connection) { connections_.erase(connection); }
  // The next request of this kind, whichever came first.
  std::optional<Asked> Take(Kind kind) {
    const auto found = std::find_if(asked.begin(), asked.end(),
                                    [&](const Asked& a) { return a.request && a.request->kind == kind; });
    if (found == asked.end()) return std::nullopt;
    Asked one = *found;
    asked.erase(found);
    return one;
  }

  uint16_t port() const { return listener_.port; }

  int accepted = 0;
  std::deque<Asked> asked;

 private:
  struct Connection {
    UniqueFd fd;
    std::string in;
  };
  void ReadFrom(int number, Connection& connection) {
    char buffer[65536];
    for (ssize_t size; (size = ::recv(connection.fd.get(), buffer, sizeof(buffer), 0)) > 0;)
      connection.in.append(buffer, static_cast<size_t>(size));
    const size_t end = connection.in.find("\r\n\r\n");
    if (end == std::string::npos) return;
    Asked one{number, connection.in.substr(0, end + 4), std::nullopt, ""};
    if (const auto parsed = ParsePollRequest(one.head); parsed && parsed->request) {
      if (connection.in.size() < end + 4 + parsed->request->body) return;
      one.request = parsed->request;
      one.body = connection.in.substr(end + 4, parsed->request->body);
    }
    connection.in.erase(0, end + 4 + one.body.size());
    asked.push_back(one);
  }

  LoopbackListener listener_{SOCK_NONBLOCK};
  std::map<int, Connection> connections_;
};

class PollStreamTest : public testing::Test {
 protected:
  void RunUntil(const std::function<bool()>& condition, int ms = 3000) {
    bool met = condition();
    for (int i = 0; i < ms && !met; ++i) {
      watch_.After(milliseconds(1), [this] { loop_.Stop(0); });
      loop_.Run();
      master_.Pump();
      met = condition();
    }
    EXPECT_TRUE(met);
  }
  ByHand::Asked Next(Kind kind) {
    std::optional<ByHand::Asked> one;
    RunUntil([&] { return one || (one = master_.Take(kind)); });
    return one.value_or(ByHand::Asked{});
  }
  void Answer(const ByHand::Asked& to, const std::string& body = "") {
    master_.Say(to.connection, FormatPollAnswer(to.request->sequence, body.size(), true) + body);
  }
  MasterUrl Master() const { return {false, "127.0.0.1", master_.port()}; }
  void Open() {
    PollConnector connector(loop_, std::nullopt);
    connector.Open({Master(), std::nullopt}, {SlaveKind::kGateway, "home", {}, "t0ken"},
                   [this](absl::StatusOr<std::unique_ptr<Stream>> stream) {
                     ASSERT_TRUE(stream.ok()) << stream.status();
                     stream_ = *std::move(stream);
                   });
    const auto open = Next(Kind::kOpen);
    EXPECT_EQ(open.request->slave.token, "t0ken");
    master_.Say(open.connection, FormatPollOpened(kSession, true));
    RunUntil([this] { return stream_ != nullptr; });
    stream_->OnReady([this] { ++ready_; });
  }
  std::string Read() {
    std::string all;
    uint8_t buffer[64];
    for (;;) {
      const IoResult result = stream_->Read(buffer);
      state_ = result.state;
      if (result.state != IoState::kDone) return all;
      all.append(buffer, buffer + result.size);
    }
  }
  std::string Await() {
    std::string all;
    RunUntil([&] { return !(all = Read()).empty() || state_ != IoState::kWantRead; });
    return all;
  }
  IoState Write(std::string_view text) {
    return stream_->Write({reinterpret_cast<const uint8_t*>(text.data()), text.size()}).state;
  }

  Loop loop_;
  Timer watch_{loop_};
  ByHand master_;
  std::unique_ptr<Stream> stream_;
  int ready_ = 0;
  IoState state_ = IoState::kWantRead;
};

TEST_F(PollStreamTest, FetchesOneAfterTheOther) {
  Open();
  for (uint64_t number = 1; number < 4; ++number) {
    const auto down = Next(Kind::kDown);
    EXPECT_EQ(down.request->sequence, number);
    EXPECT_EQ(down.request->session, kSession);
    EXPECT_EQ(down.request->token, "t0ken");
    Answer(down, kCapsule);
    EXPECT_EQ(Await(), kCapsule);
  }
  EXPECT_EQ(master_.accepted, 2) << "one connection for each direction";
}

TEST_F(PollStreamTest, BringsOneAtATime) {
  Open();
  EXPECT_TRUE(stream_->Sent());
  EXPECT_EQ(Write("one"), IoState::kDone);
  EXPECT_EQ(Write("two"), IoState::kWantWrite);
  EXPECT_FALSE(stream_->Sent());
  const auto first = Next(Kind::kUp);
  EXPECT_EQ(first.body, "one");
  const int before = ready_;
  Answer(first);
  RunUntil([&] { return ready_ > before; });
  EXPECT_TRUE(stream_->Sent());
  EXPECT_EQ(Write("two"), IoState::kDone);
  const auto second = Next(Kind::kUp);
  EXPECT_EQ(second.request->sequence, 2u);
  EXPECT_EQ(second.body, "two");
  EXPECT_EQ(second.connection, first.connection);
}

TEST_F(PollStreamTest, WhatIsNotAnsweredIsAskedAgainUnderItsNumber) {
  Open();
  Write("one");
  const auto up = Next(Kind::kUp);
  const auto down = Next(Kind::kDown);
  master_.Hang(up.connection);
  master_.Say(down.connection, FormatPollAnswer(1, 8, true) + "caps");
  master_.Hang(down.connection);
  const auto up_again = Next(Kind::kUp), down_again = Next(Kind::kDown);
  EXPECT_EQ(up_again.request->sequence, 1u);
  EXPECT_EQ(up_again.body, "one");
  EXPECT_EQ(down_again.request->sequence, 1u);
  Answer(down_again, kCapsule);
  EXPECT_EQ(Await(), kCapsule) << "and nothing of the answer that was cut";
}

TEST_F(PollStreamTest, AKeptConnectionThatIsGoneIsMadeAnewAtOnce) {
  Open();
  const auto first = Next(Kind::kDown);
  Answer(first, kCapsule);
  Await();
  const auto second = Next(Kind::kDown);
  master_.Hang(second.connection);
  const auto begin = BootClock::now();
  const auto again = Next(Kind::kDown);
  EXPECT_LT(BootClock::now() - begin, PollStream::kFirstPause);
  EXPECT_EQ(again.request->sequence, 2u);
}

TEST_F(PollStreamTest, AnswersOfSomebodyElseAreNone) {
  const struct {
    const char* name;
    std::string answer;
  } rows[] = {
      {"a page to log in at", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"},
      {"a cache", FormatPollAnswer(7, 5, true) + "hello"},
      {"elsewhere", "HTTP/1.1 302 Found\r\nLocation: http://x/\r\nContent-Length: 0\r\n\r\n"},
      {"a proxy whose master is away", "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"},
      {"one that is tired", "HTTP/1.1 504 Gateway Timeout\r\nContent-Length: 0\r\n\r\n"},
      {"one that has too much", "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"},
      {"without an end", "HTTP/1.1 200 OK\r\nOv6-Sequence: 1\r\n\r\nhello"},
      {"no HTTP", "hello\r\n\r\n"},
  };
  Open();
  for (const auto& row : rows) {
    const auto down = Next(Kind::kDown);
    ASSERT_TRUE(down.request) << row.name;
    EXPECT_EQ(down.request->sequence, 1u) << row.name;
    master_.Say(down.connection, row.answer);
    EXPECT_EQ(Read(), "") << row.name;
  }
  Answer(Next(Kind::kDown), kCapsule);
  EXPECT_EQ(Await(), kCapsule);
}

TEST_F(PollStreamTest, GoneIsTheEnd) {
  Open();
  const auto down = Next(Kind::kDown);
  master_.Say(down.connection, FormatUpgradeRefused({410, "There is no such session."}));
  EXPECT_EQ(Await(), "");
  EXPECT_EQ(state_, IoState::kEnd);
  EXPECT_EQ(Write("x"), IoState::kWantWrite);
}

TEST_F(PollStreamTest, ARefusalIsAFailureWithItsSentence) {
  Open();
  Write("one");
  const auto up = Next(Kind::kUp);
  master_.Say(up.connection, FormatUpgradeRefused({409, "This is not the number that follows."}));
  Await();
  EXPECT_EQ(state_, IoState::kFailed);
  EXPECT_EQ(stream_->error(), "the master refuses with 409: This is not the number that follows.");
}

TEST_F(PollStreamTest, ALongAnswerComesWhole) {
  Open();
  const std::string body(300'000, 'x');
  const auto down = Next(Kind::kDown);
  const std::string text = FormatPollAnswer(1, body.size(), true) + body;
  std::string all;
  for (size_t at = 0; at < text.size(); at += 10'000) {
    master_.Say(down.connection, std::string_view(text).substr(at, 10'000));
    RunUntil([] { return true; });
    all += Read();
  }
  RunUntil([&] { return (all += Read()).size() == body.size(); });
  EXPECT_EQ(all, body);
}

TEST_F(PollStreamTest, WhyASessionIsNotOpened) {
  const struct {
    const char* name;
    std::string answer;
    absl::StatusCode code;
    const char* sentence;
  } rows[] = {
      {"401", FormatUpgradeRefused({401, "Nobody is known."}), absl::StatusCode::kPermissionDenied,
       "Nobody is known"},
      {"409", FormatUpgradeRefused({409, "It has one."}), absl::StatusCode::kAlreadyExists, "It has one."},
      {"a page", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", absl::StatusCode::kUnavailable,
       "something answers 200 OK instead of the master"},
      {"502", "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", absl::StatusCode::kUnavailable, "502"},
      {"nothing", "", absl::StatusCode::kUnavailable, "ended before a whole answer"},
  };
  for (const auto& row : rows) {
    absl::Status status;
    PollConnector connector(loop_, std::nullopt);
    connector.Open({Master(), std::nullopt}, {SlaveKind::kGateway, "home", {}, "t0ken"},
                   [&](const absl::StatusOr<std::unique_ptr<Stream>>& stream) { status = stream.status(); });
    const auto open = Next(Kind::kOpen);
    row.answer.empty() ? master_.Hang(open.connection) : master_.Say(open.connection, row.answer);
    RunUntil([&] { return !status.ok(); });
    EXPECT_EQ(status.code(), row.code) << row.name << ": " << status;
    EXPECT_NE(status.message().find(row.sentence), std::string::npos) << row.name << ": " << status;
  }
}

TEST_F(PollStreamTest, AForwardProxyIsAskedForTheWholeAddress) {
  PollConnector connector(loop_, std::nullopt);
  absl::Status status;
  const ProxyUrl proxy{"127.0.0.1", master_.port(), "user", "secret"};
  connector.Open({{false, "master.example", 8080}, proxy}, {SlaveKind::kGateway, "home", {}, "t0ken"},
                 [&](const absl::StatusOr<std::unique_ptr<Stream>>& stream) { status = stream.status(); });
  const auto open = Next(Kind::kOpen);
  EXPECT_TRUE(open.head.starts_with("POST http://master.example:8080/.well-known/masque/ip/*/*/?poll=open&"));
  EXPECT_NE(open.head.find("\r\nHost: master.example:8080\r\n"), open.head.npos);
  EXPECT_NE(open.head.find("\r\nProxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n"), open.head.npos);
  master_.Say(open.connection, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
  RunUntil([&] { return !status.ok(); });
  EXPECT_TRUE(absl::IsPermissionDenied(status));
  EXPECT_NE(status.message().find("does not take the credentials of \"user\""), std::string::npos) << status;
}

// --- which transport -----------------------------------------------------------------

TEST(TransportChoiceTest, PollsUntilTheUpgradeIsWorthAnotherTry) {
  const BootTime start = BootTime(std::chrono::hours(1));
  TransportChoice choice(TransportRule::kAuto);
  EXPECT_FALSE(choice.Polls(start));
  EXPECT_TRUE(choice.OnBlocked(start));
  EXPECT_TRUE(choice.Polls(start + TransportChoice::kFirstPause - milliseconds(1)));
  EXPECT_FALSE(choice.Polls(start + TransportChoice::kFirstPause));
  const BootTime second = choice.again();
  choice.OnBlocked(second);
  EXPECT_EQ(choice.again(), second + 2 * TransportChoice::kFirstPause);
  for (int i = 0; i < 20; ++i) choice.OnBlocked(second);
  EXPECT_EQ(choice.again(), second + TransportChoice::kLongestPause);
  choice.Forget();
  EXPECT_FALSE(choice.Polls(start));
}

TEST(TransportChoiceTest, TheOperatorsWordHolds) {
  TransportChoice upgrade(TransportRule::kUpgrade), poll(TransportRule::kPoll);
  EXPECT_FALSE(upgrade.OnBlocked(BootTime{}));
  EXPECT_FALSE(upgrade.Polls(BootTime{}));
  EXPECT_TRUE(poll.Polls(BootTime{}));
  EXPECT_EQ(poll.again(), BootTime::max());
}

class FallbackTest : public PollStreamTest {
 protected:
  RemoteOptions Options(TransportRule rule = TransportRule::kAuto) {
    RemoteOptions options;
    options.masters = {Master()};
    options.request = {SlaveKind::kGateway, "site", {}};
    options.token = [] { return "t0ken"; };
    options.assign_timeout = milliseconds(100);
    options.transport = rule;
    return options;
  }
  void Start(RemoteOptions options) {
    RemoteSession::Handlers handlers;
    handlers.assigned = [this](const AddressAssignCapsule&) { ++assigned_; };
    handlers.lost = [this] { ++lost_; };
    session_.emplace(loop_, std::move(options), handlers, [] { return 0.0; });
    session_->Start();
  }
  ByHand::Asked NextUpgrade() {
    RunUntil([this] { return !master_.asked.empty() && !master_.asked.front().request; });
    const auto one = master_.asked.front();
    master_.asked.pop_front();
    return one;
  }
  void ServeByPolls() {
    const auto open = Next(Kind::kOpen);
    master_.Say(open.connection, FormatPollOpened(kSession, true));
    const Bytes assigned =
        EncodeCapsule(AddressAssignCapsule{{{0, false, *Prefix::Parse("fd00:0:0:1::/64")}}});
    Answer(Next(Kind::kDown), std::string(assigned.begin(), assigned.end()));
  }

  std::optional<RemoteSession> session_;
  int assigned_ = 0, lost_ = 0;
};

TEST_F(FallbackTest, WhereTheUpgradeIsNotCarriedPollsAre) {
  const struct {
    const char* name;
    std::string answer;
  } rows[] = {
      {"426", FormatUpgradeRefused({426, "Ask with 'Connection: Upgrade'."})},
      {"400", FormatUpgradeRefused({400, "The request is not HTTP/1.1."})},
      {"200", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"},
      {"501", "HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\n\r\n"},
      {"a 101 of something else", "HTTP/1.1 101 Switching Protocols\r\nConnection: close\r\n\r\n"},
      {"a 101 with nothing behind it", FormatUpgradeAccepted()},
      {"the end", ""},
  };
  for (const auto& row : rows) {
    assigned_ = 0;
    master_.asked.clear();
    Start(Options());
    const auto upgrade = NextUpgrade();
    row.answer.empty() ? master_.Hang(upgrade.connection) : master_.Say(upgrade.connection, row.answer);
    ServeByPolls();
    RunUntil([this] { return assigned_ == 1; });
    ASSERT_NE(session_->up(), nullptr) << row.name;
    EXPECT_STREQ(session_->up()->stream().Name(), "poll") << row.name;
    session_.reset();
  }
}

TEST_F(FallbackTest, ARefusalOfTheMastersIsNoReason) {
  for (const int status : {401, 403, 409, 503}) {
    master_.asked.clear();
    Start(Options());
    const auto upgrade = NextUpgrade();
    master_.Say(upgrade.connection, FormatUpgradeRefused({status, "No."}));
    RunUntil([&, n = 0]() mutable { return ++n > 50; });
    EXPECT_TRUE(master_.asked.empty()) << status;
    session_.reset();
  }
}

TEST_F(FallbackTest, TheOperatorForbidsOrForcesPolls) {
  Start(Options(TransportRule::kUpgrade));
  const auto upgrade = NextUpgrade();
  master_.Say(upgrade.connection, FormatUpgradeRefused({426, "No."}));
  RunUntil([&, n = 0]() mutable { return ++n > 50; });
  EXPECT_TRUE(master_.asked.empty());
  session_.reset();
  Start(Options(TransportRule::kPoll));
  ServeByPolls();
  RunUntil([this] { return assigned_ == 1; });
  session_.reset();
}

TEST_F(FallbackTest, WhereTheUpgradeIsCarriedLaterTheSessionMovesToIt) {
  RemoteOptions options = Options();
  options.upgrade_again = milliseconds(50);
  options.assign_timeout = std::chrono::seconds(3);
  Start(options);
  master_.Say(NextUpgrade().connection, FormatUpgradeRefused({426, "No."}));
  ServeByPolls();
  RunUntil([this] { return assigned_ == 1; });
  const auto wait = Next(Kind::kDown);
  master_.Say(NextUpgrade().connection, FormatUpgradeRefused({426, "Still not."}));
  const auto trial = NextUpgrade();
  EXPECT_STREQ(session_->up()->stream().Name(), "poll");
  master_.Say(trial.connection, FormatUpgradeRefused({409, "It has a session already."}));
  const auto goodbye = Next(Kind::kUp);
  EXPECT_EQ(goodbye.body, std::string("\x03\0", 2)) << "an empty ROUTE_ADVERTISEMENT";
  EXPECT_EQ(lost_, 0);
  Answer(goodbye);
  const auto upgrade = NextUpgrade();
  const Bytes assigned = EncodeCapsule(AddressAssignCapsule{{{0, false, *Prefix::Parse("fd00:0:0:1::/64")}}});
  master_.Say(upgrade.connection, FormatUpgradeAccepted() + std::string(assigned.begin(), assigned.end()));
  RunUntil([this] { return assigned_ == 2; });
  EXPECT_EQ(lost_, 1);
  EXPECT_STREQ(session_->up()->stream().Name(), "plain");
  session_.reset();
}

TEST_F(FallbackTest, WherePollsFailAsWellTheUpgradeIsNext) {
  Start(Options());
  auto upgrade = NextUpgrade();
  master_.Say(upgrade.connection, FormatUpgradeRefused({426, "No."}));
  const auto open = Next(Kind::kOpen);
  master_.Hang(open.connection);
  NextUpgrade();
  session_.reset();
}

}  // namespace
}  // namespace ov6
