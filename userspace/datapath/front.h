// SPDX-License-Identifier: Apache-2.0
// User space's side of the front cache (ov6/abi/front.h): who has changed a table says so here, afterwards.
// Adding is an atomic increment in the map's memory, no call of the kernel, and any thread may.
#ifndef OV6_USERSPACE_DATAPATH_FRONT_H
#define OV6_USERSPACE_DATAPATH_FRONT_H

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "ov6/abi/front.h"

namespace ov6 {

// Sets for each of `cpus`, a power of two, of `wanted`: all of them together have no more than 64 MiB, and no
// more than a part in 64 of the machine's `memory` (bytes).
uint32_t FrontSets(uint32_t wanted, uint32_t cpus, uint64_t memory);

class Front {
 public:
  Front() = default;  // there is none: nothing is told to nobody
  // The map "front_changes", opened for writing; the descriptor is not kept.
  static absl::StatusOr<Front> Map(int generations_fd);

  // So many for each CPU; 0: off. What was kept before counts no more.
  absl::Status Set(uint32_t sets);

  void RouteOrMappingChanged(const ov6_prefix& prefix) const;
  void PathChanged(uint32_t locator) const;  // IPv4, network order
  void AllChanged() const;

  // Who tells of all changes lives: to be said more than once a second, or the programs forget
  // everything as often.
  void Told() const;
  // Nothing is taken from it until a monitor looks no more (abi/monitor.h), which is to be set before.
  void Lapse() const;

 private:
  std::shared_ptr<ov6_front_generations> world_;
};

// For writing; none if the instance has none.
absl::StatusOr<Front> PinnedFront(const std::filesystem::path& bpffs);

// What the front of a pinned instance holds and did; nullopt: it has none, or it is off.
struct FrontSummary {
  uint32_t sets = 0;  // of each CPU
  uint64_t capacity = 0, entries = 0, hits = 0;
  ov6_front_counts counts{};
};
absl::StatusOr<std::optional<FrontSummary>> SummarizePinnedFront(const std::filesystem::path& bpffs);

}  // namespace ov6

#endif
