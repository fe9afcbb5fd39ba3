// SPDX-License-Identifier: Apache-2.0
// One run of a world from its forming to its judgement, described by a few numbers.
#ifndef OV6_TESTS_SIM_TRIAL_H
#define OV6_TESTS_SIM_TRIAL_H

#include <cstdint>
#include <string>
#include <vector>

namespace ov6::sim {

struct Trial {
  bool nemesis = true;
  uint64_t seed = 1;
  size_t routers = 100;
  uint64_t minutes = 10;  // of the nemesis, or of packets alone
  uint64_t liars = 0;     // percent
};

struct Verdict {
  std::vector<std::string> faults;
  std::string log;   // what the nemesis did
  std::string line;  // figures, the trace's hash last
  size_t asked = 0, unreached = 0;
  uint64_t right = 0, wrong = 0, lost = 0;  // answers
  std::string command;                      // that gives the same again
};

Verdict Judge(const Trial& trial);

}  // namespace ov6::sim

#endif
