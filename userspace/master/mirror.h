// SPDX-License-Identifier: Apache-2.0
// The daemon's copy of one of the kernel's prefix tables. At adoption the kernel's
// is the truth (Load), from then on this one: what could not be written stays here
// and is tried again with a growing delay, and Reconcile() compares all of it.
#ifndef OV6_USERSPACE_MASTER_MIRROR_H
#define OV6_USERSPACE_MASTER_MIRROR_H

#include <algorithm>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ov6/address.h"
#include "ov6/time.h"
#include "userspace/master/counters.h"

namespace ov6 {

template <typename Value>
class Mirror {
 public:
  static constexpr Duration kFirstDelay = std::chrono::milliseconds(100);
  static constexpr Duration kLongestDelay = std::chrono::seconds(30);

  struct Kernel {
    std::function<absl::Status(const Prefix&, const Value&)> set;
    std::function<absl::Status(const Prefix&)> erase;
    std::function<absl::StatusOr<std::vector<std::pair<Prefix, Value>>>()> all;
  };

  Mirror(Kernel kernel, MasterCounters& counters) : kernel_(std::move(kernel)), counters_(counters) {}

  absl::Status Load() {
    auto all = kernel_.all();
    if (!all.ok()) return all.status();
    entries_ = {all->begin(), all->end()};
    pending_.clear();
    return absl::OkStatus();
  }

  // ResourceExhausted: nothing changed. Another error: it stands here and will be written later.
  absl::Status Put(const Prefix& prefix, const Value& value) {
    absl::Status status = kernel_.set(prefix, value);
    if (absl::IsResourceExhausted(status)) {
      ++counters_.changes_full;
      return status;
    }
    entries_[prefix] = value;
    Remember(prefix, status);
    return status;
  }

  absl::Status Erase(const Prefix& prefix) {
    entries_.erase(prefix);
    absl::Status status = EraseInKernel(prefix);
    Remember(prefix, status);
    return status;
  }

  // Writes what is due of the failed writes.
  void Retry(BootTime now) {
    std::vector<Prefix> due;
    for (const auto& [prefix, attempt] : pending_) {
      if (attempt.next <= now) due.push_back(prefix);
    }
    for (const Prefix& prefix : due) {
      if (Write(prefix).ok()) {
        ++counters_.writes_retried;
        pending_.erase(prefix);
        continue;
      }
      Attempt& attempt = pending_[prefix];
      attempt.next = now + attempt.delay;
      attempt.delay = std::min(attempt.delay * 2, kLongestDelay);
    }
  }

  // Makes the kernel's table what this one is; differences are counted and tried like failed writes.
  absl::Status Reconcile(BootTime now) {
    auto all = kernel_.all();
    if (!all.ok()) {
      ++counters_.reconcile_failed;
      return all.status();
    }
    std::map<Prefix, Value> kernel(all->begin(), all->end());
    for (const auto& [prefix, value] : entries_) {
      const auto found = kernel.find(prefix);
      if (found == kernel.end() || !(found->second == value)) Differs(prefix);
    }
    for (const auto& [prefix, value] : kernel) {
      if (!entries_.contains(prefix)) Differs(prefix);
    }
    Retry(now);
    return absl::OkStatus();
  }

  const Value* Find(const Prefix& prefix) const {
    const auto found = entries_.find(prefix);
    return found == entries_.end() ? nullptr : &found->second;
  }
  const std::map<Prefix, Value>& entries() const { return entries_; }
  size_t pending() const { return pending_.size(); }

 private:
  struct Attempt {
    BootTime next{};
    Duration delay = kFirstDelay;
  };

  absl::Status EraseInKernel(const Prefix& prefix) {
    absl::Status status = kernel_.erase(prefix);
    return absl::IsNotFound(status) ? absl::OkStatus() : status;
  }
  absl::Status Write(const Prefix& prefix) {
    const Value* value = Find(prefix);
    return value != nullptr ? kernel_.set(prefix, *value) : EraseInKernel(prefix);
  }
  void Remember(const Prefix& prefix, const absl::Status& status) {
    if (status.ok()) {
      pending_.erase(prefix);
      return;
    }
    ++counters_.writes_failed;
    pending_[prefix] = Attempt{};
  }
  void Differs(const Prefix& prefix) {
    if (pending_.contains(prefix)) return;
    ++counters_.reconciled;
    pending_[prefix] = Attempt{};
  }

  Kernel kernel_;
  MasterCounters& counters_;
  std::map<Prefix, Value> entries_;
  std::map<Prefix, Attempt> pending_;
};

}  // namespace ov6

#endif
