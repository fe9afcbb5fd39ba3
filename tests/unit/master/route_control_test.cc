// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/master/fixture.h"

namespace ov6 {
namespace {

class RouteControlTest : public MasterTest {
 protected:
  Route RouteAt(const char* address) {
    const auto found = master_.routes().Lookup(*Ipv6::Parse(address));
    return found ? found->second : Route{};
  }
};

TEST_F(RouteControlTest, KindGivesTheActionAndWhoCarries) {
  struct Row {
    SlaveKind kind;
    Action action;
    uint8_t flags = 0;
  };
  for (const Row& row : {Row{SlaveKind::kDht, Action::kTunnel}, Row{SlaveKind::kGateway, Action::kSite},
                         Row{SlaveKind::kManagement, Action::kPort}, Row{SlaveKind::kBridge, Action::kPort},
                         Row{SlaveKind::kUplink, Action::kPort, OV6_ROUTE_CARRIED}}) {
    EXPECT_EQ(RouteControl::RouteOf(7, row.kind), (Route{7, row.action, row.flags})) << ToString(row.kind);
  }
}

TEST_F(RouteControlTest, AnAdoptedRouteKeepsItsFlagsAndGetsThoseOfItsKind) {
  const SlaveId uplink = Up(SlaveKind::kUplink, "home", {P("fd00::/8")});
  ASSERT_TRUE(kernel_.SetRoute(P("fd00::/8"), {uplink, Action::kPort, OV6_ROUTE_DIRECT}).ok());
  ASSERT_TRUE(master_.Adopt(At(1)).ok());
  const SlaveId successor = Up(SlaveKind::kUplink, "home", {P("fd00::/8")});
  EXPECT_EQ(kernel_.routes().at(P("fd00::/8")),
            (Route{successor, Action::kPort, OV6_ROUTE_DIRECT | OV6_ROUTE_CARRIED}));
}

// The paper: one routing table, prefix -> slave; the longest prefix wins.
TEST_F(RouteControlTest, LongestPrefixWins) {
  const SlaveId management = Up(SlaveKind::kManagement, "management", {P("::/0")});
  const SlaveId chord = UpChord();
  const SlaveId gateway = Up(SlaveKind::kGateway, "gw0", {P("fd12:3456:789a:1::/64")});
  ASSERT_TRUE(master_.routes().Set(P("fd12:3456:789a::/48"), {0, Action::kReject, 0}).ok());
  EXPECT_EQ(RouteAt("2001:db8::1").slave, management);
  EXPECT_EQ(RouteAt("fd12:3456:789b::1").slave, chord);
  EXPECT_EQ(RouteAt("fd12:3456:789a:1::7").slave, gateway);
  EXPECT_EQ(RouteAt("fd12:3456:789a:2::7").action, Action::kReject);
}

TEST_F(RouteControlTest, OperatorCannotTakeASlavesPrefixNorDeleteIt) {
  const SlaveId chord = UpChord();
  EXPECT_TRUE(absl::IsAlreadyExists(master_.routes().Set(P("fd00::/8"), {0, Action::kPass, 0})));
  const absl::Status status = master_.routes().Remove(P("fd00::/8"), OV6_SLAVE_OPERATOR);
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_EQ(kernel_.routes().at(P("fd00::/8")).slave, chord);
  EXPECT_TRUE(master_.routes().Set(P("fd77::/16"), {0, Action::kPass, 0}).ok());
  EXPECT_EQ(RouteAt("fd77::1").action, Action::kPass);
  EXPECT_TRUE(master_.routes().Remove(P("fd77::/16"), OV6_SLAVE_OPERATOR).ok());
  EXPECT_EQ(RouteAt("fd77::1").slave, chord);
}

TEST_F(RouteControlTest, AdvertisementIsTheFullList) {
  const std::vector<Prefix> both = {P("fd00::/8"), P("fc00::/8")};
  const SlaveId id = Up(SlaveKind::kDht, "chord", both);
  ASSERT_EQ(Apply(id, Add("fc01::/48")), "");
  ASSERT_TRUE(master_.Advertise(id, {P("fd00::/8")}, Allow(SlaveKind::kDht, "chord", both)).ok());
  EXPECT_TRUE(kernel_.routes().contains(P("fd00::/8")));
  EXPECT_FALSE(kernel_.routes().contains(P("fc00::/8")));
  EXPECT_TRUE(kernel_.mappings().empty());
  EXPECT_THAT(kernel_.slaves().at(id).prefixes, testing::ElementsAre(P("fd00::/8")));
}

}  // namespace
}  // namespace ov6
