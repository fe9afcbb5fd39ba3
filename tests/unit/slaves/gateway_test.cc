// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <random>

#include "slaves/gateway/ra.h"
#include "slaves/gateway/ra_schedule.h"
#include "slaves/gateway/solicitation.h"

namespace ov6 {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

RouterAdvertisement Example() {
  RouterAdvertisement ra;
  ra.prefixes = {*Prefix::Parse("fd12:3456:789a:1::/64"), *Prefix::Parse("2001:db8:7::/64")};
  ra.mtu = 1480;
  ra.source = {0x02, 0, 0, 0, 0, 0x0a};
  return ra;
}

const std::vector<uint8_t> kExampleBytes = {
    134,  0,    0,    0,    64,   0,    0x07, 0x08, 0, 0, 0,    0,    0, 0, 0, 0,  // router lifetime 1800
    1,    1,    0x02, 0,    0,    0,    0,    0x0a,  // source link-layer address
    5,    1,    0,    0,    0,    0,    0x05, 0xc8,  // MTU 1480
    3,    4,    64,   0xc0, 0,    0,    0x15, 0x18, 0, 0, 0x0a, 0x8c, 0, 0, 0, 0,
    0xfd, 0x12, 0x34, 0x56, 0x78, 0x9a, 0,    1,    0, 0, 0,    0,    0, 0, 0, 0,
    3,    4,    64,   0xc0, 0,    0,    0x15, 0x18, 0, 0, 0x0a, 0x8c, 0, 0, 0, 0,
    0x20, 0x01, 0x0d, 0xb8, 0,    7,    0,    0,    0, 0, 0,    0,    0, 0, 0, 0};

TEST(RouterAdvertisement, Bytes) { EXPECT_EQ(EncodeRouterAdvertisement(Example()), kExampleBytes); }

TEST(RouterAdvertisement, TheLastOneEndsTheRouterAndDeprecatesThePrefixes) {
  std::vector<uint8_t> expected = kExampleBytes;
  expected[6] = expected[7] = 0;
  for (const size_t option : {size_t{32}, size_t{64}}) expected[option + 10] = expected[option + 11] = 0;
  EXPECT_EQ(EncodeRouterAdvertisement(Farewell(Example())), expected);
}

TEST(RouterAdvertisement, WithoutMtuAndMacTheOptionsAreLeftOut) {
  EXPECT_EQ(EncodeRouterAdvertisement(RouterAdvertisement{}).size(), 16u);
}

struct SolicitationRow {
  const char* name;
  std::vector<uint8_t> message;
  const char* source;
  int hop_limit;
  SolicitationCheck expected;
};

TEST(Solicitation, Rows) {  // RFC 4861 section 6.1.1
  const std::vector<uint8_t> bare = {133, 0, 0, 0, 0, 0, 0, 0};
  const std::vector<uint8_t> with_address = {133, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 0, 0, 0, 0, 1};
  const SolicitationRow rows[] = {
      {"bare", bare, "fe80::1", 255, SolicitationCheck::kGood},
      {"with an address", with_address, "fe80::1", 255, SolicitationCheck::kGood},
      {"from ::", bare, "::", 255, SolicitationCheck::kGood},
      {"unknown options are skipped",
       {133, 0, 0, 0, 0, 0, 0, 0, 200, 1, 0, 0, 0, 0, 0, 0},
       "fe80::1",
       255,
       SolicitationCheck::kGood},
      {"from :: with an address", with_address, "::", 255, SolicitationCheck::kUnspecifiedWithAddress},
      {"hop limit 254", bare, "fe80::1", 254, SolicitationCheck::kBadHopLimit},
      {"hop limit unknown", bare, "fe80::1", -1, SolicitationCheck::kBadHopLimit},
      {"seven bytes", {133, 0, 0, 0, 0, 0, 0}, "fe80::1", 255, SolicitationCheck::kTooShort},
      {"code 1", {133, 1, 0, 0, 0, 0, 0, 0}, "fe80::1", 255, SolicitationCheck::kBadCode},
      {"option of length 0",
       {133, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0},
       "fe80::1",
       255,
       SolicitationCheck::kBadOption},
      {"option past the end",
       {133, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0},
       "fe80::1",
       255,
       SolicitationCheck::kBadOption},
      {"one byte of an option", {133, 0, 0, 0, 0, 0, 0, 0, 1}, "fe80::1", 255, SolicitationCheck::kBadOption},
      {"an advertisement", {134, 0, 0, 0, 0, 0, 0, 0}, "fe80::1", 255, SolicitationCheck::kOtherType},
      {"nothing", {}, "fe80::1", 255, SolicitationCheck::kOtherType},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(CheckSolicitation(row.message, *Ipv6::Parse(row.source), row.hop_limit), row.expected)
        << row.name;
  }
}

class RaScheduleTest : public testing::Test {
 protected:
  const BootTime start_{seconds(1000)};
  std::mt19937_64 generator_{7};
  RaSchedule schedule_{start_, [this] { return std::uniform_real_distribution<>()(generator_); }};
};

TEST_F(RaScheduleTest, ThreeInitialOnesThenRegular) {
  EXPECT_EQ(schedule_.NextDeadline(), start_);
  BootTime last = start_;
  EXPECT_TRUE(schedule_.Take(last).multicast);
  for (int i = 0; i < 20; ++i) {
    const BootTime next = schedule_.NextDeadline();
    const Duration gap = next - last;
    EXPECT_GE(gap, i < 2 ? RaSchedule::kMulticastGap : RaSchedule::kMinInterval) << i;
    EXPECT_LE(gap, i < 2 ? RaSchedule::kInitialInterval : RaSchedule::kMaxInterval) << i;
    EXPECT_FALSE(schedule_.Take(next - milliseconds(1)).multicast);
    EXPECT_TRUE(schedule_.Take(next).multicast);
    last = next;
  }
}

TEST_F(RaScheduleTest, AHostIsAnsweredByUnicastWithinHalfASecond) {
  schedule_.Take(start_);
  const BootTime asked = start_ + milliseconds(10);
  const Ipv6 host = *Ipv6::Parse("fe80::1");
  schedule_.OnSolicitation(asked, host);
  schedule_.OnSolicitation(asked, host);
  const BootTime answer = schedule_.NextDeadline();
  EXPECT_GE(answer, asked);
  EXPECT_LE(answer, asked + RaSchedule::kAnswerDelay);
  const auto due = schedule_.Take(answer);
  EXPECT_FALSE(due.multicast);
  EXPECT_EQ(due.hosts, std::vector<Ipv6>{host});
  EXPECT_GT(schedule_.NextDeadline(), answer);
}

TEST_F(RaScheduleTest, TheUnspecifiedIsAnsweredByMulticastNotBeforeTheGap) {
  schedule_.Take(start_);
  schedule_.OnSolicitation(start_ + milliseconds(10), Ipv6{});
  EXPECT_EQ(schedule_.NextDeadline(), start_ + RaSchedule::kMulticastGap);
}

TEST_F(RaScheduleTest, TooManyHostsAreAnsweredTogether) {
  for (int i = 0; i < 3; ++i) schedule_.Take(schedule_.NextDeadline());
  const BootTime now = schedule_.NextDeadline() - seconds(100);
  for (size_t i = 0; i <= RaSchedule::kMaxWaiting; ++i) {
    Ipv6 host = *Ipv6::Parse("fe80::");
    host.bytes[15] = static_cast<uint8_t>(i);
    schedule_.OnSolicitation(now, host);
  }
  const auto due = schedule_.Take(now + RaSchedule::kAnswerDelay);
  EXPECT_EQ(due.hosts.size(), RaSchedule::kMaxWaiting);
  EXPECT_TRUE(due.multicast);
}

TEST_F(RaScheduleTest, WhatCouldNotBeSentIsTriedAgainSoon) {
  EXPECT_TRUE(schedule_.Take(start_).multicast);
  schedule_.Retry(start_);
  EXPECT_LE(schedule_.NextDeadline(), start_ + seconds(1));
  // The three initial ones are still to come.
  BootTime last = schedule_.NextDeadline();
  EXPECT_TRUE(schedule_.Take(last).multicast);
  for (int i = 0; i < 2; ++i) {
    EXPECT_LE(schedule_.NextDeadline() - last, RaSchedule::kInitialInterval);
    last = schedule_.NextDeadline();
    schedule_.Take(last);
  }
  EXPECT_GE(schedule_.NextDeadline() - last, RaSchedule::kMinInterval);
}

}  // namespace
}  // namespace ov6
