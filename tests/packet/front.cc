// SPDX-License-Identifier: Apache-2.0
#include "tests/packet/front.h"

#include <sched.h>

#include <memory>
#include <vector>

#include "tests/packet/programs.h"

namespace ov6::packet {
namespace {

constexpr uint32_t kOnly = 0;

std::unique_ptr<ov6_front_generations> Generations() {
  auto generations = std::make_unique<ov6_front_generations>();
  bpf_map_lookup_elem(Programs::Get().Map("front_changes"), &kOnly, generations.get());
  return generations;
}

// A front is a CPU's own: what it learned of one packet it must be asked about the next.
void StayOnThisCpu(bool stay) {
  static const cpu_set_t all = [] {
    cpu_set_t cpus;
    sched_getaffinity(0, sizeof(cpus), &cpus);
    return cpus;
  }();
  cpu_set_t cpus = all;
  if (stay) {
    CPU_ZERO(&cpus);
    CPU_SET(size_t(sched_getcpu()), &cpus);
  }
  sched_setaffinity(0, sizeof(cpus), &cpus);
}

uint32_t Cpus() { return uint32_t(libbpf_num_possible_cpus()); }

}  // namespace

void FrontOff() {
  StayOnThisCpu(false);
  auto generations = Generations();
  generations->sets = 0;
  SetEntry("front_changes", kOnly, *generations);
}

void FrontOn(uint16_t ticks) {
  StayOnThisCpu(true);
  for (uint32_t set = 0; set < Cpus() * Programs::kFrontSets; set++) SetEntry("front", set, ov6_front_set{});
  const std::vector<ov6_front_counts> zeros(Cpus());
  bpf_map_update_elem(Programs::Get().Map("front_counts"), &kOnly, zeros.data(), BPF_ANY);
  auto generations = Generations();
  generations->sets = Programs::kFrontSets;
  generations->ticks_per_second = ticks;
  generations->until = 0;
  generations->told = 1;
  for (uint64_t i = 0; i < OV6_FRONT_SEEDS; i++) generations->seeds[i] = (i + 1) * 0x9e3779b97f4a7c15;
  SetEntry("front_changes", kOnly, *generations);
}

void FrontForget() {
  auto generations = Generations();
  generations->all++;
  SetEntry("front_changes", kOnly, *generations);
}

void FrontLapse(bool told) {
  auto generations = Generations();
  generations->until = 0;
  generations->told = told ? 1 : 0;
  SetEntry("front_changes", kOnly, *generations);
}

ov6_front_counts FrontCounts() {
  std::vector<ov6_front_counts> cpus(Cpus());
  bpf_map_lookup_elem(Programs::Get().Map("front_counts"), &kOnly, cpus.data());
  ov6_front_counts sum{};
  for (const ov6_front_counts& cpu : cpus) {
    sum.misses += cpu.misses;
    sum.filled += cpu.filled;
    sum.evicted += cpu.evicted;
  }
  return sum;
}

uint64_t FrontHits() {
  uint64_t hits = 0;
  for (const ov6_count& count : Verdicts()) hits += count.front;
  return hits;
}

}  // namespace ov6::packet
