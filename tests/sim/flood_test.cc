// SPDX-License-Identifier: Apache-2.0
// A DHT slave on a ring of sixteen nodes while one host scans: what the scan costs the
// DHT, and what another host notices of it.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "slaves/dht/dht_slave.h"
#include "slaves/engine/chord/codec.h"
#include "tests/sim/registry.h"
#include "tests/sim/simulator.h"
#include "tests/unit/slaves/fakes.h"

namespace ov6::sim {
namespace {

constexpr uint32_t kChunks = 1024;

// The last byte of whose MAC address it is.
constexpr uint8_t kScanner = 1, kOther = 2;

class Flood : public testing::Test {
 protected:
  void SetUp() override {
    const auto tune = [](chord::ChordConfig* config) {
      config->checker = [](const Key&, std::span<const uint8_t> value, BootTime) -> std::optional<ValueInfo> {
        const auto record = VerifySigned(value, OpenDomain("fd00::/8", 48), kWall);
        if (!record.ok()) return std::nullopt;
        return ValueInfo{{record->public_key.begin(), record->public_key.end()}, 1, std::chrono::hours(1)};
      };
    };
    s_.Add({}, tune);
    for (size_t i = 1; i < 16; ++i) s_.Add({0}, tune);
    ASSERT_TRUE(s_.RunUntil([&] { return s_.RingIsPerfect(); }, 20s));
    for (uint8_t i = 1; i <= 60; ++i)
      s_.Put(i % 16, StorageKey(domain_, Site(i)),
             Signed(domain_, Site(i), 1, {At("198.51.100.1")}, KeyPair(i)));
    s_.RunFor(5s);
    PortCapsule port;
    port.frame_count = kChunks;
    slave_.OnPort(port);
    // Requests to find and get what a lookup asks for; the rest is the ring's own life.
    s_.on_send = [&](const Endpoint& from, const SendOutput& send) {
      const auto type = static_cast<chord::MessageType>(send.bytes[1]);
      asked_ += from == s_.node(0).endpoint &&
                (type == chord::MessageType::kFind || type == chord::MessageType::kGet);
    };
  }
  static Prefix Site(uint8_t number) {
    Prefix site = P("fd00::/48");
    site.address.bytes[2] = number;
    site.address.bytes[5] = 1;
    return site;
  }
  Ipv6 RandomAddress() {
    Ipv6 address = A("fd00::");
    for (size_t i = 1; i < 16; ++i) address.bytes[i] = static_cast<uint8_t>(s_.random()());
    return address;
  }
  void Submit(Request request) {
    const auto& get = std::get<GetRequest>(request);
    under_way_[s_.Get(0, get.key)] = get.id;
  }
  void Punt(ov6_punt_reason reason, const Bytes& packet, uint8_t station = kScanner) {
    const Frame frame = frames_.Punt(reason, packet, station);
    slave_.OnFrames(std::span(&frame, 1));
  }
  void Step() {
    s_.RunFor(5ms);
    auto& answers = s_.node(0).gets;
    for (auto it = answers.begin(); it != answers.end(); it = answers.erase(it)) {
      GetOutput answer = it->second;
      answer.id = under_way_.at(answer.id);
      under_way_.erase(it->first);
      slave_.OnGet(answer);
    }
    while (!session_.mappings.empty()) {
      for (const MappingChange& change : session_.mappings.front().changes) {
        const auto* add = std::get_if<MappingAdd>(&change);
        if (add != nullptr) mapped_[add->prefix] = s_.now();
      }
      session_.Acknowledge();
    }
    slave_.OnTimer();
    most_held_ = std::max(most_held_, slave_.held().size());
  }
  // For a minute 200 a second, each told apart by `n`; once a second another host asks for a site of the
  // ring. The longest that took.
  Duration Run(const std::function<void(int n)>& flood) {
    Duration longest{};
    BootTime since = s_.now();
    int site = 0;
    for (int n = 0; n < 60 * 200; ++n, Step()) {
      flood(n);
      if (site > 0 && mapped_.contains(Site(site))) longest = std::max(longest, mapped_[Site(site)] - since);
      if (n % 200 != 100) continue;
      EXPECT_TRUE(site == 0 || mapped_.contains(Site(site))) << site << " was not resolved within a second";
      Ipv6 host = Site(++site).address;
      for (size_t i = 8; i < 16; ++i) host.bytes[i] = 0xa5;
      since = s_.now();
      Punt(OV6_PUNT_MISS, Ipv6Packet(A("fd01::2"), host), kOther);
    }
    return longest;
  }
  void ExpectBounded() {
    const LookupQueue::Limits limits;
    EXPECT_LE(most_held_, kChunks / 2);
    EXPECT_LE(slave_.lookups().waiting(LookupQueue::kMiss), limits.waiting);
    EXPECT_LE(slave_.lookups().sources(LookupQueue::kVerify), limits.sources);
    RecordProperty("lookups", boost::json::serialize(LookupsJson(slave_)));
    RecordProperty("dht_messages", static_cast<int>(asked_));
  }

  Simulator s_{101};
  const Domain domain_ = OpenDomain("fd00::/8", 48);
  FakeSession session_;
  FakePort port_;
  Frames frames_;
  std::map<uint64_t, uint64_t> under_way_;
  std::map<Prefix, BootTime> mapped_;
  uint64_t asked_ = 0;
  size_t most_held_ = 0;
  DhtSlave slave_{
      domain_,
      session_,
      port_,
      [this](Request r) { Submit(std::move(r)); },
      {[this] { return s_.now(); },
       [this] {
         return std::chrono::sys_time<std::chrono::milliseconds>(kWall) +
                std::chrono::duration_cast<std::chrono::milliseconds>(s_.now().time_since_epoch());
       }}};
};

TEST_F(Flood, AScanOfRandomDestinationsFromOneHost) {
  const Duration longest = Run([&](int) { Punt(OV6_PUNT_MISS, Ipv6Packet(A("fd01::1"), RandomAddress())); });
  EXPECT_LE(longest, 1s);
  const LookupQueue::Limits limits;
  // The scan's own budget, and what sixty lookups of the other host take.
  EXPECT_LE(asked_, 60 * limits.source.rate * 1.25 + limits.source.burst + 60 * 100);
  ExpectBounded();
}

// A host that forges a source for each packet is one station all the same.
TEST_F(Flood, AScanFromManyForgedSources) {
  const Duration longest = Run([&](int n) {
    Ipv6 source = A("fd01::");
    source.bytes[14] = static_cast<uint8_t>(n >> 8 | 0x80);
    source.bytes[15] = static_cast<uint8_t>(n);
    Punt(OV6_PUNT_MISS, Ipv6Packet(source, RandomAddress()));
  });
  EXPECT_LE(longest, 1s);
  const LookupQueue::Limits limits;
  EXPECT_LE(asked_, 60 * limits.source.rate * 1.25 + limits.source.burst + 60 * 100);
  ExpectBounded();
}

TEST_F(Flood, ForgedTunnelPacketsFromEverywhere) {
  const Duration longest = Run([&](int n) {
    Bytes packet = Ipv4Packet(41, Ipv6Packet(RandomAddress(), A("fd01::2")));
    packet[12] = 198;
    packet[13] = static_cast<uint8_t>(n >> 8);
    packet[14] = static_cast<uint8_t>(n);
    Punt(OV6_PUNT_VERIFY, packet);
  });
  EXPECT_LE(longest, 1s);
  const LookupQueue::Share share = LookupQueue::Limits().classes[LookupQueue::kVerify];
  EXPECT_LE(slave_.lookups().counters().messages[LookupQueue::kVerify],
            60 * share.rate + share.burst + 16 * 100);
  ExpectBounded();
}

}  // namespace
}  // namespace ov6::sim
