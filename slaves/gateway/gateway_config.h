// SPDX-License-Identifier: Apache-2.0
// What `config` says of a site (docs/slave-protocol.md section 5), local or remote.
#ifndef OV6_SLAVES_GATEWAY_GATEWAY_CONFIG_H
#define OV6_SLAVES_GATEWAY_GATEWAY_CONFIG_H

#include <boost/json/fwd.hpp>
#include <vector>

#include "absl/status/statusor.h"
#include "ov6/address.h"

namespace ov6 {

struct GatewayConfig {
  std::vector<Prefix> prefixes;   // the site's; those longer than a subnet are not advertised
  std::vector<Prefix> advertise;  // subnets on the site's link
  std::vector<Prefix> domains;    // the overlays they are of, each once
  int mtu = 0;
  bool segments = false;  // DATAGRAMs of kSegmentContext go both ways
};

absl::StatusOr<GatewayConfig> ReadGatewayConfig(const boost::json::object& config);

}  // namespace ov6

#endif
