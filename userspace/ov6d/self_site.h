// SPDX-License-Identifier: Apache-2.0
// The router as one more site: addresses and routes by which its own processes send into the
// overlay through `ov6-self`; and routes to what a site holds besides its subnets. The kernel's tables are
// the only state: an address there is ours, and a route with our protocol number that leads there, is a last
// resort or has the metric of such routes, whoever made them.
#ifndef OV6_USERSPACE_OV6D_SELF_SITE_H
#define OV6_USERSPACE_OV6D_SELF_SITE_H

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "userspace/base/netlink.h"
#include "userspace/ov6d/node_layout.h"

namespace ov6 {

// Of our routes, so that "ip -6 route show proto 111" lists them.
inline constexpr uint8_t kRouteProtocol = 111;

struct SelfPlan {
  std::vector<Ipv6> addresses;                         // of ov6-self, /128 each
  std::vector<netlink::Route6> routes;                 // ifindex 0 means ov6-self
  std::vector<std::pair<Prefix, std::string>> routed;  // what sites hold besides subnets, and their devices
  auto operator<=>(const SelfPlan&) const = default;
};

// Domains with a slave and static mappings go to ov6-self. What is a site's or our own rest is
// unreachable where the kernel has nothing better, so that it never takes the way into the overlay.
SelfPlan PlanSelf(const Config& config, const NodeLayout& layout);

// Of the main table's routes of our protocol; `self`: the ifindex of ov6-self.
bool IsOurs(const netlink::Route6& route, uint32_t self);

// Of both ends of ov6-self.
absl::Status SetSelfMtu(uint32_t mtu);
// Makes the kernel's tables what the plan says. Tries everything; the first error is returned.
absl::Status ApplySelf(const SelfPlan& plan, uint32_t mtu);
// Routes of ours that stay when ov6-self has gone.
absl::Status RemoveSelfRoutes();

}  // namespace ov6

#endif
