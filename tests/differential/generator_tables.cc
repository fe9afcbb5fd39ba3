// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>

#include <algorithm>

#include "tests/differential/generator.h"
#include "tests/packet/world.h"

namespace ov6::differential {
namespace {
constexpr uint64_t kHour = 3'600'000'000'000;
}  // namespace

uint64_t Generator::Expiry() {
  if (moves_ && dice_.Chance(50)) return now_ + dice_.Of<uint64_t>({0, 1, 1'000'000, 2'000'000'000});
  return dice_.Of<uint64_t>({0, 0, 1, now_ + kHour, now_ + kHour});
}

model::Tables Generator::MakeTables() {
  model::Tables tables = differential::MakeTables(devices_);
  ChangeDevices(tables);
  ChangeRoutes(tables);
  ChangeMappings(tables);
  ChangeSlaves(tables);
  ChangeConfig(tables);
  ChangeBudgets(tables);
  return tables;
}

void Generator::ChangeDevices(model::Tables& tables) {
  ov6_device& lan = tables.devices[devices_.lan];
  ov6_device& lan2 = tables.devices[devices_.lan2];
  ov6_device& wan = tables.devices[devices_.wan];
  for (const uint32_t ifindex : {devices_.lan, devices_.lan2, devices_.wan}) {
    if (dice_.Chance(30))
      tables.devices[ifindex].mtu = dice_.Of<uint16_t>({0, 1000, 1279, 1280, 1400, 1492, 1500});
    // No target for XDP; one site is another machine's.
    if (dice_.Chance(15)) tables.devices[ifindex].flags = ifindex == devices_.lan ? OV6_DEVICE_ELSEWHERE : 0;
  }
  if (dice_.Chance(20)) wan.mtu = dice_.Of<uint16_t>({1280, 1299, 1300, 1308, 1320});
  // The error's source: the device's, another's, or none.
  if (dice_.Chance(15)) std::swap_ranges(lan.icmp_source, lan.icmp_source + 16, lan2.icmp_source);
  if (dice_.Chance(5)) std::fill(lan.icmp_source, lan.icmp_source + 16, uint8_t{0});
  if (dice_.Chance(3)) wan.address = At4("198.51.100.2").ToBe();
  if (dice_.Chance(5)) wan.udp_port = htons(4754);
  for (const uint32_t port : {devices_.port, devices_.port2})
    if (dice_.Chance(10)) tables.devices[port].mtu = dice_.Of<uint16_t>({0, 100, 1280, 1400});
  if (dice_.Chance(10)) tables.devices[devices_.port].slot = OV6_PORT_DAEMON;
  if (dice_.Chance(5)) tables.devices.erase(devices_.self);
  if (dice_.Chance(2))
    tables.devices.erase(dice_.Of({devices_.lan, devices_.wan, devices_.lan2, devices_.port}));
}

void Generator::ChangeRoutes(model::Tables& tables) {
  const auto set = [&](const char* prefix, ov6_action action, uint32_t slave, uint8_t flags = 0) {
    tables.routes[In(prefix)] = {slave, uint8_t(action), flags, {}};
  };
  if (dice_.Chance(10)) tables.routes.erase(In("::/0"));
  if (dice_.Chance(30)) set("fd00:3::/48", OV6_ACTION_TUNNEL, packet::kDht, OV6_ROUTE_RELAY);
  if (dice_.Chance(20)) set("fd00:2::/48", OV6_ACTION_TUNNEL, packet::kDht, OV6_ROUTE_RELAY);
  if (dice_.Chance(20))
    set("fd00:9::/48", OV6_ACTION_PORT, packet::kDht, dice_.Of<uint8_t>({0, OV6_ROUTE_CARRIED}));
  // What slaves carry themselves where no direct path leads.
  for (const char* carried : {"fd00:2::/48", "fd00:3::/48", "fd00:1:0:2::/64"})
    if (dice_.Chance(10))
      set(carried, dice_.Of({OV6_ACTION_PORT, OV6_ACTION_SITE}), packet::kDht,
          OV6_ROUTE_DIRECT | dice_.Of<uint8_t>({0, OV6_ROUTE_CARRIED}));
  // What moved away from our site, and what only looks so.
  for (const char* moved : {"fd00:1:0:1::/64", "fd00:1:0:1::11/128", "fd00:1::/48"})
    if (dice_.Chance(7)) set(moved, OV6_ACTION_TUNNEL, packet::kDht, OV6_ROUTE_RELAY);
  if (dice_.Chance(3))
    set("fd00:1:0:1::/64", ov6_action(dice_.Below(8)), packet::kDht, uint8_t(dice_.Below(8)));
  if (dice_.Chance(5)) set("fd00:1::/48", OV6_ACTION_TUNNEL, packet::kDht);
  if (dice_.Chance(5)) set("fd00:2::22/128", OV6_ACTION_REJECT, 0);
  if (dice_.Chance(3)) tables.routes.erase(In("fd00:1:0:1::/64"));
  if (dice_.Chance(5)) set("::/0", ov6_action(dice_.Below(8)), packet::kManagement, uint8_t(dice_.Below(8)));
}

ov6_mapping Generator::Mapping() {
  ov6_mapping mapping{};
  mapping.slave = packet::kDht;
  mapping.soft_expiry = Expiry();
  mapping.hard_expiry = Expiry();
  mapping.flags = dice_.Chance(20) ? OV6_MAPPING_STATIC : 0;
  if (dice_.Chance(5)) mapping.flags |= OV6_MAPPING_FORMER;
  if (dice_.Chance(20)) mapping.flags |= OV6_MAPPING_DIRECT;
  mapping.locator_count = dice_.Of<uint8_t>({0, 1, 1, 1, 2, 3, 4});
  for (ov6_locator& locator : mapping.locators) {
    locator.address = At4(Peer().c_str()).ToBe();
    locator.encapsulation = uint8_t(dice_.Below(2));
    locator.port = htons(dice_.Of<uint16_t>({OV6_UDP_PORT, 4754}));
    locator.priority = dice_.Chance(5) ? 255 : 1;
    locator.flags = dice_.Chance(20) ? OV6_LOCATOR_FIXED_PORT : 0;
    locator.mtu = dice_.Of<uint16_t>({0, 0, 0, 1000, 1280, 1300, 1308, 1400, 1500, 9000});
  }
  return mapping;
}

void Generator::ChangeMappings(model::Tables& tables) {
  for (const char* prefix : {"fd00:2::/48", "fd00:3::/48", "fd00:2::22/128", "fd00:2::/64", "fd00:9:1::/48"})
    if (dice_.Chance(40)) tables.mappings[In(prefix)] = Mapping();
  for (const char* site :
       {"fd00:1:0:1::/64", "fd00:1:0:2::/64", "fd00:1:0:1::11/128", "fd00:1::/48", "::/0"}) {
    if (!dice_.Chance(15)) continue;
    ov6_mapping& mapping = tables.mappings[In(site)] = Mapping();
    if (dice_.Chance(70)) mapping.flags |= OV6_MAPPING_FORMER;
  }
  if (dice_.Chance(10)) tables.mappings.erase(In("fd00:2::/48"));
  for (const char* prefix : {"fd00:9::/48", "fd00:2::/48", "2001:db8::/32", "fd00::/8", "fd00:9::99/128"})
    if (dice_.Chance(15))
      tables.negatives[In(prefix)] = {Expiry(), packet::kDht, dice_.Of<uint8_t>({0, 1, 3}), 0, {}};
  for (const char* peer : {"198.51.100.2", "203.0.113.3", "198.51.100.77"})
    if (dice_.Chance(25))
      tables.paths[At4(peer)] = {
          std::max<uint64_t>(Expiry(), 1), dice_.Of<uint16_t>({0, 68, 1280, 1300, 1308, 1400, 1499}), {}};
}

void Generator::ChangeSlaves(model::Tables& tables) {
  ov6_slave& dht = tables.slaves[packet::kDht];
  if (dice_.Chance(20)) {
    dht.prefix_count = dice_.Below(4);
    for (int i = 0; i < 3; i++)
      dht.prefixes[i] =
          In(dice_.Of({"fd00:2::/48", "fd00:2::22/128", "::/0", "fd00:2::20/123", "fd00:3::/33"})).ToAbi();
  }
  if (dice_.Chance(3))
    dht.port = dice_.Of<uint16_t>({OV6_PORT_NONE, packet::kManagementSlot, OV6_PORT_DAEMON});
  if (dice_.Chance(3)) tables.slaves.erase(packet::kDht);
  if (dice_.Chance(3)) tables.port_devices.erase(packet::kDhtSlot);
  if (dice_.Chance(70)) tables.port_devices[OV6_PORT_DAEMON] = devices_.port2;
}

void Generator::ChangeConfig(model::Tables& tables) {
  ov6_config& config = tables.config;
  if (dice_.Chance(2)) config.flags = 0;
  if (dice_.Chance(30)) config.dscp = uint8_t(dice_.Below(64));
  for (uint32_t* field : {&config.icmp_rate, &config.icmp_burst, &config.punt_rate, &config.punt_burst,
                          &config.punt_source_rate, &config.punt_source_burst})
    if (dice_.Chance(20)) *field = dice_.Of<uint32_t>({1, 2, 5, 100});
  if (dice_.Chance(20)) config.path_mtu_lifetime = 7;
}

// While the clock stands still an hour ahead, so that only packets change them while they are looked at.
void Generator::ChangeBudgets(model::Tables& tables) {
  const uint64_t ahead =
      moves_ ? now_ - dice_.Of<uint64_t>({0, 1, 999'999, 1'000'000'000, kHour}) : now_ + kHour;
  for (ov6_bucket& budget : tables.punt_budgets)
    budget = {ahead, dice_.Chance(10) ? dice_.Of<uint64_t>({0, 999, 1000, 1999, 2500}) : 2'000'000};
  for (const char* source : {"fd00:1:0:1::11", "fd00:1:0:2::22", "::ffff:198.51.100.0", "::ffff:203.0.113.0"})
    for (const ov6_bucket_purpose purpose : {OV6_BUCKET_ICMP, OV6_BUCKET_PUNT})
      if (dice_.Chance(40))
        tables.buckets[{At6(source), purpose}] = {ahead, dice_.Of<uint64_t>({0, 999, 1000, 5500, 1'000'000})};
  for (const ov6_bucket_purpose purpose : {OV6_BUCKET_STATION, OV6_BUCKET_ICMP_STATION}) {
    if (!dice_.Chance(20)) continue;
    model::BucketKey station{{}, purpose};
    std::copy(packet::kHostMac.begin(), packet::kHostMac.end(), station.source.bytes.begin());
    tables.buckets[station] = {ahead, dice_.Of<uint64_t>({0, 1000, 3000})};
  }
}

}  // namespace ov6::differential
