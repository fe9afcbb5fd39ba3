// SPDX-License-Identifier: Apache-2.0
// What a remote gateway sets on its machine: addresses on the LAN's device, routes into the TUN device,
// forwarding. It is remembered and undone; what was there before stays. What a process that was killed has
// set stays too, but for the TUN device and its routes, which go with it.
#ifndef OV6_SLAVES_GATEWAY_SITE_NETWORK_H
#define OV6_SLAVES_GATEWAY_SITE_NETWORK_H

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "ov6/address.h"

namespace ov6 {

class SiteNetwork {
 public:
  // Both devices are there; the routes follow from SetRoutes().
  SiteNetwork(std::string lan, uint32_t lan_ifindex) : lan_(std::move(lan)), lan_ifindex_(lan_ifindex) {}

  // All of IPv6, since Linux forwards for all devices or none; devices on which this machine has learned a
  // router by advertisements go on listening to them.
  absl::Status EnableForwarding();
  // The first address of each subnet; those of subnets that are gone are removed.
  absl::Status SetAddresses(const std::vector<Prefix>& subnets);
  // Into the device, and behind each a route that answers "no route" while the device is down; those before
  // are removed. Once more after the device was down: the kernel forgets its routes.
  absl::Status SetRoutes(uint32_t tun_ifindex, const std::vector<Prefix>& prefixes);
  // Once more the addresses, which a device that was down has lost. FailedPrecondition: the LAN's is gone.
  absl::Status Restore();
  void Undo();

 private:
  absl::Status Change(const std::string& path, const std::string& value);

  const std::string lan_;
  const uint32_t lan_ifindex_;
  std::vector<Ipv6> addresses_;
  uint32_t tun_ifindex_ = 0;
  std::vector<Prefix> routes_;
  std::vector<std::pair<std::string, std::string>> sysctls_;  // path, value before; in the order of undoing
};

// Devices of default routes in the text of /proc/net/ipv6_route.
std::vector<std::string> DefaultRouteDevices(std::string_view text);
// Whether the machine reaches the Internet by IPv6 through another device than this one.
bool HasNativeIpv6(const std::string& tun);

}  // namespace ov6

#endif
