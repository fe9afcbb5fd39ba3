// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6ctl/entry_text.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>

#include "userspace/ov6ctl/json_text.h"

namespace ov6::ctl {
namespace {

namespace json = boost::json;

std::string Flags(const json::value& entry) {
  std::string text;
  for (const char* flag : {"relay", "static", "former", "direct", "carried", "stale", "expired"}) {
    if (MemberText(entry, flag) == "true") text += std::string(" ") + flag;
  }
  return text;
}

// " WORD VALUE" for a member that is there.
std::string Said(const json::value& entry, const char* member, const char* word) {
  const std::string value = MemberText(entry, member);
  return value.empty() ? "" : fmt::format(" {} {}", word, value);
}

}  // namespace

std::string RouteText(const json::value& route) {
  return MemberText(route, "dst") + " " + MemberText(route, "action") + Said(route, "slave", "slave") +
         Flags(route);
}

std::string MappingText(const json::value& mapping) {
  std::string text = MemberText(mapping, "prefix");
  for (const auto& locator : mapping.at("locators").as_array()) {
    text += Said(locator, "address", "via") + Said(locator, "encapsulation", "encap");
    if (MemberText(locator, "encapsulation") == "udp") text += Said(locator, "port", "port");
    text += Said(locator, "priority", "priority");
    if (MemberText(locator, "mtu") != "0") text += Said(locator, "mtu", "mtu");
  }
  return text + Said(mapping, "ttl_s", "ttl") + Said(mapping, "soft_ttl_s", "refresh") +
         Said(mapping, "age_s", "age") + Said(mapping, "slave", "slave") + Flags(mapping) +
         Said(mapping, "why", "why");
}

std::string NegativeText(const json::value& negative) {
  return MemberText(negative, "prefix") + " " + MemberText(negative, "reason") +
         Said(negative, "icmp_code", "code") + Said(negative, "ttl_s", "ttl") +
         Said(negative, "slave", "slave") + Flags(negative);
}

}  // namespace ov6::ctl
