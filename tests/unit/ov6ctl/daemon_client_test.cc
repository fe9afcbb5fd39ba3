// SPDX-License-Identifier: Apache-2.0
// The client against a server that says what a row tells it to, over a real Unix socket.
#include "userspace/ov6ctl/daemon_client.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <boost/json/object.hpp>
#include <cstring>
#include <thread>

#include "userspace/base/unique_fd.h"
#include "userspace/ov6ctl/exit_code.h"

namespace ov6::ctl {
namespace {

// Accepts one connection, reads until `enough`, answers in pieces of three bytes, hangs up.
class OneAnswer {
 public:
  OneAnswer(std::string answer, std::string enough) : answer_(std::move(answer)), enough_(std::move(enough)) {
    char folder[] = "/tmp/ov6ctl-test-XXXXXX";
    folder_ = mkdtemp(folder);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path().c_str(), sizeof(address.sun_path) - 1);
    listener_ = UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(listen(listener_.get(), 1), 0);
    thread_ = std::thread([this] { Serve(); });
  }
  ~OneAnswer() {
    thread_.join();
    std::filesystem::remove_all(folder_);
  }

  std::filesystem::path path() const { return folder_ / "sock"; }
  const std::string& request() const { return request_; }

 private:
  void Serve() {
    const UniqueFd peer(accept(listener_.get(), nullptr, nullptr));
    char buffer[4096];
    while (request_.find(enough_) == request_.npos) {
      const ssize_t got = recv(peer.get(), buffer, sizeof(buffer), 0);
      if (got <= 0) return;
      request_.append(buffer, static_cast<size_t>(got));
    }
    for (size_t at = 0; at < answer_.size(); at += 3) {
      const std::string piece = answer_.substr(at, 3);
      if (send(peer.get(), piece.data(), piece.size(), MSG_NOSIGNAL) < 0) return;
    }
  }

  std::string answer_, enough_, request_;
  std::filesystem::path folder_;
  UniqueFd listener_;
  std::thread thread_;
};

std::string Response(const std::string& status, const std::string& body) {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

TEST(SocketDaemon, SendsWhatItIsAsked) {
  OneAnswer server(Response("200 OK", "[1]"), "\"}");
  SocketDaemon daemon(server.path());
  const auto answer = daemon.Ask("POST", "/v1/resolve", {{"address", "::1"}});
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->as_array().size(), 1u);
  EXPECT_EQ(server.request(),
            "POST /v1/resolve HTTP/1.1\r\nHost: ov6d\r\nConnection: close\r\n"
            "Content-Type: application/json\r\nContent-Length: 17\r\n\r\n{\"address\":\"::1\"}");
}

TEST(SocketDaemon, AGetHasNoBody) {
  OneAnswer server(Response("200 OK", "{}"), "\r\n\r\n");
  EXPECT_TRUE(SocketDaemon(server.path()).Get("/v1/status").ok());
  EXPECT_EQ(server.request(), "GET /v1/status HTTP/1.1\r\nHost: ov6d\r\nConnection: close\r\n\r\n");
}

TEST(SocketDaemon, Answers) {
  const struct {
    const char* name;
    std::string answer;
    int exit;
    const char *word, *sentence;
  } rows[] = {
      {"well", Response("200 OK", "{\"a\":1}"), 0, "refused", ""},
      {"well, empty", Response("200 OK", ""), 0, "refused", ""},
      {"without a length, until the end", "HTTP/1.1 200 OK\r\n\r\n{}", 0, "refused", ""},
      {"404", Response("404 Not Found", R"({"error":{"code":"not_found","message":"No slave 'x'."}})"), 1,
       "not_found", "No slave 'x'."},
      {"409", Response("409 Conflict", R"({"error":{"code":"conflict","message":"Taken."}})"), 2, "conflict",
       "Taken."},
      {"400", Response("400 Bad Request", R"({"error":{"code":"invalid","message":"No."}})"), 2, "invalid",
       "No."},
      {"503", Response("503 Service Unavailable", R"({"error":{"code":"busy","message":"Later."}})"), 2,
       "busy", "Later."},
      {"an error without JSON", Response("500 Oops", "oops"), 2, "refused", "answers 500"},
      {"an error of another shape", Response("500 Oops", R"({"error":7})"), 2, "refused", "answers 500"},
      {"no HTTP", "hello\r\n\r\n", 2, "refused", "no HTTP"},
      {"no JSON", Response("200 OK", "hello"), 2, "refused", "no JSON"},
      {"hangs up in the head", "HTTP/1.1 200", 4, "unreachable", "hung up"},
      {"hangs up in the body", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", 4, "unreachable", "hung up"},
      {"hangs up at once", "", 4, "unreachable", "hung up"},
  };
  for (const auto& row : rows) {
    OneAnswer server(row.answer, "\r\n\r\n");
    const auto status = SocketDaemon(server.path()).Get("/v1/status").status();
    EXPECT_EQ(ToExitCode(status), row.exit) << row.name << ": " << status;
    if (row.exit != 0) {
      EXPECT_EQ(ToWord(status), row.word) << row.name;
    }
    EXPECT_NE(status.ToString().find(row.sentence), std::string::npos) << row.name << ": " << status;
  }
}

TEST(SocketDaemon, NobodyThere) {
  const auto status = SocketDaemon("/tmp/ov6ctl-test-none/sock").Get("/v1/status").status();
  EXPECT_EQ(ToExitCode(status), kExitUnreachable);
  const auto long_path = SocketDaemon("/" + std::string(200, 'x')).Get("/v1/status").status();
  EXPECT_EQ(ToExitCode(long_path), kExitUsage);
}

}  // namespace
}  // namespace ov6::ctl
