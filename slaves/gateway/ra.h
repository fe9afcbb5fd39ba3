// SPDX-License-Identifier: Apache-2.0
// Router Advertisements to bytes (RFC 4861 section 4.2 and 4.6, lifetimes of RFC 9096; routes of RFC 4191,
// resolvers of RFC 8106).
// The ICMPv6 checksum is left zero: the kernel fills it in on a raw ICMPv6 socket.
#ifndef OV6_SLAVES_GATEWAY_RA_H
#define OV6_SLAVES_GATEWAY_RA_H

#include <array>
#include <chrono>
#include <cstdint>
#include <vector>

#include "ov6/address.h"

namespace ov6 {

using Mac = std::array<uint8_t, 6>;

struct RouterAdvertisement {
  static constexpr std::chrono::seconds kRouterLifetime{1800};
  static constexpr std::chrono::seconds kValidLifetime{5400};  // RFC 9096 section 3.3
  static constexpr std::chrono::seconds kPreferredLifetime{2700};

  uint8_t hop_limit = 64;
  std::chrono::seconds router_lifetime = kRouterLifetime;
  std::chrono::seconds valid_lifetime = kValidLifetime;
  std::chrono::seconds preferred_lifetime = kPreferredLifetime;
  std::chrono::seconds route_lifetime = kRouterLifetime;
  std::chrono::seconds resolver_lifetime = kRouterLifetime;  // RFC 8106 section 5.1: 3 * MaxRtrAdvInterval
  std::vector<Prefix> prefixes;                              // on-link and for autonomous configuration
  std::vector<Prefix> routes;                                // led to by this router, default router or not
  std::vector<Ipv6> resolvers;
  uint32_t mtu = 0;  // 0: no option
  Mac source{};      // all zero: no option
};

std::vector<uint8_t> EncodeRouterAdvertisement(const RouterAdvertisement& advertisement);

// Nothing beyond the link is reached through this router for now.
RouterAdvertisement WithoutWay(RouterAdvertisement advertisement);

// The last one (RFC 4861 section 6.2.5): no router any more, its prefixes deprecated. Addresses
// stay valid, so that connections inside the site outlive the router.
RouterAdvertisement Farewell(RouterAdvertisement advertisement);

}  // namespace ov6

#endif
