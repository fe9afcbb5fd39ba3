// SPDX-License-Identifier: Apache-2.0
#include "userspace/master/revalidator.h"

namespace ov6 {

std::vector<SlaveId> Revalidator::Sweep(BootTime now, Duration stale_hold) {
  mappings_.Expire(now);
  routes_.Retry(now);
  mappings_.Retry(now);
  if (now >= next_reconcile_) Reconcile(now);
  return slaves_.StaleLongerThan(now, stale_hold);
}

// A table that can't be read is counted where it failed and read again at the next turn.
void Revalidator::Reconcile(BootTime now) {
  next_reconcile_ = now + kReconcileInterval;
  routes_.Reconcile(now).IgnoreError();
  mappings_.Reconcile(now).IgnoreError();
  const auto slaves = slaves_.Reconcile();
  if (slaves.ok())
    counters_.reconciled += *slaves;
  else
    ++counters_.reconcile_failed;
}

}  // namespace ov6
