// SPDX-License-Identifier: Apache-2.0
// What the master counts, by the names `ov6ctl status` shows.
#ifndef OV6_USERSPACE_MASTER_COUNTERS_H
#define OV6_USERSPACE_MASTER_COUNTERS_H

#include <cstdint>

namespace ov6 {

// C(name): what happened, since the daemon's start.
#define OV6_MASTER_COUNTERS(C)                                               \
  C(registrations)          /* slaves that registered */                     \
  C(registrations_refused)  /* requests answered with 403 or 409 */          \
  C(advertisements_refused) /* ROUTE_ADVERTISEMENTs that changed nothing */  \
  C(takeovers)              /* successors that took entries over */          \
  C(withdrawals)            /* slaves whose entries were taken away */       \
  C(vanished)               /* slaves that ended without a goodbye */        \
  C(mappings_added)                                                          \
  C(negatives_added)                                                         \
  C(mappings_withdrawn)                                                      \
  C(changes_refused) /* against the rules */                                 \
  C(changes_full)    /* the map had no room */                               \
  C(writes_failed)   /* the kernel refused for another reason */             \
  C(writes_retried)  /* that went well later */                              \
  C(mappings_expired)                                                        \
  C(negatives_expired)                                                       \
  C(negatives_evicted) /* pushed out by newer ones */                        \
  C(reconciled)        /* entries that differed between mirror and kernel */ \
  C(reconcile_failed)  /* tables that could not be read */

struct MasterCounters {
#define OV6_COUNTER_FIELD(name) uint64_t name = 0;
  OV6_MASTER_COUNTERS(OV6_COUNTER_FIELD)
#undef OV6_COUNTER_FIELD
};

}  // namespace ov6

#endif
