// SPDX-License-Identifier: Apache-2.0
// Generated packets through the programs in the kernel and through the model: no difference. The number of
// packets is OV6_DIFFERENTIAL_PACKETS, the seed OV6_DIFFERENTIAL_SEED; a failure prints its own.
#include <gtest/gtest.h>
#include <sched.h>
#include <time.h>

#include <cstdlib>

#include "tests/differential/compare.h"
#include "tests/differential/generator.h"
#include "tests/differential/kernel_subject.h"
#include "tests/differential/minimise.h"
#include "tests/differential/print.h"
#include "tests/packet/front.h"
#include "tests/packet/world.h"

namespace ov6::differential {
namespace {

constexpr uint64_t kPacketsPerRound = 250;  // that meet the same tables

uint64_t Number(const char* variable, uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 0);
}

void StayOnThisCpu() {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(sched_getcpu(), &cpus);
  sched_setaffinity(0, sizeof(cpus), &cpus);
}

TEST(Differential, ModelAndKernelAgree) {
  const uint64_t packets = Number("OV6_DIFFERENTIAL_PACKETS", 1'000'000);
  const uint64_t seed = Number("OV6_DIFFERENTIAL_SEED", 6324);
  StayOnThisCpu();
  const Devices devices = MakeDevices();
  const model::Kernel kernel = MakeKernel(devices);
  KernelSubject subject;
  uint64_t by_front = 0;
  for (uint64_t round = 0; round * kPacketsPerRound < packets; round++) {
    const uint64_t now = packet::BootTime();
    Generator generator(seed + round, devices, now);
    const model::Tables tables = generator.MakeTables();
    Comparison comparison(subject, kernel, tables, now);
    for (uint64_t i = 0; i < kPacketsPerRound; i++) {
      const model::Arrival arrival = generator.MakeArrival();
      const std::string difference = comparison.Check(arrival);
      ASSERT_EQ(difference, "") << "OV6_DIFFERENTIAL_SEED=" << seed + round << ", packet " << i << "\n"
                                << Describe(arrival) << Describe(tables)
                                << Minimise(subject, kernel, tables, arrival);
    }
    ASSERT_EQ(comparison.CheckTotal(), "") << "OV6_DIFFERENTIAL_SEED=" << seed + round;
    by_front += packet::FrontHits();
  }
  EXPECT_GT(by_front, packets / 1000);
}

}  // namespace
}  // namespace ov6::differential
