// SPDX-License-Identifier: Apache-2.0
// The way to a master over loopback: scripted proxies and masters, each a thread that answers one connection.
#include "slaves/runtime/connector.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "slaves/runtime/remote_session.h"
#include "tests/unit/slaves/loopback.h"

namespace ov6 {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Serves connections on a port of its own, one after the other, by the scripts given.
class Server {
 public:
  using Script = std::function<void(int fd)>;

  explicit Server(std::vector<Script> scripts) {
    thread_ = std::thread([this, scripts = std::move(scripts)] {
      for (const Script& script : scripts) {
        const UniqueFd fd(::accept(listener_.fd.get(), nullptr, nullptr));
        if (!fd.ok()) return;
        script(fd.get());
      }
    });
  }
  ~Server() {
    ::shutdown(listener_.fd.get(), SHUT_RDWR);
    thread_.join();
  }
  uint16_t port() const { return listener_.port; }

 private:
  LoopbackListener listener_;
  std::thread thread_;
};

std::string ReadHead(int fd) {
  std::string head;
  char byte;
  while (!head.ends_with("\r\n\r\n") && ::recv(fd, &byte, 1, 0) == 1) head += byte;
  return head;
}
void Say(int fd, std::string_view text) { ::send(fd, text.data(), text.size(), MSG_NOSIGNAL); }
void Say(int fd, const Capsule& capsule) {
  const Bytes bytes = EncodeCapsule(capsule);
  Say(fd, std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}
void UntilClosed(int fd) {
  char buffer[4096];
  while (::recv(fd, buffer, sizeof(buffer), 0) > 0) {
  }
}
Server::Script Answering(const std::string& answer) {
  return [answer](int fd) {
    ReadHead(fd);
    Say(fd, answer);
    UntilClosed(fd);
  };
}

MasterUrl MasterAt(uint16_t port) { return {false, "127.0.0.1", port}; }
ProxyUrl ProxyAt(uint16_t port) { return {"127.0.0.1", port, {}, {}}; }

struct World {
  Loop loop;
  Timer watch{loop};

  absl::StatusOr<std::unique_ptr<Stream>> Connect(Connector& connector, const MasterUrl& master,
                                                  std::optional<ProxyUrl> proxy) {
    absl::StatusOr<std::unique_ptr<Stream>> result = absl::InternalError("nothing came of it");
    connector.Connect(master, std::move(proxy), [&](auto outcome) {
      result = std::move(outcome);
      loop.Stop(0);
    });
    watch.After(seconds(5), [this] { loop.Stop(1); });
    loop.Run();
    return result;
  }
};

absl::StatusOr<std::unique_ptr<Stream>> ConnectOnce(const MasterUrl& master, std::optional<ProxyUrl> proxy,
                                                    std::optional<TlsContext> tls = std::nullopt) {
  World world;
  Connector connector(world.loop, std::move(tls), milliseconds(200));
  return world.Connect(connector, master, std::move(proxy));
}

bool Has(const absl::Status& status, std::string_view text) {
  return std::string(status.message()).find(text) != std::string::npos;
}

TEST(Connector, DirectAndByName) {
  Server server({UntilClosed, UntilClosed});
  EXPECT_TRUE(ConnectOnce(MasterAt(server.port()), std::nullopt).ok());
  EXPECT_TRUE(ConnectOnce({false, "localhost", server.port()}, std::nullopt).ok());
}

TEST(Connector, NobodyListens) {
  uint16_t port;
  { port = Server({}).port(); }
  const auto stream = ConnectOnce(MasterAt(port), std::nullopt);
  EXPECT_EQ(stream.status().message(),
            "connecting to 127.0.0.1:" + std::to_string(port) + " (127.0.0.1) failed: Connection refused");
}

TEST(Connector, UnknownName) {
  const auto stream = ConnectOnce({false, "no.such.host.invalid", 80}, std::nullopt);
  EXPECT_TRUE(Has(stream.status(), "no.such.host.invalid")) << stream.status();
}

TEST(Connector, ThroughAProxyWithCredentials) {
  std::string head;
  {
    Server proxy({[&](int fd) {
      head = ReadHead(fd);
      Say(fd, "HTTP/1.1 200 Connection established\r\n\r\n");
      UntilClosed(fd);
    }});
    const ProxyUrl url{"127.0.0.1", proxy.port(), "Aladdin", "open sesame"};
    EXPECT_TRUE(ConnectOnce({false, "master.example", 8443}, url).ok());
  }
  EXPECT_EQ(head,
            "CONNECT master.example:8443 HTTP/1.1\r\nHost: master.example:8443\r\n"
            "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n");
}

TEST(Connector, ProxiesThatSayNo) {
  const struct {
    const char* name;
    std::string answer;
    absl::StatusCode code;
    const char* sentence;
  } rows[] = {
      {"no credentials", "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 2\r\n\r\nno",
       absl::StatusCode::kPermissionDenied, "wants credentials (407 Proxy Authentication Required)"},
      {"a port it does not like", "HTTP/1.0 403 Forbidden\r\n\r\n", absl::StatusCode::kPermissionDenied,
       "refuses to connect to 127.0.0.1:9 (403 Forbidden)"},
      {"a master it cannot reach", "HTTP/1.1 502 Bad Gateway\r\n\r\n", absl::StatusCode::kUnavailable,
       "cannot reach 127.0.0.1:9 (502 Bad Gateway)"},
      {"garbage", "220 smtp.example ESMTP\r\n\r\n", absl::StatusCode::kUnavailable,
       "does not answer CONNECT by HTTP"},
      {"an endless head", std::string(9000, 'x'), absl::StatusCode::kUnavailable,
       "does not answer CONNECT by HTTP"},
      {"more than its head", "HTTP/1.1 200 OK\r\n\r\n<html>", absl::StatusCode::kUnavailable,
       "sends bytes of its own"},
      {"half an answer", "HTTP/1.1 200 OK\r\n", absl::StatusCode::kUnavailable,
       "did not answer CONNECT in time"},
  };
  for (const auto& row : rows) {
    Server proxy({Answering(row.answer)});
    const auto stream = ConnectOnce(MasterAt(9), ProxyAt(proxy.port()));
    EXPECT_EQ(stream.status().code(), row.code) << row.name;
    EXPECT_TRUE(Has(stream.status(), row.sentence)) << row.name << ": " << stream.status();
  }
}

TEST(Connector, CredentialsThatAreNotTakenAreNotRepeated) {
  for (const char* answer : {"407 Proxy Authentication Required", "401 Unauthorized"}) {
    Server proxy({Answering("HTTP/1.1 " + std::string(answer) + "\r\n\r\n")});
    const auto stream = ConnectOnce(MasterAt(9), ProxyUrl{"127.0.0.1", proxy.port(), "me", "secret"});
    EXPECT_TRUE(Has(stream.status(), "does not take the credentials of \"me\"")) << stream.status();
    EXPECT_FALSE(Has(stream.status(), "secret"));
  }
}

TEST(Connector, AProxyThatHangsUp) {
  Server proxy({[](int fd) { ReadHead(fd); }});
  EXPECT_TRUE(Has(ConnectOnce(MasterAt(9), ProxyAt(proxy.port())).status(), "hung up"));
}

TEST(Connector, AnAttemptGivenUpIsSilent) {
  World world;
  Connector connector(world.loop, std::nullopt, milliseconds(200));
  Server silent({UntilClosed, UntilClosed});
  connector.Connect(MasterAt(9), ProxyAt(silent.port()), [](auto) { FAIL() << "it was given up"; });
  EXPECT_TRUE(world.Connect(connector, MasterAt(silent.port()), std::nullopt).ok());
}

// --- TLS -----------------------------------------------------------------------

// A self-signed certificate for localhost and its key.
class Certificate {
 public:
  Certificate() : path_(testing::TempDir() + "ov6-connector-" + std::to_string(::getpid()) + ".pem") {
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    const std::unique_ptr<X509, decltype(&X509_free)> leaf(X509_new(), X509_free);
    ASN1_INTEGER_set(X509_get_serialNumber(leaf.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(leaf.get()), -60);
    X509_gmtime_adj(X509_getm_notAfter(leaf.get()), 3600);
    X509_set_pubkey(leaf.get(), key.get());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(leaf.get()), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
    X509_set_issuer_name(leaf.get(), X509_get_subject_name(leaf.get()));
    X509_sign(leaf.get(), key.get(), EVP_sha256());
    std::FILE* file = std::fopen(path_.c_str(), "w");
    PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    PEM_write_X509(file, leaf.get());
    std::fclose(file);
  }
  ~Certificate() { std::filesystem::remove(path_); }
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

// Shakes hands, blocking, and says again what the other side says until it goes.
void ServeTls(const TlsContext& context, int fd) {
  ::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
  const auto stream = context.Accept(UniqueFd(::dup(fd)));
  std::array<uint8_t, 1024> buffer;
  IoResult result = stream->Handshake();
  bool shaken = false;
  for (;;) {
    if (result.state == IoState::kEnd || result.state == IoState::kFailed) return;
    if (shaken && result.state == IoState::kDone) stream->Write(std::span(buffer).first(result.size));
    shaken = shaken || result.state == IoState::kDone;
    pollfd wait{fd, POLLIN, 0};
    if (result.state == IoState::kWantRead && ::poll(&wait, 1, 5000) != 1) return;
    result = shaken ? stream->Read(buffer) : stream->Handshake();
  }
}

// What comes back of a word.
std::string Echo(Stream& stream, std::string_view word) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(word.data());
  EXPECT_EQ(stream.Write({bytes, word.size()}).size, word.size());
  std::array<uint8_t, 64> buffer;
  IoResult result = stream.Read(buffer);
  for (int i = 0; i < 10 && result.state == IoState::kWantRead; ++i) {
    pollfd wait{stream.fd(), POLLIN, 0};
    ::poll(&wait, 1, 500);
    result = stream.Read(buffer);
  }
  return {buffer.begin(), buffer.begin() + static_cast<ptrdiff_t>(result.size)};
}

TEST(Connector, TlsDirectAndInsideAProxy) {
  const Certificate certificate;
  const auto server = TlsContext::Server({certificate.path(), certificate.path(), {}});
  const auto client = TlsContext::Client({{}, {}, certificate.path()});
  ASSERT_TRUE(server.ok() && client.ok()) << server.status() << client.status();
  const auto serve = [&](int fd) { ServeTls(*server, fd); };
  Server master({serve});
  const auto direct = ConnectOnce({true, "localhost", master.port()}, std::nullopt, *client);
  ASSERT_TRUE(direct.ok()) << direct.status();
  EXPECT_EQ(Echo(**direct, "hello"), "hello");
  Server proxy({[&](int fd) {
    ReadHead(fd);
    Say(fd, "HTTP/1.1 200 OK\r\n\r\n");
    serve(fd);
  }});
  const auto inside = ConnectOnce({true, "localhost", 443}, ProxyAt(proxy.port()), *client);
  ASSERT_TRUE(inside.ok()) << inside.status();
  EXPECT_EQ(Echo(**inside, "hello"), "hello");
}

TEST(Connector, TlsThatFails) {
  const Certificate certificate;
  const auto server = TlsContext::Server({certificate.path(), certificate.path(), {}});
  const auto serve = [&](int fd) { ServeTls(*server, fd); };
  Server master({serve, serve, Answering("HTTP/1.1 400 Bad Request\r\n\r\n"), UntilClosed});
  const MasterUrl url{true, "localhost", master.port()};
  const auto believes_nobody = TlsContext::Client({});
  EXPECT_TRUE(Has(ConnectOnce(url, std::nullopt, *believes_nobody).status(), "certificate"));
  const auto client = TlsContext::Client({{}, {}, certificate.path()});
  const auto other_name = ConnectOnce({true, "127.0.0.1", master.port()}, std::nullopt, *client);
  EXPECT_TRUE(Has(other_name.status(), "IP address mismatch")) << other_name.status();
}

TEST(Connector, TlsWithWhoSpeaksNoneOrNothing) {
  Server plain({[](int fd) { Say(fd, "HTTP/1.1 400 Bad Request\r\n\r\n"), UntilClosed(fd); }});
  Server silent({UntilClosed});
  const auto client = TlsContext::Client({});
  EXPECT_TRUE(Has(ConnectOnce({true, "localhost", plain.port()}, std::nullopt, *client).status(),
                  "TLS with localhost:" + std::to_string(plain.port()) + " failed"));
  EXPECT_TRUE(Has(ConnectOnce({true, "localhost", silent.port()}, std::nullopt, *client).status(),
                  "did not finish the TLS handshake in time"));
}

// --- the session over it -----------------------------------------------------------

const AddressAssignCapsule kAssigned{{{0, false, *Prefix::Parse("fd00:0:0:1::/64")}}};

struct RemoteWorld : World {
  std::vector<std::string> events;

  RemoteSession::Handlers Handlers() {
    RemoteSession::Handlers handlers;
    handlers.assigned = [this](const AddressAssignCapsule& capsule) {
      events.push_back("assigned " + capsule.prefixes.at(0).prefix.ToString());
    };
    handlers.moved = [this] { events.push_back("moved"); };
    handlers.lost = [this] { events.push_back("lost"); };
    return handlers;
  }
  RemoteOptions Options(std::vector<uint16_t> ports) {
    RemoteOptions options;
    for (const uint16_t port : ports) options.masters.push_back(MasterAt(port));
    options.request = {SlaveKind::kGateway, "site", {}};
    options.request.segments = true;
    options.token = [] { return "t0ken"; };
    options.assign_timeout = milliseconds(100);
    return options;
  }
  void RunUntil(size_t count) {
    for (int i = 0; i < 400 && events.size() < count; ++i) {
      watch.After(milliseconds(5), [this] { loop.Stop(0); });
      loop.Run();
    }
  }
};

TEST(RemoteSession, IsUpWithItsPrefixAndSaysNothingBeforeThe101) {
  std::string head;
  bool early = true;
  RemoteWorld world;
  {
    Server master({[&](int fd) {
      head = ReadHead(fd);
      pollfd wait{fd, POLLIN, 0};
      early = ::poll(&wait, 1, 50) != 0;
      Say(fd, FormatUpgradeAccepted());
      Say(fd, kAssigned);
      UntilClosed(fd);
    }});
    RemoteSession session(world.loop, world.Options({master.port()}), world.Handlers(), [] { return 0.0; });
    session.Start();
    world.RunUntil(1);
    EXPECT_NE(session.up(), nullptr);
  }
  EXPECT_EQ(world.events, std::vector<std::string>{"assigned fd00:0:0:1::/64"});
  EXPECT_FALSE(early);
  EXPECT_TRUE(head.starts_with("GET /.well-known/masque/ip/*/*/?kind=gateway&name=site&segments=1 HTTP/1.1"));
  EXPECT_NE(head.find("\r\nAuthorization: Bearer t0ken\r\n"), head.npos);
  EXPECT_NE(head.find("\r\nHost: 127.0.0.1:"), head.npos);
}

TEST(RemoteSession, AFalse101IsNoSessionAndTheNextMasterIsTried) {
  RemoteWorld world;
  Server liar({Answering(FormatUpgradeAccepted()),
               Answering("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")});
  Server good({Answering(FormatUpgradeAccepted() + [] {
    const Bytes bytes = EncodeCapsule(kAssigned);
    return std::string(bytes.begin(), bytes.end());
  }())});
  RemoteSession session(world.loop, world.Options({liar.port(), good.port()}), world.Handlers(),
                        [] { return 0.0; });
  session.Start();
  world.RunUntil(1);
  EXPECT_EQ(world.events.size(), 1u);
  EXPECT_EQ(session.master().port, good.port());
}

TEST(RemoteSession, TheNextMasterTakesOverAtOnce) {
  RemoteWorld world;
  const auto accept = [](int fd) {
    ReadHead(fd);
    Say(fd, FormatUpgradeAccepted());
    Say(fd, kAssigned);
  };
  Server first({accept});
  Server second({[&](int fd) { accept(fd), UntilClosed(fd); }});
  RemoteSession session(world.loop, world.Options({first.port(), second.port()}), world.Handlers(),
                        [] { return 0.0; });
  session.Start();
  const BootTime start = BootClock::now();
  world.RunUntil(3);
  EXPECT_LT(BootClock::now() - start, seconds(1));
  EXPECT_EQ(world.events,
            (std::vector<std::string>{"assigned fd00:0:0:1::/64", "lost", "assigned fd00:0:0:1::/64"}));
  EXPECT_EQ(session.master().port, second.port());
}

TEST(RemoteSession, AMasterThatIsLeftServesUntilTheNextDoes) {
  RemoteWorld world;
  std::atomic<bool> empty{false}, closed{false};
  const auto serve = [](int fd) {
    ReadHead(fd);
    Say(fd, FormatUpgradeAccepted());
    std::this_thread::sleep_for(milliseconds(50));
    Say(fd, kAssigned);
  };
  Server first({[&](int fd) {
    serve(fd);
    while (!empty) std::this_thread::sleep_for(milliseconds(5));
    Say(fd, AddressAssignCapsule{});
    UntilClosed(fd);
    closed = true;
  }});
  Server second({[&](int fd) { serve(fd), UntilClosed(fd); }});
  RemoteSession session(world.loop, world.Options({first.port(), second.port()}), world.Handlers(),
                        [] { return 0.0; });
  session.Start();
  world.RunUntil(1);
  SessionClient* const former = session.up();
  session.MoveOn(seconds(60));
  EXPECT_EQ(session.up(), former) << "it serves until another does";
  world.RunUntil(2);
  session.Settle(true);
  EXPECT_NE(session.up(), former);
  EXPECT_EQ(session.sender(), former) << "until its master has the prefix no more";
  empty = true;
  world.RunUntil(3);
  EXPECT_EQ(session.sender(), session.up());
  EXPECT_FALSE(closed);
  world.watch.After(RemoteSession::kOverlap + milliseconds(200), [&] { world.loop.Stop(0); });
  world.loop.Run();
  EXPECT_TRUE(closed) << "and goes when nothing is on its way any more";
  const std::string assigned = "assigned fd00:0:0:1::/64";
  EXPECT_EQ(world.events, (std::vector<std::string>{assigned, assigned, "moved"})) << "nothing was lost";
}

// A master that ends before it has said where the prefix is.
TEST(RemoteSession, AFormerMasterThatEndsIsLeftAtOnce) {
  RemoteWorld world;
  std::atomic<bool> ends{false};
  const auto serve = [](int fd) {
    ReadHead(fd);
    Say(fd, FormatUpgradeAccepted());
    Say(fd, kAssigned);
  };
  Server first({[&](int fd) {
    serve(fd);
    while (!ends) std::this_thread::sleep_for(milliseconds(5));
  }});
  Server second({[&](int fd) { serve(fd), UntilClosed(fd); }});
  RemoteSession session(world.loop, world.Options({first.port(), second.port()}), world.Handlers(),
                        [] { return 0.0; });
  session.Start();
  world.RunUntil(1);
  session.MoveOn(seconds(60));
  world.RunUntil(2);
  session.Settle(true);
  ends = true;
  world.RunUntil(3);
  EXPECT_EQ(world.events.back(), "moved");
  EXPECT_EQ(session.sender(), session.up());
}

TEST(RemoteSession, TheOnlyMasterIsLeftForAsLongAsItAsks) {
  RemoteWorld world;
  Server master({[](int fd) {
                   ReadHead(fd);
                   Say(fd, FormatUpgradeAccepted());
                   Say(fd, kAssigned);
                   UntilClosed(fd);
                 },
                 UntilClosed});
  RemoteSession session(world.loop, world.Options({master.port()}), world.Handlers(), [] { return 0.0; });
  session.Start();
  world.RunUntil(1);
  session.MoveOn(seconds(60));
  world.RunUntil(2);
  EXPECT_EQ(world.events.back(), "lost");
  EXPECT_EQ(session.up(), nullptr);
}

// Whatever comes is a sign of life: an answer to a PING may wait behind much else.
TEST(RemoteSession, SilenceEndsIt) {
  RemoteWorld world;
  int said = 0;
  {
    Server master({[&](int fd) {
      ReadHead(fd);
      Say(fd, FormatUpgradeAccepted());
      Say(fd, kAssigned);
      for (; said < 30; ++said) {
        std::this_thread::sleep_for(milliseconds(10));
        Say(fd, RefreshCapsule{});
      }
      UntilClosed(fd);
    }});
    RemoteOptions options = world.Options({master.port()});
    options.heartbeat = milliseconds(20);
    RemoteSession session(world.loop, options, world.Handlers(), [] { return 0.0; });
    session.Start();
    world.RunUntil(2);
  }
  EXPECT_EQ(world.events, (std::vector<std::string>{"assigned fd00:0:0:1::/64", "lost"}));
  EXPECT_EQ(said, 30);
}

// --- pure parts --------------------------------------------------------------------

TEST(Retry, PausesGrowAndAGoodSessionEndsThem) {
  Retry retry(1, [] { return 0.0; });
  const absl::Status lost = absl::UnavailableError("lost");
  for (const int pause : {250, 500, 1000, 2000, 4000, 8000, 15000, 15000})
    EXPECT_EQ(retry.After(lost, {}).pause, milliseconds(pause));
  EXPECT_EQ(retry.After(lost, seconds(59)).pause, milliseconds(15000));
  EXPECT_EQ(retry.After(lost, seconds(60)).pause, milliseconds(250));
}

TEST(Retry, EachMasterOnceBeforeAPause) {
  Retry retry(2, [] { return 0.0; });
  const absl::Status lost = absl::UnavailableError("lost");
  const struct {
    size_t master;
    Duration pause;
  } rows[] = {{1, {}}, {0, milliseconds(250)}, {1, {}}, {0, milliseconds(500)}};
  for (const auto& row : rows) {
    const auto next = retry.After(lost, {});
    EXPECT_EQ(next.master, row.master);
    EXPECT_EQ(next.pause, row.pause);
  }
}

TEST(Retry, SoonWhereAnotherHasTheName) {
  Retry retry(1, [] { return 0.0; });
  const absl::Status held = absl::AlreadyExistsError("held");
  for (const int pause : {250, 500, 1000, 1000, 1000})
    EXPECT_EQ(retry.After(held, {}).pause, milliseconds(pause));
}

TEST(Retry, SlowlyWhereAllRefuse) {
  Retry retry(2, [] { return 0.0; });
  const absl::Status refused = absl::PermissionDeniedError("no"), held = absl::AlreadyExistsError("held");
  EXPECT_EQ(retry.After(refused, {}).pause, Duration(0));
  EXPECT_EQ(retry.After(refused, {}).pause, seconds(30));
  EXPECT_EQ(retry.After(refused, {}).pause, Duration(0));
  EXPECT_EQ(retry.After(held, {}).pause, milliseconds(500));
}

TEST(MasterUrl, Rows) {
  const struct {
    const char* text;
    std::optional<MasterUrl> url;
    const char* host_field;
  } rows[] = {
      {"https://master.example", MasterUrl{true, "master.example", 443}, "master.example"},
      {"https://master.example/", MasterUrl{true, "master.example", 443}, "master.example"},
      {"https://192.0.2.1:8443", MasterUrl{true, "192.0.2.1", 8443}, "192.0.2.1:8443"},
      {"http://localhost", MasterUrl{false, "localhost", 80}, "localhost"},
      {"http://localhost:443", MasterUrl{false, "localhost", 443}, "localhost:443"},
      {"master.example", std::nullopt, ""},
      {"ftp://master.example", std::nullopt, ""},
      {"https://", std::nullopt, ""},
      {"https://user@master.example", std::nullopt, ""},
      {"https://master.example/path", std::nullopt, ""},
      {"https://master.example?x", std::nullopt, ""},
      {"https://master.example:0", std::nullopt, ""},
      {"https://master.example:70000", std::nullopt, ""},
      {"https://[2001:db8::1]", std::nullopt, ""},
  };
  for (const auto& row : rows) {
    const auto url = MasterUrl::Parse(row.text);
    EXPECT_EQ(url.ok(), row.url.has_value()) << row.text << " " << url.status();
    if (!url.ok() || !row.url) continue;
    EXPECT_EQ(*url, *row.url) << row.text;
    EXPECT_EQ(url->HostField(), row.host_field);
  }
}

TEST(ProxyUrl, Rows) {
  const struct {
    const char* text;
    std::optional<ProxyUrl> url;
  } rows[] = {
      {"http://proxy.example:3128", ProxyUrl{"proxy.example", 3128, "", ""}},
      {"proxy.example:3128", ProxyUrl{"proxy.example", 3128, "", ""}},
      {"http://proxy.example", ProxyUrl{"proxy.example", 80, "", ""}},
      {"http://me:p%40ss@proxy.example:3128/", ProxyUrl{"proxy.example", 3128, "me", "p@ss"}},
      {"socks5://proxy.example:1080", std::nullopt},
      {"http://", std::nullopt},
      {"http://pro xy", std::nullopt},
  };
  for (const auto& row : rows) {
    const auto url = ProxyUrl::Parse(row.text);
    EXPECT_EQ(url.ok() ? std::optional(*url) : std::nullopt, row.url) << row.text;
  }
}

TEST(ProxyWords, WhichProxyForWhichMaster) {
  const MasterUrl tls{true, "master.example", 443}, plain{false, "master.example", 80};
  const ProxyUrl a{"a", 1, "", ""}, b{"b", 2, "", ""};
  const struct {
    const char* name;
    ProxyWords words;
    MasterUrl master;
    std::optional<ProxyUrl> expected;
  } rows[] = {
      {"none", {}, tls, std::nullopt},
      {"the environment's", {"", "http://a:1", ""}, tls, a},
      {"not for http", {"", "http://a:1", ""}, plain, std::nullopt},
      {"no_proxy", {"", "http://a:1", "x,.example"}, tls, std::nullopt},
      {"given, for all", {"http://b:2", "http://a:1", "*"}, plain, b},
      {"given, for TLS", {"http://b:2", "http://a:1", "*"}, tls, b},
  };
  for (const auto& row : rows) {
    const auto proxy = row.words.For(row.master);
    ASSERT_TRUE(proxy.ok()) << row.name;
    EXPECT_EQ(*proxy, row.expected) << row.name;
  }
}

TEST(NoProxy, Rows) {
  const struct {
    const char* list;
    const char* host;
    bool matches;
  } rows[] = {
      {"", "a.example", false},
      {"*", "a.example", true},
      {"a.example", "a.example", true},
      {"A.Example", "a.eXample", true},
      {"example", "a.example", true},
      {".example", "a.example", true},
      {"ample", "a.example", false},
      {"b.example, a.example", "a.example", true},
      {"a.example:443", "a.example", true},
      {"a.example:80", "a.example", false},
      {"10.0.0.0/8", "10.1.2.3", true},
      {"10.0.0.0/8", "11.1.2.3", false},
      {"192.0.2.1", "192.0.2.1", true},
      {"0.0.0.0/0", "192.0.2.1", true},
      {"10.0.0.0/33", "10.1.2.3", false},
      {",,", "a.example", false},
  };
  for (const auto& row : rows)
    EXPECT_EQ(MatchesNoProxy(row.list, row.host, 443), row.matches) << row.list << " " << row.host;
}

}  // namespace
}  // namespace ov6
