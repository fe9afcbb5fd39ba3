// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/pins.h"

#include "gtest/gtest.h"

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

}  // namespace
}  // namespace ov6
