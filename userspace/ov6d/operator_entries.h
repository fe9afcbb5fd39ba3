// SPDX-License-Identifier: Apache-2.0
// Routes and mappings that follow from the configuration and belong to no slave: they stand under
// slave 0 as the operator's do, and go when a later configuration does not have them. Pure.
#ifndef OV6_USERSPACE_OV6D_OPERATOR_ENTRIES_H
#define OV6_USERSPACE_OV6D_OPERATOR_ENTRIES_H

#include <map>
#include <vector>

#include "absl/status/status.h"
#include "userspace/master/master.h"
#include "userspace/ov6d/node_layout.h"

namespace ov6 {

struct OperatorEntries {
  std::map<Prefix, Action> routes;
  std::map<Prefix, std::vector<Locator>> mappings;

  std::vector<Prefix> RoutePrefixes() const;
  std::vector<Prefix> MappingPrefixes() const;
};

//  - the unassigned rest of our own aggregates is rejected, so that nothing loops;
//  - an address of the router alone is a site of its own;
//  - a static mapping, and where no DHT slave's route covers it a tunnel route.
OperatorEntries PlanOperatorEntries(const Config& config, const NodeLayout& layout);

// Removes what an earlier configuration had (`old_routes`, `old_mappings`) and this one has not, sets the
// rest.
absl::Status ApplyOperatorEntries(const OperatorEntries& wanted, const std::vector<Prefix>& old_routes,
                                  const std::vector<Prefix>& old_mappings, BootTime now, Master* master);

}  // namespace ov6

#endif
