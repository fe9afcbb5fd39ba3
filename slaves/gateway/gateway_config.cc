// SPDX-License-Identifier: Apache-2.0
#include "slaves/gateway/gateway_config.h"

#include <algorithm>
#include <boost/json.hpp>

#include "slaves/runtime/slave_main.h"

namespace ov6 {
namespace {

absl::Status ReadAdvertised(const boost::json::value& item, GatewayConfig* read) {
  if (!item.is_object())
    return absl::InvalidArgumentError("an entry of \"advertise\" is not an object with a prefix");
  const auto text = StringField(item.get_object(), "prefix");
  if (!text.ok()) return text.status();
  const auto prefix = Prefix::Parse(*text);
  if (!prefix) return absl::InvalidArgumentError("\"" + *text + "\" in \"advertise\" is not an IPv6 prefix");
  read->advertise.push_back(*prefix);
  const auto domain = StringField(item.get_object(), "domain_prefix");
  const auto overlay = domain.ok() ? Prefix::Parse(*domain) : std::nullopt;
  if (overlay && std::find(read->domains.begin(), read->domains.end(), *overlay) == read->domains.end())
    read->domains.push_back(*overlay);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<GatewayConfig> ReadGatewayConfig(const boost::json::object& config) {
  GatewayConfig read;
  const auto mtu = IntegerField(config, "mtu");
  const auto prefixes = PrefixListField(config, "prefixes");
  for (const absl::Status& status : {mtu.status(), prefixes.status()}) {
    if (!status.ok()) return status;
  }
  if (*mtu < 1280 || *mtu > 65535)
    return absl::InvalidArgumentError("an MTU of " + std::to_string(*mtu) + " is none of IPv6");
  read.mtu = static_cast<int>(*mtu);
  read.prefixes = *prefixes;
  const auto* segments = config.if_contains("segments");
  read.segments = segments != nullptr && segments->is_bool() && segments->get_bool();
  const auto* advertise = config.if_contains("advertise");
  if (advertise == nullptr || !advertise->is_array())
    return absl::InvalidArgumentError(
        "the configuration's field \"advertise\" should be a list of objects with a prefix");
  for (const auto& item : advertise->get_array()) {
    if (absl::Status status = ReadAdvertised(item, &read); !status.ok()) return status;
  }
  return read;
}

}  // namespace ov6
