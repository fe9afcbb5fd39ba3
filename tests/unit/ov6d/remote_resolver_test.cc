// SPDX-License-Identifier: Apache-2.0
// What waits for a slave elsewhere that resolves, what it is shown, and what it may say.
#include "userspace/ov6d/remote_resolver.h"

#include <gtest/gtest.h>

#include "tests/unit/slaves/fakes.h"

namespace ov6 {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr SlaveId kSelf = 0x01020304;
const BootTime kStart{seconds(1000)};
const Ipv6 kHere = Address("fd12::7"), kThere = Address("fd77::1");
const std::vector<Locator> kLocators = {{*Ipv4::Parse("198.51.100.2"), {}, 0, 1, 0}};

class RemoteResolverTest : public testing::Test {
 protected:
  void Miss(const Ipv6& to, BootTime now = kStart) { Take(OV6_PUNT_MISS, Ipv6Packet(kHere, to), now); }
  void Take(ov6_punt_reason reason, const Bytes& packet, BootTime now = kStart) {
    const Frame frame = frames_.Punt(reason, packet);
    resolver_.OnFrames(now, std::span(&frame, 1));
  }
  MappingsAckCapsule Say(std::vector<MappingChange> changes, BootTime now = kStart) {
    return resolver_.OnMappings(now, {7, std::move(changes)}, [this](const MappingsCapsule& capsule) {
      applied_.insert(applied_.end(), capsule.changes.begin(), capsule.changes.end());
      MappingsAckCapsule ack{capsule.sequence, {}};
      for (size_t i = 0; i < capsule.changes.size(); ++i) {
        const auto* add = std::get_if<MappingAdd>(&capsule.changes[i]);
        if (add != nullptr && add->prefix == PrefixOf("2001:db8::/32"))
          ack.refused.push_back({i, "not its own"});
      }
      return ack;
    });
  }
  static MappingAdd Add(const std::string& prefix) { return {PrefixOf(prefix), kLocators, 60000, 120000}; }
  static uint8_t TypeOf(const Frame& frame) { return frame.bytes[15]; }

  FakePort port_;
  Frames frames_;
  std::vector<Bytes> shown_;
  bool takes_ = true;
  std::vector<MappingChange> applied_;
  RemoteResolver resolver_{port_, kSelf, [this](std::span<const uint8_t> payload) {
                             if (takes_) shown_.emplace_back(payload.begin(), payload.end());
                             return takes_;
                           }};
};

TEST_F(RemoteResolverTest, AMissIsShownOnceAndGoesBackWithTheAnswer) {
  for (int i = 0; i < 3; ++i) Miss(kThere);
  ASSERT_EQ(shown_.size(), 1u);
  const Bytes whole = PuntBytes(OV6_PUNT_MISS, Ipv6Packet(kHere, kThere));
  EXPECT_EQ(shown_[0], Bytes(whole.begin() + 14, whole.end())) << "the port's header and the packet";
  EXPECT_TRUE(port_.sent.empty());
  EXPECT_TRUE(Say({Add("fd88::/32")}).refused.empty());
  EXPECT_TRUE(port_.sent.empty()) << "that is not what they wait for";
  EXPECT_TRUE(Say({Add("fd77::/32")}).refused.empty());
  ASSERT_EQ(port_.sent.size(), 3u);
  for (const Frame& frame : port_.sent) {
    EXPECT_EQ(TypeOf(frame), OV6_PORT_RESUBMIT_OUT);
    EXPECT_EQ(Bytes(frame.bytes.begin() + 22, frame.bytes.begin() + 26), (Bytes{1, 2, 3, 4}));
  }
  EXPECT_EQ(resolver_.counters().returned, 3u);
  EXPECT_EQ(resolver_.standing(), 2u);
}

TEST_F(RemoteResolverTest, WhatIsToBeVerifiedGoesBackWithItsOuterHeader) {
  Take(OV6_PUNT_VERIFY, Ipv4Packet(41, Ipv6Packet(kThere, kHere)));
  Say({MappingNegative{PrefixOf("fd77::1/128"), 1000, 0, false}});
  ASSERT_EQ(port_.sent.size(), 1u);
  EXPECT_EQ(TypeOf(port_.sent[0]), OV6_PORT_RESUBMIT_IN);
}

TEST_F(RemoteResolverTest, OnlyTheFrontOfAPacketIsShown) {
  Bytes packet = Ipv6Packet(kHere, kThere);
  packet.resize(1400);
  Take(OV6_PUNT_MISS, packet);
  EXPECT_EQ(shown_.at(0).size(), 16 + RemoteResolver::kShown);
}

TEST_F(RemoteResolverTest, WithoutAnAnswerItIsAskedAgainAndThenDropped) {
  Miss(kThere);
  Miss(kThere, kStart + RemoteResolver::kAskAgain);
  EXPECT_EQ(shown_.size(), 2u);
  resolver_.Sweep(kStart + RemoteResolver::kPatience);
  EXPECT_TRUE(port_.released.empty()) << "it was asked again";
  resolver_.Sweep(kStart + RemoteResolver::kAskAgain + RemoteResolver::kPatience);
  EXPECT_EQ(port_.released.size(), 2u);
  EXPECT_EQ(resolver_.counters().dropped_patience, 2u);
  EXPECT_EQ(resolver_.held(), 0u);
}

TEST_F(RemoteResolverTest, WhatWaitsIsBounded) {
  for (size_t i = 0; i < RemoteResolver::kHeldPerAddress + 1; ++i) Miss(kThere);
  EXPECT_EQ(resolver_.counters().dropped_held, 1u);
  BootTime now = kStart;
  for (size_t i = 0; i < RemoteResolver::kMostHeld + 10; ++i, now += milliseconds(1)) {
    Ipv6 to = kThere;
    to.bytes[14] = static_cast<uint8_t>(i >> 8);
    to.bytes[15] = static_cast<uint8_t>(i + 9);
    Miss(to, now);
  }
  EXPECT_EQ(resolver_.held(), RemoteResolver::kMostHeld);
  EXPECT_EQ(port_.released.size(), resolver_.counters().dropped_held);
}

TEST_F(RemoteResolverTest, QuestionsAreBoundedByTheSecond) {
  for (int i = 0; i < 300; ++i) {
    Ipv6 to = kThere;
    to.bytes[14] = static_cast<uint8_t>(i >> 8);
    to.bytes[15] = static_cast<uint8_t>(i);
    Miss(to);
  }
  EXPECT_EQ(shown_.size(), static_cast<size_t>(RemoteResolver::kAskBurst));
  EXPECT_EQ(resolver_.counters().dropped_rate, 100u);
  EXPECT_EQ(port_.released.size(), 100u);
}

TEST_F(RemoteResolverTest, WhoTakesNoQuestionGetsNoPackets) {
  takes_ = false;
  Miss(kThere);
  EXPECT_EQ(port_.released.size(), 1u);
  EXPECT_EQ(resolver_.held(), 0u);
  Take(OV6_PUNT_MISS, {0x60});
  EXPECT_EQ(resolver_.counters().bad_punt, 1u);
  EXPECT_EQ(port_.released.size(), 2u);
}

TEST_F(RemoteResolverTest, RefusalsNameTheirPlaces) {
  const auto ack = Say({Add("fd77::/32"), Add("2001:db8::/32"), Add("fd78::/32")});
  ASSERT_EQ(ack.refused.size(), 1u);
  EXPECT_EQ(ack.refused[0].index, 1u);
  EXPECT_EQ(ack.sequence, 7u);
  EXPECT_EQ(resolver_.standing(), 2u);
  EXPECT_EQ(resolver_.counters().changes_refused, 1u);
}

TEST_F(RemoteResolverTest, ChangesAreBoundedByTheSecondAndInNumber) {
  std::vector<MappingChange> changes;
  for (size_t i = 0; i < 1100; ++i) changes.push_back(Add("fd77:" + std::to_string(i) + "::/32"));
  const auto ack = Say(changes);
  ASSERT_EQ(ack.refused.size(), 100u);
  EXPECT_EQ(ack.refused[0].index, 1000u);
  EXPECT_EQ(ack.refused[0].reason, "too many changes a second");
  BootTime now = kStart;
  size_t refused = 0;
  for (size_t i = 0; i < RemoteResolver::kMostMappings; ++i) {
    now += milliseconds(10);
    refused += Say({Add("fd78:" + std::to_string(i) + "::/32")}, now).refused.size();
  }
  EXPECT_EQ(resolver_.standing(), RemoteResolver::kMostMappings);
  EXPECT_EQ(refused, 1000u);
  EXPECT_TRUE(Say({Add("fd77:1::/32")}, now + seconds(1)).refused.empty()) << "what stands may be renewed";
  EXPECT_TRUE(Say({MappingWithdraw{PrefixOf("fd77:1::/32")}}, now + seconds(1)).refused.empty());
  EXPECT_TRUE(Say({Add("fd79::/32")}, now + seconds(1)).refused.empty()) << "and there is room again";
  EXPECT_EQ(Say({Add("fd7a::/32")}, now + seconds(1)).refused.size(), 1u);
  EXPECT_TRUE(Say({Add("fd7a::/32")}, now + seconds(120)).refused.empty())
      << "what has ended makes room, too";
}

}  // namespace
}  // namespace ov6
