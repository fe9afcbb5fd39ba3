// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <cstdio>

// Everything happens in a network namespace of the test's own.
int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (unshare(CLONE_NEWNET) != 0) {
    std::perror("packet tests need root: unshare(CLONE_NEWNET)");
    return 1;
  }
  return RUN_ALL_TESTS();
}
