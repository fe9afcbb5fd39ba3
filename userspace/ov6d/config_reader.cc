// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/config_reader.h"

#include <sstream>
#include <utility>

#include "userspace/ov6d/config.h"

namespace ov6 {
namespace {

int LineIn(const toml::node& node) { return static_cast<int>(node.source().begin.line); }

std::string Shown(const toml::node& node) {
  std::ostringstream text;
  if (const auto* string = node.as_string()) {
    text << '"' << string->get() << '"';
  } else if (const auto* integer = node.as_integer()) {
    text << integer->get();
  } else if (const auto* number = node.as_floating_point()) {
    text << number->get();
  } else if (const auto* boolean = node.as_boolean()) {
    text << (boolean->get() ? "true" : "false");
  } else {
    text << "of the type " << node.type();
  }
  return text.str();
}

}  // namespace

ConfigReader::ConfigReader(const toml::table& table, std::string file, std::string where)
    : table_(table), file_(std::move(file)), where_(std::move(where)), line_(LineIn(table)) {}

int ConfigReader::LineOf(std::string_view key) const {
  const toml::node* node = table_.get(key);
  return node == nullptr ? line_ : LineIn(*node);
}

const toml::node* ConfigReader::Find(std::string_view key) {
  asked_.emplace(key);
  return status_.ok() ? table_.get(key) : nullptr;
}

void ConfigReader::String(std::string_view key, std::string* out) {
  Parsed(key, "a text that is not empty", [out](const std::string& text) {
    *out = text;
    return !text.empty();
  });
}

void ConfigReader::Boolean(std::string_view key, bool* out) {
  const toml::node* node = Find(key);
  if (node == nullptr) return;
  const auto value = node->value_exact<bool>();
  if (!value) return Wrong(*node, key, "true or false");
  *out = *value;
}

void ConfigReader::Integer(std::string_view key, int64_t first, int64_t last, int64_t* out) {
  const toml::node* node = Find(key);
  if (node == nullptr) return;
  const auto* integer = node->as_integer();
  if (integer != nullptr && integer->get() >= first && integer->get() <= last) {
    *out = integer->get();
  } else {
    Wrong(*node, key, "a number from " + std::to_string(first) + " to " + std::to_string(last));
  }
}

void ConfigReader::Parsed(std::string_view key, const std::string& wanted,
                          const std::function<bool(const std::string&)>& parse) {
  const toml::node* node = Find(key);
  if (node == nullptr) return;
  const auto* string = node->as_string();
  if (string == nullptr || !parse(string->get())) Wrong(*node, key, wanted);
}

void ConfigReader::EachString(std::string_view key, const std::string& wanted,
                              const std::function<bool(const std::string&, int line)>& take) {
  const toml::node* node = Find(key);
  if (node == nullptr) return;
  const auto* array = node->as_array();
  if (array == nullptr) return Wrong(*node, key, "a list of " + wanted);
  for (const toml::node& item : *array) {
    const auto* string = item.as_string();
    if (string == nullptr || !take(string->get(), LineIn(item))) return Wrong(item, key, wanted);
  }
}

void ConfigReader::EachInteger(std::string_view key, int64_t first, int64_t last,
                               const std::function<void(int64_t)>& take) {
  const toml::node* node = Find(key);
  if (node == nullptr) return;
  const std::string wanted = "a number from " + std::to_string(first) + " to " + std::to_string(last);
  const auto* array = node->as_array();
  if (array == nullptr) return Wrong(*node, key, "a list, each " + wanted);
  for (const toml::node& item : *array) {
    const auto* integer = item.as_integer();
    if (integer == nullptr || integer->get() < first || integer->get() > last)
      return Wrong(item, key, wanted);
    take(integer->get());
  }
}

void ConfigReader::EachTable(std::string_view key, const std::string& wanted,
                             const std::function<absl::Status(ConfigReader&)>& read) {
  const toml::node* node = Find(key);
  if (node == nullptr) return;
  const auto* array = node->as_array();
  if (array == nullptr) return Wrong(*node, key, "a list of " + wanted);
  for (const toml::node& item : *array) {
    const auto* table = item.as_table();
    if (table == nullptr) return Wrong(item, key, wanted);
    ConfigReader reader(*table, file_, "\"" + std::string(key) + "\"");
    status_ = read(reader);
    if (!ok()) return;
  }
}

void ConfigReader::Require(std::string_view key, const std::string& wanted) {
  if (Find(key) == nullptr && ok()) {
    Fail(key, where_ + " has no key \"" + std::string(key) + "\"; it should be " + wanted);
  }
}

void ConfigReader::Fail(std::string_view key, const std::string& sentence) {
  if (ok()) status_ = ConfigError(file_, LineOf(key), sentence);
}

void ConfigReader::Wrong(const toml::node& node, std::string_view key, const std::string& wanted) {
  if (!ok()) return;
  status_ = ConfigError(file_, LineIn(node),
                        "key \"" + std::string(key) + "\" is " + Shown(node) + "; it should be " + wanted);
}

absl::Status ConfigReader::Finish() {
  if (!ok()) return status_;
  for (const auto& [key, node] : table_) {
    if (asked_.contains(key.str())) continue;
    std::string known;
    for (const std::string& name : asked_) known += (known.empty() ? "" : ", ") + name;
    return ConfigError(
        file_, static_cast<int>(key.source().begin.line),
        "unknown key \"" + std::string(key.str()) + "\" in " + where_ + "; known are: " + known);
  }
  return absl::OkStatus();
}

}  // namespace ov6
