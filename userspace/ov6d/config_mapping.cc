// SPDX-License-Identifier: Apache-2.0
// What the file says of tunnels set by hand: [[mapping]].
#include <algorithm>

#include "userspace/ov6d/config_tables.h"

namespace ov6 {
namespace {

constexpr int64_t kSmallestDatagram = 576;  // any IPv4 host takes it: RFC 791

// The keys that say where a tunnel ends; `key`: the address's.
void ReadLocatorKeys(ConfigReader& reader, std::string_view key, Locator* locator) {
  const std::string wanted = "the IPv4 address of the tunnel's other end, such as 198.51.100.2";
  reader.Require(key, wanted);
  reader.Parsed(key, wanted, [&](const std::string& text) {
    return Take(Ipv4::Parse(text), &locator->address) && !locator->address.IsMartian();
  });
  reader.Parsed("encapsulation", "\"6in4\" or \"udp\"", [&](const std::string& text) {
    return Take(ParseEncapsulation(text), &locator->encapsulation);
  });
  const bool udp = locator->encapsulation == Encapsulation::kUdp;
  int64_t port = udp ? OV6_UDP_PORT : 0, mtu = locator->mtu;
  reader.Integer("port", 1, 65535, &port);
  reader.Integer("mtu", kSmallestDatagram, 65535, &mtu);
  if (!udp && port != 0) {
    reader.Fail("port", "key \"port\" is " + std::to_string(port) +
                            ", and 6in4 has none; it should be left out, or \"encapsulation\" be \"udp\"");
  }
  locator->port = static_cast<uint16_t>(port);
  locator->mtu = static_cast<uint16_t>(mtu);
}

absl::Status ReadLocator(ConfigReader& reader, MappingConfig* mapping) {
  Locator locator;
  int64_t priority = static_cast<int64_t>(mapping->locators.size()) + 1;
  ReadLocatorKeys(reader, "address", &locator);
  reader.Integer("priority", 0, 255, &priority);
  locator.priority = static_cast<uint8_t>(priority);
  mapping->locators.push_back(locator);
  return reader.Finish();
}

void CheckMapping(ConfigReader& reader, const Config& config, const MappingConfig& mapping) {
  const std::string text = "key \"prefix\" is \"" + mapping.prefix.ToString() + "\"";
  if (mapping.prefix.length == 0) {
    reader.Fail("prefix", text + ", which is the management slave's; it should be longer, such as 2000::/3");
  }
  for (const MappingConfig& other : config.mappings) {
    if (other.prefix == mapping.prefix) {
      reader.Fail("prefix", text + ", as an earlier mapping's; it should be a prefix of its own");
    }
  }
  for (const Domain& domain : config.domains) {
    if (mapping.prefix.Contains(domain.prefix)) {
      reader.Fail("prefix", text + ", which covers the domain \"" + domain.name +
                                "\", so that nothing in it would be asked for; it should be outside " +
                                domain.prefix.ToString() + ", or a part of it");
    }
  }
  if (mapping.locators.empty() || mapping.locators.size() > OV6_MAX_LOCATORS) {
    reader.Fail("locators", "key \"locators\" has " + std::to_string(mapping.locators.size()) +
                                " tables; it should be 1 to " + std::to_string(OV6_MAX_LOCATORS));
  }
}

}  // namespace

absl::Status ReadMapping(ConfigReader& reader, Config* config) {
  MappingConfig mapping;
  reader.Require("prefix", kPrefixWanted);
  reader.Parsed("prefix", kPrefixWanted,
                [&](const std::string& text) { return Take(Prefix::Parse(text), &mapping.prefix); });
  const bool listed = reader.Has("locators");
  mapping.line = reader.LineOf(listed ? "locators" : "via");
  if (listed) {
    reader.EachTable("locators", "tables such as { address = \"198.51.100.2\" }",
                     [&](ConfigReader& table) { return ReadLocator(table, &mapping); });
  } else {
    ReadLocatorKeys(reader, "via", &mapping.locators.emplace_back());
  }
  std::stable_sort(mapping.locators.begin(), mapping.locators.end(),
                   [](const Locator& a, const Locator& b) { return a.priority < b.priority; });
  CheckMapping(reader, *config, mapping);
  config->mappings.push_back(std::move(mapping));
  return reader.Finish();
}

}  // namespace ov6
