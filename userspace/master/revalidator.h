// SPDX-License-Identifier: Apache-2.0
// The periodic sweep: expired entries go, slaves that stayed stale too long are
// withdrawn, failed writes are tried again, and now and then the kernel's tables are
// compared with the mirrors.
#ifndef OV6_USERSPACE_MASTER_REVALIDATOR_H
#define OV6_USERSPACE_MASTER_REVALIDATOR_H

#include <vector>

#include "userspace/master/mapping_control.h"
#include "userspace/master/route_control.h"
#include "userspace/master/slave_registry.h"

namespace ov6 {

class Revalidator {
 public:
  static constexpr Duration kReconcileInterval = std::chrono::seconds(60);

  Revalidator(RouteControl& routes, MappingControl& mappings, SlaveRegistry& slaves, MasterCounters& counters)
      : routes_(routes), mappings_(mappings), slaves_(slaves), counters_(counters) {}

  // Returns the slaves that have been stale longer than the hold; the master withdraws them.
  std::vector<SlaveId> Sweep(BootTime now, Duration stale_hold);

 private:
  void Reconcile(BootTime now);

  RouteControl& routes_;
  MappingControl& mappings_;
  SlaveRegistry& slaves_;
  MasterCounters& counters_;
  BootTime next_reconcile_{};
};

}  // namespace ov6

#endif
