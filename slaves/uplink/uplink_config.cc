// SPDX-License-Identifier: Apache-2.0
#include "slaves/uplink/uplink_config.h"

#include <boost/json.hpp>

#include "slaves/runtime/slave_main.h"

namespace ov6 {

absl::StatusOr<UplinkConfig> ReadUplinkConfig(const boost::json::object& config) {
  UplinkConfig read;
  const auto prefixes = PrefixListField(config, "prefixes"), sites = PrefixListField(config, "sites");
  const auto masters = StringListField(config, "masters");
  const auto token = StringField(config, "token"), proxy = StringField(config, "proxy"),
             authorities = StringField(config, "authorities");
  for (const absl::Status& status : {prefixes.status(), sites.status(), masters.status(), token.status(),
                                     proxy.status(), authorities.status()}) {
    if (!status.ok()) return status;
  }
  for (const std::string& text : *masters) {
    const auto master = MasterUrl::Parse(text);
    if (!master.ok()) return master.status();
    read.masters.push_back(*master);
  }
  if (read.masters.empty()) return absl::InvalidArgumentError("the configuration names no master");
  read.prefixes = *prefixes;
  read.sites = *sites;
  read.token = *token;
  read.proxy = *proxy;
  read.authorities = *authorities;
  return read;
}

}  // namespace ov6
