// SPDX-License-Identifier: Apache-2.0
#include "slaves/dht/installed.h"

#include <algorithm>

namespace ov6 {

void Installed::Add(BootTime now, const MappingAdd& add) {
  const bool full = until_.size() >= kMost && !until_.contains(add.prefix);
  if (full) std::erase_if(until_, [&](const auto& entry) { return entry.second <= now; });
  if (until_.size() >= kMost && full) return;
  until_[add.prefix] = now + std::chrono::milliseconds(add.hard_ttl_ms);
}

std::vector<Prefix> Installed::Gone(BootTime now, const ResolveOutput& answer,
                                    const std::vector<MappingChange>& kept) {
  const bool found = answer.outcome == ResolveOutcome::kFound;
  // All of the piece is known; of one where nothing was found, what is said is that there is a hole.
  const Prefix& known = found ? answer.piece : answer.covering;
  std::vector<Prefix> gone;
  for (auto it = until_.lower_bound(known); it != until_.end() && known.Contains(it->first); ++it)
    gone.push_back(it->first);
  for (int length = 0; !found && length < known.length; ++length) {
    const Prefix around = Prefix::Of(answer.address, length);
    if (until_.contains(around)) gone.push_back(around);
  }
  std::erase_if(gone, [&](const Prefix& prefix) {
    return until_.at(prefix) <= now ||
           std::any_of(kept.begin(), kept.end(), [&](const MappingChange& change) {
             const auto* add = std::get_if<MappingAdd>(&change);
             return add != nullptr && add->prefix == prefix;
           });
  });
  return gone;
}

}  // namespace ov6
