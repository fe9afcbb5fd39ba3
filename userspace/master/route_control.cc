// SPDX-License-Identifier: Apache-2.0
#include "userspace/master/route_control.h"

#include <algorithm>

namespace ov6 {

RouteControl::RouteControl(Tables& tables, MasterCounters& counters)
    : routes_({[&tables](const Prefix& p, const Route& r) { return tables.SetRoute(p, r); },
               [&tables](const Prefix& p) { return tables.DeleteRoute(p); },
               [&tables] { return tables.Routes(); }},
              counters) {}

Route RouteControl::RouteOf(SlaveId slave, SlaveKind kind) {
  switch (kind) {
    case SlaveKind::kDht:
      return {slave, Action::kTunnel, 0};
    case SlaveKind::kGateway:
      return {slave, Action::kSite, 0};
    case SlaveKind::kUplink:
      return {slave, Action::kPort, OV6_ROUTE_CARRIED};
    default:
      return {slave, Action::kPort, 0};
  }
}

absl::Status RouteControl::Set(const Prefix& prefix, const Route& route) {
  const Route* known = routes_.Find(prefix);
  if (known != nullptr && known->slave != route.slave) {
    return absl::AlreadyExistsError(prefix.ToString() + " is a route of slave " +
                                    std::to_string(known->slave) + " already");
  }
  if (known != nullptr && *known == route) return absl::OkStatus();
  return routes_.Put(prefix, route);
}

absl::Status RouteControl::Remove(const Prefix& prefix, SlaveId slave) {
  const Route* known = routes_.Find(prefix);
  if (known == nullptr) return absl::NotFoundError("there is no route " + prefix.ToString());
  if (known->slave != slave) {
    return absl::NotFoundError("the route " + prefix.ToString() + " belongs to slave " +
                               std::to_string(known->slave));
  }
  return routes_.Erase(prefix);
}

absl::Status RouteControl::SetAll(SlaveId slave, SlaveKind kind, const std::vector<Prefix>& prefixes) {
  absl::Status status;
  for (const Prefix& prefix : prefixes) {
    const Route* known = routes_.Find(prefix);
    Route route = RouteOf(slave, kind);
    if (known != nullptr && known->slave == slave && known->action == route.action)
      route.flags |= known->flags;
    status.Update(Set(prefix, route));
  }
  for (const Prefix& prefix : PrefixesOf(slave)) {
    if (std::find(prefixes.begin(), prefixes.end(), prefix) == prefixes.end()) {
      status.Update(routes_.Erase(prefix));
    }
  }
  return status;
}

void RouteControl::WithdrawAll(SlaveId slave) {
  for (const Prefix& prefix : PrefixesOf(slave))
    routes_.Erase(prefix).IgnoreError();  // retried by the mirror
}

void RouteControl::TakeOver(SlaveId from, SlaveId to) {
  for (const Prefix& prefix : PrefixesOf(from)) {
    Route route = *routes_.Find(prefix);
    route.slave = to;
    routes_.Put(prefix, route).IgnoreError();  // retried by the mirror
  }
}

std::optional<std::pair<Prefix, Route>> RouteControl::Lookup(const Ipv6& address) const {
  return Around({address, 128});
}

std::optional<std::pair<Prefix, Route>> RouteControl::Around(const Prefix& inner) const {
  for (int length = inner.length; length >= 0; --length) {
    const Prefix prefix = Prefix::Of(inner.address, length);
    if (const Route* route = routes_.Find(prefix)) return std::pair(prefix, *route);
  }
  return std::nullopt;
}

std::vector<Prefix> RouteControl::PrefixesOf(SlaveId slave) const {
  std::vector<Prefix> prefixes;
  for (const auto& [prefix, route] : routes_.entries()) {
    if (route.slave == slave) prefixes.push_back(prefix);
  }
  return prefixes;
}

}  // namespace ov6
