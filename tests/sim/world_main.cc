// SPDX-License-Identifier: Apache-2.0
// ov6-sim: one simulation, described by its arguments; the same arguments give the same line.
//   ov6-sim nemesis|calm [--seed N] [--routers N] [--minutes N] [--liars PERCENT] [--log]
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/sim/trial.h"

namespace {

int Usage() {
  std::fprintf(
      stderr,
      "usage: ov6-sim nemesis|calm [--seed N] [--routers N] [--minutes N] [--liars PERCENT] [--log]\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  ov6::sim::Trial trial;
  bool log = false;
  if (argc < 2) return Usage();
  const std::string kind = argv[1];
  if (kind != "nemesis" && kind != "calm") return Usage();
  trial.nemesis = kind == "nemesis";
  for (int i = 2; i < argc; ++i) {
    const std::string option = argv[i];
    if (option == "--log") {
      log = true;
      continue;
    }
    if (i + 1 == argc) return Usage();
    const auto value = std::strtoull(argv[++i], nullptr, 10);
    if (option == "--seed")
      trial.seed = value;
    else if (option == "--routers")
      trial.routers = value;
    else if (option == "--minutes")
      trial.minutes = value;
    else if (option == "--liars")
      trial.liars = value;
    else
      return Usage();
  }
  const ov6::sim::Verdict verdict = Judge(trial);
  if (log || !verdict.faults.empty()) std::printf("%s", verdict.log.c_str());
  for (const std::string& fault : verdict.faults) std::printf("fault: %s\n", fault.c_str());
  std::printf("%s\n", verdict.line.c_str());
  return verdict.faults.empty() ? 0 : 1;
}
