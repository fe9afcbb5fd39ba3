// SPDX-License-Identifier: Apache-2.0
// The listener over loopback, where every address of 127.0.0.0/8 is a client's.
#include "userspace/ov6d/remote_listener.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <ctime>

#include "tests/unit/base/certificates.h"

namespace ov6 {
namespace {

class ListenerTest : public testing::Test {
 protected:
  struct Taken {
    std::unique_ptr<Stream> stream;
    Endpoint from;
    RemoteListener::Place place;
  };

  void SetUp() override { Listen({}); }
  void Listen(ListenConfig config) {
    config.address = {*Ipv4::Parse("127.0.0.1"), 0};
    auto listener = RemoteListener::Listen(io_, config);
    ASSERT_TRUE(listener.ok()) << listener.status();
    listener_ = *std::move(listener);
    listener_->Start(
        [this](std::unique_ptr<Stream> stream, const Endpoint& from, RemoteListener::Place place) {
          const size_t number = taken_.size();
          place->make_way = [this, number] { taken_[number] = {}; };
          taken_.push_back({std::move(stream), from, std::move(place)});
        });
  }
  UniqueFd Connect(uint8_t source) {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_TRUE(fd.ok());
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + source);
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(listener_->address().port);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    return fd;
  }
  void Run() {
    io_.restart();
    io_.run_for(std::chrono::milliseconds(20));
  }
  static void Say(const UniqueFd& fd) { EXPECT_EQ(::send(fd.get(), "G", 1, MSG_NOSIGNAL), 1); }
  static bool Ended(const UniqueFd& fd) {
    pollfd poll{fd.get(), POLLIN, 0};
    char byte;
    return ::poll(&poll, 1, 0) == 1 && ::recv(fd.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
  }
  static size_t Ended(const std::vector<UniqueFd>& fds) {
    return static_cast<size_t>(
        std::count_if(fds.begin(), fds.end(), [](const UniqueFd& fd) { return Ended(fd); }));
  }
  size_t Upgrading() const {
    return static_cast<size_t>(
        std::count_if(taken_.begin(), taken_.end(), [](const Taken& t) { return t.place != nullptr; }));
  }

  boost::asio::io_context io_;
  std::unique_ptr<RemoteListener> listener_;
  std::vector<Taken> taken_;
};

TEST_F(ListenerTest, OneThatSpeaksIsHandedOver) {
  const UniqueFd fd = Connect(5);
  Run();
  EXPECT_TRUE(taken_.empty());
  Say(fd);
  Run();
  ASSERT_EQ(taken_.size(), 1u);
  EXPECT_EQ(taken_[0].from.address.ToString(), "127.0.0.6");
  uint8_t byte[2];
  EXPECT_EQ(taken_[0].stream->Read(byte).size, 1u);
  EXPECT_EQ(byte[0], 'G');
}

TEST_F(ListenerTest, OneAddressTakesItsOwnPlacesOnly) {
  const UniqueFd other = Connect(1);
  std::vector<UniqueFd> flood;
  for (int i = 0; i < 40; ++i) flood.push_back(Connect(2));
  Run();
  EXPECT_EQ(Ended(flood), 40 - RemoteListener::kMostOfOne);
  EXPECT_FALSE(Ended(other));
  EXPECT_EQ(listener_->counters().refused_source, 40 - RemoteListener::kMostOfOne);
  Say(other);
  Run();
  EXPECT_EQ(taken_.size(), 1u);
}

TEST_F(ListenerTest, ACrowdOfSilentOnesMakesWayForWhoComes) {
  std::vector<UniqueFd> flood;
  for (uint8_t source = 10; source < 30; ++source) {
    for (size_t i = 0; i < RemoteListener::kMostOfOne; ++i) flood.push_back(Connect(source));
    Run();
  }
  EXPECT_EQ(Ended(flood), flood.size() - RemoteListener::kMostSilent);
  const UniqueFd slave = Connect(1);
  Run();
  Say(slave);
  Run();
  EXPECT_FALSE(Ended(slave));
  ASSERT_EQ(taken_.size(), 1u);
  EXPECT_GT(listener_->counters().refused_full, 0u);
}

TEST_F(ListenerTest, ACrowdThatNeverGetsToItsEndMakesWayForWhoComes) {
  std::vector<UniqueFd> flood;
  for (uint8_t source = 10; source < 18; ++source) {
    for (size_t i = 0; i < RemoteListener::kMostOfOne; ++i) {
      flood.push_back(Connect(source));
      Say(flood.back());
    }
    Run();
  }
  EXPECT_EQ(Upgrading(), RemoteListener::kMostUpgrading);
  const UniqueFd slave = Connect(1);
  Say(slave);
  Run();
  EXPECT_EQ(Upgrading(), RemoteListener::kMostUpgrading);
  ASSERT_NE(taken_.back().place, nullptr);
  EXPECT_EQ(taken_.back().from.address.ToString(), "127.0.0.2");
}

TEST_F(ListenerTest, PlacesAreFreeAgain) {
  for (int round = 0; round < 5; ++round) {
    std::vector<UniqueFd> some;
    for (size_t i = 0; i < RemoteListener::kMostOfOne; ++i) some.push_back(Connect(3));
    Run();
    EXPECT_EQ(Ended(some), 0u) << round;
    for (const UniqueFd& fd : some) Say(fd);
    Run();
    taken_.clear();
  }
  EXPECT_EQ(listener_->counters().refused_source, 0u);
}

TEST_F(ListenerTest, HandshakesWaitForOthers) {
  char name[] = "/tmp/ov6-listener-test-XXXXXX";
  const std::filesystem::path folder = mkdtemp(name);
  const Authority authority(folder, "master");
  ListenConfig config;
  config.certificate = authority.Pem();
  config.key = authority.Key("master");
  Listen(config);
  std::filesystem::remove_all(folder);
  std::vector<UniqueFd> clients;
  for (uint8_t source = 10; source < 18; ++source) {
    for (size_t i = 0; i < RemoteListener::kMostOfOne; ++i) clients.push_back(Connect(source));
  }
  Run();
  for (const UniqueFd& fd : clients) Say(fd);
  Run();
  EXPECT_GE(taken_.size(), 60u);
  EXPECT_LT(taken_.size(), 100u);
  EXPECT_GT(listener_->counters().waited, 20u);
  const size_t before = taken_.size();
  const UniqueFd slave = Connect(1);
  Say(slave);
  Run();
  EXPECT_TRUE(std::any_of(taken_.begin() + static_cast<ptrdiff_t>(before), taken_.end(), [](const Taken& t) {
    return t.from.address.ToString() == "127.0.0.2";
  })) << "others' waiting is not its own";
  clients.push_back(Connect(1));
  Say(clients.back());
  io_.restart();
  io_.run_for(std::chrono::milliseconds(700));
  EXPECT_EQ(taken_.size(), clients.size() + 1);
}

// What waits is readable all the time: without a pause nothing else would be done.
TEST_F(ListenerTest, WithoutDescriptorsItPausesAndGoesOn) {
  std::vector<UniqueFd> waiting;
  for (int i = 0; i < 4; ++i) waiting.push_back(Connect(3));
  rlimit before{}, none{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  none = before;
  none.rlim_cur = 0;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const std::clock_t spent = std::clock();
  io_.restart();
  io_.run_for(std::chrono::milliseconds(350));
  const double seconds = static_cast<double>(std::clock() - spent) / CLOCKS_PER_SEC;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_LT(seconds, 0.1);
  EXPECT_GE(listener_->counters().no_descriptor, 2u);
  EXPECT_LE(listener_->counters().no_descriptor, 4u);
  for (const UniqueFd& fd : waiting) Say(fd);
  io_.restart();
  io_.run_for(std::chrono::milliseconds(200));
  EXPECT_EQ(taken_.size(), 4u);
}

}  // namespace
}  // namespace ov6
