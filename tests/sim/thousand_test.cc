// SPDX-License-Identifier: Apache-2.0
// A thousand whole routers for ten minutes: through whatever the nemesis does, and with a fifth that lie.
#include <gtest/gtest.h>

#include "tests/sim/trial.h"

namespace ov6::sim {
namespace {

TEST(AThousandRouters, GoThroughTenMinutesOfTheNemesis) {
  const Verdict verdict = Judge({true, 1, 1000, 10, 0});
  for (const std::string& fault : verdict.faults) ADD_FAILURE() << fault;
  if (HasFailure()) ADD_FAILURE() << verdict.log << verdict.line << "\nagain: " << verdict.command;
  std::printf("%s\n", verdict.line.c_str());
}

TEST(AThousandRouters, AreRightAmongTwoHundredLiars) {
  const Verdict verdict = Judge({false, 1, 1000, 10, 20});
  for (const std::string& fault : verdict.faults) ADD_FAILURE() << fault;
  EXPECT_EQ(verdict.wrong, 0u) << "forged mappings accepted";
  EXPECT_LE(100 * verdict.lost, verdict.right + verdict.lost)
      << verdict.line << "\nagain: " << verdict.command;
  std::printf("%s\n", verdict.line.c_str());
}

}  // namespace
}  // namespace ov6::sim
