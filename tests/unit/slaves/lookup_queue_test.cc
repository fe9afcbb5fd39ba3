// SPDX-License-Identifier: Apache-2.0
// Budgets, turns and bounds of lookups, on virtual time.
#include "slaves/dht/lookup_queue.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/unit/slaves/fakes.h"

namespace ov6 {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

PuntSource Host(uint32_t number) {
  PuntSource source{false, 3, Address("fd01::")};
  for (int i = 0; i < 4; ++i) source.address.bytes[12 + i] = static_cast<uint8_t>(number >> (24 - 8 * i));
  return source;
}
PuntSource Slash24(uint32_t number) {
  PuntSource source = Host(number);
  source.underlay = true;
  source.ingress = 0;
  return source;
}
Ipv6 Destination(uint32_t number) {
  Ipv6 address = Address("fd02::");
  for (int i = 0; i < 4; ++i) address.bytes[4 + i] = static_cast<uint8_t>(number >> (24 - 8 * i));
  return address;
}

class LookupQueueTest : public testing::Test {
 protected:
  struct Running {
    LookupQueue::Start start;
    BootTime end;
  };

  void Offer(LookupQueue::Class kind, const PuntSource& source, const Ipv6& address) {
    queue_.Offer(now_, kind, source, address);
  }
  void Offer(const PuntSource& source, const Ipv6& address) { Offer(LookupQueue::kMiss, source, address); }

  // Lookups that take `time` and `messages` each; `each` is called every millisecond.
  void RunFor(Duration all, const std::function<void(int)>& each) {
    for (int ms = 0; Duration(milliseconds(ms)) < all; ++ms, now_ += milliseconds(1)) {
      each(ms);
      std::erase_if(running_, [&](const Running& r) {
        if (r.end > now_) return false;
        queue_.Finish(now_, r.start.ticket, messages_);
        spent_ += messages_;
        return true;
      });
      while (const auto start = queue_.Next(now_)) {
        started_.push_back(start->address);
        running_.push_back({*start, now_ + time_});
      }
      for (const Ipv6& address : queue_.TakeDropped()) dropped_.insert(address);
    }
  }
  size_t Started(const Ipv6& address) const {
    return static_cast<size_t>(std::count(started_.begin(), started_.end(), address));
  }

  BootTime now_{seconds(1000)};
  LookupQueue queue_;
  Duration time_ = milliseconds(100);
  int messages_ = 20;
  int64_t spent_ = 0;
  std::vector<Running> running_;
  std::vector<Ipv6> started_;
  std::set<Ipv6> dropped_;
};

TEST_F(LookupQueueTest, AQuietOneStartsAtOnceAndInNoHurry) {
  Offer(Host(1), Destination(1));
  const auto start = queue_.Next(now_);
  ASSERT_TRUE(start);
  EXPECT_EQ(start->address, Destination(1));
  EXPECT_FALSE(start->hurry);
  EXPECT_FALSE(queue_.Next(now_));
  EXPECT_EQ(queue_.NextDeadline(now_), BootTime::max());
}

TEST_F(LookupQueueTest, ASourceKeepsToItsBudget) {
  RunFor(seconds(60), [&](int ms) {
    if (ms % 5 == 0) Offer(Host(1), Destination(static_cast<uint32_t>(ms)));
  });
  const LookupQueue::Limits limits;
  EXPECT_LE(spent_, 60 * limits.source.rate + limits.source.burst + limits.source.in_flight * messages_);
  EXPECT_GE(spent_, 50 * limits.source.rate) << "and gets it";
  EXPECT_GT(queue_.counters().dropped_patience + queue_.counters().dropped_source_full, 0u);
  EXPECT_EQ(queue_.counters().dropped_queue_full, 0u);
  EXPECT_LE(queue_.waiting(LookupQueue::kMiss), limits.source_waiting);
}

TEST_F(LookupQueueTest, AllTogetherKeepToTheirClass) {
  const LookupQueue::Limits limits;
  RunFor(seconds(30), [&](int ms) {
    for (uint32_t host = 0; host < 10; ++host)
      Offer(Host(host), Destination(static_cast<uint32_t>(ms) * 16 + host));
  });
  const auto& miss = limits.classes[LookupQueue::kMiss];
  EXPECT_LE(spent_, 30 * miss.rate + miss.burst + miss.in_flight * messages_);
  EXPECT_LE(queue_.waiting(LookupQueue::kMiss), limits.waiting);
  EXPECT_LE(queue_.in_flight(LookupQueue::kMiss), miss.in_flight);
}

TEST_F(LookupQueueTest, AnotherSourceIsServedWhileOneFloods) {
  size_t asked = 0;
  RunFor(seconds(20), [&](int ms) {
    if (ms % 5 == 0) Offer(Host(1), Destination(static_cast<uint32_t>(ms)));
    if (ms % 500 == 250) Offer(Host(2), Destination(0x80000000u + static_cast<uint32_t>(++asked)));
  });
  for (uint32_t i = 1; i <= asked; ++i) EXPECT_EQ(Started(Destination(0x80000000u + i)), 1u) << i;
}

// Five sources that flood share what there is.
TEST_F(LookupQueueTest, SourcesTakeTurns) {
  std::map<uint32_t, size_t> served;
  RunFor(seconds(20), [&](int ms) {
    for (uint32_t host = 1; host <= 5 && ms % 5 == 0; ++host)
      Offer(Host(host), Destination(host << 24 | static_cast<uint32_t>(ms)));
  });
  for (const Ipv6& address : started_) ++served[address.bytes[4]];
  const auto [least, most] =
      std::minmax_element(served.begin(), served.end(), [](auto& a, auto& b) { return a.second < b.second; });
  EXPECT_EQ(served.size(), 5u);
  EXPECT_LE(most->second - least->second, most->second / 10 + 2);
}

TEST_F(LookupQueueTest, ForgedTunnelPacketsKeepToTheirShareAndStarveNoMiss) {
  int64_t verified = 0;
  RunFor(seconds(20), [&](int ms) {
    const auto n = static_cast<uint32_t>(ms);
    Offer(LookupQueue::kVerify, Slash24(n % 500), Destination(n));
    if (ms % 100 == 0) Offer(Host(1), Destination(0x80000000u + static_cast<uint32_t>(ms)));
  });
  for (uint32_t ms = 0; ms < 19000; ms += 100) EXPECT_EQ(Started(Destination(0x80000000u + ms)), 1u) << ms;
  verified = static_cast<int64_t>(queue_.counters().messages[LookupQueue::kVerify]);
  const LookupQueue::Share share = LookupQueue::Limits().classes[LookupQueue::kVerify];
  EXPECT_LE(verified, 20 * share.rate + share.burst + share.in_flight * messages_);
  EXPECT_GT(verified, 0);
}

TEST_F(LookupQueueTest, RefreshesGoFirst) {
  for (uint32_t i = 0; i < 60; ++i) Offer(Host(i), Destination(i));
  Offer(LookupQueue::kRefresh, {}, Destination(7000));
  const auto start = queue_.Next(now_);
  ASSERT_TRUE(start);
  EXPECT_EQ(start->kind, LookupQueue::kRefresh);
}

TEST_F(LookupQueueTest, RefreshesAreBoundedToo) {
  for (uint32_t i = 0; i < 3000; ++i) Offer(LookupQueue::kRefresh, {}, Destination(i));
  EXPECT_EQ(queue_.waiting(LookupQueue::kRefresh), 1024u);
  EXPECT_EQ(queue_.counters().dropped_refresh, 3000u - 1024u);
  EXPECT_TRUE(queue_.TakeDropped().empty()) << "no packet waits for them";
}

TEST_F(LookupQueueTest, WhoseTurnDoesNotComeInTimeIsDropped) {
  time_ = seconds(10);  // nobody answers
  for (uint32_t i = 0; i < 20; ++i) Offer(Host(1), Destination(i));
  RunFor(seconds(2), [](int) {});
  EXPECT_EQ(started_.size(), 8u);
  EXPECT_EQ(dropped_.size(), 12u);
  EXPECT_EQ(queue_.counters().dropped_patience, 12u);
  EXPECT_EQ(queue_.waiting(LookupQueue::kMiss), 0u);
}

// The address stays in the flooder's queue, and its drop is no loss for the other.
TEST_F(LookupQueueTest, AnAddressWaitsForEachThatAskedForIt) {
  time_ = seconds(10);
  for (uint32_t i = 0; i < 8; ++i) Offer(Host(1), Destination(i));
  RunFor(milliseconds(5), [](int) {});
  Offer(Host(1), Destination(100));
  RunFor(milliseconds(5), [](int) {});
  EXPECT_EQ(Started(Destination(100)), 0u) << "eight of its source are under way";
  Offer(Host(2), Destination(100));
  RunFor(seconds(2), [](int) {});
  EXPECT_EQ(Started(Destination(100)), 1u);
  EXPECT_FALSE(dropped_.contains(Destination(100)));
}

TEST_F(LookupQueueTest, ManySourcesAreBounded) {
  time_ = seconds(10);
  RunFor(seconds(3), [&](int ms) {
    for (uint32_t i = 0; i < 4; ++i) Offer(Host(4 * ms + i), Destination(4 * ms + i));
  });
  EXPECT_LE(queue_.sources(LookupQueue::kMiss), 1024u);
  EXPECT_LE(queue_.waiting(LookupQueue::kMiss), 1024u);
  EXPECT_GT(queue_.counters().dropped_sources_full + queue_.counters().dropped_queue_full, 0u);
  RunFor(seconds(2), [](int) {});
  EXPECT_EQ(queue_.waiting(LookupQueue::kMiss), 0u);
  EXPECT_EQ(started_.size() + dropped_.size(), 12000u) << "each is started or dropped";
}

TEST(PuntSource, SaysWhoMadeUsAsk) {
  Frames frames;
  const auto miss = ParsePunt(frames.Miss("fd02::9").bytes);
  ASSERT_TRUE(miss);
  EXPECT_EQ(miss->source, (PuntSource{false, 42, Address("::eeee:eeee:eeee")}));
  const Bytes packet = Ipv6Packet(Address("fd01::1"), Address("fd02::9"));
  const auto without_mac = ParsePunt(frames.Punt(OV6_PUNT_MISS, packet, 0).bytes);
  ASSERT_TRUE(without_mac);
  EXPECT_EQ(without_mac->source, (PuntSource{false, 42, Address("fd01::1")}));
  const Bytes inner = Ipv6Packet(Address("fd02::1"), Address("fd01::1"));
  const auto verify = ParsePunt(frames.Punt(OV6_PUNT_VERIFY, Ipv4Packet(41, inner)).bytes);
  ASSERT_TRUE(verify);
  EXPECT_EQ(verify->source, (PuntSource{true, 0, Address("::198.51.100.0")}));
}

}  // namespace
}  // namespace ov6
