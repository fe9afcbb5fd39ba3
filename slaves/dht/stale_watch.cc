// SPDX-License-Identifier: Apache-2.0
#include "slaves/dht/stale_watch.h"

namespace ov6 {

void StaleWatch::Add(BootTime now, const Ipv6& address, BootTime until) {
  if (stale_.empty()) next_ = now + kInterval;
  if (stale_.size() >= kMost) Expire(now);
  if (stale_.size() < kMost || stale_.contains(address)) stale_[address] = until;
}

void StaleWatch::Expire(BootTime now) {
  std::erase_if(stale_, [&](const auto& entry) { return entry.second <= now; });
}

std::vector<Ipv6> StaleWatch::Answered(BootTime now) {
  std::vector<Ipv6> addresses;
  if (stale_.empty() || now < recovered_ + kInterval) return addresses;
  Expire(now);
  recovered_ = now;
  for (const auto& [address, until] : stale_) addresses.push_back(address);
  return addresses;
}

std::optional<Ipv6> StaleWatch::Probe(BootTime now) {
  if (stale_.empty() || now < next_) return std::nullopt;
  Expire(now);
  next_ = now + kInterval;
  if (stale_.empty()) return std::nullopt;
  auto it = stale_.upper_bound(last_);
  if (it == stale_.end()) it = stale_.begin();
  return last_ = it->first;
}

}  // namespace ov6
