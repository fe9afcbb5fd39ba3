// SPDX-License-Identifier: Apache-2.0
// The daemon's control API, HTTP/1.1 and JSON over a Unix socket; one question a connection.
#ifndef OV6_USERSPACE_OV6CTL_DAEMON_CLIENT_H
#define OV6_USERSPACE_OV6CTL_DAEMON_CLIENT_H

#include <boost/json/value.hpp>
#include <filesystem>
#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace ov6::ctl {

class Daemon {
 public:
  virtual ~Daemon() = default;
  // The JSON the daemon answers with (null for an empty body). Unavailable: there is no daemon at
  // the socket; otherwise what the daemon says, as in exit_code.h. A null body is not sent.
  virtual absl::StatusOr<boost::json::value> Ask(const std::string& method, const std::string& target,
                                                 const boost::json::value& body) = 0;
  absl::StatusOr<boost::json::value> Get(const std::string& target) { return Ask("GET", target, nullptr); }
};

class SocketDaemon : public Daemon {
 public:
  explicit SocketDaemon(std::filesystem::path socket) : socket_(std::move(socket)) {}
  absl::StatusOr<boost::json::value> Ask(const std::string& method, const std::string& target,
                                         const boost::json::value& body) override;

 private:
  std::filesystem::path socket_;
};

}  // namespace ov6::ctl

#endif
