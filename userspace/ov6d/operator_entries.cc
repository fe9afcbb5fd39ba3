// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/operator_entries.h"

#include <algorithm>

namespace ov6 {
namespace {

// Would the longest route without one of its own be a DHT slave's?
bool IsCovered(const Prefix& prefix, const Config& config, const NodeLayout& layout) {
  const bool rejected = std::any_of(layout.rejects.begin(), layout.rejects.end(),
                                    [&](const Prefix& own) { return own.Contains(prefix); });
  const bool resolved = std::any_of(
      config.slaves.begin(), config.slaves.end(),
      [&](const SlaveConfig& slave) { return config.FindDomain(slave.domain)->prefix.Contains(prefix); });
  return resolved && !rejected;
}

}  // namespace

std::vector<Prefix> OperatorEntries::RoutePrefixes() const {
  std::vector<Prefix> prefixes;
  for (const auto& [prefix, action] : routes) prefixes.push_back(prefix);
  return prefixes;
}

std::vector<Prefix> OperatorEntries::MappingPrefixes() const {
  std::vector<Prefix> prefixes;
  for (const auto& [prefix, locators] : mappings) prefixes.push_back(prefix);
  return prefixes;
}

OperatorEntries PlanOperatorEntries(const Config& config, const NodeLayout& layout) {
  OperatorEntries entries;
  for (const Prefix& own : layout.rejects) entries.routes[own] = Action::kReject;
  for (const SelfPlace& self : layout.selves) {
    if (self.own) entries.routes[Prefix::Of(self.address, 128)] = Action::kSite;
  }
  for (const MappingConfig& mapping : config.mappings) {
    entries.mappings[mapping.prefix] = mapping.locators;
    if (!IsCovered(mapping.prefix, config, layout)) entries.routes[mapping.prefix] = Action::kTunnel;
  }
  return entries;
}

absl::Status ApplyOperatorEntries(const OperatorEntries& wanted, const std::vector<Prefix>& old_routes,
                                  const std::vector<Prefix>& old_mappings, BootTime now, Master* master) {
  for (const Prefix& old : old_routes) {
    if (wanted.routes.contains(old)) continue;
    master->routes().Remove(old, OV6_SLAVE_OPERATOR).IgnoreError();  // gone already
  }
  for (const Prefix& old : old_mappings) {
    if (wanted.mappings.contains(old)) continue;
    master->mappings().DeleteOperator(old).IgnoreError();  // gone already
  }
  // A mapping before the route that leads to it.
  for (const auto& [prefix, locators] : wanted.mappings) {
    const absl::Status status = master->mappings().AddOperator(now, prefix, locators, std::nullopt);
    if (!status.ok()) return status;
  }
  for (const auto& [prefix, action] : wanted.routes) {
    const absl::Status status = master->routes().Set(prefix, {OV6_SLAVE_OPERATOR, action, 0});
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace ov6
