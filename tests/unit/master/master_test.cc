// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/master/fixture.h"

namespace ov6 {
namespace {

TEST_F(MasterTest, GoodbyeWithdrawsEverythingAtOnce) {
  const SlaveId id = UpChord();
  ASSERT_EQ(Apply(id, Add("fd01::/48")), "");
  ASSERT_EQ(Apply(id, MappingNegative{P("fd02::/48"), 5000, 0, false}), "");
  master_.Goodbye(id);
  EXPECT_TRUE(kernel_.routes().empty());
  EXPECT_TRUE(kernel_.mappings().empty());
  EXPECT_TRUE(kernel_.negatives().empty());
  EXPECT_TRUE(kernel_.slaves().empty());
}

TEST_F(MasterTest, VanishedSlaveIsStaleFor30Seconds) {
  const SlaveId id = UpChord();
  ASSERT_EQ(Apply(id, Add("fd01::/48", {L("198.51.100.2")}, 600000, 600000)), "");
  ASSERT_EQ(Apply(id, Add("fd02::/48", {L("198.51.100.2")}, 10000, 20000)), "");
  master_.Vanish(At(5), id);
  EXPECT_TRUE(kernel_.slaves().at(id).stale);
  EXPECT_EQ(kernel_.mappings().at(P("fd01::/48")).flags, OV6_MAPPING_STALE);
  EXPECT_EQ(kernel_.mappings().at(P("fd01::/48")).hard_expiry, At(600));
  master_.Sweep(At(20));  // the hard expiry comes first for this one
  EXPECT_FALSE(kernel_.mappings().contains(P("fd02::/48")));
  std::vector<std::string> withdrawn;
  const auto note = [&](const SlaveEntry& entry) { withdrawn.push_back(entry.name); };
  master_.Sweep(At(34), note);
  EXPECT_EQ(kernel_.routes().size(), 1u);
  EXPECT_EQ(kernel_.mappings().size(), 1u);
  master_.Sweep(At(35), note);
  EXPECT_THAT(withdrawn, testing::ElementsAre("chord"));
  EXPECT_TRUE(kernel_.routes().empty());
  EXPECT_TRUE(kernel_.mappings().empty());
  EXPECT_TRUE(kernel_.slaves().empty());
}

TEST_F(MasterTest, SuccessorOfTheSameNameTakesOver) {
  const SlaveId old = UpChord();
  ASSERT_EQ(Apply(old, Add("fd01::/48")), "");
  master_.Vanish(At(5), old);
  const SlaveId id = UpChord();
  EXPECT_NE(id, old);
  EXPECT_EQ(kernel_.routes().at(P("fd00::/8")), (Route{id, Action::kTunnel, 0}));
  EXPECT_EQ(kernel_.mappings().at(P("fd01::/48")).slave, id);
  EXPECT_EQ(kernel_.mappings().at(P("fd01::/48")).flags, 0);
  EXPECT_FALSE(kernel_.slaves().contains(old));
  master_.Sweep(At(60));
  EXPECT_EQ(kernel_.routes().size(), 1u);
  EXPECT_EQ(master_.counters().takeovers, 1u);
}

// A daemon killed between a registration and its takeover leaves two of one name.
TEST_F(MasterTest, SuccessorTakesOverEveryStaleSlaveOfItsName) {
  const SlaveId first = UpChord();
  ASSERT_EQ(Apply(first, Add("fd01::/48")), "");
  master_.Vanish(At(1), first);
  const auto outcome = master_.Register({SlaveKind::kDht, "chord", {P("fd00::/8")}},
                                        Allow(SlaveKind::kDht, "chord", {P("fd00::/8")}));
  const SlaveId second = std::get<SlaveId>(outcome);  // never activated
  Master next(kernel_);
  ASSERT_TRUE(next.Adopt(At(2)).ok());
  const auto third = next.Register({SlaveKind::kDht, "chord", {P("fd00::/8")}},
                                   Allow(SlaveKind::kDht, "chord", {P("fd00::/8")}));
  const SlaveId id = std::get<SlaveId>(third);
  ASSERT_TRUE(next.Activate(id).ok());
  EXPECT_EQ(kernel_.routes().at(P("fd00::/8")).slave, id);
  EXPECT_EQ(kernel_.mappings().at(P("fd01::/48")).slave, id);
  EXPECT_FALSE(kernel_.slaves().contains(first));
  EXPECT_FALSE(kernel_.slaves().contains(second));
  next.Sweep(At(60));
  EXPECT_EQ(kernel_.routes().size(), 1u);
}

TEST_F(MasterTest, NoSlaveTakesWhatTheConfigurationGivesToAnother) {
  Permission everything = Allow(SlaveKind::kManagement, "management", {P("::/0")});
  everything.others = {P("fd00::/8")};
  const SlaveId id = Up(SlaveKind::kManagement, "management", {P("::/0")});
  EXPECT_EQ(master_.Advertise(id, {P("::/0"), P("fd00::/8")}, everything).message(),
            "fd00::/8 lies in fd00::/8, which the configuration gives to another slave.");
  EXPECT_FALSE(kernel_.routes().contains(P("fd00::/8")));
}

TEST_F(MasterTest, NewcomerIsNotHiddenByNegativesOfOthers) {
  const SlaveId management = Up(SlaveKind::kManagement, "management", {P("::/0")});
  ASSERT_EQ(Apply(management, MappingNegative{P("::/0"), 600000, 0, false}), "");
  ASSERT_EQ(Apply(management, MappingNegative{P("fd01::/48"), 600000, 0, false}), "");
  ASSERT_EQ(Apply(management, MappingNegative{P("2001:db8::/32"), 600000, 0, false}), "");
  UpChord();
  ASSERT_EQ(kernel_.negatives().size(), 1u);
  EXPECT_TRUE(kernel_.negatives().contains(P("2001:db8::/32")));
}

TEST_F(MasterTest, SuccessorWithFewerPrefixesKeepsOnlyWhatIsInside) {
  const SlaveId old = Up(SlaveKind::kDht, "chord", {P("fc00::/8"), P("fd00::/8")});
  ASSERT_EQ(Apply(old, Add("fc01::/48")), "");
  ASSERT_EQ(Apply(old, Add("fd01::/48")), "");
  master_.Vanish(At(5), old);
  UpChord();
  EXPECT_FALSE(kernel_.routes().contains(P("fc00::/8")));
  EXPECT_FALSE(kernel_.mappings().contains(P("fc01::/48")));
  EXPECT_TRUE(kernel_.mappings().contains(P("fd01::/48")));
}

// Both kinds of a slave that carries packets itself: the mapping, and the route that heeds it.
TEST_F(MasterTest, ADirectPathIsABetterWayThanItsSlaves) {
  const Locator place{*Ipv4::Parse("198.51.100.7"), Encapsulation::kUdp, 40000, 1, 0, true};
  const SlaveId uplink = Up(SlaveKind::kUplink, "home", {P("fd00::/8")});
  EXPECT_EQ(kernel_.routes().at(P("fd00::/8")), (Route{uplink, Action::kPort, OV6_ROUTE_CARRIED}));
  ASSERT_TRUE(master_.SetDirect(At(0), uplink, P("fd02:0:0:5::/64"), {place}, At(1), At(30)).ok());
  EXPECT_EQ(kernel_.routes().at(P("fd00::/8")),
            (Route{uplink, Action::kPort, OV6_ROUTE_CARRIED | OV6_ROUTE_DIRECT}));
  const Mapping mapping = kernel_.mappings().at(P("fd02:0:0:5::/64"));
  EXPECT_EQ(mapping, (Mapping{{place}, At(1), At(30), uplink, OV6_MAPPING_DIRECT, 0}));
  master_.Sweep(At(29));
  EXPECT_EQ(kernel_.mappings().size(), 1u) << "past the time to send it is accepted from";
  master_.Sweep(At(30));
  EXPECT_TRUE(kernel_.mappings().empty());

  const SlaveId gateway = Up(SlaveKind::kGateway, "site", {P("fd01:0:0:1::/64")});
  ASSERT_TRUE(master_.SetDirect(At(31), gateway, P("fd01:0:0:1::/64"), {place}, At(32), At(61)).ok());
  EXPECT_EQ(kernel_.routes().at(P("fd01:0:0:1::/64")), (Route{gateway, Action::kSite, OV6_ROUTE_DIRECT}));
  master_.EndDirect(uplink, P("fd01:0:0:1::/64"));
  EXPECT_EQ(kernel_.mappings().size(), 1u) << "it is another slave's";
  master_.EndDirect(gateway, P("fd01:0:0:1::/64"));
  EXPECT_TRUE(kernel_.mappings().empty());
}

TEST_F(MasterTest, ADirectPathIsToWhatItsSlaveCarriesAndNotToUs) {
  const Locator place{*Ipv4::Parse("198.51.100.7"), Encapsulation::kUdp, 40000, 1, 0, true};
  const SlaveId uplink = Up(SlaveKind::kUplink, "home", {P("fd00::/8")});
  const SlaveId site = Up(SlaveKind::kGateway, "gw0", {P("fd01:0:0:1::/64")});
  const auto set = [&](SlaveId slave, const char* prefix, const Locator& locator) {
    return master_.SetDirect(At(0), slave, P(prefix), {locator}, At(1), At(30));
  };
  EXPECT_TRUE(absl::IsNotFound(set(uplink, "fd01:0:0:1::/64", place))) << "a site of ours";
  EXPECT_TRUE(absl::IsNotFound(set(uplink, "2001:db8::/32", place)));
  EXPECT_TRUE(absl::IsNotFound(set(site, "fd01::/48", place))) << "wider than what it has";
  master_.mappings().SetOwnAddresses({place.address});
  EXPECT_TRUE(absl::IsInvalidArgument(set(uplink, "fd02::/64", place)));
  EXPECT_TRUE(kernel_.mappings().empty());
}

// To a part of a mapping: behind the path what the mapping says, for as long as it says so.
TEST_F(MasterTest, AShortcutIsSentByBeforeWhatItsSlaveSaid) {
  const Locator place{*Ipv4::Parse("198.51.100.7"), Encapsulation::kUdp, 40000, 1, 0, true};
  Locator heard = place, relay = L("198.51.100.2"), brings = L("198.51.100.3");
  heard.port = 40001;
  heard.priority = brings.priority = kAcceptOnly;
  const SlaveId chord = UpChord();
  ASSERT_EQ(Apply(chord, Add("fd02::/48", {relay, brings}, 60000, 120000)), "");
  const Prefix part = P("fd02:0:0:5::/64");
  ASSERT_TRUE(master_.SetShortcut(At(0), chord, part, {place, heard}, At(1), relay.address).ok());
  EXPECT_EQ(kernel_.routes().at(P("fd00::/8")), (Route{chord, Action::kTunnel, 0}));
  relay.priority = 2;
  EXPECT_EQ(kernel_.mappings().at(part),
            (Mapping{{place, relay, heard, brings}, At(1), At(120), chord, OV6_MAPPING_DIRECT, 120}));
  const auto* around = master_.mappings().LeadingTo(At(0), chord, part, relay.address);
  ASSERT_NE(around, nullptr);
  EXPECT_EQ(around->soft_expiry, At(60)) << "what it is a part of, and not itself";
  EXPECT_EQ(master_.mappings().LeadingTo(At(120), chord, part, relay.address), nullptr) << "it has ended";
  master_.EndDirect(chord, part);
  EXPECT_EQ(kernel_.mappings().size(), 1u);
}

TEST_F(MasterTest, AShortcutIsOfWhatLeadsToTheOneWhoVouchedForIt) {
  const Locator place{*Ipv4::Parse("198.51.100.7"), Encapsulation::kUdp, 40000, 1, 0, true};
  Locator brings = L("198.51.100.3");
  brings.priority = kAcceptOnly;
  const SlaveId chord = UpChord();
  const SlaveId site = Up(SlaveKind::kGateway, "gw0", {P("fd01:0:0:1::/64")});
  ASSERT_EQ(Apply(chord, Add("fd02::/48", {L("198.51.100.2"), brings})), "");
  ASSERT_EQ(Apply(chord, Add("fd02:0:0:6::/64", {L("198.51.100.2")})), "");
  const auto set = [&](SlaveId slave, const char* prefix, const char* via) {
    return master_.SetShortcut(At(0), slave, P(prefix), {place}, At(1), *Ipv4::Parse(via));
  };
  EXPECT_TRUE(absl::IsNotFound(set(chord, "fd02:0:0:5::/64", "198.51.100.9")));
  EXPECT_TRUE(absl::IsNotFound(set(chord, "fd02:0:0:5::/64", "198.51.100.3"))) << "nothing is sent there";
  EXPECT_TRUE(absl::IsNotFound(set(chord, "fd02:0:0:6::/64", "198.51.100.2")))
      << "it has a mapping of its own";
  EXPECT_TRUE(absl::IsNotFound(set(chord, "fd02::/48", "198.51.100.2"))) << "the whole";
  EXPECT_TRUE(absl::IsNotFound(set(chord, "fd00::/16", "198.51.100.2"))) << "more than that";
  EXPECT_TRUE(absl::IsNotFound(set(chord, "fd03:0:0:5::/64", "198.51.100.2")));
  EXPECT_TRUE(absl::IsNotFound(set(chord, "fd01:0:0:1::/64", "198.51.100.2"))) << "a site of ours";
  EXPECT_TRUE(absl::IsNotFound(set(site, "fd02:0:0:5::/64", "198.51.100.2")));
  EXPECT_TRUE(set(chord, "fd02:0:0:5::/64", "198.51.100.2").ok());
  EXPECT_EQ(kernel_.mappings().size(), 3u);
}

TEST_F(MasterTest, AdoptionMakesEverySlaveStaleAndForgetsOrphans) {
  const SlaveId chord = UpChord();
  ASSERT_EQ(Apply(chord, Add("fd01::/48", {L("198.51.100.2")}, 600000, 600000)), "");
  ASSERT_TRUE(kernel_.SetRoute(P("2001:db8::/32"), {77, Action::kTunnel, 0}).ok());
  ASSERT_TRUE(kernel_.SetRoute(P("2001:db9::/32"), {0, Action::kPass, 0}).ok());
  Master successor(kernel_);
  ASSERT_TRUE(successor.Adopt(At(100)).ok());
  EXPECT_TRUE(kernel_.slaves().at(chord).stale);
  EXPECT_FALSE(kernel_.routes().contains(P("2001:db8::/32")));
  EXPECT_TRUE(kernel_.routes().contains(P("2001:db9::/32")));
  EXPECT_TRUE(kernel_.mappings().contains(P("fd01::/48")));
  successor.Sweep(At(129));
  EXPECT_TRUE(kernel_.routes().contains(P("fd00::/8")));
  successor.Sweep(At(130));
  EXPECT_FALSE(kernel_.routes().contains(P("fd00::/8")));
  EXPECT_TRUE(kernel_.mappings().empty());
  EXPECT_TRUE(kernel_.routes().contains(P("2001:db9::/32")));
}

TEST_F(MasterTest, ForbiddenAdvertisementChangesNothing) {
  const SlaveId id = UpChord();
  const auto routes = kernel_.routes();
  EXPECT_TRUE(absl::IsPermissionDenied(
      master_.Advertise(id, {P("2001:db8::/32")}, Allow(SlaveKind::kDht, "chord", {P("fd00::/8")}))));
  EXPECT_EQ(kernel_.routes(), routes);
  EXPECT_EQ(master_.counters().advertisements_refused, 1u);
}

}  // namespace
}  // namespace ov6
