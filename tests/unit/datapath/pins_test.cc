// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/pins.h"

#include "gtest/gtest.h"
#include "userspace/datapath/program_pins.h"

namespace ov6 {
namespace {

TEST(XdpPin, HasNoDot) {
  EXPECT_EQ(XdpPin("/run/ov6/bpf", "eth0"), "/run/ov6/bpf/links/xdp-eth0");
  EXPECT_EQ(XdpPin("/run/ov6/bpf", "eth0.5"), "/run/ov6/bpf/links/xdp-eth0%2e5");
}

TEST(CheckBpffs, RefusesOtherFileSystemsAndNothing) {
  EXPECT_TRUE(absl::IsFailedPrecondition(CheckBpffs("/proc")));
  EXPECT_TRUE(absl::IsNotFound(CheckBpffs("/nowhere/at/all")));
}

TEST(ProgramPinName, ChangesWithTheObject) {
  const uint8_t one[] = {'a', 'b', 'c'};
  const uint8_t other[] = {'a', 'b', 'd'};
  EXPECT_EQ(ProgramPinName("tc_site", one), "tc_site-ba7816bf8f01cfea");  // FIPS 180-4's example
  EXPECT_NE(ProgramPinName("tc_site", one), ProgramPinName("tc_site", other));
}

}  // namespace
}  // namespace ov6
