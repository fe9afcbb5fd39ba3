// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/slave_store.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/json.hpp>
#include <optional>
#include <utility>

#include "userspace/base/files.h"
#include "userspace/base/text.h"
#include "userspace/ov6d/config_tables.h"
#include "userspace/ov6d/remote_control.h"

namespace ov6 {
namespace {

namespace json = boost::json;

// What a [[slave]] can hold; another type is left for the reader to find missing or wrong.
toml::table TableOf(const json::object& body) {
  toml::table table;
  for (const auto& [key, value] : body) {
    const std::string name(key);
    if (value.is_string()) table.insert(name, std::string(value.get_string()));
    if (value.is_int64()) table.insert(name, value.get_int64());
    if (value.is_bool()) table.insert(name, value.get_bool());
    if (!value.is_array()) continue;
    toml::array array;
    for (const json::value& item : value.get_array()) {
      if (item.is_string()) array.push_back(std::string(item.get_string()));
    }
    table.insert(name, std::move(array));
  }
  return table;
}

absl::StatusOr<SlaveConfig> Read(const Config& config, const json::object& body) {
  Config with = config;
  with.file.clear();
  const toml::table table = TableOf(body);
  ConfigReader reader(table, with.file, "a slave");
  if (absl::Status status = ReadSlave(reader, &with); !status.ok()) return status;
  SlaveConfig slave = std::move(with.slaves.back());
  bool elsewhere = std::any_of(config.resolvers.begin(), config.resolvers.end(),
                               [&](const ResolverConfig& resolver) { return resolver.name == slave.name; });
  elsewhere |= std::any_of(config.sites.begin(), config.sites.end(), [&](const SiteConfig& site) {
    return site.remote == slave.name || site.interface == RemoteControl::DeviceOf(slave.name);
  });
  if (elsewhere) return absl::AlreadyExistsError("\"" + slave.name + "\" is the name of a slave elsewhere");
  return slave;
}

}  // namespace

absl::Status SlaveStore::Load(Config* config) {
  const auto text = ReadFile(file_);
  if (absl::IsNotFound(text.status())) return absl::OkStatus();
  if (!text.ok()) return text.status();
  boost::system::error_code error;
  const json::value value = json::parse(*text, error);
  const auto* list = error ? nullptr : value.if_array();
  const bool good = list != nullptr && std::all_of(list->begin(), list->end(), [](const json::value& item) {
                      return item.is_object() && !TextIn(item.get_object(), "name").empty();
                    });
  if (!good)
    return absl::DataLossError(file_.string() +
                               " is damaged: it should be a list of slaves that were added; put a copy back "
                               "or take it away and add them again");
  for (const json::value& item : *list) {
    const json::object& body = item.get_object();
    const std::string name = TextIn(body, "name");
    added_[name] = body;
    auto slave = Read(*config, body);
    if (slave.ok())
      config->slaves.push_back(*std::move(slave));
    else
      spdlog::warn("the slave {}, which was added, is not served: {}", name, Message(slave.status()));
  }
  return absl::OkStatus();
}

absl::Status SlaveStore::Save(Added added) {
  json::array list;
  for (const auto& [name, body] : added) list.push_back(body);
  absl::Status status = WriteFileAtomically(file_, json::serialize(list) + "\n", 0600);
  if (status.ok()) added_ = std::move(added);
  return status;
}

absl::StatusOr<SlaveConfig> SlaveStore::Add(const Config& config, const json::object& body) {
  auto slave = Read(config, body);
  if (!slave.ok()) return slave.status();
  if (Has(slave->name))
    return absl::AlreadyExistsError("\"" + slave->name +
                                    "\" was added already, and is not served since the "
                                    "configuration has no room for it; \"ov6ctl slave del\" forgets it");
  if (added_.size() >= kMost)
    return absl::ResourceExhaustedError("no more than " + std::to_string(kMost) + " slaves can be added");
  Added added = added_;
  added[slave->name] = body;
  added[slave->name]["name"] = slave->name;
  if (absl::Status status = Save(std::move(added)); !status.ok()) return status;
  return slave;
}

absl::Status SlaveStore::Remove(const std::string& name) {
  Added added = added_;
  if (added.erase(name) == 0) return absl::NotFoundError("no slave named \"" + name + "\" was added");
  return Save(std::move(added));
}

}  // namespace ov6
