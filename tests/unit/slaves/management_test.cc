// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <random>

#include "slaves/management/hole.h"
#include "slaves/management/management_slave.h"
#include "slaves/management/supervisor.h"
#include "tests/unit/slaves/fakes.h"

namespace ov6 {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Names = std::vector<std::string>;

const BootTime kStart{seconds(1000)};

TEST(Hole, Rows) {
  const std::vector<Prefix> taken = {PrefixOf("fd00::/8"), PrefixOf("2001:db8:7::/64")};
  EXPECT_EQ(HoleAround(Address("2001:db8:8::1"), taken), PrefixOf("2001:db8:8::/45"));
  EXPECT_EQ(HoleAround(Address("fc00::1"), taken), PrefixOf("fc00::/8"));
  EXPECT_EQ(HoleAround(Address("8000::1"), taken), PrefixOf("8000::/2"));
  EXPECT_EQ(HoleAround(Address("fd77::1"), taken), std::nullopt);
  EXPECT_EQ(HoleAround(Address("::1"), {}), PrefixOf("::/0"));
}

TEST(Hole, ContainsTheAddressTouchesNothingTakenAndIsTheWidest) {
  std::mt19937_64 random(6);
  const auto address = [&] {
    Ipv6 a;
    for (auto& byte : a.bytes) byte = static_cast<uint8_t>(random() & random());  // many common bits
    return a;
  };
  for (int round = 0; round < 5000; ++round) {
    std::vector<Prefix> taken;
    for (size_t i = 0; i < round % 8u; ++i)
      taken.push_back(Prefix::Of(address(), static_cast<int>(1 + random() % 128)));
    const Ipv6 wanted = address();
    const auto overlaps = [&](const Prefix& p) {
      return std::any_of(taken.begin(), taken.end(), [&](const Prefix& t) { return t.Overlaps(p); });
    };
    const auto hole = HoleAround(wanted, taken);
    if (!hole) {
      EXPECT_TRUE(overlaps(Prefix::Of(wanted, 128)));
      continue;
    }
    EXPECT_TRUE(hole->Contains(wanted));
    EXPECT_FALSE(overlaps(*hole));
    if (hole->length > 0) {
      EXPECT_TRUE(overlaps(Prefix::Of(wanted, hole->length - 1)));
    }
  }
}

TEST(Supervisor, StartsWhatDoesNotRunGatewaysFirst) {
  Supervisor supervisor;
  supervisor.Report(kStart, "chord", SlaveKind::kDht, false);
  supervisor.Report(kStart, "gw1", SlaveKind::kGateway, false);
  supervisor.Report(kStart, "gw0", SlaveKind::kGateway, true);
  EXPECT_EQ(supervisor.TakeDue(kStart), (Names{"gw1", "chord"}));
  EXPECT_EQ(supervisor.TakeDue(kStart), Names{});
  EXPECT_EQ(supervisor.NextDeadline(), std::nullopt);
}

TEST(Supervisor, BacksOffFrom100MillisecondsTo30SecondsWithoutEnd) {
  Supervisor supervisor;
  supervisor.Report(kStart, "chord", SlaveKind::kDht, false);
  BootTime now = kStart;
  Duration expected = milliseconds(100);
  for (uint64_t restarts = 0; restarts < 100; ++restarts) {
    ASSERT_EQ(supervisor.TakeDue(now), Names{"chord"});
    now += milliseconds(3);
    supervisor.OnExited(now, "chord", 139);
    ASSERT_EQ(supervisor.NextDeadline(), now + expected) << restarts;
    EXPECT_EQ(supervisor.TakeDue(now + expected - milliseconds(1)), Names{});
    EXPECT_EQ(supervisor.slaves().at("chord").restarts, restarts + 1);
    now += expected;
    expected = std::min<Duration>(2 * expected, seconds(30));
  }
}

TEST(Supervisor, AGoodLifeStartsTheBackOffAgain) {
  Supervisor supervisor;
  supervisor.Report(kStart, "chord", SlaveKind::kDht, false);
  BootTime now = kStart;
  for (int i = 0; i < 5; ++i) {
    supervisor.TakeDue(now);
    supervisor.OnExited(now, "chord", 1);
    now = *supervisor.NextDeadline();
  }
  supervisor.TakeDue(now);
  now += seconds(60);
  supervisor.OnExited(now, "chord", 1);
  EXPECT_EQ(supervisor.NextDeadline(), now + milliseconds(100));
}

TEST(Supervisor, AFailedStartBacksOffToo) {
  Supervisor supervisor;
  supervisor.Report(kStart, "chord", SlaveKind::kDht, false);
  supervisor.TakeDue(kStart);
  supervisor.OnStartFailed(kStart, "chord");
  EXPECT_EQ(supervisor.NextDeadline(), kStart + milliseconds(100));
}

TEST(Supervisor, WhoEndedOnRequestStaysDownUntilWanted) {
  Supervisor supervisor;
  supervisor.Report(kStart, "chord", SlaveKind::kDht, true);
  supervisor.OnExited(kStart, "chord", 0);
  supervisor.Report(kStart + seconds(5), "chord", SlaveKind::kDht, false);
  EXPECT_EQ(supervisor.NextDeadline(), std::nullopt);
  EXPECT_FALSE(supervisor.Want(kStart, "other"));
  EXPECT_TRUE(supervisor.Want(kStart + seconds(9), "chord"));
  EXPECT_EQ(supervisor.TakeDue(kStart + seconds(9)), Names{"chord"});
}

TEST(Supervisor, WhoIsNoMoreIsForgotten) {
  Supervisor supervisor;
  for (const char* name : {"chord", "corp"}) supervisor.Report(kStart, name, SlaveKind::kDht, false);
  supervisor.Keep({"chord"});
  EXPECT_EQ(supervisor.TakeDue(kStart), Names{"chord"});
  EXPECT_FALSE(supervisor.Want(kStart, "corp"));
}

TEST(Supervisor, AMissedEndIsFoundInALaterReport) {
  Supervisor supervisor;
  supervisor.Report(kStart, "chord", SlaveKind::kDht, true);
  supervisor.Report(kStart + seconds(1), "chord", SlaveKind::kDht, false);  // may be older than the start
  EXPECT_EQ(supervisor.NextDeadline(), std::nullopt);
  supervisor.Report(kStart + seconds(5), "chord", SlaveKind::kDht, false);
  EXPECT_EQ(supervisor.NextDeadline(), kStart + seconds(5) + milliseconds(100));
}

class ManagementSlaveTest : public testing::Test {
 protected:
  void SetUp() override {
    slave_.Configure({PrefixOf("fd00::/8")});
    PortCapsule port;
    port.slave = 9;
    port.frame_count = 1024;
    slave_.OnPort(port);
  }
  void Punt(const Frame& frame, BootTime now = kStart) { slave_.OnFrames(now, std::span(&frame, 1)); }

  FakeSession session_;
  FakePort port_;
  Frames frames_;
  ManagementSlave slave_{session_, port_};
};

TEST_F(ManagementSlaveTest, AHoleGetsOneNegativeAndThenThePacketsGoBack) {
  Punt(frames_.Punt(OV6_PUNT_ROUTE, Ipv6Packet(Address("fd01::1"), Address("2001:db8::1"))));
  Punt(frames_.Punt(OV6_PUNT_ROUTE, Ipv6Packet(Address("fd01::1"), Address("2001:db9::1"))));
  ASSERT_EQ(session_.mappings.size(), 1u);
  EXPECT_EQ(session_.mappings[0].changes,
            (std::vector<MappingChange>{MappingNegative{PrefixOf("::/1"), 60000, 0, false}}));
  EXPECT_TRUE(port_.sent.empty());
  session_.Acknowledge();
  EXPECT_EQ(port_.SentChunks(), (std::vector<uint32_t>{0, 1}));
  for (const Frame& frame : port_.sent) EXPECT_EQ(PortType(frame), OV6_PORT_RESUBMIT_OUT);
  for (const Frame& frame : port_.sent) EXPECT_EQ(PortSlave(frame), 9);
  EXPECT_TRUE(port_.released.empty());
}

TEST_F(ManagementSlaveTest, ATakenAddressWithoutItsSlaveFailsFastAndBriefly) {
  Punt(frames_.Punt(OV6_PUNT_ROUTE, Ipv6Packet(Address("fd01::1"), Address("fd02::1"))));
  ASSERT_EQ(session_.mappings.size(), 1u);
  EXPECT_EQ(session_.mappings[0].changes,
            (std::vector<MappingChange>{MappingNegative{PrefixOf("fd02::1/128"), 1000, 0, true}}));
}

TEST_F(ManagementSlaveTest, RefusedNegativesAndStrangePacketsAreReleased) {
  Punt(frames_.Miss("2001:db8::1"));
  session_.Acknowledge(Session::Refusals{{0, "no"}});
  Punt(frames_.Raw(Bytes(60, 0)));
  EXPECT_EQ(port_.released, (std::vector<uint32_t>{0, 1}));
  EXPECT_EQ(slave_.counters().negatives_refused, 1u);
  EXPECT_EQ(slave_.counters().bad_punt, 1u);
}

TEST_F(ManagementSlaveTest, NegativesAreBoundedPerSecond) {
  for (int i = 0; i < 300; ++i) Punt(frames_.Miss("fd02::" + std::to_string(i + 1)));
  EXPECT_EQ(session_.mappings.size(), 100u);
  EXPECT_EQ(slave_.counters().dropped_rate, 200u);
  EXPECT_EQ(port_.released.size(), 200u);
  for (int i = 0; i < 300; ++i) Punt(frames_.Miss("fd03::" + std::to_string(i + 1)), kStart + seconds(1));
  EXPECT_EQ(session_.mappings.size(), 150u);
}

TEST_F(ManagementSlaveTest, StartsTheConfiguredSlavesAndRestartsTheCrashed) {
  const auto clock = [] { return kStart; };
  ASSERT_TRUE(slave_
                  .OnSlaves(kStart, R"([{"name":"management","kind":"management","state":"up"},
      {"name":"chord","kind":"dht","state":"stopped"},{"name":"gw0","kind":"gateway","state":"stopped"}])")
                  .ok());
  slave_.StartDue(kStart, clock);
  ASSERT_EQ(session_.calls.size(), 2u);
  EXPECT_EQ(session_.calls[0].argument, R"({"name":"gw0"})");
  EXPECT_EQ(session_.calls[1].argument, R"({"name":"chord"})");
  session_.Return(std::string("{}"));
  session_.Return(absl::NotFoundError("no ov6-dht beside ov6d"));
  EXPECT_EQ(slave_.NextDeadline(), kStart + milliseconds(100));
  ASSERT_TRUE(slave_.OnExited(kStart, R"({"name":"gw0","status":9})").ok());
  slave_.StartDue(kStart + milliseconds(100), clock);
  EXPECT_EQ(session_.calls.size(), 2u);
  EXPECT_NE(slave_.StatusJson(kStart).find(R"("gw0":{"state":"running","restarts":1})"), std::string::npos)
      << slave_.StatusJson(kStart);
}

TEST_F(ManagementSlaveTest, WrongArgumentsAreSentences) {
  EXPECT_FALSE(slave_.OnSlaves(kStart, "{}").ok());
  EXPECT_FALSE(slave_.OnSlaves(kStart, R"([{"name":"x","kind":"car","state":"up"}])").ok());
  EXPECT_FALSE(slave_.OnExited(kStart, "[]").ok());
  EXPECT_EQ(slave_.OnWanted(kStart, R"({"name":"x"})").code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace ov6
