// SPDX-License-Identifier: Apache-2.0
// Nanoseconds a packet, by BPF_PROG_TEST_RUN: the measured program is called by the generator's, which first
// undoes what it did to the last packet and writes the headers of the next. The same with a program that does
// nothing is taken off, and what an empty test-run takes is left in, so that figures are those of a program
// run by itself.
#include <bpf/bpf.h>

#include <array>
#include <cstdio>
#include <memory>
#include <string>

#include "ov6/datapath.h"
#include "tests/bench/datapath/limit.h"
#include "tests/bench/datapath/traffic.h"
#include "tests/bench/datapath/verbs.h"
#include "userspace/datapath/kernel_datapath.h"

namespace ov6::bench {
namespace {

constexpr int kCpu = 1;

struct Cost {
  Traffic traffic;
  LimitWay way;
  std::string bpffs, program, verdict;
  int moved = 0;
  uint32_t packets = 1 << 20;
};

double Run(int program, Generator& generator, uint32_t packets) {
  xdp_md context{};
  bpf_test_run_opts options = generator.TestRun(&context, static_cast<int>(packets));
  generator.BeginAgain();
  if (const int result = bpf_prog_test_run_opts(program, &options); result < 0) Fail("test-run", -result);
  return options.duration;
}

using Counts = std::array<ov6_count, OV6_VERDICT_MAX>;

Counts Verdicts(const std::string& bpffs) {
  const auto tables = OpenPinnedTables(bpffs, Access::kReadOnly);
  if (!tables.ok()) Fail(std::string(tables.status().message()));
  const auto counts = (*tables)->Verdicts();
  if (!counts.ok()) Fail(std::string(counts.status().message()));
  return *counts;
}

std::string Name(size_t verdict) {
  switch (verdict) {
#define NAME(number, name, class_, sentence, remedy) \
  case number:                                       \
    return #name;
    OV6_VERDICTS(NAME)
#undef NAME
    default:
      return std::to_string(verdict);
  }
}

// A path is measured if the packets took it, but for the one in a hundred that used up a budget.
void CheckMostAre(const std::string& wanted, const Counts& before, const Counts& after, uint64_t packets) {
  std::string ends;
  for (size_t i = 0; i < after.size(); ++i) {
    const uint64_t moved = after[i].packets - before[i].packets;
    if (Name(i) == wanted && moved >= packets / 100 * 99) return;
    if (moved > 0) ends += " " + std::to_string(moved) + " " + Name(i);
  }
  Fail("of " + std::to_string(packets) + " packets that should have ended as " + wanted + ", did:" + ends);
}

void Measure(const Cost& cost) {
  StayOnCpu(kCpu);
  ComeFirst(Rank::kWorks);
  Generator generator(cost.traffic, cost.moved);
  const bool door = !cost.verdict.empty();
  const double empty = Run(generator.nothing(), generator, cost.packets);
  generator.Measure(generator.nothing());
  const double around = Run(generator.caller(), generator, cost.packets);
  generator.Measure(door ? DoorsProgram(cost.bpffs + "/programs", cost.program)
                         : LoadLimit(cost.program, cost.way, cost.traffic.size));
  Run(generator.caller(), generator, cost.packets);  // warm
  const Counts before = door ? Verdicts(cost.bpffs) : Counts{};
  const double all = Run(generator.caller(), generator, cost.packets);
  if (door) CheckMostAre(cost.verdict, before, Verdicts(cost.bpffs), cost.packets);
  std::printf("{\"nanoseconds\": %.0f, \"empty\": %.0f}\n", all - around + empty, empty);
}

}  // namespace

void AddCost(CLI::App& app) {
  auto cost = std::make_shared<Cost>();
  CLI::App* verb = app.add_subcommand("cost", "nanoseconds a packet of a program, by test-run");
  AddOptions(*verb, &cost->traffic);
  AddOptions(*verb, &cost->way);
  verb->add_option("--bpffs", cost->bpffs, "of the instance");
  verb->add_option("--program", cost->program, "of the limit, or with --verdict of ov6d's")->required();
  verb->add_option("--verdict", cost->verdict, "in which every packet must end");
  verb->add_option("--moved", cost->moved, "bytes to put back at the packet's head after each run");
  verb->add_option("--packets", cost->packets);
  verb->callback([cost] { Measure(*cost); });
}

}  // namespace ov6::bench
