// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6ctl/json_text.h"

#include <boost/json/serialize.hpp>

namespace ov6::ctl {
namespace {

namespace json = boost::json;

std::string Indent(int level) { return "\n" + std::string(4 * static_cast<size_t>(level), ' '); }

void Append(const json::value& value, int level, std::string* out);

void AppendArray(const json::array& array, int level, std::string* out) {
  *out += '[';
  for (size_t i = 0; i < array.size(); ++i) {
    *out += (i > 0 ? "," : "") + Indent(level + 1);
    Append(array[i], level + 1, out);
  }
  *out += (array.empty() ? "" : Indent(level)) + "]";
}

void AppendObject(const json::object& object, int level, std::string* out) {
  *out += '{';
  bool first = true;
  for (const auto& [key, member] : object) {
    *out += (first ? "" : ",") + Indent(level + 1) + json::serialize(json::string(key)) + ": ";
    Append(member, level + 1, out);
    first = false;
  }
  *out += (object.empty() ? "" : Indent(level)) + "}";
}

void Append(const json::value& value, int level, std::string* out) {
  if (value.is_array()) return AppendArray(value.get_array(), level, out);
  if (value.is_object()) return AppendObject(value.get_object(), level, out);
  *out += json::serialize(value);
}

std::string PlainText(const json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  if (value.is_null()) return "";
  if (!value.is_array()) return json::serialize(value);
  std::string text;
  for (const auto& element : value.get_array()) text += (text.empty() ? "" : " ") + PlainText(element);
  return text;
}

}  // namespace

std::string ToPrettyJson(const json::value& value) {
  std::string text;
  Append(value, 0, &text);
  return text;
}

const json::value* Member(const json::value& object, const char* name) {
  const auto* members = object.if_object();
  return members != nullptr ? members->if_contains(name) : nullptr;
}

const json::array& MemberArray(const json::value& object, const char* name) {
  static const json::array kEmpty;
  const auto* member = Member(object, name);
  return member != nullptr && member->is_array() ? member->get_array() : kEmpty;
}

std::string MemberText(const json::value& object, const char* name) {
  const auto* member = Member(object, name);
  return member != nullptr ? PlainText(*member) : "";
}

}  // namespace ov6::ctl
