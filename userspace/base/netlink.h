// SPDX-License-Identifier: Apache-2.0
// Links, addresses and device features through rtnetlink (libmnl), generic netlink
// and the ethtool ioctl, and sysctls through /proc/sys. Each call opens what it needs
// in the calling thread's network namespace and closes it again; nothing is cached.
// Errors are sentences that name the interface; NotFound: there is no such thing.
#ifndef OV6_USERSPACE_BASE_NETLINK_H
#define OV6_USERSPACE_BASE_NETLINK_H

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ov6/address.h"

namespace ov6::netlink {

struct Link {
  uint32_t ifindex = 0;
  std::string name;
  std::string kind;            // "veth", "bridge", "tun"...; empty: a device with a driver
  uint16_t hardware_type = 0;  // ARPHRD_*
  std::array<uint8_t, 6> mac{};
  uint32_t mtu = 0;
  bool up = false;       // administratively
  bool carrier = false;  // up, and with something at the other end
  uint32_t parent = 0;   // of this namespace, for a VLAN and the like: ifindex of the device it stands on
};

absl::StatusOr<Link> GetLink(const std::string& name);
absl::StatusOr<Link> GetLink(uint32_t ifindex);
absl::StatusOr<std::vector<Link>> Links();

struct VethSpec {
  std::string name;
  std::string peer;
  uint32_t mtu = 1500;
  uint32_t queues = 1;
  std::optional<std::array<uint8_t, 6>> mac;  // of both ends; nullopt: the kernel chooses two
  int peer_netns_fd = -1;                     // -1: the calling thread's namespace
};
// Both ends are down. AlreadyExists: the name is taken.
absl::Status CreateVeth(const VethSpec& spec);
absl::Status DeleteLink(const std::string& name);
absl::Status SetLinkUp(uint32_t ifindex, bool up);
absl::Status SetLinkMtu(uint32_t ifindex, uint32_t mtu);
absl::Status SetLinkMac(uint32_t ifindex, const std::array<uint8_t, 6>& mac);
// Frames to anyone there carry the device's own MAC address, and nobody is asked for theirs.
absl::Status SetLinkNoArp(uint32_t ifindex);

struct InterfaceAddress6 {
  Ipv6 address;
  int length = 0;
  bool operator==(const InterfaceAddress6&) const = default;
};
// In the kernel's order: the first is the primary one.
absl::StatusOr<std::vector<Ipv4>> Ipv4Addresses(uint32_t ifindex);
absl::StatusOr<std::vector<InterfaceAddress6>> Ipv6Addresses(uint32_t ifindex);
// IPv6 addresses are added without duplicate address detection. AlreadyExists: it is there.
absl::Status AddAddress(uint32_t ifindex, const Ipv6& address, int length);
absl::Status DeleteAddress(uint32_t ifindex, const Ipv6& address, int length);
// A /32 of scope "host": the kernel never chooses it as a source. AlreadyExists: it is there.
absl::Status AddHostAddress(uint32_t ifindex, const Ipv4& address);

// A route of the main table.
struct Route6 {
  Prefix prefix;
  uint32_t ifindex = 0;        // the device; ignored if unreachable
  std::optional<Ipv6> source;  // what local processes send from
  uint32_t metric = 1024;
  bool unreachable = false;  // answers "no route" here
  auto operator<=>(const Route6&) const = default;
};
// Those that carry this protocol number (RTPROT_*), by which their owner knows them.
absl::StatusOr<std::vector<Route6>> Routes6(uint8_t protocol);
// Replaces one of the same prefix and metric. InvalidArgument: the source is no address of this machine.
absl::Status SetRoute6(const Route6& route, uint8_t protocol);
absl::Status DeleteRoute6(const Route6& route, uint8_t protocol);

// Has the kernel ask now who has the address there. Of one that it asks for already it forgets that first: it
// would ask again after a second.
absl::Status SolicitNeighbour(uint32_t ifindex, const Ipv6& address);
// Whether a packet to it could be sent now.
bool KnowsNeighbour(uint32_t ifindex, const Ipv6& address);

// The driver's name as ethtool -i shows it.
absl::StatusOr<std::string> Driver(const std::string& name);
absl::Status SetTxChecksum(const std::string& name, bool on);
absl::Status SetGro(const std::string& name, bool on);

// What the driver says of XDP (the "netdev" generic netlink family, kernels from 6.3
// on). nullopt: this kernel does not tell.
struct XdpFeatures {
  bool native = false;           // runs programs and redirects
  bool redirect_target = false;  // takes frames redirected to it; for veth: its peer has XDP or GRO now
  bool operator==(const XdpFeatures&) const = default;
};
std::optional<XdpFeatures> GetXdpFeatures(uint32_t ifindex);
// What decides, besides the link itself, how XDP may be used there; it may change while the device stays.
struct XdpFacts {
  std::optional<XdpFeatures> features;
  // VLANs stand on the device, and its driver takes their tags off a frame before XDP sees it (ethtool's
  // rxvlan): a program would take their frames for the device's own.
  bool hides_vlans = false;
  bool operator==(const XdpFacts&) const = default;
};
XdpFacts GetXdpFacts(const Link& link);

// True if clsact's ingress or egress of the device has any filter.
absl::StatusOr<bool> HasTcFilters(uint32_t ifindex);

// Paths below /proc/sys with slashes: "net/ipv6/conf/eth0/forwarding".
absl::Status WriteSysctl(const std::string& path, const std::string& value);
absl::StatusOr<std::string> ReadSysctl(const std::string& path);

}  // namespace ov6::netlink

#endif
