// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/self_site.h"

#include <algorithm>
#include <iterator>

#include "userspace/datapath/own_veth.h"

namespace ov6 {
namespace {

using netlink::Route6;

constexpr int kHost = 128;
constexpr uint32_t kMetric = 1024;            // as routes that are set by hand
constexpr uint32_t kRouted = 1023;            // to a site's device
constexpr uint32_t kLastResort = 0x7fffffff;  // behind all others of the same prefix

int CommonBits(const Ipv6& a, const Ipv6& b) {
  int bits = 0;
  while (bits < kHost && a.Bit(bits) == b.Bit(bits)) ++bits;
  return bits;
}

// As RFC 6724's rule 8: the address that has most in common with where it goes.
Ipv6 SourceFor(const Prefix& prefix, const std::vector<SelfPlace>& selves) {
  return std::max_element(selves.begin(), selves.end(),
                          [&](const SelfPlace& a, const SelfPlace& b) {
                            return CommonBits(a.address, prefix.address) <
                                   CommonBits(b.address, prefix.address);
                          })
      ->address;
}

bool HasSlave(const Config& config, const std::string& domain) {
  return std::any_of(config.slaves.begin(), config.slaves.end(),
                     [&](const SlaveConfig& slave) { return slave.domain == domain; });
}

template <typename T>
bool Contains(const std::vector<T>& list, const T& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

absl::Status Tolerant(absl::Status status) { return absl::IsNotFound(status) ? absl::OkStatus() : status; }

absl::Status SetMtu(const char* device, uint32_t mtu) {
  const auto link = netlink::GetLink(device);
  if (!link.ok()) return link.status();
  return link->mtu == mtu ? absl::OkStatus() : netlink::SetLinkMtu(link->ifindex, mtu);
}

absl::Status ApplyAddresses(const std::vector<Ipv6>& wanted, uint32_t ifindex) {
  const auto present = netlink::Ipv6Addresses(ifindex);
  if (!present.ok()) return present.status();
  absl::Status status;
  for (const auto& old : *present) {
    if (old.length == kHost && Contains(wanted, old.address)) continue;
    status.Update(Tolerant(netlink::DeleteAddress(ifindex, old.address, old.length)));
  }
  for (const Ipv6& address : wanted) {
    if (!Contains(*present, {address, kHost})) status.Update(netlink::AddAddress(ifindex, address, kHost));
  }
  return status;
}

// `self`: the ifindex of ov6-self, 0 if it has gone.
absl::Status ApplyRoutes(const std::vector<Route6>& wanted, uint32_t self) {
  const auto present = netlink::Routes6(kRouteProtocol);
  if (!present.ok()) return present.status();
  absl::Status status;
  for (const Route6& old : *present) {
    if (IsOurs(old, self) && !Contains(wanted, old))
      status.Update(Tolerant(netlink::DeleteRoute6(old, kRouteProtocol)));
  }
  for (const Route6& route : wanted) {
    if (!Contains(*present, route)) status.Update(netlink::SetRoute6(route, kRouteProtocol));
  }
  return status;
}

}  // namespace

bool IsOurs(const Route6& route, uint32_t self) {
  return route.unreachable ? route.metric == kLastResort : route.ifindex == self || route.metric == kRouted;
}

SelfPlan PlanSelf(const Config& config, const NodeLayout& layout) {
  SelfPlan plan;
  for (size_t i = 0; i < layout.sites.size(); ++i) {
    for (const SitePlace& place : layout.sites[i]) {
      if (!place.IsSubnet()) plan.routed.emplace_back(place.prefix, config.sites[i].interface);
    }
  }
  if (layout.selves.empty()) return plan;
  const auto add = [&plan](const Route6& route) {
    const bool known = std::any_of(plan.routes.begin(), plan.routes.end(), [&](const Route6& other) {
      return other.prefix == route.prefix && other.metric == route.metric;
    });
    if (!known) plan.routes.push_back(route);
  };
  const auto lead_in = [&](const Prefix& prefix, const Ipv6& source) {
    add({prefix, 0, source, kMetric, false});
  };
  const auto end_here = [&](const Prefix& prefix) { add({prefix, 0, std::nullopt, kLastResort, true}); };
  for (const SelfPlace& self : layout.selves) {
    if (self.own) plan.addresses.push_back(self.address);
    if (HasSlave(config, self.domain)) lead_in(config.FindDomain(self.domain)->prefix, self.address);
  }
  for (const MovedPrefix& moved : config.moved) {
    if (HasSlave(config, moved.domain)) lead_in(moved.prefix, SourceFor(moved.prefix, layout.selves));
  }
  for (const MappingConfig& mapping : config.mappings)
    lead_in(mapping.prefix, SourceFor(mapping.prefix, layout.selves));
  for (const auto& site : layout.sites) {
    for (const SitePlace& place : site) end_here(place.prefix);
  }
  for (const Prefix& own : layout.rejects) end_here(own);
  return plan;
}

absl::Status SetSelfMtu(uint32_t mtu) {
  absl::Status status = SetMtu(kSelfPeer, mtu);
  status.Update(SetMtu(kSelfDevice, mtu));
  return status;
}

absl::Status ApplySelf(const SelfPlan& plan, uint32_t mtu) {
  const auto self = netlink::GetLink(kSelfDevice);
  if (!self.ok()) return self.status();
  absl::Status status = SetSelfMtu(mtu);
  status.Update(ApplyAddresses(plan.addresses, self->ifindex));
  std::vector<Route6> routes = plan.routes;
  for (Route6& route : routes) {
    if (!route.unreachable) route.ifindex = self->ifindex;
  }
  for (const auto& [prefix, interface] : plan.routed) {
    const auto link = netlink::GetLink(interface);  // one that is not there gets its routes when it comes
    if (link.ok()) routes.push_back({prefix, link->ifindex, std::nullopt, kRouted, false});
  }
  status.Update(ApplyRoutes(routes, self->ifindex));
  return status;
}

absl::Status RemoveSelfRoutes() {
  const auto self = netlink::GetLink(kSelfDevice);
  return ApplyRoutes({}, self.ok() ? self->ifindex : 0);
}

}  // namespace ov6
