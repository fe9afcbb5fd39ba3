// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/front.h"

#include <sys/mman.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <span>
#include <vector>

#include "userspace/base/crypto.h"
#include "userspace/datapath/map_tables.h"
#include "userspace/datapath/pins.h"
#include "userspace/datapath/typed_map.h"

namespace ov6 {
namespace {

constexpr uint32_t kLargest = 64 << 20;  // bytes
constexpr uint32_t kPartOfMemory = 64;
constexpr uint32_t kMostSets = 1 << 16;  // ov6_front_index has 16 bits
constexpr uint32_t kOnly = 0;

void Add(uint32_t& generation) { std::atomic_ref(generation).fetch_add(1); }

// The coarse clocks move with every jiffy.
absl::StatusOr<uint16_t> TicksPerSecond() {
  timespec resolution{};
  if (clock_getres(CLOCK_MONOTONIC_COARSE, &resolution) != 0)
    return absl::ErrnoToStatus(errno, "asking how long a jiffy is");
  return static_cast<uint16_t>(std::chrono::nanoseconds(std::chrono::seconds(1)).count() /
                               resolution.tv_nsec);
}

}  // namespace

uint32_t FrontSets(uint32_t wanted, uint32_t cpus, uint64_t memory) {
  const auto bytes = static_cast<uint32_t>(std::min<uint64_t>(kLargest, memory / kPartOfMemory));
  const auto most = bytes / static_cast<uint32_t>(sizeof(ov6_front_set)) / std::max(cpus, 1u);
  return std::bit_floor(std::min({wanted, most, kMostSets}));
}

absl::StatusOr<Front> Front::Map(int generations_fd) {
  constexpr size_t kSize = sizeof(ov6_front_generations);
  void* at = mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, generations_fd, 0);
  if (at == MAP_FAILED) return absl::ErrnoToStatus(errno, "mapping the map \"front_changes\"");
  Front front;
  front.world_ = {static_cast<ov6_front_generations*>(at),
                  [](ov6_front_generations* world) { munmap(world, kSize); }};
  return front;
}

absl::Status Front::Set(uint32_t sets) {
  if (world_ == nullptr) return absl::OkStatus();
  std::atomic_ref(world_->sets).store(0);
  std::atomic_ref(world_->until).store(0);
  AllChanged();
  if (sets == 0) return absl::OkStatus();
  const auto ticks = TicksPerSecond();
  if (!ticks.ok()) return ticks.status();
  world_->ticks_per_second = *ticks;
  world_->flags = 0;
  // Once for all: programs may be at it, and an entry knows its generations by the seeds it was made with.
  if (std::ranges::all_of(world_->seeds, [](uint64_t seed) { return seed == 0; }))
    FillRandom(std::span(reinterpret_cast<uint8_t*>(world_->seeds), sizeof(world_->seeds)));
  std::atomic_ref(world_->sets).store(sets);
  return absl::OkStatus();
}

void Front::RouteOrMappingChanged(const ov6_prefix& prefix) const {
  if (world_ == nullptr) return;
  if (prefix.prefixlen < OV6_FRONT_SITE_BITS) return AllChanged();
  uint32_t words[4];
  std::memcpy(words, prefix.address, sizeof(words));
  Add(world_->destinations[ov6_front_destination(world_->seeds, words)]);
}

void Front::PathChanged(uint32_t locator) const {
  if (world_ != nullptr) Add(world_->locators[ov6_front_locator(world_->seeds, locator)]);
}

void Front::AllChanged() const {
  if (world_ != nullptr) Add(world_->all);
}

void Front::Told() const {
  if (world_ == nullptr) return;
  std::atomic_ref told(world_->told);
  if (told.load() == 0) told.store(1);  // it stands on a line that all CPUs read
}

void Front::Lapse() const {
  if (world_ != nullptr) std::atomic_ref(world_->until).store(0);
}

namespace {

constexpr const char* kGenerations = "front_changes";

// Entries may be written while they are counted.
absl::StatusOr<uint64_t> CountEntries(const RawMap& front, uint32_t sets) {
  uint64_t entries = 0;
  for (uint32_t key = 0; key < sets; ++key) {
    ov6_front_set set{};
    if (const auto status = front.Get(&key, &set); !status.ok()) return status;
    entries +=
        static_cast<uint64_t>(std::ranges::count_if(set.entries, [](const auto& e) { return e.key != 0; }));
  }
  return entries;
}

}  // namespace

absl::StatusOr<Front> PinnedFront(const std::filesystem::path& bpffs) {
  const auto fd = OpenPin(MapsFolder(bpffs) / kGenerations, false);
  if (absl::IsNotFound(fd.status())) return Front();
  return fd.ok() ? Front::Map(fd->get()) : fd.status();
}

absl::StatusOr<std::optional<FrontSummary>> SummarizePinnedFront(const std::filesystem::path& bpffs) {
  const auto open = [&](const char* name) { return OpenPin(MapsFolder(bpffs) / name, true); };
  auto generations = open(kGenerations), front = open("front"), counts = open("front_counts"),
       verdicts = open("verdicts");
  for (const auto* fd : {&generations, &front, &counts, &verdicts}) {
    if (absl::IsNotFound(fd->status())) return std::nullopt;
    if (!fd->ok()) return fd->status();
  }
  auto world = std::make_unique<ov6_front_generations>();
  if (const auto status = RawMap(kGenerations, *std::move(generations)).Get(&kOnly, world.get());
      !status.ok())
    return status;
  if (world->sets == 0) return std::nullopt;
  auto cpus = ForEachCpu<ov6_front_counts>();
  if (const auto status = RawMap("front_counts", *std::move(counts)).Get(&kOnly, cpus.data()); !status.ok())
    return status;
  FrontSummary summary{.sets = world->sets};
  const uint32_t sets = world->sets * static_cast<uint32_t>(cpus.size());
  summary.capacity = uint64_t{sets} * OV6_FRONT_ENTRIES;
  const auto entries = CountEntries(RawMap("front", *std::move(front)), sets);
  if (!entries.ok()) return entries.status();
  summary.entries = *entries;
  for (const ov6_front_counts& cpu : cpus) {
    summary.counts.misses += cpu.misses;
    summary.counts.filled += cpu.filled;
    summary.counts.evicted += cpu.evicted;
  }
  const auto sums = SumVerdicts(RawMap("verdicts", *std::move(verdicts)));
  if (!sums.ok()) return sums.status();
  for (const ov6_count& verdict : *sums) summary.hits += verdict.front;
  return summary;
}

}  // namespace ov6
