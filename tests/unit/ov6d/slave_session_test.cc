// SPDX-License-Identifier: Apache-2.0
// A session over TCP, whose other end is slow, or stands still.
#include "userspace/ov6d/slave_session.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace ov6 {
namespace {

using std::chrono::milliseconds;

class SessionTest : public testing::Test {
 protected:
  void SetUp() override {
    const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    other_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    ASSERT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    ASSERT_EQ(::listen(listener.get(), 1), 0);
    const int room = 32768;
    ::setsockopt(other_.get(), SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
    ASSERT_EQ(::connect(other_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    UniqueFd fd(::accept(listener.get(), nullptr, nullptr));
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    session_ = std::make_shared<SlaveSession>(io_, PlainStream(std::move(fd)), counters_);
    session_->Start({[](const UpgradeRequest&) { return std::nullopt; }, [] {}, [](const Capsule&) {},
                     [](const absl::Status&) {}});
    const std::string request = FormatUpgradeRequest({SlaveKind::kGateway, "home", {}});
    ASSERT_GT(::send(other_.get(), request.data(), request.size(), 0), 0);
    Pass(milliseconds(20));
    ASSERT_TRUE(session_->open());
  }
  void TearDown() override { session_->Close(absl::OkStatus()); }
  void Pass(milliseconds time) {
    io_.restart();
    io_.run_for(time);
  }
  // As much as there is room for; the other end reads up to `bytes` of it.
  void Exchange(size_t bytes) {
    while (session_->SendDatagram(kPacketContext, Bytes(1400, 0x60))) {
    }
    session_->Flush();
    Bytes read(bytes);
    if (bytes > 0) ::recv(other_.get(), read.data(), read.size(), MSG_DONTWAIT);
    Pass(milliseconds(100));
    silence_ = session_->Silence();
  }

  boost::asio::io_context io_;
  SessionCounters counters_;
  UniqueFd other_;
  std::shared_ptr<SlaveSession> session_;
  Duration silence_{};
};

TEST_F(SessionTest, WhoIsBehindAFullPathIsNotSilent) {
  for (int i = 0; i < 12; ++i) {
    Exchange(20'000);
    EXPECT_LT(silence_, milliseconds(700)) << i;
  }
  EXPECT_GT(counters_.datagrams_dropped, 0u);
  session_->Ping();
  EXPECT_TRUE(session_->open()) << "a PING has room behind the packets";
  for (int i = 0; i < 12; ++i) Exchange(0);
  EXPECT_GT(silence_, milliseconds(700)) << "nothing arrives any more";
}

TEST_F(SessionTest, WhoTakesPingsAndAnswersNoneIsSilent) {
  for (int i = 0; i < 10; ++i) {
    session_->Ping();
    Pass(milliseconds(100));
    silence_ = session_->Silence();
  }
  EXPECT_GT(silence_, milliseconds(900));
}

}  // namespace
}  // namespace ov6
