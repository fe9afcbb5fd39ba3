// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/http_server.h"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <cerrno>
#include <optional>
#include <utility>

#include "userspace/base/files.h"

namespace ov6 {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Local = asio::local::stream_protocol;
using boost::system::error_code;

constexpr auto kIdle = std::chrono::seconds(30);
constexpr auto kPause = std::chrono::milliseconds(100);  // when there is no descriptor

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Local::socket socket, std::shared_ptr<ApiHandler> handler, std::shared_ptr<int> count)
      : stream_(std::move(socket)), handler_(std::move(handler)), count_(std::move(count)) {
    ++*count_;
  }
  ~Connection() { --*count_; }

  void Read() {
    parser_.emplace();
    parser_->body_limit(HttpServer::kMaxBody);
    stream_.expires_after(kIdle);
    http::async_read(stream_, buffer_, *parser_, [self = shared_from_this()](error_code error, size_t) {
      if (!error) return self->Handle();
      if (error == http::error::end_of_stream || error == asio::error::eof) return;
      self->Reject(error);
    });
  }

 private:
  void Handle() {
    stream_.expires_never();  // a call to a slave has its own limit
    const auto& message = parser_->get();
    keep_alive_ = message.keep_alive();
    const auto method = message.method_string();
    const auto target = message.target();
    (*handler_)({std::string(method), std::string(target), message.body()},
                [self = shared_from_this()](ApiResponse response) { self->Write(std::move(response)); });
  }

  void Reject(const error_code& error) {
    if (error == beast::error::timeout || error == asio::error::operation_aborted) return;
    keep_alive_ = false;
    Write({400,
           R"({"error":{"code":"bad_request","message":"The request is not HTTP/1.1 with a body of at most )"
           R"(65536 bytes."}})"});
  }

  void Write(ApiResponse response) {
    response_ = http::response<http::string_body>(static_cast<http::status>(response.status), 11);
    response_.set(http::field::content_type, "application/json");
    response_.keep_alive(keep_alive_);
    response_.body() = std::move(response.body);
    response_.prepare_payload();
    stream_.expires_after(kIdle);
    http::async_write(stream_, response_, [self = shared_from_this()](error_code error, size_t) {
      if (!error && self->keep_alive_) self->Read();
    });
  }

  beast::basic_stream<Local> stream_;
  std::shared_ptr<ApiHandler> handler_;
  std::shared_ptr<int> count_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  http::response<http::string_body> response_;
  bool keep_alive_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Listen(asio::io_context& io,
                                                               const std::filesystem::path& path, mode_t mode,
                                                               gid_t group, ApiHandler handler) {
  ::unlink(path.c_str());
  Local::acceptor acceptor(io);
  error_code error;
  acceptor.open(Local(), error);
  const mode_t before = ::umask(0177);  // nobody else's until group and mode are set
  if (!error && path.string().size() >= sizeof(sockaddr_un::sun_path)) error = asio::error::name_too_long;
  if (!error) acceptor.bind(Local::endpoint(path.string()), error);
  ::umask(before);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return absl::UnavailableError(path.string() + ": listening failed: " + error.message());
  if (::chown(path.c_str(), 0, group) != 0 || ::chmod(path.c_str(), mode) != 0) {
    return FileError(path, "giving it to the group");
  }
  std::unique_ptr<HttpServer> server(new HttpServer(std::move(acceptor), path, std::move(handler)));
  server->Accept();
  return server;
}

HttpServer::HttpServer(Local::acceptor acceptor, std::filesystem::path path, ApiHandler handler)
    : acceptor_(std::move(acceptor)),
      pause_(acceptor_.get_executor()),
      path_(std::move(path)),
      handler_(std::make_shared<ApiHandler>(std::move(handler))) {}

HttpServer::~HttpServer() { ::unlink(path_.c_str()); }

void HttpServer::Accept() {
  acceptor_.async_accept([this](error_code error, Local::socket socket) {
    if (error == asio::error::operation_aborted) return;
    if (!error && *connections_ < kMaxConnections) {
      std::make_shared<Connection>(std::move(socket), handler_, connections_)->Read();
    }
    if (!error) return Accept();
    pause_.expires_after(kPause);
    pause_.async_wait([this](error_code cancelled) {
      if (!cancelled) Accept();
    });
  });
}

}  // namespace ov6
