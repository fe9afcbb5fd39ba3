// SPDX-License-Identifier: Apache-2.0
// `ov6ctl monitor`: what it asks the programs for, and what it says of what happens.
#include "ov6/abi/monitor.h"

#include "tests/unit/ov6ctl/fakes.h"

namespace ov6::ctl {
namespace {

using std::chrono::seconds;

class MonitorTest : public CommandTest {
 protected:
  static ov6_sighting Drop() {
    ov6_sighting sighting{};
    sighting.time = 1'000'000'123'456'000;
    sighting.verdict = OV6_VERDICT_DROP_INNER_SOURCE;
    sighting.ingress = 3;
    sighting.bytes = 104;
    sighting.outer_source = Ipv4::Parse("203.0.113.9")->ToBe();
    sighting.source[0] = 0xfd;
    sighting.destination[15] = 1;
    sighting.next_header = 17;
    sighting.hop_limit = 63;
    return sighting;
  }
  // The lines without their times.
  std::vector<std::string> Lines() {
    std::vector<std::string> lines;
    std::istringstream in(out.str());
    for (std::string line; std::getline(in, line);) lines.push_back(line.substr(line.find(' ') + 1));
    return lines;
  }
  using Strings = std::vector<std::string>;
};

TEST_F(MonitorTest, KindsAreWhatIsAskedFor) {
  const struct {
    Strings words;
    uint32_t wanted;
  } rows[] = {
      {{}, OV6_MONITOR_DROP | OV6_MONITOR_PUNT | OV6_MONITOR_ANSWER},
      {{"drop"}, OV6_MONITOR_DROP},
      {{"punt", "answ"}, OV6_MONITOR_PUNT | OV6_MONITOR_ANSWER},
      {{"all"},
       OV6_MONITOR_DROP | OV6_MONITOR_PUNT | OV6_MONITOR_ANSWER | OV6_MONITOR_FORWARD | OV6_MONITOR_PASS}};
  for (const auto& row : rows) {
    Strings words = {"monitor"};
    words.insert(words.end(), row.words.begin(), row.words.end());
    EXPECT_EQ(Do(words), 0);
    EXPECT_EQ(kernel.sightings.wanted, row.wanted);
  }
  EXPECT_EQ(Do({"monitor", "colours"}), 255);
}

TEST_F(MonitorTest, AsksAgainEverySecondForTwo) {
  waiter.steps = {[] {}, [] {}};
  EXPECT_EQ(Do({"monitor", "drop"}), 0);
  EXPECT_EQ(kernel.sightings.asked, 3);
  EXPECT_EQ(kernel.sightings.until, kNow + seconds(4));
  EXPECT_EQ(waiter.waited_for, 17);
}

TEST_F(MonitorTest, AMapNeedsNoRingBuffer) {
  EXPECT_EQ(Do({"monitor", "map"}), 0);
  EXPECT_EQ(kernel.sightings_opened, 0);
  EXPECT_EQ(waiter.waited_for, -1);
}

TEST_F(MonitorTest, APacketIsALine) {
  ov6_sighting unread{};
  unread.verdict = OV6_VERDICT_PASS_NOT_TUNNEL;
  unread.ingress = 8;
  unread.bytes = 60;
  kernel.sightings.waiting = {Drop(), unread};
  kernel.sightings.lost = 5;
  EXPECT_EQ(Do({"monitor", "drop"}), 0);
  EXPECT_EQ(Lines(),
            (Strings{"# 5 packets more, too fast to be shown",
                     "drop DROP_INNER_SOURCE in eth0 fd00:: > ::1 udp hlim 63 104 bytes outer 203.0.113.9",
                     "pass PASS_NOT_TUNNEL in if8 60 bytes"}));
}

TEST_F(MonitorTest, APacketAsJson) {
  kernel.sightings.waiting = {Drop()};
  EXPECT_EQ(Json({"monitor", "drop"}), boost::json::parse(R"({"time":"1970-01-12T13:46:40.123456Z",
      "type":"packet","verdict":"DROP_INNER_SOURCE","class":"drop","in":"eth0","ifindex":3,"src":"fd00::",
      "dst":"::1","protocol":"udp","hop_limit":63,"bytes":104,"outer_src":"203.0.113.9"})"));
}

TEST_F(MonitorTest, ChangesOfTheTables) {
  FakeDatapath& tables = *kernel.tables;
  const Mapping first = {.locators = {{.address = *Ipv4::Parse("198.51.100.9")}},
                         .soft_expiry = {},
                         .hard_expiry = kNow + seconds(10),
                         .slave = 7};
  Mapping later = first, other = first;
  later.hard_expiry = kNow + seconds(20);
  other.hard_expiry = later.hard_expiry;
  other.locators[0].mtu = 1400;
  const auto set = [&](const Mapping& mapping) {
    return [&tables, mapping] { tables.SetMapping(P("fd20::/48"), mapping).IgnoreError(); };
  };
  waiter.steps = {set(first),
                  set(later),
                  set(other),
                  [&] { tables.DeleteMapping(P("fd20::/48")).IgnoreError(); },
                  [&] { tables.SetRoute(P("fd77::/48"), {.action = Action::kPass}).IgnoreError(); },
                  [&] { tables.DeleteNegative(P("fd99::/48")).IgnoreError(); }};
  EXPECT_EQ(Do({"monitor", "map"}), 0);
  EXPECT_EQ(
      Lines(),
      (Strings{
          "mappings added fd20::/48 via 198.51.100.9 encap 6in4 priority 1 ttl 9 slave chord",
          "mappings renewed fd20::/48 via 198.51.100.9 encap 6in4 priority 1 ttl 18 slave chord",
          "mappings changed fd20::/48 via 198.51.100.9 encap 6in4 priority 1 mtu 1400 ttl 17 slave chord",
          "mappings withdrawn fd20::/48 via 198.51.100.9 encap 6in4 priority 1 mtu 1400 ttl 16 slave chord",
          "routes added fd77::/48 pass slave operator",
          "negatives expired fd99::/48 absent code 3 ttl 0 slave chord expired"}));
}

TEST_F(MonitorTest, ExpiryIsSaidOnceWhetherItIsSweptOrNot) {
  waiter.steps.assign(70, [] {});
  waiter.steps[64] = [&] { kernel.tables->DeleteMapping(P("fd13::/48")).IgnoreError(); };
  EXPECT_EQ(Do({"monitor", "map"}), 0);
  EXPECT_EQ(std::ranges::count_if(Lines(), [](const auto& line) { return line.starts_with("mappings"); }), 1);
}

TEST_F(MonitorTest, ADatapathThatGoesEndsIt) {
  waiter.steps = {[&] { kernel.there = false; }};
  EXPECT_EQ(Do({"monitor", "map"}), 2);
}

}  // namespace
}  // namespace ov6::ctl
