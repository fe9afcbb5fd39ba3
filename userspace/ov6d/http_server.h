// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 with JSON bodies on a Unix socket. What a request means is the handler's.
#ifndef OV6_USERSPACE_OV6D_HTTP_SERVER_H
#define OV6_USERSPACE_OV6D_HTTP_SERVER_H

#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace ov6 {

struct ApiRequest {
  std::string method;  // "GET", "POST", "DELETE"
  std::string target;  // "/v1/status"
  std::string body;
};
struct ApiResponse {
  int status = 200;
  std::string body;  // JSON
};
using ApiRespond = std::function<void(ApiResponse)>;
using ApiHandler = std::function<void(ApiRequest, ApiRespond)>;  // answers now or later, once

class HttpServer {
 public:
  static constexpr size_t kMaxBody = 65536;
  static constexpr int kMaxConnections = 64;

  // Replaces a socket that a predecessor left; whoever holds the instance's lock may.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Listen(boost::asio::io_context& io,
                                                            const std::filesystem::path& path, mode_t mode,
                                                            gid_t group, ApiHandler handler);
  ~HttpServer();

 private:
  HttpServer(boost::asio::local::stream_protocol::acceptor acceptor, std::filesystem::path path,
             ApiHandler handler);
  void Accept();

  boost::asio::local::stream_protocol::acceptor acceptor_;
  boost::asio::steady_timer pause_;
  std::filesystem::path path_;
  std::shared_ptr<ApiHandler> handler_;
  std::shared_ptr<int> connections_ = std::make_shared<int>(0);
};

}  // namespace ov6

#endif
