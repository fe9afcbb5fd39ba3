// SPDX-License-Identifier: Apache-2.0
// TLS 1.2 and 1.3 for slave sessions, by OpenSSL: certificates from PEM files, ALPN http/1.1.
#ifndef OV6_USERSPACE_BASE_TLS_H
#define OV6_USERSPACE_BASE_TLS_H

#include <filesystem>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "userspace/base/stream.h"

struct ssl_ctx_st;

namespace ov6 {

class TlsContext {
 public:
  struct Files {
    std::filesystem::path certificate, key;  // a chain, leaf first; empty: none (a client's)
    std::filesystem::path
        authorities;  // whom to believe; a server: of clients, a client: empty is the system's
  };
  // A server asks for a client's certificate if it has authorities, and takes whoever has none.
  static absl::StatusOr<TlsContext> Server(const Files& files);
  static absl::StatusOr<TlsContext> Client(const Files& files);

  // The server's end of an accepted connection.
  std::unique_ptr<Stream> Accept(UniqueFd fd) const;
  // The client's end; the server's certificate must be one for `host`, a name or an IPv4 address.
  std::unique_ptr<Stream> Connect(UniqueFd fd, const std::string& host) const;

 private:
  explicit TlsContext(std::shared_ptr<ssl_ctx_st> context) : context_(std::move(context)) {}
  std::shared_ptr<ssl_ctx_st> context_;
};

}  // namespace ov6

#endif
