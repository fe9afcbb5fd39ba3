// SPDX-License-Identifier: Apache-2.0
#include "gtest/gtest.h"
#include "userspace/datapath/slave_port.h"
#include "userspace/port/port_rings.h"

namespace ov6 {
namespace {

TEST(PortMtu, HasRoomForAPacketOfTheLargestDevice) {
  EXPECT_EQ(PortMtu(0), 1564u);
  EXPECT_EQ(PortMtu(1280), 1564u);
  EXPECT_EQ(PortMtu(2000), 2064u);
  EXPECT_EQ(PortMtu(9000), 3506u);  // what a veth with XDP takes
}

TEST(PortGeometry, AChunkHoldsTheLargestFrame) {
  for (const uint32_t mtu : {1564u, 1700u, 1701u, 3506u}) {
    const PortCapsule geometry = PortGeometry(3, 7, mtu);
    EXPECT_GE(geometry.frame_size, kPortChunkHeadroom + 14 + mtu) << mtu;
    EXPECT_EQ(geometry.mtu, mtu);
  }
  EXPECT_EQ(PortGeometry(3, 7, 1564).frame_size, 2048u);
}

}  // namespace
}  // namespace ov6
