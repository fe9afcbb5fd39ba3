// SPDX-License-Identifier: Apache-2.0
#include "userspace/port/hold_queue.h"

namespace ov6 {

std::optional<Frame> HoldQueue::Hold(const Ipv6& key, const Frame& frame, ov6_punt_reason reason) {
  if (limits_.total == 0 || limits_.per_key == 0) {
    ++counters_.dropped_all_full;
    return frame;
  }
  std::optional<Frame> dropped;
  if (const auto found = by_key_.find(key);
      found != by_key_.end() && found->second.size() >= limits_.per_key) {
    ++counters_.dropped_key_full;
    dropped = DropOldest(key);
  } else if (all_.size() >= limits_.total) {
    ++counters_.dropped_all_full;
    const Ipv6 oldest = all_.front().key;  // a copy: the entry goes
    dropped = DropOldest(oldest);
  }
  by_key_[key].push_back(all_.insert(all_.end(), {key, {frame, reason}}));
  ++counters_.held;
  return dropped;
}

Frame HoldQueue::DropOldest(const Ipv6& key) {
  const auto found = by_key_.find(key);
  const auto entry = found->second.front();
  const Frame frame = entry->held.frame;
  found->second.pop_front();
  if (found->second.empty()) by_key_.erase(found);
  all_.erase(entry);
  return frame;
}

std::vector<HoldQueue::Held> HoldQueue::Take(const Ipv6& key) {
  std::vector<Held> held;
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return held;
  for (const auto entry : found->second) {
    held.push_back(entry->held);
    all_.erase(entry);
  }
  by_key_.erase(found);
  counters_.returned += held.size();
  return held;
}

void HoldQueue::Clear() {
  by_key_.clear();
  all_.clear();
}

}  // namespace ov6
