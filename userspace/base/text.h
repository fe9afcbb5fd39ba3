// SPDX-License-Identifier: Apache-2.0
// Statuses, prefixes and endpoints as text, for the log and for JSON.
#ifndef OV6_USERSPACE_BASE_TEXT_H
#define OV6_USERSPACE_BASE_TEXT_H

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "ov6/address.h"

namespace ov6 {

inline std::string Message(const absl::Status& status) { return std::string(status.message()); }

// "fd00::/8, fd12::/16"; `none` if there are none.
inline std::string PrefixesText(const std::vector<Prefix>& prefixes, std::string_view none) {
  std::string text;
  for (const Prefix& prefix : prefixes) text += (text.empty() ? "" : ", ") + prefix.ToString();
  return text.empty() ? std::string(none) : text;
}

inline boost::json::array Strings(const std::vector<Prefix>& prefixes) {
  boost::json::array array;
  for (const Prefix& prefix : prefixes) array.emplace_back(prefix.ToString());
  return array;
}

inline boost::json::array Strings(const std::vector<Endpoint>& places) {
  boost::json::array array;
  for (const Endpoint& place : places) array.emplace_back(place.ToString());
  return array;
}

// A text of a JSON object; empty where there is none.
inline std::string TextIn(const boost::json::object& object, std::string_view name) {
  const auto* value = object.if_contains({name.data(), name.size()});
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

}  // namespace ov6

#endif
