// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6ctl/daemon_client.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <cstring>

#include "userspace/base/unique_fd.h"
#include "userspace/ov6ctl/exit_code.h"

namespace ov6::ctl {
namespace {

namespace http = boost::beast::http;
namespace json = boost::json;

constexpr timeval kPatience = {.tv_sec = 60, .tv_usec = 0};  // a lookup through a broken ring takes its time
constexpr size_t kMaxBody = 64 << 20;

absl::StatusOr<UniqueFd> Connect(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.native().size() >= sizeof(address.sun_path)) {
    return Usage(
        fmt::format("the socket's path {} is over {} bytes", path.native(), sizeof(address.sun_path) - 1));
  }
  std::memcpy(address.sun_path, path.c_str(), path.native().size());
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (fd.get() >= 0 && connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) {
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof(kPatience));
    setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof(kPatience));
    return fd;
  }
  if (errno == EACCES && path.filename() == "ov6d.sock") {  // the group's way in, for looking
    return Connect(path.parent_path() / "ov6d-ro.sock");
  }
  if (errno == EACCES) return Refused(fmt::format("no permission for the daemon's socket {}", path.native()));
  return Unreachable(fmt::format("no daemon answers at {}: {}", path.native(), std::strerror(errno)));
}

std::string FormatRequest(const std::string& method, const std::string& target, const json::value& body) {
  const std::string text = body.is_null() ? "" : json::serialize(body);
  const std::string fields =
      text.empty() ? ""
                   : fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", text.size());
  return fmt::format("{} {} HTTP/1.1\r\nHost: ov6d\r\nConnection: close\r\n{}\r\n{}", method, target, fields,
                     text);
}

absl::Status Send(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return Unreachable(fmt::format("the daemon takes no request: {}", std::strerror(errno)));
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return absl::OkStatus();
}

using Parser = http::response_parser<http::string_body>;

absl::Status Feed(std::string_view bytes, std::string* waiting, Parser* parser) {
  waiting->append(bytes);
  boost::beast::error_code error;
  while (!waiting->empty() && !parser->is_done()) {
    const size_t used = parser->put(boost::asio::const_buffer(waiting->data(), waiting->size()), error);
    waiting->erase(0, used);
    if (error == http::error::need_more) return absl::OkStatus();
    if (error) return Refused("the daemon's answer is no HTTP: " + error.message());
    if (used == 0) break;
  }
  return absl::OkStatus();
}

absl::Status FinishAtEof(Parser* parser) {
  boost::beast::error_code error = http::error::end_of_stream;
  if (parser->got_some()) parser->put_eof(error);
  return error ? Unreachable("the daemon hung up in the middle of its answer") : absl::OkStatus();
}

absl::Status Receive(int fd, Parser* parser) {
  std::string waiting;
  char buffer[16384];
  parser->eager(true);
  parser->body_limit(kMaxBody);
  while (!parser->is_done()) {
    const ssize_t got = recv(fd, buffer, sizeof(buffer), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Unreachable(fmt::format("the daemon does not answer: {}", std::strerror(errno)));
    if (got == 0) return FinishAtEof(parser);
    const auto status = Feed({buffer, static_cast<size_t>(got)}, &waiting, parser);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

// {"error":{"code","message"}}, or whatever stands there instead.
absl::Status ErrorOf(int http_status, const std::string& body) {
  boost::system::error_code error;
  const json::value value = json::parse(body, error);
  const auto* object = value.if_object();
  const auto* inner = object != nullptr ? object->if_contains("error") : nullptr;
  const auto* members = inner != nullptr ? inner->if_object() : nullptr;
  const auto text = [&](const char* name) {
    const auto* member = members != nullptr ? members->if_contains(name) : nullptr;
    return member != nullptr && member->is_string() ? std::string(member->get_string()) : std::string();
  };
  std::string message = text("message");
  if (message.empty()) message = fmt::format("the daemon answers {} without a sentence", http_status);
  return FromDaemon(http_status, text("code"), message);
}

}  // namespace

absl::StatusOr<json::value> SocketDaemon::Ask(const std::string& method, const std::string& target,
                                              const json::value& body) {
  const auto fd = Connect(socket_);
  if (!fd.ok()) return fd.status();
  if (auto status = Send(fd->get(), FormatRequest(method, target, body)); !status.ok()) return status;
  Parser parser;
  if (auto status = Receive(fd->get(), &parser); !status.ok()) return status;
  const auto& response = parser.get();
  if (response.result_int() / 100 != 2)
    return ErrorOf(static_cast<int>(response.result_int()), response.body());
  if (response.body().empty()) return json::value(nullptr);
  boost::system::error_code error;
  json::value value = json::parse(response.body(), error);
  if (error) return Refused("the daemon's answer is no JSON: " + error.message());
  return value;
}

}  // namespace ov6::ctl
