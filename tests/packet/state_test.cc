// SPDX-License-Identifier: Apache-2.0
// What packets leave behind: questions for a refresh, token buckets.
#include <gtest/gtest.h>

#include <vector>

#include "ov6/abi/event.h"
#include "ov6/abi/monitor.h"
#include "tests/packet/row.h"

namespace ov6::packet {
namespace {

int Collect(void* to, void* data, size_t) {
  static_cast<std::vector<ov6_event>*>(to)->push_back(*static_cast<ov6_event*>(data));
  return 0;
}

std::vector<ov6_event> Events() {
  std::vector<ov6_event> events;
  ring_buffer* ring = ring_buffer__new(Programs::Get().Map("events"), Collect, &events, nullptr);
  ring_buffer__consume(ring);
  ring_buffer__free(ring);
  return events;
}

class State : public testing::TestWithParam<Hook> {
 protected:
  State() {
    ResetWorld();
    Events();
  }
  void Send(const std::string& to) {
    RunProgram(GetParam(), "site", "lan", FromHost().Ip6(kHost, to).Udp(1, 2, 30).Done());
  }
  void Receive(const std::string& from) {
    RunProgram(GetParam(), "underlay", "wan", FromPeer().Ip4(kPeer, kWan).Ip6(from, kHost).Echo(8).Done());
  }
};

TEST_P(State, AUseInTheSoftWindowAsksOnce) {
  ov6_mapping mapping = Mapping(Locator(kPeer));
  mapping.soft_expiry = BootTime() - 1;
  mapping.hard_expiry = BootTime() + 60000000000ull;
  SetMapping("fd00:2::/48", mapping);
  Send(kRemote);
  Send(kRemote);
  Receive(kRemote);
  const auto events = Events();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].type, uint32_t{OV6_EVENT_REFRESH});
  EXPECT_EQ(events[0].slave, kDht);
  EXPECT_EQ(Bytes(events[0].prefix.address, events[0].prefix.address + 16), Address6(kRemote));
  EXPECT_EQ(Verdicts()[OV6_VERDICT_TUNNEL].packets, 2u);
}

TEST_P(State, AnInboundUseAsksToo) {
  ov6_mapping mapping = Mapping(Locator(kPeer));
  mapping.soft_expiry = 1;
  SetMapping("fd00:2::/48", mapping);
  Receive(kRemote);
  EXPECT_EQ(Events().size(), 1u);
}

TEST_P(State, BeforeTheSoftWindowAndForStaticMappingsNobodyAsks) {
  ov6_mapping mapping = Mapping(Locator(kPeer));
  mapping.soft_expiry = BootTime() + 60000000000ull;
  SetMapping("fd00:2::/48", mapping);
  Send(kRemote);
  mapping.soft_expiry = 1;
  mapping.flags = OV6_MAPPING_STATIC;
  SetMapping("fd00:2::/48", mapping);
  Send(kRemote);
  EXPECT_EQ(Events().size(), 0u);
}

TEST_P(State, AUseOfADirectPathIsToldOnceASecond) {
  SetRoute("fd00:2::/48", OV6_ACTION_PORT, kDht, OV6_ROUTE_DIRECT);
  SetMapping("fd00:2::/48", Direct(kPeer));
  Send(kRemote);
  Send(kRemote);
  const auto events = Events();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].type, uint32_t{OV6_EVENT_USED});
  EXPECT_EQ(events[0].slave, kDht);
  EXPECT_EQ(Bytes(events[0].prefix.address, events[0].prefix.address + 16), Address6(kRemote));
}

// What has moved from here goes on, and user space hears who still sends it here.
class Relay : public State {
 protected:
  Relay() {
    SetRoute("fd00:3::/48", OV6_ACTION_TUNNEL, kManagement, OV6_ROUTE_RELAY);
    SetMapping("fd00:3::/48", Mapping(Locator("198.51.100.254")));
  }
  void Receive(const std::string& from = kRemote, uint8_t hop_limit = 64, size_t payload = 30) {
    RunProgram(GetParam(), "underlay", "wan",
               FromPeer().Ip4(kPeer, kWan).Ip6(from, kRemoteUdp).HopLimit(hop_limit).Echo(payload).Done());
  }
};

TEST_P(Relay, TellsOfASenderOnceASecond) {
  Receive();
  Receive();
  const auto events = Events();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].type, uint32_t{OV6_EVENT_RELAYED});
  EXPECT_EQ(events[0].slave, kManagement);
  EXPECT_EQ(events[0].prefix.prefixlen, 128u);
  EXPECT_EQ(Bytes(events[0].prefix.address, events[0].prefix.address + 16), Address6(kRemoteUdp));
  EXPECT_EQ(events[0].peer, Address4(kPeer));
  EXPECT_EQ(Verdicts()[OV6_VERDICT_TUNNEL].packets, 2u);
}

TEST_P(Relay, TellsAgainWhenTheSecondIsOver) {
  ov6_mapping source = Mapping(Locator(kPeer));
  source.next_question = BootTime() + 60000000000ull;
  SetMapping("fd00:2::/48", source);
  Receive();
  EXPECT_EQ(Events().size(), 0u);
  source.next_question = BootTime() - 1;
  SetMapping("fd00:2::/48", source);
  Receive();
  EXPECT_EQ(Events().size(), 1u);
}

TEST_P(Relay, TellsOfEachSourcesMappingAndOfOneByHandToo) {
  ov6_mapping by_hand = Mapping(Locator(kPeer));
  by_hand.flags = OV6_MAPPING_STATIC;
  SetMapping("fd00:9::/48", by_hand);
  Receive(kRemote);
  Receive(kUnmapped);
  Receive(kUnmapped);
  EXPECT_EQ(Events().size(), 2u);
}

// A source's mapping that is asked about all the time must not keep its router uncorrected.
TEST_P(Relay, ARefreshOfTheSourceTakesNothingFromIt) {
  ov6_mapping source = Mapping(Locator(kPeer));
  source.soft_expiry = 1;
  SetMapping("fd00:2::/48", source);
  Receive();
  Receive();
  const auto events = Events();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].type, uint32_t{OV6_EVENT_REFRESH});
  EXPECT_EQ(events[0].peer, 0u);
  EXPECT_EQ(events[1].type, uint32_t{OV6_EVENT_RELAYED});
}

TEST_P(Relay, SaysNothingOfWhatDoesNotGoOn) {
  Receive(kRemote, 1);
  Receive(kRemote, 64, 1500);
  SetMapping("fd00:3::/48", Mapping(Locator(kPeer)));
  Receive();
  EXPECT_EQ(Events().size(), 0u);
  EXPECT_EQ(Verdicts()[OV6_VERDICT_ANSWER_TIME_EXCEEDED].packets, 1u);
  EXPECT_EQ(Verdicts()[OV6_VERDICT_ANSWER_TOO_BIG].packets, 1u);
  EXPECT_EQ(Verdicts()[OV6_VERDICT_DROP_RELAY].packets, 1u);
}

TEST_P(State, ErrorsStopAtTheBurst) {
  ov6_config config = Config();
  config.icmp_rate = 1;
  config.icmp_burst = 3;
  SetEntry("config", uint32_t{0}, config);
  SetNegative("fd00:9::/48", 0);
  for (int i = 0; i < 5; i++) Send(kUnmapped);
  EXPECT_EQ(Verdicts()[OV6_VERDICT_ANSWER_UNREACHABLE].packets, 3u);
  EXPECT_EQ(Verdicts()[OV6_VERDICT_DROP_ICMP_LIMIT].packets, 2u);
}

TEST_P(State, OneSourcesPuntsLeaveOthersTheirs) {
  for (int i = 0; i < OV6_DEFAULT_PUNT_SOURCE_BURST + 100; i++) Send(kUnmapped);
  EXPECT_GT(Verdicts()[OV6_VERDICT_DROP_PUNT_SOURCE_BUDGET].packets, 0u);
  Receive(kUnmapped);
  EXPECT_EQ(Verdicts()[OV6_VERDICT_PUNT_VERIFY].packets, 1u);
}

// RFC 1191: what a router said holds until it has been forgotten, and no error raises it.
TEST_P(State, APathMtuIsLearnedKeptAndForgotten) {
  const auto complain = [&](uint16_t mtu, size_t payload) {
    const Bytes sent = ToPeer().Ip4(kWan, kPeer).DontFragment().Ip6(kHost, kRemote).Udp(1, 2, payload).Done();
    const Bytes quote(sent.begin() + 14, sent.begin() + 14 + 28);
    RunProgram(GetParam(), "underlay", "wan",
               FromPeer().Ip4("192.0.2.254", kWan).Icmp4(3, 4, mtu, quote).Done());
  };
  const uint32_t peer = Address4(kPeer);
  const auto path = [&] {
    ov6_path value{};
    EXPECT_EQ(bpf_map_lookup_elem(Programs::Get().Map("locators"), &peer, &value), 0);
    return value;
  };
  Send(kRemote);
  EXPECT_EQ(path().mtu, 0);
  complain(1400, 1432);
  EXPECT_EQ(path().mtu, 1400);
  const uint64_t lifetime = OV6_DEFAULT_PATH_MTU_LIFETIME * 1000000000ull;
  EXPECT_GT(path().mtu_expiry, BootTime() + lifetime - 10000000000ull);
  EXPECT_LE(path().mtu_expiry, BootTime() + lifetime);
  complain(1450, 1432);
  EXPECT_EQ(path().mtu, 1400);
  complain(1300, 1332);
  EXPECT_EQ(path().mtu, 1300);
  const Bytes large = FromHost().Ip6(kHost, kRemote).Udp(1, 2, 1300 - 48).Done();
  RunProgram(GetParam(), "site", "lan", large);
  EXPECT_EQ(Verdicts()[OV6_VERDICT_ANSWER_TOO_BIG].packets, 1u);
  ov6_path expired = path();
  expired.mtu_expiry = 1;
  SetEntry("locators", peer, expired);
  RunProgram(GetParam(), "site", "lan", large);
  EXPECT_EQ(Verdicts()[OV6_VERDICT_TUNNEL].packets, 2u);
}

TEST_P(State, ThePathMtuBelowTheFloorTakesDontFragmentOff) {
  ov6_path path{};
  path.mtu = 1200;
  path.mtu_expiry = BootTime() + 60000000000ull;
  SetEntry("locators", Address4(kPeer), path);
  const Outcome outcome =
      RunProgram(GetParam(), "site", "lan", FromHost().Ip6(kHost, kRemote).Udp(1, 2, 1280 - 48).Done());
  EXPECT_EQ(Verdicts()[OV6_VERDICT_TUNNEL].packets, 1u);
  EXPECT_EQ(outcome.bytes[20], 0);
}

// The reader asks, for as long as it lives, and for the classes it wants.
TEST_P(State, SightingsAreSentWhileSomebodyAsks) {
  const auto ask = [](uint32_t wanted, uint64_t until) {
    SetEntry("monitor", uint32_t{0}, ov6_monitor{until, wanted, 0});
  };
  std::vector<ov6_sighting> seen;
  ring_buffer* ring = ring_buffer__new(
      Programs::Get().Map("sightings"),
      [](void* to, void* data, size_t) {
        static_cast<std::vector<ov6_sighting>*>(to)->push_back(*static_cast<ov6_sighting*>(data));
        return 0;
      },
      &seen, nullptr);
  Send(kRemote);
  ask(OV6_MONITOR_DROP, BootTime() + 60000000000ull);
  Send(kRemote);
  Receive("::1");
  ask(OV6_MONITOR_DROP, BootTime() - 1);
  Receive("::1");
  ask(0, 0);
  ring_buffer__consume(ring);
  ring_buffer__free(ring);
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].verdict, uint32_t{OV6_VERDICT_DROP_INNER_SOURCE});
  EXPECT_EQ(seen[0].ingress, Ifindex("wan"));
  EXPECT_EQ(seen[0].outer_source, Address4(kPeer));
  EXPECT_EQ(Bytes(seen[0].source, seen[0].source + 16), Address6("::1"));
  EXPECT_EQ(Bytes(seen[0].destination, seen[0].destination + 16), Address6(kHost));
}

INSTANTIATE_TEST_SUITE_P(Hooks, State, testing::Values(Hook::kXdp, Hook::kTc),
                         [](const auto& info) { return info.param == Hook::kXdp ? "Xdp" : "Tc"; });
INSTANTIATE_TEST_SUITE_P(Hooks, Relay, testing::Values(Hook::kXdp, Hook::kTc),
                         [](const auto& info) { return info.param == Hook::kXdp ? "Xdp" : "Tc"; });

}  // namespace
}  // namespace ov6::packet
