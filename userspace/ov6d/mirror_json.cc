// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/mirror_json.h"

#include <boost/json.hpp>

namespace ov6 {
namespace {

namespace json = boost::json;

json::object ToJson(const Locator& locator) {
  return {{"address", locator.address.ToString()},
          {"encapsulation", static_cast<int>(locator.encapsulation)},
          {"port", locator.port},
          {"priority", locator.priority},
          {"mtu", locator.mtu},
          {"fixed_port", locator.fixed_port}};
}

json::object ToJson(const Route& route) {
  return {{"slave_id", route.slave}, {"action", static_cast<int>(route.action)}, {"flags", route.flags}};
}

json::object ToJson(const Mapping& mapping) {
  json::array locators;
  for (const Locator& locator : mapping.locators) locators.push_back(ToJson(locator));
  json::object object = {{"slave_id", mapping.slave},
                         {"flags", mapping.flags},
                         {"span", mapping.span},
                         {"locators", std::move(locators)}};
  if (mapping.soft_expiry) object["soft_expiry_ns"] = ToNanoseconds(*mapping.soft_expiry);
  if (mapping.hard_expiry) object["hard_expiry_ns"] = ToNanoseconds(*mapping.hard_expiry);
  return object;
}

json::object ToJson(const Negative& negative) {
  return {{"slave_id", negative.slave},
          {"icmp_code", negative.icmp_code},
          {"failed", negative.failed},
          {"expiry_ns", ToNanoseconds(negative.expiry)}};
}

template <typename Entries>
std::string ListJson(const Entries& entries) {
  json::array list;
  list.reserve(entries.size());
  for (const auto& [prefix, value] : entries) {
    json::object object = ToJson(value);
    object["prefix"] = prefix.ToString();
    list.push_back(std::move(object));
  }
  return json::serialize(list);
}

}  // namespace

absl::StatusOr<std::string> MirrorJson(const Master& master, std::string_view table) {
  if (table == "routes") return ListJson(master.routes().routes());
  if (table == "mappings") return ListJson(master.mappings().mappings());
  if (table == "negatives") return ListJson(master.mappings().negatives());
  return absl::NotFoundError("there is no table \"" + std::string(table) + "\" in the master");
}

}  // namespace ov6
