// SPDX-License-Identifier: Apache-2.0
// What packets leave behind: questions for a refresh, token buckets.
#include <gtest/gtest.h>

#include <vector>

#include "ov6/abi/event.h"
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

INSTANTIATE_TEST_SUITE_P(Hooks, State, testing::Values(Hook::kXdp, Hook::kTc),
                         [](const auto& info) { return info.param == Hook::kXdp ? "Xdp" : "Tc"; });

}  // namespace
}  // namespace ov6::packet
