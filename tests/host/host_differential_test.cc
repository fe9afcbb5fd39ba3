// SPDX-License-Identifier: Apache-2.0
// The comparison of tests/differential on the host build: fewer packets, but with time that passes between
// them, and on kernels old and new.
#include <gtest/gtest.h>

#include "tests/differential/compare.h"
#include "tests/differential/generator.h"
#include "tests/differential/minimise.h"
#include "tests/differential/print.h"
#include "tests/host/host_subject.h"
#include "tests/host/kernel.h"

namespace ov6::host {
namespace {

constexpr uint64_t kStart = 86'400'000'000'000;  // a day of boot time
constexpr int kRounds = 400, kPacketsPerRound = 250;

void Compare(uint64_t first_seed) {
  const model::Kernel kernel = differential::MakeKernel(kDevices);
  HostSubject subject;
  for (int round = 0; round < kRounds; round++) {
    differential::Generator generator(first_seed + round, kDevices, kStart, true);
    const model::Tables tables = generator.MakeTables();
    differential::Comparison comparison(subject, kernel, tables, kStart);
    for (int i = 0; i < kPacketsPerRound; i++) {
      const model::Arrival arrival = generator.MakeArrival();
      const std::string difference = comparison.Check(arrival);
      ASSERT_EQ(difference, "") << "seed " << first_seed + round << ", packet " << i << "\n"
                                << differential::Describe(arrival) << differential::Describe(tables)
                                << differential::Minimise(subject, kernel, tables, arrival);
    }
    ASSERT_EQ(comparison.CheckTotal(), "") << "seed " << first_seed + round;
  }
}

TEST(HostDifferential, ModelAndHostBuildAgree) { Compare(1); }

TEST(HostDifferential, AlsoOnAKernelBefore64) {
  SetOld(true);
  Compare(1001);
  SetOld(false);
}

}  // namespace
}  // namespace ov6::host
