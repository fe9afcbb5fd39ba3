// SPDX-License-Identifier: Apache-2.0
#include "tests/packet/world.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "tests/packet/front.h"
#include "tests/packet/shell.h"

namespace ov6::packet {
namespace {

std::string Text(const Mac& mac) {
  char text[18];
  std::snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
                mac[5]);
  return text;
}

// With GRO on a veth end has the receive queues that test-run asks for.
void MakePair(const std::string& name, const Mac& mac, const Mac& peer) {
  Run("ip link add " + name + " address " + Text(mac) + " type veth peer name " + name + "-p address " +
      Text(peer));
  Run("ip link set " + name + " up && ip link set " + name + "-p up");
  Run("ethtool -K " + name + " gro on");
}

void MakeDevices() {
  Run("ip link set lo up");
  MakePair("self", {2, 0, 0, 0, 9, 1}, {2, 0, 0, 0, 9, 2});
  MakePair("lan", kLanMac, kHostMac);
  MakePair("lan2", kLan2Mac, kHost2Mac);
  MakePair("wan", kWanMac, kPeerMac);
  MakePair("other", {2, 0, 0, 0, 5, 1}, {2, 0, 0, 0, 5, 2});
  MakePair("port", kPortMac, kFarMac);
  MakePair("port2", {2, 0, 0, 0, 6, 1}, {2, 0, 0, 0, 6, 2});
}

// Forwarding is on for the device that the kernel's routes are asked from, and for no other.
void MakeRoutes() {
  WriteFile("/proc/sys/net/ipv4/conf/self/forwarding", "1");
  WriteFile("/proc/sys/net/ipv6/conf/self/forwarding", "1");
  Run("ip addr add 198.51.100.1/24 dev wan && ip addr add 192.0.2.1/24 dev other");
  Run("ip route add 203.0.113.0/24 via 198.51.100.254");
  Run("ip neigh add 198.51.100.2 lladdr " + Text(kPeerMac) + " dev wan nud permanent");
  Run("ip neigh add 198.51.100.254 lladdr " + Text(kGatewayMac) + " dev wan nud permanent");
  Run("ip neigh add 192.0.2.2 lladdr 02:00:00:00:05:02 dev other nud permanent");
  Run("ip -6 addr add fd00:1:0:1::1/64 dev lan nodad && ip -6 addr add fd00:1:0:2::1/64 dev lan2 nodad");
  Run("ip -6 route add fd00:1:0:5::/64 via fe80::5 dev lan2");
  Run("ip -6 route add fd00:1:0:6::/64 via fd00:1:0:2::5");
  Run("ip -6 route add fd00:1:0:3::/64 dev wan");
  Run("ip -6 route add blackhole fd00:1:0:4::/64");
  Run("ip -6 neigh add fd00:1:0:1::11 lladdr " + Text(kHostMac) + " dev lan nud permanent");
  Run("ip -6 neigh add fd00:1:0:2::22 lladdr " + Text(kHost2Mac) + " dev lan2 nud permanent");
  for (const char* router : {"fe80::5", "fd00:1:0:2::5"})
    Run(std::string("ip -6 neigh add ") + router + " lladdr " + Text(kInnerRouterMac) +
        " dev lan2 nud permanent");
}

ov6_device NewDevice(ov6_device_role role, const Mac& mac) {
  ov6_device device{};
  device.role = role;
  device.flags = OV6_DEVICE_XDP_TARGET;
  device.mtu = 1500;
  device.slot = OV6_PORT_NONE;
  std::copy(mac.begin(), mac.end(), device.mac);
  return device;
}

void ResetDevices() {
  ov6_device lan = NewDevice(OV6_DEVICE_SITE, kLanMac);
  const Bytes source = Address6(kRouter);
  std::copy(source.begin(), source.end(), lan.icmp_source);
  SetDevice("lan", lan);
  SetDevice("lan2", NewDevice(OV6_DEVICE_SITE, kLan2Mac));
  ov6_device wan = NewDevice(OV6_DEVICE_UNDERLAY, kWanMac);
  wan.address = Address4(kWan);
  wan.udp_port = htons(OV6_UDP_PORT);
  SetDevice("wan", wan);
  ov6_device port = NewDevice(OV6_DEVICE_PORT, kPortMac);
  port.mtu = 1500 + OV6_PORT_HEADROOM;
  port.slot = kDhtSlot;
  SetDevice("port", port);
  port.slot = kManagementSlot;
  SetDevice("port2", port);
}

void ResetSlave(uint32_t id, const std::string& name, uint16_t slot, const std::string& prefix,
                const std::string& device) {
  ov6_slave slave{};
  std::copy(name.begin(), name.end(), slave.name);
  slave.port = slot;
  slave.prefix_count = 1;
  slave.prefixes[0] = Prefix(prefix);
  const uint32_t key = slot, ifindex = Ifindex(device);
  SetEntry("slaves", id, slave);
  SetEntry("slave_ports", key, ifindex);
  SetEntry("port_devices", key, ifindex);
}

void ResetRoutes() {
  SetRoute("::/0", OV6_ACTION_PORT, kManagement);
  SetRoute("fd00::/8", OV6_ACTION_TUNNEL, kDht);
  SetRoute("fd00:1::/48", OV6_ACTION_REJECT);
  for (const char* site : {"fd00:1:0:1::/64", "fd00:1:0:2::/64", "fd00:1:0:3::/64", "fd00:1:0:4::/64",
                           "fd00:1:0:5::/64", "fd00:1:0:6::/64"})
    SetRoute(site, OV6_ACTION_SITE);
  SetRoute("2001:db8:aaaa::/48", OV6_ACTION_PASS);
  SetRoute("2001:db8:bbbb::/48", OV6_ACTION_NONE);
}

void ResetConfig() {
  ov6_config config{};
  config.abi_version = OV6_ABI_VERSION;
  config.flags = OV6_CONFIG_ENABLED;
  config.fib_ifindex = Ifindex("self");
  SetEntry("config", uint32_t{0}, config);
}

void ZeroPerCpu(const std::string& map, uint32_t entries, size_t value_size) {
  const std::vector<char> zeros(value_size * libbpf_num_possible_cpus());
  for (uint32_t key = 0; key < entries; key++)
    bpf_map_update_elem(Programs::Get().Map(map), &key, zeros.data(), BPF_ANY);
}

}  // namespace

uint32_t Ifindex(const std::string& device) { return if_nametoindex(device.c_str()); }

void ReadMac(const std::string& device, uint8_t* mac) {
  ifreq request{};
  device.copy(request.ifr_name, IFNAMSIZ - 1);
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  ASSERT_EQ(ioctl(fd, SIOCGIFHWADDR, &request), 0) << device;
  close(fd);
  std::copy_n(request.ifr_hwaddr.sa_data, 6, mac);
}

void HangTcAt(const std::string& device, int program) {
  LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = int(Ifindex(device)), .attach_point = BPF_TC_INGRESS);
  LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = program);
  bpf_tc_hook_create(&hook);
  ASSERT_EQ(bpf_tc_attach(&hook, &options), 0) << device;
}

void ResetWorld() {
  static const bool made = (MakeDevices(), MakeRoutes(), true);
  (void)made;
  for (const char* map : {"routes", "mappings", "negatives", "slaves", "devices", "slave_ports",
                          "port_devices", "buckets", "locators"})
    ClearMap(map);
  ZeroPerCpu("verdicts", OV6_VERDICT_MAX, sizeof(ov6_count));
  ZeroPerCpu("punt_budget", 4, sizeof(ov6_bucket));
  FrontOff();
  ResetConfig();
  ResetDevices();
  ResetSlave(kDht, "chord", kDhtSlot, "fd00::/8", "port");
  ResetSlave(kManagement, "management", kManagementSlot, "::/0", "port2");
  ResetRoutes();
  SetMapping("fd00:2::/48", Mapping(Locator(kPeer)));
  ov6_locator udp = Locator(kFarPeer, OV6_ENCAPSULATION_UDP);
  SetMapping("fd00:3::/48", Mapping(udp));
}

ov6_prefix Prefix(const std::string& text) {
  const size_t slash = text.find('/');
  ov6_prefix prefix{};
  prefix.prefixlen = std::stoul(text.substr(slash + 1));
  const Bytes address = Address6(text.substr(0, slash));
  std::copy(address.begin(), address.end(), prefix.address);
  return prefix;
}

void SetRoute(const std::string& prefix, ov6_action action, uint32_t slave, uint8_t flags) {
  ov6_route route{};
  route.slave = slave;
  route.action = action;
  route.flags = flags;
  SetEntry("routes", Prefix(prefix), route);
}

void DeleteRoute(const std::string& prefix) {
  const ov6_prefix key = Prefix(prefix);
  bpf_map_delete_elem(Programs::Get().Map("routes"), &key);
}

ov6_locator Locator(const std::string& address, ov6_encapsulation encapsulation) {
  ov6_locator locator{};
  locator.address = Address4(address);
  locator.encapsulation = encapsulation;
  locator.port = encapsulation == OV6_ENCAPSULATION_UDP ? htons(OV6_UDP_PORT) : 0;
  locator.priority = 1;
  return locator;
}

ov6_mapping Mapping(const ov6_locator& locator) {
  ov6_mapping mapping{};
  mapping.slave = kDht;
  mapping.locator_count = 1;
  mapping.locators[0] = locator;
  return mapping;
}

void SetMapping(const std::string& prefix, const ov6_mapping& mapping) {
  SetEntry("mappings", Prefix(prefix), mapping);
}

ov6_mapping Direct(const std::string& peer, bool answered) {
  ov6_mapping mapping = Mapping(Locator(peer, OV6_ENCAPSULATION_UDP));
  mapping.locators[0].flags = OV6_LOCATOR_FIXED_PORT;
  mapping.flags = OV6_MAPPING_DIRECT;
  mapping.soft_expiry = answered ? BootTime() + 60000000000ull : 1;
  mapping.hard_expiry = BootTime() + 60000000000ull;
  return mapping;
}

ov6_mapping Former(const std::string& place) {
  ov6_mapping mapping = Mapping(Locator(place));
  mapping.locators[0].priority = 255;
  mapping.flags = OV6_MAPPING_FORMER;
  return mapping;
}

void SetNegative(const std::string& prefix, uint8_t code, uint64_t expiry) {
  ov6_negative negative{};
  negative.expiry = expiry;
  negative.icmp_code = code;
  SetEntry("negatives", Prefix(prefix), negative);
}

ov6_device Device(const std::string& name) {
  const uint32_t key = Ifindex(name);
  ov6_device device{};
  bpf_map_lookup_elem(Programs::Get().Map("devices"), &key, &device);
  return device;
}

void SetDevice(const std::string& name, const ov6_device& device) {
  SetEntry("devices", Ifindex(name), device);
}

ov6_config Config() {
  const uint32_t key = 0;
  ov6_config config{};
  bpf_map_lookup_elem(Programs::Get().Map("config"), &key, &config);
  return config;
}

uint64_t BootTime() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return now.tv_sec * 1000000000ull + now.tv_nsec;
}

void EmptyBucket(const std::string& source, ov6_bucket_purpose purpose) {
  ov6_bucket_key key{};
  const Bytes address = Address6(source);
  std::copy(address.begin(), address.end(), key.source);
  key.purpose = purpose;
  ov6_bucket bucket{};
  bucket.updated = BootTime() + 3600000000000ull;
  SetEntry("buckets", key, bucket);
}

void EmptyPuntBudget() {
  std::vector<ov6_bucket> cpus(libbpf_num_possible_cpus());
  for (ov6_bucket& cpu : cpus) cpu.updated = BootTime() + 3600000000000ull;
  for (uint32_t key = OV6_PUNT_MISS; key <= OV6_PUNT_VERIFY; key++)
    bpf_map_update_elem(Programs::Get().Map("punt_budget"), &key, cpus.data(), BPF_ANY);
}

Frame FromHost() { return Frame(kLanMac, kHostMac); }
Frame ToHost() { return Frame(kHostMac, kLanMac); }
Frame FromPeer() { return Frame(kWanMac, kPeerMac); }
Frame ToPeer() { return Frame(kPeerMac, kWanMac); }

void SetElsewhere(const std::string& name) {
  ov6_device device = Device(name);
  device.flags = OV6_DEVICE_ELSEWHERE;
  SetDevice(name, device);
  const uint32_t slot = OV6_PORT_DAEMON, port = Ifindex("port");
  SetEntry("slave_ports", slot, port);
  SetEntry("port_devices", slot, port);
}

ov6_port_header PortHeader(ov6_port_type type, const std::string& ingress, uint8_t reason) {
  ov6_port_header header{};
  header.version = OV6_PORT_HEADER_VERSION;
  header.type = type;
  header.reason = reason;
  if (type != OV6_PORT_CARRY) header.port = htons(kDhtSlot), header.slave = htonl(kDht);
  header.ingress = htonl(Ifindex(ingress));
  return header;
}

}  // namespace ov6::packet
