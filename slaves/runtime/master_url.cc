// SPDX-License-Identifier: Apache-2.0
#include "slaves/runtime/master_url.h"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

namespace ov6 {
namespace {

uint16_t DefaultPort(bool tls) { return tls ? 443 : 80; }

}  // namespace

absl::StatusOr<MasterUrl> MasterUrl::Parse(std::string_view text) {
  const auto wrong = [&](const std::string& why) {
    return absl::InvalidArgumentError("\"" + std::string(text) + "\" is no master's address (" + why +
                                      "); https://master.example:443 would be one");
  };
  const auto url = boost::urls::parse_uri({text.data(), text.size()});
  if (url.has_error()) return wrong("it is no URL");
  MasterUrl master;
  master.tls = url->scheme_id() == boost::urls::scheme::https;
  if (!master.tls && url->scheme_id() != boost::urls::scheme::http) return wrong("neither https nor http");
  if (url->host_type() == boost::urls::host_type::ipv6) return wrong("masters are reached by IPv4");
  if (url->has_userinfo()) return wrong("a token goes into a file, see --token-file");
  const auto path = url->encoded_path();
  if ((!path.empty() && path != "/") || url->has_query() || url->has_fragment())
    return wrong("it has a path");
  master.host = url->host();
  if (master.host.empty()) return wrong("it has no host");
  if (url->has_port() && !url->port().empty() && url->port_number() == 0) return wrong("a bad port");
  master.port = url->port_number() != 0 ? url->port_number() : DefaultPort(master.tls);
  return master;
}

std::string MasterUrl::Authority() const { return host + ":" + std::to_string(port); }

std::string MasterUrl::HostField() const { return port == DefaultPort(tls) ? host : Authority(); }

std::string MasterUrl::ToString() const { return (tls ? "https://" : "http://") + HostField(); }

}  // namespace ov6
