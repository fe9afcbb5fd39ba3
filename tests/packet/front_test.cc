// SPDX-License-Identifier: Apache-2.0
// What the front remembers, for how long, and what makes it forget. That it does what the tables would do is
// in row_test.cc.
#include "tests/packet/front.h"

#include <gtest/gtest.h>

#include <chrono>

#include "ov6/abi/monitor.h"
#include "tests/packet/row.h"

namespace ov6::packet {
namespace {

class FrontTest : public testing::Test {
 protected:
  FrontTest() {
    ResetWorld();
    FrontOn();
  }
  static Outcome Send(const std::string& to, size_t payload = 30) {
    return RunProgram(Hook::kXdp, "site", "lan", FromHost().Ip6(kHost, to).Udp(1, 2, payload).Done());
  }
  static Outcome Receive(const std::string& peer = kPeer) {
    return RunProgram(Hook::kXdp, "underlay", "wan",
                      FromPeer().Ip4(peer, kWan).Ip6(kRemote, kHost).Echo(8).Done());
  }
  static Outcome SendByTc(const std::string& to, size_t payload = 30, uint8_t hop_limit = 64) {
    return RunProgram(Hook::kTc, "site", "lan",
                      FromHost().Ip6(kHost, to).HopLimit(hop_limit).Udp(1, 2, payload).Done());
  }
  static Outcome ReceiveByTc(const std::string& peer = kPeer, uint8_t outer_ecn = 0) {
    return RunProgram(Hook::kTc, "underlay", "wan",
                      FromPeer().Ip4(peer, kWan).Ecn(outer_ecn).Ip6(kRemote, kHost).Echo(8).Done());
  }
  static uint64_t Count(ov6_verdict verdict) { return Verdicts()[verdict].packets; }
  static bool Hits(const std::function<Outcome()>& packet) {
    const uint64_t before = FrontHits();
    packet();
    return FrontHits() == before + 1;
  }
  static bool SendHits(const std::string& to = kRemote, size_t payload = 30) {
    return Hits([&] { return Send(to, payload); });
  }
  static bool SendByTcHits(const std::string& to = kRemote) {
    return Hits([&] { return SendByTc(to); });
  }
  static void Warm(const std::string& to = kRemote) {
    for (int time = 0; time < 3; ++time) Send(to);
  }
  static std::string In48(uint32_t host) {
    char text[40];
    std::snprintf(text, sizeof(text), "fd00:2:0:5::%x:%x", host >> 16, host & 0xffff);
    return text;
  }
};

TEST_F(FrontTest, IsOffUntilItIsTurnedOn) {
  FrontOff();
  Warm();
  EXPECT_EQ(FrontCounts().misses, 0u);
  EXPECT_FALSE(SendHits());
}

TEST_F(FrontTest, AnAddressIsAdmittedAtItsSecondUse) {
  EXPECT_FALSE(SendHits());
  EXPECT_EQ(FrontCounts().filled, 0u);
  EXPECT_FALSE(SendHits());
  EXPECT_EQ(FrontCounts().filled, 2u);
  EXPECT_TRUE(SendHits());
}

// Of the same host: all that misses is the destination.
TEST_F(FrontTest, AScanOfAMappedPrefixTakesNobodysPlace) {
  constexpr uint32_t kHot = 16, kScanned = 100'000, kFirst = 0x100000;
  for (uint32_t host = 1; host <= kHot; ++host) Warm(In48(host));
  for (uint32_t host = 0; host < kScanned; ++host) Send(In48(kFirst + host));
  EXPECT_EQ(FrontCounts().evicted, 0u);
  for (uint32_t host = 1; host <= kHot; ++host) {
    EXPECT_TRUE(SendHits(In48(host))) << host;
  }
}

TEST_F(FrontTest, WhoIsUsedStaysWhileOthersComeAndGo) {
  Warm();
  for (uint32_t host = 0; host < 20 * OV6_FRONT_ENTRIES * Programs::kFrontSets; ++host) {
    Send(In48(host));
    Send(In48(host));
    if (host % 16 == 0) Send(kRemote);
  }
  EXPECT_GT(FrontCounts().evicted, 0u);
  EXPECT_TRUE(SendHits());
}

TEST_F(FrontTest, AChangeIsForgottenUntilTheTablesWereAsked) {
  Warm();
  FrontForget();
  EXPECT_FALSE(SendHits());
  EXPECT_TRUE(SendHits());
}

TEST_F(FrontTest, OncePerSecondOnePacketAsksWhetherSomebodyTellsOfChanges) {
  Warm();
  FrontLapse(true);
  EXPECT_FALSE(SendHits());
  EXPECT_TRUE(SendHits());
  EXPECT_EQ(FrontCounts().filled, 2u);
}

TEST_F(FrontTest, WithNobodyToTellOfChangesAllIsForgottenOnceASecond) {
  Warm();
  FrontLapse(false);
  EXPECT_FALSE(SendHits());
  EXPECT_EQ(FrontCounts().filled, 4u);
  EXPECT_TRUE(SendHits());
}

TEST_F(FrontTest, AnEntryHoldsForItsLifeOnly) {
  FrontOn(1);  // jiffy a second
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  Warm();
  do {
    FrontLapse(true);
    Send(kRemote);
  } while (std::chrono::steady_clock::now() < until);
  EXPECT_GT(FrontCounts().filled, 2u);
}

TEST_F(FrontTest, AMappingThatEndsEndsIt) {
  FrontOn(kSlowestTicks);
  ov6_mapping mapping = Mapping(Locator(kPeer));
  mapping.hard_expiry = BootTime() + 100'000'000;
  SetMapping("fd00:2::/48", mapping);
  Warm();
  while (BootTime() < mapping.hard_expiry) SendHits();
  const uint64_t punted = Verdicts()[OV6_VERDICT_PUNT_MISS].packets;  // the last one may have been late
  EXPECT_FALSE(SendHits());
  EXPECT_EQ(Verdicts()[OV6_VERDICT_PUNT_MISS].packets, punted + 1);
}

TEST_F(FrontTest, AnErrorOfARouterOnTheWayIsHeard) {
  const size_t payload = 1352;  // 1400 bytes
  for (int time = 0; time < 3; ++time) Send(kRemote, payload);
  EXPECT_TRUE(SendHits(kRemote, payload));
  const Bytes sent = Send(kRemote, payload).bytes;
  const Bytes quote(sent.begin() + 14, sent.begin() + 14 + 68);
  RunProgram(Hook::kXdp, "underlay", "wan",
             FromPeer().Ip4("192.0.2.254", kWan).Icmp4(3, 4, 1300, quote).Done());
  EXPECT_FALSE(SendHits(kRemote, payload));
  EXPECT_EQ(Verdicts()[OV6_VERDICT_ANSWER_TOO_BIG].packets, 1u);
}

TEST_F(FrontTest, WhoMonitorsSeesEveryPacket) {
  Warm();
  SetEntry("monitor", uint32_t{0},
           ov6_monitor{.until = BootTime() + 60'000'000'000, .wanted = OV6_MONITOR_PASS, .lost = 0});
  FrontLapse(true);
  EXPECT_FALSE(SendHits());
  EXPECT_FALSE(SendHits());
  SetEntry("monitor", uint32_t{0}, ov6_monitor{.until = 1, .wanted = OV6_MONITOR_PASS, .lost = 0});
  EXPECT_FALSE(SendHits());
  EXPECT_TRUE(SendHits());
  SetEntry("monitor", uint32_t{0}, ov6_monitor{});
}

TEST_F(FrontTest, ATunnelPacketOfAnotherPeerIsNotTakenForItsSources) {
  for (int time = 0; time < 3; ++time) Receive();
  EXPECT_TRUE(Hits([] { return Receive(); }));
  EXPECT_FALSE(Hits([] { return Receive("198.51.100.9"); }));
  EXPECT_EQ(Verdicts()[OV6_VERDICT_SITE].packets, 4u);
}

TEST_F(FrontTest, AnAddressIsAnotherAtAnotherDevice) {
  Warm();
  const auto at_lan2 = [] {
    return RunProgram(Hook::kXdp, "site", "lan2",
                      Frame(kLan2Mac, kHost2Mac).Ip6(kHost, kRemote).Udp(1, 2, 30).Done());
  };
  EXPECT_FALSE(Hits(at_lan2));
  EXPECT_FALSE(Hits(at_lan2));
  EXPECT_TRUE(Hits(at_lan2));
}

// --- TC ---------------------------------------------------------------------------

TEST_F(FrontTest, ATcDoorTakesDecisionsFromTheFront) {
  for (const std::string& to : {kRemote, kRemoteUdp, kHost2, kBehind}) {
    EXPECT_FALSE(SendByTcHits(to)) << to;
    EXPECT_FALSE(SendByTcHits(to)) << to;
    EXPECT_TRUE(SendByTcHits(to)) << to;
  }
  FrontForget();
  EXPECT_FALSE(SendByTcHits());
  EXPECT_TRUE(SendByTcHits());
}

TEST_F(FrontTest, WhatOnePacketMayATcDoorAsksOfTheNext) {
  for (int time = 0; time < 3; ++time) SendByTc(kRemote);
  SendByTc(kRemote, 30, 1);
  EXPECT_EQ(Count(OV6_VERDICT_ANSWER_TIME_EXCEEDED), 1u);
  SendByTc(kRemote, 1480);
  EXPECT_EQ(Count(OV6_VERDICT_ANSWER_TOO_BIG), 1u);
  EXPECT_TRUE(SendByTcHits());
  for (int time = 0; time < 3; ++time) ReceiveByTc();
  EXPECT_EQ(Count(OV6_VERDICT_SITE), 3u);
  ReceiveByTc(kPeer, 3);
  EXPECT_EQ(Count(OV6_VERDICT_DROP_ECN), 1u);
  EXPECT_FALSE(Hits([] { return ReceiveByTc("198.51.100.9"); }));
  EXPECT_EQ(Count(OV6_VERDICT_SITE), 3u);
  EXPECT_TRUE(Hits([] { return ReceiveByTc(); }));
}

TEST_F(FrontTest, ATcDoorKeepsNoRouterByAnAddressThatIsNotLinkLocal) {
  for (int time = 0; time < 4; ++time) EXPECT_FALSE(SendByTcHits(kBehindGlobal));
  EXPECT_EQ(Count(OV6_VERDICT_LOCAL), 4u);
}

TEST_F(FrontTest, ATcDoorKeepsNothingWhoseNeighbourIsUnknown) {
  for (int time = 0; time < 4; ++time) EXPECT_FALSE(SendByTcHits("fd00:1:0:2::77"));
  EXPECT_EQ(Count(OV6_VERDICT_LOCAL), 4u);
}

TEST_F(FrontTest, SourcesThatOneHookKnowsTheOtherKnows) {
  Warm();
  EXPECT_EQ(FrontCounts().filled, 2u);
  for (int time = 0; time < 2; ++time) SendByTc(kRemote);
  EXPECT_EQ(FrontCounts().filled, 3u);
  EXPECT_TRUE(SendByTcHits());
  EXPECT_TRUE(SendHits());
}

// Without asking the tables, until XDP can send there.
TEST_F(FrontTest, WhatXdpCannotSendItLeavesToTc) {
  const auto send_by_xdp = [](bool can) {
    for (const char* name : {"wan", "lan"}) {
      ov6_device device = Device(name);
      device.flags = can ? OV6_DEVICE_XDP_TARGET : 0;
      SetDevice(name, device);
    }
    FrontForget();
  };
  send_by_xdp(false);
  const Outcome first = Send(kRemote), first_in = Receive();
  Send(kRemote), Receive();
  const uint64_t decided = FrontCounts().misses;
  const Outcome again = Send(kRemote);
  EXPECT_EQ(again.code, first.code);
  EXPECT_EQ(again.metadata, first.metadata);
  EXPECT_EQ(Receive().metadata, first_in.metadata);
  EXPECT_EQ(FrontCounts().misses, decided);
  EXPECT_EQ(FrontHits(), 0u);
  EXPECT_EQ(Count(OV6_VERDICT_TUNNEL) + Count(OV6_VERDICT_SITE), 0u);
  Send(kRemote, 1480);
  EXPECT_EQ(FrontCounts().misses, decided + 1);
  EXPECT_FALSE(Hits([] { return Receive("198.51.100.9"); }));
  send_by_xdp(true);
  Send(kRemote), Receive();
  EXPECT_TRUE(SendHits());
  EXPECT_TRUE(Hits([] { return Receive(); }));
}

// A second device for the same: TCP, which comes out of it in large segments.
TEST_F(FrontTest, ToASiteElsewhereTcpGoesByItsDeviceAndTheRestByOv6dsPort) {
  const auto send = [](bool tcp) {
    const Frame frame = FromHost().Ip6(kHost, kHost2);
    return RunProgram(Hook::kXdp, "site", "lan",
                      tcp ? Frame(frame).Tcp(1, 2, 30).Done() : Frame(frame).Udp(1, 2, 30).Done());
  };
  SetElsewhere("lan2");
  FrontForget();
  for (int time = 0; time < 3; ++time) {
    EXPECT_EQ(send(false).code, uint32_t(XDP_REDIRECT));
    EXPECT_EQ(send(true).code, uint32_t(XDP_PASS));
  }
  EXPECT_EQ(Count(OV6_VERDICT_LOCAL), 3u);
  EXPECT_EQ(FrontHits(), 2u);
  ClearMap("port_devices");
  FrontForget();
  for (int time = 0; time < 3; ++time) EXPECT_EQ(send(false).code, uint32_t(XDP_PASS));
  EXPECT_EQ(Count(OV6_VERDICT_LOCAL), 3u);
}

TEST_F(FrontTest, WhatASlaveCarriesIsLookedForAmongFailures) {
  SetRoute("fd00:9::/48", OV6_ACTION_PORT, kDht, OV6_ROUTE_CARRIED);
  Warm(kUnmapped);
  EXPECT_TRUE(SendHits(kUnmapped));
  SetNegative("fd00:9::/48", 0);
  EXPECT_FALSE(SendHits(kUnmapped));
  EXPECT_EQ(Count(OV6_VERDICT_ANSWER_UNREACHABLE), 1u);
}

}  // namespace
}  // namespace ov6::packet
