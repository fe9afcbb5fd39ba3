// SPDX-License-Identifier: Apache-2.0
#include "ov6/mapping.h"

#include <gtest/gtest.h>

namespace ov6 {
namespace {

TEST(Names, BothWays) {
  for (int i = OV6_KIND_OPERATOR; i <= OV6_KIND_UPLINK; ++i) {
    const auto kind = static_cast<SlaveKind>(i);
    EXPECT_EQ(ParseSlaveKind(ToString(kind)), kind);
  }
  for (int i = OV6_ACTION_NONE; i <= OV6_ACTION_REJECT; ++i) {
    const auto action = static_cast<Action>(i);
    EXPECT_EQ(ParseAction(ToString(action)), action);
  }
  EXPECT_EQ(ParseEncapsulation("udp"), Encapsulation::kUdp);
  EXPECT_FALSE(ParseEncapsulation("gre"));
  EXPECT_FALSE(ParseSlaveKind(""));
  EXPECT_EQ(ToString(static_cast<Action>(99)), "unknown");
}

TEST(Overhead, IsTheOuterHeader) {
  EXPECT_EQ(Overhead(Encapsulation::k6in4), 20);
  EXPECT_EQ(Overhead(Encapsulation::kUdp), 28);
}

TEST(Locator, Prints) {
  EXPECT_EQ((Locator{.address = {0xc6336402}}.ToString()), "198.51.100.2");
  EXPECT_EQ((Locator{.address = {0xc6336402}, .encapsulation = Encapsulation::kUdp, .port = 6080}.ToString()),
            "198.51.100.2:6080/udp");
}

TEST(Abi, RouteRoundTrip) {
  const Route route{.slave = 7, .action = Action::kTunnel, .flags = OV6_ROUTE_RELAY};
  EXPECT_EQ(FromAbi(ToAbi(route)), route);
}

TEST(Abi, MappingRoundTripAndNetworkOrder) {
  const Mapping mapping{.locators = {{.address = {0xc6336402}},
                                     {.address = {0xc6336403},
                                      .encapsulation = Encapsulation::kUdp,
                                      .port = 6080,
                                      .priority = 2,
                                      .mtu = 1400}},
                        .soft_expiry = FromNanoseconds(5),
                        .hard_expiry = FromNanoseconds(9),
                        .slave = 3,
                        .flags = OV6_MAPPING_STALE};
  const ov6_mapping value = ToAbi(mapping);
  EXPECT_EQ(value.locator_count, 2);
  EXPECT_EQ(reinterpret_cast<const uint8_t*>(&value.locators[0].address)[0], 198);
  EXPECT_EQ(reinterpret_cast<const uint8_t*>(&value.locators[1].port)[0], 6080 >> 8);
  EXPECT_EQ(FromAbi(value), mapping);
}

TEST(Abi, NeverIsZero) {
  const ov6_mapping value = ToAbi(Mapping{});
  EXPECT_EQ(value.soft_expiry, 0u);
  EXPECT_EQ(value.hard_expiry, 0u);
  EXPECT_FALSE(FromAbi(value).hard_expiry);
}

TEST(Abi, LocatorCountOfAForeignEntryIsBounded) {
  ov6_mapping value{};
  value.locator_count = 255;
  EXPECT_EQ(FromAbi(value).locators.size(), size_t{OV6_MAX_LOCATORS});
}

TEST(Abi, NegativeRoundTrip) {
  const Negative negative{.expiry = FromNanoseconds(11), .slave = 2, .icmp_code = 3, .failed = true};
  EXPECT_EQ(FromAbi(ToAbi(negative)), negative);
}

TEST(Abi, SlaveRoundTrip) {
  const SlaveEntry slave{.name = "management1",  // 11 characters, the longest
                         .kind = SlaveKind::kManagement,
                         .stale = true,
                         .port = 4,
                         .prefixes = {*Prefix::Parse("::/0"), *Prefix::Parse("fd00::/8")}};
  EXPECT_EQ(FromAbi(ToAbi(slave)), slave);
  EXPECT_FALSE(FromAbi(ToAbi(SlaveEntry{})).port);
}

}  // namespace
}  // namespace ov6
