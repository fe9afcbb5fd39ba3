// SPDX-License-Identifier: Apache-2.0
// Both ends of a TLS stream in one thread, over a socket pair.
#include "userspace/base/tls.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/socket.h>

#include "tests/unit/base/certificates.h"

namespace ov6 {
namespace {

using testing::HasSubstr;

class TlsTest : public testing::Test {
 protected:
  void SetUp() override {
    ::signal(SIGPIPE, SIG_IGN);  // as in every process that has such streams
    ours_.Sign("master", "DNS:master.example,IP:192.0.2.1");
    ours_.Sign("late", "DNS:master.example", -60);
    ours_.Sign("home", "DNS:home");
    others_.Sign("stranger", "DNS:master.example");
    others_.Sign("impostor", "DNS:home");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  TlsContext::Files Of(const Authority& authority, const std::string& name) const {
    return {authority.Pem(name), authority.Key(name), {}};
  }
  void Connect(const TlsContext::Files& server, const TlsContext::Files& client, const std::string& host) {
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    const auto server_context = TlsContext::Server(server);
    const auto client_context = TlsContext::Client(client);
    ASSERT_TRUE(server_context.ok()) << server_context.status();
    ASSERT_TRUE(client_context.ok()) << client_context.status();
    server_ = server_context->Accept(UniqueFd(ends[0]));
    client_ = client_context->Connect(UniqueFd(ends[1]), host);
  }
  // Both in turn until they are done, or one fails.
  bool Shake() {
    IoState server = IoState::kWantRead, client = IoState::kWantRead;
    for (int i = 0; i < 20; ++i) {
      if (client != IoState::kDone) client = client_->Handshake().state;
      if (server != IoState::kDone) server = server_->Handshake().state;
      if (client == IoState::kFailed || server == IoState::kFailed) return false;
      if (client == IoState::kDone && server == IoState::kDone) return true;
    }
    return false;
  }

  std::filesystem::path folder_ = [] {
    char name[] = "/tmp/ov6-tls-test-XXXXXX";
    return std::filesystem::path(mkdtemp(name));
  }();
  Authority ours_{folder_, "ours"}, others_{folder_, "others"};
  std::unique_ptr<Stream> server_, client_;
};

TEST_F(TlsTest, TheServersNameIsChecked) {
  const struct {
    const char* name;
    const Authority* of;
    const char* certificate;
    const Authority* believed;
    const char* host;
    const char* error;  // the client's; nullptr: it is content
  } rows[] = {
      {"its name", &ours_, "master", &ours_, "master.example", nullptr},
      {"its address", &ours_, "master", &ours_, "192.0.2.1", nullptr},
      {"another name", &ours_, "master", &ours_, "other.example", "hostname mismatch"},
      {"another address", &ours_, "master", &ours_, "192.0.2.2", "IP address mismatch"},
      {"the common name is no name", &ours_, "master", &ours_, "master", "hostname mismatch"},
      {"another authority", &others_, "stranger", &ours_, "master.example", "unable to get local issuer"},
      {"expired", &ours_, "late", &ours_, "master.example", "expired"},
  };
  for (const auto& row : rows) {
    Connect(Of(*row.of, row.certificate), {{}, {}, row.believed->Pem()}, row.host);
    EXPECT_EQ(Shake(), row.error == nullptr) << row.name << ": " << client_->error();
    EXPECT_THAT(client_->error(), HasSubstr(row.error == nullptr ? "" : row.error)) << row.name;
  }
}

TEST_F(TlsTest, AClientIsWhoItsCertificateSays) {
  TlsContext::Files server = Of(ours_, "master");
  server.authorities = ours_.Pem();
  TlsContext::Files home = Of(ours_, "home"), impostor = Of(others_, "impostor"), nobody;
  home.authorities = impostor.authorities = nobody.authorities = ours_.Pem();
  Connect(server, home, "master.example");
  ASSERT_TRUE(Shake());
  EXPECT_EQ(server_->PeerName(), "home");
  Connect(server, nobody, "master.example");
  ASSERT_TRUE(Shake());
  EXPECT_EQ(server_->PeerName(), "");
  Connect(server, impostor, "master.example");
  EXPECT_FALSE(Shake());
  EXPECT_EQ(server_->PeerName(), "");
  // Not asked for: not believed.
  Connect(Of(ours_, "master"), home, "master.example");
  ASSERT_TRUE(Shake());
  EXPECT_EQ(server_->PeerName(), "");
}

TEST_F(TlsTest, BytesGoBothWaysInPartsOfAnySize) {
  Connect(Of(ours_, "master"), {{}, {}, ours_.Pem()}, "master.example");
  ASSERT_TRUE(Shake());
  std::vector<uint8_t> sent(3 << 20), got;
  for (size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<uint8_t>(i * 7 >> 3);
  bool waited = false;
  std::vector<uint8_t> part(10'007);
  for (size_t at = 0; got.size() < sent.size();) {
    while (at < sent.size()) {
      const IoResult result = server_->Write(std::span<const uint8_t>(sent).subspan(at));
      if (result.state == IoState::kWantWrite) {
        waited = true;
        break;
      }
      ASSERT_EQ(result.state, IoState::kDone);
      at += result.size;
      std::vector<uint8_t>(sent).swap(sent);  // the bytes may lie elsewhere the next time
    }
    for (;;) {
      const IoResult result = client_->Read(part);
      if (result.state != IoState::kDone) break;
      got.insert(got.end(), part.begin(), part.begin() + static_cast<ptrdiff_t>(result.size));
    }
  }
  EXPECT_TRUE(waited);
  EXPECT_TRUE(got == sent);
  const uint8_t byte = 9;
  EXPECT_EQ(client_->Write({&byte, 1}).state, IoState::kDone);
  EXPECT_EQ(server_->Read(part).size, 1u);
  EXPECT_EQ(server_->Read(part).state, IoState::kWantRead);
}

// Capsules tell where they are whole.
TEST_F(TlsTest, AnEndIsAnEndWithOrWithoutAGoodbye) {
  std::vector<uint8_t> part(100);
  Connect(Of(ours_, "master"), {{}, {}, ours_.Pem()}, "master.example");
  ASSERT_TRUE(Shake());
  client_->Close();
  EXPECT_EQ(server_->Read(part).state, IoState::kEnd);
  Connect(Of(ours_, "master"), {{}, {}, ours_.Pem()}, "master.example");
  ASSERT_TRUE(Shake());
  ::shutdown(client_->fd(), SHUT_RDWR);
  EXPECT_EQ(server_->Read(part).state, IoState::kEnd);
  server_->Close();
}

TEST_F(TlsTest, GarbageFailsWithASentence) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const auto context = TlsContext::Server(Of(ours_, "master"));
  server_ = context->Accept(UniqueFd(ends[0]));
  const UniqueFd other(ends[1]);
  EXPECT_EQ(server_->Handshake().state, IoState::kWantRead);
  ASSERT_GT(::send(other.get(), "GET / HTTP/1.1\r\n\r\n", 18, 0), 0);
  EXPECT_EQ(server_->Handshake().state, IoState::kFailed);
  EXPECT_THAT(server_->error(), HasSubstr("http request"));
}

TEST_F(TlsTest, FilesThatAreNoneAreNamed) {
  TlsContext::Files files = Of(ours_, "master");
  files.key = ours_.Key("home");
  EXPECT_THAT(TlsContext::Server(files).status().message(), HasSubstr("can't be used for TLS"));
  files = Of(ours_, "master");
  files.certificate = folder_ / "nothing.pem";
  EXPECT_THAT(TlsContext::Server(files).status().message(), HasSubstr("nothing.pem"));
  files = Of(ours_, "master");
  files.authorities = ours_.Key("master");
  EXPECT_FALSE(TlsContext::Server(files).ok());
}

}  // namespace
}  // namespace ov6
