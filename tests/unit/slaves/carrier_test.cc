// SPDX-License-Identifier: Apache-2.0
#include "slaves/uplink/carrier.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "tests/unit/slaves/fakes.h"

namespace ov6 {
namespace {

class CarrierTest : public ::testing::Test {
 protected:
  CarrierTest() {
    PortCapsule port;
    port.slot = 3;
    port.slave = 7;
    carrier_.OnPort(port);
  }
  void Join() {
    carrier_.Join({PrefixOf("fd01:0:0:5::/64")}, [this](PacketBytes packet) {
      sent_.emplace_back(packet.begin(), packet.end());
      return room_;
    });
  }
  uint64_t Dropped(const char* why) const {
    boost::json::object status;
    carrier_.AppendStatus(&status);
    return boost::json::value(status).at("dropped").at(why).to_number<uint64_t>();
  }

  FakePort port_;
  std::vector<Ipv6> met_;
  Carrier carrier_{port_, [this](const Ipv6& address) { met_.push_back(address); }};
  std::vector<Bytes> sent_;
  bool room_ = true;
  const Ipv6 inside_ = Address("fd01:0:0:5::1"), outside_ = Address("fd02::1");
};

TEST_F(CarrierTest, APacketOfTheSiteGoesUpWithOneHopLess) {
  Join();
  Frames frames;
  carrier_.OnFrames(std::vector{frames.Punt(OV6_PUNT_ROUTE, Ipv6Packet(inside_, outside_))});
  Bytes wanted = Ipv6Packet(inside_, outside_);
  wanted[7] = 63;
  EXPECT_EQ(sent_, std::vector<Bytes>{wanted});
  EXPECT_EQ(port_.released.size(), 1u);
  EXPECT_EQ(met_, std::vector{outside_});
}

// Ethernet pads short frames.
TEST_F(CarrierTest, WhatTheFrameHoldsBehindThePacketStays) {
  Join();
  Frames frames;
  Bytes padded = Ipv6Packet(inside_, outside_);
  padded.resize(padded.size() + 6);
  carrier_.OnFrames(std::vector{frames.Punt(OV6_PUNT_ROUTE, padded)});
  ASSERT_EQ(sent_.size(), 1u);
  EXPECT_EQ(sent_[0].size(), 40u);
}

TEST_F(CarrierTest, WhatDoesNotGoUpIsCountedAndGivenBack) {
  Frames frames;
  const Frame early = frames.Punt(OV6_PUNT_ROUTE, Ipv6Packet(inside_, outside_));
  carrier_.OnFrames(std::vector{early});
  EXPECT_EQ(Dropped("without_session"), 1u);
  Join();
  Bytes last_hop = Ipv6Packet(inside_, outside_);
  last_hop[7] = 1;
  carrier_.OnFrames(std::vector{frames.Punt(OV6_PUNT_ROUTE, last_hop),
                                frames.Punt(OV6_PUNT_ROUTE, Ipv6Packet(Address("fd01:0:0:6::1"), outside_))});
  EXPECT_EQ(Dropped("hop_limit"), 1u);
  EXPECT_TRUE(sent_.empty());
  room_ = false;
  carrier_.OnFrames(std::vector{frames.Punt(OV6_PUNT_ROUTE, Ipv6Packet(inside_, outside_))});
  EXPECT_EQ(Dropped("session_full"), 1u);
  EXPECT_EQ(port_.released.size(), 4u);
}

TEST_F(CarrierTest, APacketFromTheMasterIsDelivered) {
  Join();
  const Bytes packet = Ipv6Packet(outside_, inside_);
  carrier_.OnPacket(packet);
  EXPECT_TRUE(port_.sent.empty()) << "until all has come";
  carrier_.Flush();
  ASSERT_EQ(port_.sent.size(), 1u);
  ByteWriter wanted;
  for (int i = 0; i < 6; ++i) wanted.U16(0);
  wanted.U16(OV6_ETH_P_PORT).U8(1).U8(OV6_PORT_DELIVER).U16(0).U16(3).U16(0).U32(7).U32(0).Raw(packet);
  const auto& bytes = port_.sent[0].bytes;
  EXPECT_EQ(Bytes(bytes.begin(), bytes.end()), wanted.bytes());
  EXPECT_EQ(met_, std::vector{outside_});
}

TEST_F(CarrierTest, WhatIsNotForTheSiteOrFindsNoFrameIsNotDelivered) {
  Join();
  carrier_.OnPacket(Ipv6Packet(outside_, Address("fd01:0:0:6::1")));
  carrier_.OnPacket(Ipv6Packet(inside_, inside_));
  port_.free = 0;
  carrier_.OnPacket(Ipv6Packet(outside_, inside_));
  EXPECT_EQ(Dropped("port_full"), 1u);
  port_.free = 1;
  Bytes long_one = Ipv6Packet(outside_, inside_);
  long_one.resize(1500);
  long_one[4] = (1500 - 40) >> 8;
  long_one[5] = static_cast<uint8_t>(1500 - 40);
  carrier_.OnPacket(long_one);
  EXPECT_EQ(Dropped("port_full"), 2u) << "1500 bytes and headers in a frame of 1500";
  carrier_.Flush();
  EXPECT_TRUE(port_.sent.empty());
  EXPECT_EQ(port_.released.size(), 1u);
}

}  // namespace
}  // namespace ov6
