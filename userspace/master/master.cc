// SPDX-License-Identifier: Apache-2.0
#include "userspace/master/master.h"

#include <algorithm>
#include <set>

#include "ov6/move.h"

namespace ov6 {

Master::Master(Tables& tables, MappingLimits limits)
    : routes_(tables, counters_),
      mappings_(tables, routes_, counters_, limits),
      slaves_(tables),
      revalidator_(routes_, mappings_, slaves_, counters_) {}

absl::Status Master::Adopt(BootTime now) {
  absl::Status status = routes_.Adopt();
  status.Update(mappings_.Adopt());
  status.Update(slaves_.Adopt(now));
  if (!status.ok()) return status;
  // Entries of ids that nobody knows any more belong to no one who could withdraw them.
  std::set<SlaveId> orphans;
  const auto note = [&](SlaveId id) {
    if (id != OV6_SLAVE_OPERATOR && slaves_.Find(id) == nullptr) orphans.insert(id);
  };
  for (const auto& [prefix, route] : routes_.routes()) {
    note(route.slave);
    if (route.flags & OV6_ROUTE_RELAY) relays_[prefix] = now + kMoveTime;
  }
  for (const auto& [prefix, mapping] : mappings_.mappings()) note(mapping.slave);
  for (const auto& [prefix, negative] : mappings_.negatives()) note(negative.slave);
  for (const SlaveId id : orphans) Withdraw(id);
  for (const auto& [id, slave] : slaves_.slaves()) mappings_.MarkStale(id);
  return absl::OkStatus();
}

std::variant<SlaveId, Refusal> Master::Register(const UpgradeRequest& request, const Permission& permission) {
  auto outcome = slaves_.Register(request, permission);
  ++(std::holds_alternative<Refusal>(outcome) ? counters_.registrations_refused : counters_.registrations);
  return outcome;
}

absl::Status Master::Activate(SlaveId id) {
  const MappingSource source = SourceOf(id);
  for (const SlaveId predecessor : slaves_.StaleNamed(slaves_.Find(id)->entry.name)) {
    ++counters_.takeovers;
    routes_.TakeOver(predecessor, id);
    mappings_.TakeOver(predecessor, source);
    slaves_.Remove(predecessor);
  }
  const absl::Status status = routes_.SetAll(id, source.kind, source.prefixes);
  mappings_.DropForeignNegatives(source);
  return status;
}

absl::Status Master::Advertise(SlaveId id, const std::vector<Prefix>& prefixes,
                               const Permission& permission) {
  const RegisteredSlave* slave = slaves_.Find(id);
  if (const auto refusal = slaves_.CheckPrefixes(slave->entry.name, prefixes, permission)) {
    ++counters_.advertisements_refused;
    return absl::PermissionDeniedError(refusal->sentence);
  }
  absl::Status status = slaves_.SetPrefixes(id, prefixes);
  status.Update(routes_.SetAll(id, slave->entry.kind, prefixes));
  mappings_.KeepInside(id, prefixes);
  return status;
}

MappingsAckCapsule Master::Apply(BootTime now, SlaveId id, const MappingsCapsule& capsule) {
  return mappings_.Apply(now, SourceOf(id), capsule);
}

// The mapping before the route that leads to it.
absl::Status Master::HandOver(BootTime now, SlaveId id, const Prefix& prefix,
                              const std::vector<Locator>& locators) {
  absl::Status status = mappings_.AddMoved(now, id, prefix, locators, kMoveTime);
  if (status.ok()) status = routes_.Replace(prefix, {id, Action::kTunnel, OV6_ROUTE_RELAY});
  if (status.ok()) relays_[prefix] = now + kMoveTime;
  return status;
}

absl::Status Master::AcceptFormer(BootTime now, SlaveId id, const Prefix& prefix,
                                  const std::vector<Ipv4>& places) {
  return mappings_.AddFormer(now, id, prefix, places, kMoveTime);
}

// The mapping before the route that heeds it. The route goes on heeding mappings when there are none.
absl::Status Master::SetDirect(BootTime now, SlaveId id, const Prefix& prefix, std::vector<Locator> locators,
                               BootTime send_until, BootTime accept_until) {
  const auto found = routes_.Around(prefix);
  const bool carries = found && found->second.slave == id &&
                       (found->second.action == Action::kSite || found->second.action == Action::kPort);
  if (!carries)
    return absl::NotFoundError("slave " + std::to_string(id) + " carries no " + prefix.ToString());
  absl::Status status = mappings_.AddDirect(now, id, prefix, std::move(locators), send_until, accept_until);
  if (!status.ok() || (found->second.flags & OV6_ROUTE_DIRECT) != 0) return status;
  Route route = found->second;
  route.flags |= OV6_ROUTE_DIRECT;
  return routes_.Replace(found->first, route);
}

absl::Status Master::SetShortcut(BootTime now, SlaveId id, const Prefix& prefix, std::vector<Locator> places,
                                 BootTime send_until, Ipv4 via) {
  const auto found = routes_.Around(prefix);
  if (!found || found->second.slave != id || found->second.action != Action::kTunnel ||
      (found->second.flags & OV6_ROUTE_RELAY) != 0)
    return absl::NotFoundError("slave " + std::to_string(id) + " resolves no " + prefix.ToString());
  return mappings_.AddShortcut(now, id, prefix, std::move(places), send_until, via);
}

absl::Status Master::Reassign(SlaveId id, const std::vector<Prefix>& prefixes) {
  absl::Status status;
  for (const Prefix& prefix : prefixes) {
    const auto known = routes_.routes().find(prefix);
    if (known == routes_.routes().end() || known->second.slave == id) continue;
    status.Update(routes_.Replace(prefix, RouteControl::RouteOf(id, slaves_.Find(id)->entry.kind)));
    relays_.erase(prefix);
  }
  return status;
}

// By then senders have heard of it, or their mappings are asked about.
void Master::EndRelays(BootTime now) {
  for (auto it = relays_.begin(); it != relays_.end();) {
    if (it->second > now) {
      ++it;
      continue;
    }
    const auto route = routes_.routes().find(it->first);
    if (route != routes_.routes().end() && route->second.flags & OV6_ROUTE_RELAY)
      routes_.Replace(it->first, {route->second.slave, route->second.action, 0}).IgnoreError();
    it = relays_.erase(it);
  }
}

void Master::Goodbye(SlaveId id) { Withdraw(id); }

void Master::Vanish(BootTime now, SlaveId id) {
  if (slaves_.Find(id) == nullptr) return;
  ++counters_.vanished;
  slaves_.MarkStale(now, id);
  mappings_.MarkStale(id);
}

void Master::Sweep(BootTime now, const std::function<void(const SlaveEntry&)>& withdrawn) {
  EndRelays(now);
  for (const SlaveId id : revalidator_.Sweep(now, kStaleHold)) {
    withdrawn(slaves_.Find(id)->entry);
    Withdraw(id);
  }
}

// Routes first: from then on no packet asks for the rest.
void Master::Withdraw(SlaveId id) {
  ++counters_.withdrawals;
  routes_.WithdrawAll(id);
  mappings_.Withdraw(id);
  slaves_.Remove(id);
}

MappingSource Master::SourceOf(SlaveId id) const {
  const RegisteredSlave& slave = *slaves_.Find(id);
  return {id, slave.entry.kind, slave.entry.prefixes};
}

}  // namespace ov6
