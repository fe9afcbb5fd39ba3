// SPDX-License-Identifier: Apache-2.0
// What an operator may choose of a Chord ring: read by ov6d, handed to ov6-dht, gone by in its engine. The
// defaults stand here and nowhere else. Replicas and successors should be the same on all nodes of a ring.
#ifndef OV6_RING_CONFIG_H
#define OV6_RING_CONFIG_H

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace ov6 {

// Iterative: the asker asks every node on the way. Recursive: each hands the question on, and the last one
// answers the asker; half the time, and the asker sees nothing of the way.
enum class Lookups { kIterative, kRecursive };

inline const char* ToString(Lookups lookups) {
  return lookups == Lookups::kIterative ? "iterative" : "recursive";
}

inline std::optional<Lookups> ParseLookups(std::string_view text) {
  for (const Lookups lookups : {Lookups::kIterative, Lookups::kRecursive}) {
    if (text == ToString(lookups)) return lookups;
  }
  return std::nullopt;
}

struct RingConfig {
  static constexpr int kMostSuccessors = 16;         // with the mesh's members they fit one datagram
  static constexpr size_t kMostMembers = 1'000'000;  // some 100 bytes of memory each
  static constexpr size_t kMostBudget = 1'000'000'000;

  Lookups lookups = Lookups::kIterative;
  int successors = 16;  // r, length of the successor list, 1-16
  int replicas = 8;     // nodes that hold a value, the owner included; at most r
  int reads = 4;        // holders that a get asks at the same time; more than `replicas` are of no use

  // The table of all members, for lookups in one hop: kept while the ring has no more members than this (0:
  // never) and keeping it costs no more than this many bytes a second, both directions together, over an
  // hour: an hour's worth may be spent at once.
  size_t table_members = 10000;
  size_t table_budget = 4000;

  bool operator==(const RingConfig&) const = default;
};

// What is wrong with it, in a sentence; empty: nothing.
inline std::string Validate(const RingConfig& ring) {
  const struct {
    const char* key;
    size_t value, first, last;
  } rows[] = {{"successors", static_cast<size_t>(ring.successors), 1, RingConfig::kMostSuccessors},
              {"replicas", static_cast<size_t>(ring.replicas), 1, RingConfig::kMostSuccessors},
              {"reads", static_cast<size_t>(ring.reads), 1, RingConfig::kMostSuccessors},
              {"table_members", ring.table_members, 0, RingConfig::kMostMembers},
              {"table_budget", ring.table_budget, 1, RingConfig::kMostBudget}};
  for (const auto& row : rows) {
    if (row.value >= row.first && row.value <= row.last) continue;
    return "key \"" + std::string(row.key) + "\" should be a number from " + std::to_string(row.first) +
           " to " + std::to_string(row.last);
  }
  if (ring.replicas <= ring.successors) return "";
  return "key \"replicas\" is " + std::to_string(ring.replicas) + ", and \"successors\" " +
         std::to_string(ring.successors) + "; it should be at most that, since they hold the copies";
}

}  // namespace ov6

#endif
