// SPDX-License-Identifier: Apache-2.0
// How a full table of peers makes room, always in the same way, whatever the order of its hashes.
#ifndef OV6_SLAVES_ENGINE_CHORD_EVICT_H
#define OV6_SLAVES_ENGINE_CHORD_EVICT_H

#include <algorithm>

namespace ov6::chord {

// The one of the lowest key goes. Looks at all: for tables that are full only where a ring is large.
template <typename Map>
void EvictLowest(Map* map) {
  map->erase(std::min_element(map->begin(), map->end(),
                              [](const auto& a, const auto& b) { return a.first < b.first; }));
}

}  // namespace ov6::chord

#endif
