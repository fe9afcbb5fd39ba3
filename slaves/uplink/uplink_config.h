// SPDX-License-Identifier: Apache-2.0
// What `config` says of an uplink (docs/slave-protocol.md section 5).
#ifndef OV6_SLAVES_UPLINK_UPLINK_CONFIG_H
#define OV6_SLAVES_UPLINK_UPLINK_CONFIG_H

#include <boost/json/fwd.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ov6/address.h"
#include "slaves/runtime/master_url.h"

namespace ov6 {

struct UplinkConfig {
  std::vector<Prefix> prefixes;  // whose packets go up: the domain's
  std::vector<Prefix> sites;     // what this router's sites have of it
  std::vector<MasterUrl> masters;
  std::string token;
  std::string proxy;        // empty: none
  std::string authorities;  // PEM file; empty: the system's
  bool operator==(const UplinkConfig&) const = default;
};

absl::StatusOr<UplinkConfig> ReadUplinkConfig(const boost::json::object& config);

}  // namespace ov6

#endif
