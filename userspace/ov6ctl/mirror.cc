// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6ctl/mirror.h"

#include <boost/json/array.hpp>

#include "userspace/ov6ctl/exit_code.h"

namespace ov6::ctl {
namespace {

namespace json = boost::json;

// Throws, as the accessors of JSON do, on what is missing or of another type; caught in ReadTable.
template <typename T>
T Number(const json::object& object, const char* name) {
  return object.at(name).to_number<T>();
}

std::optional<BootTime> Time(const json::object& object, const char* name) {
  if (!object.contains(name)) return std::nullopt;
  return FromNanoseconds(Number<uint64_t>(object, name));
}

void Read(const json::object& object, Route* route) {
  route->slave = Number<SlaveId>(object, "slave_id");
  route->action = static_cast<Action>(Number<int>(object, "action"));
  route->flags = Number<uint8_t>(object, "flags");
}

void Read(const json::object& object, Mapping* mapping) {
  mapping->slave = Number<SlaveId>(object, "slave_id");
  mapping->flags = Number<uint8_t>(object, "flags");
  mapping->span = Number<uint16_t>(object, "span");
  mapping->soft_expiry = Time(object, "soft_expiry_ns");
  mapping->hard_expiry = Time(object, "hard_expiry_ns");
  for (const auto& item : object.at("locators").as_array()) {
    const json::object& locator = item.as_object();
    mapping->locators.push_back(
        {.address = Ipv4::Parse(std::string(locator.at("address").as_string())).value_or(Ipv4{}),
         .encapsulation = static_cast<Encapsulation>(Number<int>(locator, "encapsulation")),
         .port = Number<uint16_t>(locator, "port"),
         .priority = Number<uint8_t>(locator, "priority"),
         .mtu = Number<uint16_t>(locator, "mtu"),
         .fixed_port = locator.at("fixed_port").as_bool()});
  }
}

void Read(const json::object& object, Negative* negative) {
  negative->slave = Number<SlaveId>(object, "slave_id");
  negative->icmp_code = Number<uint8_t>(object, "icmp_code");
  negative->failed = object.at("failed").as_bool();
  negative->expiry = FromNanoseconds(Number<uint64_t>(object, "expiry_ns"));
}

template <typename Value>
absl::Status ReadTable(Daemon& daemon, const std::string& table, std::map<Prefix, Value>* to) {
  const auto list = daemon.Get("/v1/mirror/" + table);
  // A daemon of an earlier version: nothing was "not found" of what was asked for.
  if (absl::IsNotFound(list.status())) {
    return Refused("this daemon does not show its tables: it is of another version");
  }
  if (!list.ok()) return list.status();
  try {
    for (const auto& item : list->as_array()) {
      const json::object& object = item.as_object();
      const auto prefix = Prefix::Parse(std::string(object.at("prefix").as_string()));
      if (!prefix) return Refused("the daemon's table \"" + table + "\" has an entry without a prefix");
      Read(object, &(*to)[*prefix]);
    }
  } catch (const std::exception& error) {
    return Refused("the daemon's table \"" + table + "\" is not as it should be: " + error.what());
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<MirrorTables> ReadMirror(Daemon& daemon) {
  MirrorTables tables;
  if (auto status = ReadTable(daemon, "routes", &tables.routes); !status.ok()) return status;
  if (auto status = ReadTable(daemon, "mappings", &tables.mappings); !status.ok()) return status;
  if (auto status = ReadTable(daemon, "negatives", &tables.negatives); !status.ok()) return status;
  return tables;
}

}  // namespace ov6::ctl
