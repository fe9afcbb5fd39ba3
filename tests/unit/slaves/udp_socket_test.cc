// SPDX-License-Identifier: Apache-2.0
// On loopback, whose every address of 127/8 is the host's.
#include "slaves/runtime/udp_socket.h"

#include <gtest/gtest.h>

#include "slaves/runtime/engine_driver.h"

namespace ov6 {
namespace {

const Ipv4 kFirst{0x7f000001}, kSecond{0x7f000002}, kThird{0x7f000003};
const Ipv4 kForeign{0xcb007109};  // 203.0.113.9
const Bytes kQuestion{1, 2, 3}, kReply{4, 5};

struct Heard {
  Endpoint from;
  Ipv4 at;
  Bytes bytes;
};

struct UdpSockets : testing::Test {
  static std::unique_ptr<UdpSocket> At(Loop& loop, const Endpoint& listen) {
    auto socket = UdpSocket::Bind(loop, listen);
    EXPECT_TRUE(socket.ok()) << socket.status();
    return *std::move(socket);
  }
  // What the socket hears first, at most after ten seconds.
  Heard Hear(UdpSocket& socket) {
    Heard heard;
    socket.Receive([&](const Endpoint& from, std::span<const uint8_t> bytes) {
      heard = {from, socket.asked_at(), {bytes.begin(), bytes.end()}};
      loop.Stop(0);
    });
    Timer limit(loop);
    limit.After(std::chrono::seconds(10), [&] { loop.Stop(1); });
    EXPECT_EQ(loop.Run(), 0) << "nothing came";
    return heard;
  }
  Loop loop;
  std::unique_ptr<UdpSocket> router = At(loop, {});  // 0.0.0.0: of several addresses
  std::unique_ptr<UdpSocket> peer = At(loop, {kThird, 0});
  Endpoint RouterAt(Ipv4 address) const { return {address, router->local().port}; }
};

TEST_F(UdpSockets, ADatagramLeavesFromTheAddressThatIsAskedFor) {
  router->Send(peer->local(), kQuestion, kSecond);
  const Heard heard = Hear(*peer);
  EXPECT_EQ(heard.from, RouterAt(kSecond));
  EXPECT_EQ(heard.at, kThird);
  EXPECT_EQ(heard.bytes, kQuestion);
  EXPECT_EQ(router->counters().sent, 1u);
}

TEST_F(UdpSockets, WithoutOneTheRouteChooses) {
  router->Send(peer->local(), kQuestion);
  EXPECT_EQ(Hear(*peer).from, RouterAt(kFirst)) << "the first of the device";
}

TEST_F(UdpSockets, AnAnswerCanLeaveFromTheAddressThatWasAsked) {
  peer->Send(RouterAt(kSecond), kQuestion);
  const Heard question = Hear(*router);
  EXPECT_EQ(question.at, kSecond);
  router->Send(question.from, kReply, question.at);
  EXPECT_EQ(Hear(*peer).from, RouterAt(kSecond));
}

TEST_F(UdpSockets, ASourceThatIsNotTheHostsIsCounted) {
  router->Send(peer->local(), kQuestion, kForeign);
  EXPECT_EQ(router->counters().send_failed, 1u);
  EXPECT_EQ(router->counters().sent, 0u);
}

// Says one thing at its start.
struct Speaker : Engine {
  explicit Speaker(const Endpoint& other) : to(other) {}
  void Start(BootTime) override { to_say = 1; }
  void OnMessage(BootTime, const Endpoint&, std::span<const uint8_t>) override {}
  void OnTimer(BootTime) override {}
  BootTime NextDeadline() const override { return BootTime::max(); }
  void Submit(BootTime, Request) override {}
  std::optional<Output> NextOutput() override {
    if (to_say == 0) return std::nullopt;
    --to_say;
    return SendOutput{to, kQuestion};
  }
  std::string StateJson(BootTime) const override { return "{}"; }
  Endpoint to;
  int to_say = 0;
};

TEST_F(UdpSockets, AnEnginesDatagramsLeaveFromWhereItSaysItIs) {
  Speaker engine(peer->local());
  EngineDriver driver(loop, engine, *router, [](const Output&) {});
  driver.SetSource(kFirst);
  driver.Start();
  EXPECT_EQ(Hear(*peer).from, RouterAt(kFirst));
}

}  // namespace
}  // namespace ov6
