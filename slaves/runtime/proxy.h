// SPDX-License-Identifier: Apache-2.0
// Forward proxies: which one is the way to a master, and the CONNECT through it (RFC 9110 section 9.3.6).
// An Upgrade goes by CONNECT alone: common proxies take it out of any other request. No sockets: bytes in,
// bytes out.
#ifndef OV6_SLAVES_RUNTIME_PROXY_H
#define OV6_SLAVES_RUNTIME_PROXY_H

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "slaves/runtime/master_url.h"

namespace ov6 {

struct ProxyUrl {
  std::string host;
  uint16_t port = 80;
  std::string user, password;  // Basic (RFC 7617); both empty: none

  // http://[USER:PASSWORD@]HOST[:PORT], the scheme may be missing.
  static absl::StatusOr<ProxyUrl> Parse(std::string_view text);
  std::string Authority() const;  // without the credentials, for sentences
  bool operator==(const ProxyUrl&) const = default;
};

// What the operator and the environment say of proxies, as they say it.
struct ProxyWords {
  std::string given;     // --proxy: for every master
  std::string https;     // https_proxy or HTTPS_PROXY: for https:// masters that no_proxy does not name
  std::string no_proxy;  // no_proxy or NO_PROXY

  static ProxyWords FromEnvironment();
  absl::StatusOr<std::optional<ProxyUrl>> For(const MasterUrl& master) const;
};

// Whether the list has the host: "*", a name (with all below it), an IPv4 address or prefix, any of them
// with a port; separated by commas.
bool MatchesNoProxy(std::string_view list, std::string_view host, uint16_t port);

// Proxy-Authorization with its line end; empty: the proxy's URL has no credentials.
std::string ProxyAuthorization(const ProxyUrl& proxy);
// Why a proxy that answers so does not take the way to the master: PermissionDenied, or Unavailable if it
// would.
absl::Status ProxyRefusal(int status, const std::string& reason, const MasterUrl& master,
                          const ProxyUrl& proxy);

std::string FormatConnect(const MasterUrl& master, const ProxyUrl& proxy);
// Parses the head of the answer. nullopt: incomplete. PermissionDenied: the proxy refuses.
std::optional<absl::Status> ParseConnectAnswer(std::string_view bytes, const MasterUrl& master,
                                               const ProxyUrl& proxy);

}  // namespace ov6

#endif
