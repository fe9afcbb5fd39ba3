// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6ctl/describe.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>

namespace ov6::ctl {
namespace {

namespace json = boost::json;

int64_t SecondsLeft(BootTime expiry, BootTime now) {
  return std::max<int64_t>(0, std::chrono::duration_cast<std::chrono::seconds>(expiry - now).count());
}

std::string Text(std::string_view view) { return std::string(view); }

json::object DescribeLocator(const Locator& locator) {
  return {{"address", locator.address.ToString()},
          {"encapsulation", Text(ToString(locator.encapsulation))},
          {"port", locator.port},
          {"priority", locator.priority},
          {"mtu", locator.mtu},
          {"fixed_port", locator.fixed_port}};
}

void AddSlave(SlaveId id, const SlaveNames& names, json::object* to) {
  (*to)["slave"] = names.Of(id);
  (*to)["slave_id"] = id;
}

const char* RoleName(uint8_t role) {
  switch (role) {
    case OV6_DEVICE_SITE:
      return "site";
    case OV6_DEVICE_UNDERLAY:
      return "underlay";
    case OV6_DEVICE_PORT:
      return "port";
  }
  return "none";
}

std::string MacText(const uint8_t (&mac)[6]) {
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", mac[0], mac[1], mac[2], mac[3], mac[4],
                     mac[5]);
}

struct VerdictName {
  int number;
  const char *name, *group, *sentence, *remedy;
};
constexpr VerdictName kVerdicts[] = {
#define OV6_VERDICT_NAME(number, name, group, sentence, remedy) {number, #name, #group, sentence, remedy},
    OV6_VERDICTS(OV6_VERDICT_NAME)
#undef OV6_VERDICT_NAME
};

// Since it was last confirmed.
std::optional<int64_t> AgeOf(const Mapping& mapping, BootTime now) {
  if (!mapping.hard_expiry || mapping.span == 0) return std::nullopt;
  return std::max<int64_t>(mapping.span - SecondsLeft(*mapping.hard_expiry, now), 0);
}

}  // namespace

absl::StatusOr<SlaveNames> SlaveNames::Read(Tables& tables) {
  const auto slaves = tables.Slaves();
  if (!slaves.ok()) return slaves.status();
  SlaveNames names;
  for (const auto& [id, slave] : *slaves) names.names_[id] = slave.name;
  return names;
}

std::string SlaveNames::Of(SlaveId id) const {
  if (id == OV6_SLAVE_OPERATOR) return "operator";
  const auto found = names_.find(id);
  return found == names_.end() ? std::to_string(id) : found->second;
}

json::object Describe(const Prefix& prefix, const Route& route, const SlaveNames& names) {
  json::object object = {{"dst", prefix.ToString()}, {"action", Text(ToString(route.action))}};
  AddSlave(route.slave, names, &object);
  object["relay"] = (route.flags & OV6_ROUTE_RELAY) != 0;
  object["direct"] = (route.flags & OV6_ROUTE_DIRECT) != 0;
  object["carried"] = (route.flags & OV6_ROUTE_CARRIED) != 0;
  return object;
}

json::object Describe(const Prefix& prefix, const Mapping& mapping, const SlaveNames& names, BootTime now) {
  json::array locators;
  for (const Locator& locator : mapping.locators) locators.push_back(DescribeLocator(locator));
  json::object object = {{"prefix", prefix.ToString()}, {"locators", std::move(locators)}};
  if (mapping.soft_expiry) object["soft_ttl_s"] = SecondsLeft(*mapping.soft_expiry, now);
  if (mapping.hard_expiry) object["ttl_s"] = SecondsLeft(*mapping.hard_expiry, now);
  if (const auto age = AgeOf(mapping, now)) object["age_s"] = *age;
  object["static"] = (mapping.flags & OV6_MAPPING_STATIC) != 0;
  object["former"] = (mapping.flags & OV6_MAPPING_FORMER) != 0;
  object["direct"] = (mapping.flags & OV6_MAPPING_DIRECT) != 0;
  const bool gone = (mapping.flags & OV6_MAPPING_STALE) != 0;
  const bool silent = (mapping.flags & OV6_MAPPING_SILENT) != 0;
  object["stale"] = gone || silent;
  if (gone || silent) object["why"] = gone ? "slave-gone" : "not-answered";
  object["expired"] = mapping.hard_expiry && *mapping.hard_expiry <= now;
  AddSlave(mapping.slave, names, &object);
  return object;
}

json::object Describe(const Prefix& prefix, const Negative& negative, const SlaveNames& names, BootTime now) {
  json::object object = {{"prefix", prefix.ToString()},
                         {"reason", negative.failed ? "failed" : "absent"},
                         {"icmp_code", negative.icmp_code},
                         {"ttl_s", SecondsLeft(negative.expiry, now)},
                         {"expired", negative.expiry <= now}};
  AddSlave(negative.slave, names, &object);
  return object;
}

json::object Describe(SlaveId id, const SlaveEntry& slave) {
  json::array prefixes;
  for (const Prefix& prefix : slave.prefixes) prefixes.push_back(json::string(prefix.ToString()));
  json::object object = {{"id", id},
                         {"name", slave.name},
                         {"kind", Text(ToString(slave.kind))},
                         {"state", slave.stale ? "stale" : "up"}};
  if (slave.port) object["port"] = *slave.port;
  object["prefixes"] = std::move(prefixes);
  return object;
}

json::object Describe(uint32_t ifindex, const ov6_device& device) {
  json::object object = {{"ifindex", ifindex},
                         {"role", RoleName(device.role)},
                         {"mtu", device.mtu},
                         {"mac", MacText(device.mac)},
                         {"xdp_door", (device.flags & OV6_DEVICE_XDP_DOOR) != 0},
                         {"xdp_target", (device.flags & OV6_DEVICE_XDP_TARGET) != 0}};
  if (device.role == OV6_DEVICE_UNDERLAY) {
    object["address"] = Ipv4::FromBe(device.address).ToString();
    object["encapsulation"] = Text(ToString(static_cast<Encapsulation>(device.encapsulation)));
    object["udp_port"] = ntohs(device.udp_port);
  }
  if (device.role == OV6_DEVICE_PORT) object["slot"] = device.slot;
  if (device.role == OV6_DEVICE_SITE) {
    Ipv6 source;
    std::copy(std::begin(device.icmp_source), std::end(device.icmp_source), source.bytes.begin());
    object["icmp_source"] = source.ToString();
    object["elsewhere"] = (device.flags & OV6_DEVICE_ELSEWHERE) != 0;
  }
  return object;
}

json::object Describe(const ov6_config& config) {
  const auto either = [](uint32_t value, uint32_t otherwise) { return value != 0 ? value : otherwise; };
  return {{"abi_version", config.abi_version},
          {"enabled", (config.flags & OV6_CONFIG_ENABLED) != 0},
          {"fib_ifindex", config.fib_ifindex},
          {"next_slave", config.next_slave},
          {"punt_rate", either(config.punt_rate, OV6_DEFAULT_PUNT_RATE)},
          {"punt_burst", either(config.punt_burst, OV6_DEFAULT_PUNT_BURST)},
          {"icmp_rate", either(config.icmp_rate, OV6_DEFAULT_ICMP_RATE)},
          {"icmp_burst", either(config.icmp_burst, OV6_DEFAULT_ICMP_BURST)},
          {"punt_source_rate", either(config.punt_source_rate, OV6_DEFAULT_PUNT_SOURCE_RATE)},
          {"punt_source_burst", either(config.punt_source_burst, OV6_DEFAULT_PUNT_SOURCE_BURST)},
          {"path_mtu_lifetime_s", either(config.path_mtu_lifetime, OV6_DEFAULT_PATH_MTU_LIFETIME)},
          {"dscp", config.dscp}};
}

json::object Describe(const Ipv4& peer, const ov6_path& path, Duration lifetime, BootTime now) {
  json::object object = {{"address", peer.ToString()}, {"mtu", path.mtu}};
  if (path.mtu == 0) return object;
  const BootTime expiry = FromNanoseconds(path.mtu_expiry);
  object["ttl_s"] = SecondsLeft(expiry, now);
  object["age_s"] = SecondsLeft(now, expiry - lifetime);
  object["expired"] = expiry <= now;
  return object;
}

std::vector<std::string_view> VerdictNames() {
  std::vector<std::string_view> names;
  for (const VerdictName& verdict : kVerdicts) names.emplace_back(verdict.name);
  return names;
}

std::vector<uint32_t> VerdictNumbers() {
  std::vector<uint32_t> numbers;
  for (const VerdictName& verdict : kVerdicts) numbers.push_back(static_cast<uint32_t>(verdict.number));
  return numbers;
}

json::object DescribeVerdict(uint32_t number) {
  for (const VerdictName& verdict : kVerdicts) {
    if (static_cast<uint32_t>(verdict.number) != number) continue;
    return {{"number", number},
            {"name", verdict.name},
            {"class", verdict.group},
            {"sentence", verdict.sentence},
            {"remedy", verdict.remedy}};
  }
  return {{"number", number}};
}

json::array DescribeVerdicts(const std::array<ov6_count, OV6_VERDICT_MAX>& counts, bool all) {
  json::array array;
  for (const VerdictName& verdict : kVerdicts) {
    const ov6_count& count = counts[static_cast<size_t>(verdict.number)];
    if (count.packets == 0 && !all) continue;
    json::object object = DescribeVerdict(static_cast<uint32_t>(verdict.number));
    object["packets"] = static_cast<uint64_t>(count.packets);
    object["bytes"] = static_cast<uint64_t>(count.bytes);
    array.push_back(std::move(object));
  }
  return array;
}

}  // namespace ov6::ctl
