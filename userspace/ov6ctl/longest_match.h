// SPDX-License-Identifier: Apache-2.0
// The kernel's longest-prefix match, over entries that were read out.
#ifndef OV6_USERSPACE_OV6CTL_LONGEST_MATCH_H
#define OV6_USERSPACE_OV6CTL_LONGEST_MATCH_H

#include <utility>
#include <vector>

#include "ov6/address.h"

namespace ov6::ctl {

// Null: none covers the address.
template <typename Value>
const std::pair<Prefix, Value>* LongestMatch(const std::vector<std::pair<Prefix, Value>>& entries,
                                             const Ipv6& address) {
  const std::pair<Prefix, Value>* best = nullptr;
  for (const auto& entry : entries) {
    if (!entry.first.Contains(address)) continue;
    if (best == nullptr || entry.first.length > best->first.length) best = &entry;
  }
  return best;
}

}  // namespace ov6::ctl

#endif
