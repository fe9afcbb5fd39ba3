// SPDX-License-Identifier: Apache-2.0
// What changed between two readings of a table, with what is past its expiry taken as gone.
#ifndef OV6_USERSPACE_OV6CTL_TABLE_WATCH_H
#define OV6_USERSPACE_OV6CTL_TABLE_WATCH_H

#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "ov6/mapping.h"

namespace ov6::ctl {

enum class Change { kAdded, kChanged, kRenewed, kWithdrawn, kExpired };
std::string_view ToString(Change change);  // "added", ...

// When the entry stops to count; nullopt: never.
std::optional<BootTime> ExpiryOf(const Route& route);
std::optional<BootTime> ExpiryOf(const Mapping& mapping);
std::optional<BootTime> ExpiryOf(const Negative& negative);
// Do they differ in their lifetimes alone?
bool IsRenewal(const Route& before, const Route& after);
bool IsRenewal(const Mapping& before, const Mapping& after);
bool IsRenewal(const Negative& before, const Negative& after);

template <typename Value>
class TableWatch {
 public:
  struct Event {
    Change change;
    Prefix prefix;
    Value value;  // as it is now, or was at last
  };

  // The first reading is where it begins: nothing has changed yet.
  std::vector<Event> Look(const std::vector<std::pair<Prefix, Value>>& entries, BootTime now) {
    std::map<Prefix, Value> live;
    for (const auto& [prefix, value] : entries) {
      const auto expiry = ExpiryOf(value);
      if (!expiry || *expiry > now) live.emplace(prefix, value);
    }
    std::vector<Event> events;
    if (begun_) events = Compare(live, now);
    begun_ = true;
    seen_ = std::move(live);
    return events;
  }

 private:
  std::vector<Event> Compare(const std::map<Prefix, Value>& live, BootTime now) const {
    std::vector<Event> events;
    for (const auto& [prefix, value] : seen_) {
      const auto expiry = ExpiryOf(value);
      if (live.contains(prefix)) continue;
      events.push_back({expiry && *expiry <= now ? Change::kExpired : Change::kWithdrawn, prefix, value});
    }
    for (const auto& [prefix, value] : live) {
      const auto before = seen_.find(prefix);
      if (before == seen_.end()) {
        events.push_back({Change::kAdded, prefix, value});
      } else if (!(before->second == value)) {
        events.push_back(
            {IsRenewal(before->second, value) ? Change::kRenewed : Change::kChanged, prefix, value});
      }
    }
    return events;
  }

  bool begun_ = false;
  std::map<Prefix, Value> seen_;
};

}  // namespace ov6::ctl

#endif
