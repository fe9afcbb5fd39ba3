// SPDX-License-Identifier: Apache-2.0
// The slave service on the datapath in memory, with time in the test's hands and slaves
// that are scripts: bytes in, capsules out, over real socket pairs.
#ifndef OV6_TESTS_UNIT_OV6D_SERVICE_FIXTURE_H
#define OV6_TESTS_UNIT_OV6D_SERVICE_FIXTURE_H

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "userspace/datapath/fake/fake_datapath.h"
#include "userspace/ov6d/slave_service.h"

namespace ov6 {

inline Prefix P(const char* text) { return *Prefix::Parse(text); }

class NoSpawner : public Spawner {
 public:
  absl::StatusOr<SpawnedProcess> Spawn(const SpawnRequest& request) override {
    requests.push_back(request);
    return absl::UnavailableError("this spawner starts nothing");
  }
  std::vector<SpawnRequest> requests;
};

class ServiceTest : public testing::Test {
 protected:
  static SlavePlan Plan(SlaveKind kind, const char* name, const char* prefix) {
    SlavePlan plan;
    plan.name = name;
    plan.kind = kind;
    plan.prefixes = {P(prefix)};
    plan.port = kind != SlaveKind::kGateway;
    plan.domain = "chord";
    plan.registrations = {P("fd12:3456:789a::/48")};
    plan.config["name"] = name;
    return plan;
  }

  // The slave's end of a session. Read() lets the service run until bytes come or the stream ends.
  class FakeSlave {
   public:
    FakeSlave(ServiceTest& test, const std::string& name) : test_(test) {
      int stream[2], channel[2];
      EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, stream), 0);
      EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, channel), 0);
      fd_ = stream[1];
      channel_ = channel[1];
      test_.service_.Accept(name, PlainStream(UniqueFd(stream[0])), channel[0]);
    }
    // One from elsewhere.
    FakeSlave(ServiceTest& test, SlaveService& service, const Endpoint& from,
              std::shared_ptr<Crowd::Place> place = nullptr)
        : test_(test) {
      int stream[2];
      EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, stream), 0);
      fd_ = stream[1];
      service.AcceptRemote(PlainStream(UniqueFd(stream[0])), from, std::move(place));
    }
    FakeSlave(const FakeSlave&) = delete;
    ~FakeSlave() { Vanish(); }

    void Vanish() {
      if (fd_ >= 0) close(fd_);
      if (channel_ >= 0) close(channel_);
      fd_ = channel_ = -1;
      test_.Run();
    }
    void Write(std::string_view bytes) {
      EXPECT_EQ(send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
      test_.Run();
    }
    void Send(const Capsule& capsule) {
      const Bytes bytes = EncodeCapsule(capsule);
      Write({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    }
    // What the master said so far.
    std::string Read() {
      std::string text;
      char buffer[65536];
      for (ssize_t size; (size = recv(fd_, buffer, sizeof(buffer), MSG_DONTWAIT)) > 0;) {
        text.append(buffer, static_cast<size_t>(size));
      }
      return text;
    }
    bool Ended() {
      char byte;
      return recv(fd_, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
    }
    // The response's head; what is behind it goes to the capsules.
    std::string Open(const UpgradeRequest& request) {
      Write(FormatUpgradeRequest(request));
      const std::string text = Read();
      const size_t end = text.find("\r\n\r\n");
      if (end == text.npos) return text;
      if (text.starts_with("HTTP/1.1 101 ")) {
        Ingest(text.substr(end + 4));
        return text.substr(0, end);
      }
      return text;
    }
    // The next capsule of this type; others are skipped.
    template <typename T>
    std::optional<T> Next() {
      Ingest(Read());
      for (;;) {
        const auto capsule = decoder_.Next();
        if (!capsule.ok() || !*capsule) return std::nullopt;
        if (const T* wanted = std::get_if<T>(&**capsule)) return *wanted;
      }
    }
    ReturnCapsule Ask(const std::string& method, const std::string& argument = "") {
      Send(CallCapsule{++call_, method, argument});
      const auto answer = Next<ReturnCapsule>();
      EXPECT_TRUE(answer) << method;
      EXPECT_EQ(answer->id, call_);
      return *answer;
    }
    int channel() const { return channel_; }

   private:
    void Ingest(std::string_view bytes) {
      decoder_.Ingest({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
    }
    ServiceTest& test_;
    int fd_ = -1, channel_ = -1;
    CapsuleDecoder decoder_;
    uint64_t call_ = 0;
  };

  // Everything that can be done without waiting.
  void Run() {
    io_.restart();
    while (io_.poll() > 0) {
    }
  }
  std::unique_ptr<FakeSlave> Up(SlaveKind kind, const char* name, const char* prefix) {
    auto slave = std::make_unique<FakeSlave>(*this, name);
    EXPECT_TRUE(slave->Open({kind, name, {P(prefix)}}).starts_with("HTTP/1.1 101 "));
    return slave;
  }
  std::unique_ptr<FakeSlave> UpChord() { return Up(SlaveKind::kDht, "chord", "fd00::/8"); }

  void TearDown() override { std::filesystem::remove_all(state_); }

  std::filesystem::path state_ = [] {
    char name[] = "/tmp/ov6-service-test-XXXXXX";
    return std::filesystem::path(mkdtemp(name));
  }();
  boost::asio::io_context io_;
  FakeDatapath kernel_;
  Master master_{kernel_};
  NoSpawner spawner_;
  NodeKey key_{PrivateKey::Generate(), {}};
  BootTime now_{std::chrono::seconds(1000)};
  SlaveService service_{{io_, kernel_, master_, spawner_, key_, "/libexec", state_, [this] { return now_; }},
                        {Plan(SlaveKind::kManagement, "management", "::/0"),
                         Plan(SlaveKind::kGateway, "gw0", "fd12:3456:789a:1::/64"),
                         Plan(SlaveKind::kDht, "chord", "fd00::/8")}};
};

// With a second service, for slaves from elsewhere.
class RemoteServiceTest : public ServiceTest {
 protected:
  SlaveService::Environment RemoteEnvironment() {
    SlaveService::Environment environment{io_,  kernel_,    master_, spawner_,
                                          key_, "/libexec", state_,  [this] { return now_; }};
    environment.tokens = &tokens_;
    return environment;
  }
  std::unique_ptr<FakeSlave> Connect(std::shared_ptr<Crowd::Place> place = nullptr) {
    return std::make_unique<FakeSlave>(*this, *remote_, Endpoint{*Ipv4::Parse("192.0.2.7"), 4000},
                                       std::move(place));
  }
  void Pass(int milliseconds) {
    io_.restart();
    io_.run_for(std::chrono::milliseconds(milliseconds));
  }
  // "home", as `ov6ctl slave show` has it.
  boost::json::object Shown() const {
    for (const auto& slave : remote_->SlavesJson()) {
      if (slave.at("name") == "home") return slave.as_object();
    }
    return {};
  }
  std::string State() const { return std::string(Shown().at("state").as_string()); }

  TokenStore tokens_{state_};
  std::optional<SlaveService> remote_;
};

}  // namespace ov6

#endif
