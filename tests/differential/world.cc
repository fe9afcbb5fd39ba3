// SPDX-License-Identifier: Apache-2.0
#include "tests/differential/world.h"

#include <arpa/inet.h>

#include <algorithm>

#include "tests/packet/shell.h"
#include "tests/packet/world.h"

namespace ov6::differential {
namespace {

using model::KernelRoute;
using packet::Mac;

constexpr Mac kSelfMac{2, 0, 0, 0, 9, 1}, kOtherMac{2, 0, 0, 0, 5, 1}, kPort2Mac{2, 0, 0, 0, 6, 1};

ov6_device Device(ov6_device_role role, const Mac& mac) {
  ov6_device device{};
  device.role = role;
  device.flags = OV6_DEVICE_XDP_TARGET;
  device.mtu = 1500;
  device.slot = OV6_PORT_NONE;
  std::copy(mac.begin(), mac.end(), device.mac);
  return device;
}

ov6_device Port(const Mac& mac, uint16_t slot) {
  ov6_device device = Device(OV6_DEVICE_PORT, mac);
  device.mtu = 1500 + OV6_PORT_HEADROOM;
  device.slot = slot;
  return device;
}

ov6_slave Slave(uint16_t slot, const char* prefix) {
  ov6_slave slave{};
  slave.port = slot;
  slave.prefix_count = 1;
  slave.prefixes[0] = In(prefix).ToAbi();
  return slave;
}

ov6_mapping Mapping(const char* peer, ov6_encapsulation encapsulation) {
  ov6_mapping mapping{};
  mapping.slave = packet::kDht;
  mapping.locator_count = 1;
  mapping.locators[0].address = At4(peer).ToBe();
  mapping.locators[0].encapsulation = encapsulation;
  mapping.locators[0].port = encapsulation == OV6_ENCAPSULATION_UDP ? htons(OV6_UDP_PORT) : 0;
  mapping.locators[0].priority = 1;
  return mapping;
}

}  // namespace

Ipv6 At6(const char* address) { return *Ipv6::Parse(address); }
Ipv4 At4(const char* address) { return *Ipv4::Parse(address); }
Prefix In(const char* prefix) { return *Prefix::Parse(prefix); }

Devices MakeDevices() {
  packet::ResetWorld();
  packet::Run("ip route add 100.65.0.0/24 via 198.51.100.254 mtu lock 1300");
  packet::Run("ip route add blackhole 100.66.0.0/24");
  packet::Run("ip -6 route add fd00:1:0:1:5::/80 dev lan2 mtu lock 1300");
  packet::Run("ip -6 neigh add fd00:1:0:1:5::1 lladdr 02:00:00:00:02:02 dev lan2 nud permanent");
  const auto index = [](const char* name) { return packet::Ifindex(name); };
  return {index("lan"),  index("lan2"),  index("wan"), index("other"),
          index("port"), index("port2"), index("self")};
}

model::Kernel MakeKernel(const Devices& d) {
  model::Kernel kernel;
  kernel.AddDevice(d.lan, packet::kLanMac);
  kernel.AddDevice(d.lan2, packet::kLan2Mac);
  kernel.AddDevice(d.wan, packet::kWanMac);
  kernel.AddDevice(d.other, kOtherMac);
  const Ipv6 gateway = model::Mapped(At4("198.51.100.254"));
  const auto ip4 = [](const char* address, int length) { return model::Mapped(At4(address), length); };
  for (const KernelRoute& route : std::vector<KernelRoute>{
           {KernelRoute::kUnicast, ip4("198.51.100.0", 24), d.wan, {}, 1500},
           {KernelRoute::kLocal, ip4("198.51.100.1", 32)},
           {KernelRoute::kUnicast, ip4("192.0.2.0", 24), d.other, {}, 1500},
           {KernelRoute::kLocal, ip4("192.0.2.1", 32)},
           {KernelRoute::kUnicast, ip4("203.0.113.0", 24), d.wan, gateway, 1500},
           {KernelRoute::kUnicast, ip4("100.65.0.0", 24), d.wan, gateway, 1300},
           {KernelRoute::kBlackhole, ip4("100.66.0.0", 24)},
           {KernelRoute::kUnicast, In("fd00:1:0:1::/64"), d.lan, {}, 1500},
           {KernelRoute::kUnicast, In("fd00:1:0:1:5::/80"), d.lan2, {}, 1300},
           {KernelRoute::kLocal, In("fd00:1:0:1::1/128")},
           {KernelRoute::kUnicast, In("fd00:1:0:2::/64"), d.lan2, {}, 1500},
           {KernelRoute::kLocal, In("fd00:1:0:2::1/128")},
           {KernelRoute::kUnicast, In("fd00:1:0:3::/64"), d.wan, {}, 1500},
           {KernelRoute::kBlackhole, In("fd00:1:0:4::/64")},
           {KernelRoute::kUnicast, In("fd00:1:0:5::/64"), d.lan2, At6("fe80::5"), 1500},
           {KernelRoute::kUnicast, In("fd00:1:0:6::/64"), d.lan2, At6("fd00:1:0:2::5"), 1500},
       })
    kernel.Add(route);
  kernel.AddNeighbour(d.wan, model::Mapped(At4("198.51.100.2")), packet::kPeerMac);
  kernel.AddNeighbour(d.wan, gateway, packet::kGatewayMac);
  kernel.AddNeighbour(d.other, model::Mapped(At4("192.0.2.2")), {2, 0, 0, 0, 5, 2});
  kernel.AddNeighbour(d.lan, At6("fd00:1:0:1::11"), packet::kHostMac);
  kernel.AddNeighbour(d.lan2, At6("fd00:1:0:2::22"), packet::kHost2Mac);
  kernel.AddNeighbour(d.lan2, At6("fd00:1:0:1:5::1"), packet::kHost2Mac);
  for (const char* router : {"fe80::5", "fd00:1:0:2::5"})
    kernel.AddNeighbour(d.lan2, At6(router), packet::kInnerRouterMac);
  return kernel;
}

model::Tables MakeTables(const Devices& d) {
  model::Tables tables;
  tables.config.abi_version = OV6_ABI_VERSION;
  tables.config.flags = OV6_CONFIG_ENABLED;
  tables.config.fib_ifindex = d.self;
  ov6_device lan = Device(OV6_DEVICE_SITE, packet::kLanMac);
  const Ipv6 router = At6("fd00:1:0:1::1");
  std::copy(router.bytes.begin(), router.bytes.end(), lan.icmp_source);
  ov6_device wan = Device(OV6_DEVICE_UNDERLAY, packet::kWanMac);
  wan.address = At4("198.51.100.1").ToBe();
  wan.udp_port = htons(OV6_UDP_PORT);
  tables.devices = {{d.lan, lan},
                    {d.lan2, Device(OV6_DEVICE_SITE, packet::kLan2Mac)},
                    {d.wan, wan},
                    {d.port, Port(packet::kPortMac, packet::kDhtSlot)},
                    {d.port2, Port(kPort2Mac, packet::kManagementSlot)},
                    {d.self, Device(OV6_DEVICE_NONE, kSelfMac)}};
  tables.slaves = {{packet::kDht, Slave(packet::kDhtSlot, "fd00::/8")},
                   {packet::kManagement, Slave(packet::kManagementSlot, "::/0")}};
  tables.port_devices = {{packet::kDhtSlot, d.port}, {packet::kManagementSlot, d.port2}};
  const auto route = [&](const char* prefix, ov6_action action, uint32_t slave = 0) {
    tables.routes[In(prefix)] = {slave, uint8_t(action), 0, {}};
  };
  route("::/0", OV6_ACTION_PORT, packet::kManagement);
  route("fd00::/8", OV6_ACTION_TUNNEL, packet::kDht);
  route("fd00:1::/48", OV6_ACTION_REJECT);
  for (const char* site : {"fd00:1:0:1::/64", "fd00:1:0:2::/64", "fd00:1:0:3::/64", "fd00:1:0:4::/64",
                           "fd00:1:0:5::/64", "fd00:1:0:6::/64"})
    route(site, OV6_ACTION_SITE);
  route("2001:db8:aaaa::/48", OV6_ACTION_PASS);
  route("2001:db8:bbbb::/48", OV6_ACTION_NONE);
  tables.mappings[In("fd00:2::/48")] = Mapping("198.51.100.2", OV6_ENCAPSULATION_6IN4);
  tables.mappings[In("fd00:3::/48")] = Mapping("203.0.113.3", OV6_ENCAPSULATION_UDP);
  return tables;
}

}  // namespace ov6::differential
