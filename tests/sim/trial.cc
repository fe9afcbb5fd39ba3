// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/trial.h"

#include <cstdio>

#include "tests/sim/nemesis.h"

namespace ov6::sim {
namespace {

// Who has crashed since no longer knows whom to tell of another address: their mappings have run out.
constexpr Duration kQuiet = 5min;
constexpr size_t kAskers = 2;

std::string Command(const Trial& trial) {
  std::string command = std::string("build/dev/tests/ov6-sim ") + (trial.nemesis ? "nemesis" : "calm") +
                        " --seed " + std::to_string(trial.seed) + " --routers " +
                        std::to_string(trial.routers) + " --minutes " + std::to_string(trial.minutes);
  if (trial.liars > 0) command += " --liars " + std::to_string(trial.liars);
  return command;
}

std::string Line(World* world, const Verdict& verdict) {
  const Ledger::Counts& counts = world->ledger().counts();
  char text[512];
  std::snprintf(
      text, sizeof(text),
      "routers %zu sites %zu packets %llu delivered %llu relayed %llu late %llu astray %llu answers %llu "
      "wrong %llu "
      "outdated %llu lost %llu unreachable %llu asked %zu unreached %zu datagrams %llu told %llu trace "
      "%016llx",
      world->Up().size(), world->sites(), static_cast<unsigned long long>(world->sent()),
      static_cast<unsigned long long>(world->delivered()), static_cast<unsigned long long>(world->relayed()),
      static_cast<unsigned long long>(world->late()), static_cast<unsigned long long>(world->astray()),
      static_cast<unsigned long long>(counts.right), static_cast<unsigned long long>(counts.wrong),
      static_cast<unsigned long long>(counts.outdated), static_cast<unsigned long long>(counts.lost),
      static_cast<unsigned long long>(counts.unreachable), verdict.asked, verdict.unreached,
      static_cast<unsigned long long>(world->simulator().datagrams()),
      static_cast<unsigned long long>(world->told()), static_cast<unsigned long long>(world->Trace()));
  return text;
}

}  // namespace

Verdict Judge(const Trial& trial) {
  Verdict verdict;
  verdict.command = Command(trial);
  WorldOptions options;
  options.seed = trial.seed;
  options.routers = trial.routers;
  options.liars = static_cast<double>(trial.liars) / 100;
  World world(options);
  if (!world.Form()) verdict.faults.push_back("the ring did not form");
  Nemesis nemesis(&world, trial.seed);
  const auto time = std::chrono::minutes(trial.minutes);
  if (trial.nemesis) {
    nemesis.Run(time, 3s);
    world.RunFor(kQuiet);
    if (!world.simulator().RingIsPerfect())
      verdict.faults.push_back("the ring is not whole after the quiet: " + world.simulator().WhyNotPerfect());
  } else {
    world.Converse(time, 250ms);
  }
  verdict.unreached = world.Unreached(kAskers, &verdict.asked);
  verdict.log = nemesis.Log();
  for (const std::string& fault : world.Faults()) verdict.faults.push_back(fault);
  for (const std::string& leak : world.Leaks()) verdict.faults.push_back(leak);
  for (const std::string& flow : world.unreached()) {
    if (trial.liars == 0)
      verdict.faults.push_back("not reached: " + flow);
    else
      verdict.log += "not reached: " + flow + "\n";
  }
  // Among liars one in a hundred may go unanswered.
  if (trial.liars > 0 && 100 * verdict.unreached > verdict.asked)
    verdict.faults.push_back(std::to_string(verdict.unreached) + " of " + std::to_string(verdict.asked) +
                             " flows did not get through among liars");
  verdict.right = world.ledger().counts().right;
  verdict.wrong = world.ledger().counts().wrong;
  verdict.lost = world.ledger().counts().lost;
  verdict.line = Line(&world, verdict);
  return verdict;
}

}  // namespace ov6::sim
