// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/operator_entries.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "userspace/datapath/fake/fake_datapath.h"

namespace ov6 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Key;
using testing::Pair;

Prefix P(const char* text) { return *Prefix::Parse(text); }

NodeKey SomeKey() { return {PrivateKey::Generate(), {}}; }

constexpr char kTwoDomains[] = R"(
[[underlay]]
interface = "eth0"
[[domain]]
name = "chord"
prefix = "fd00::/8"
[[domain]]
name = "silent"
prefix = "fc00::/8"
[[slave]]
kind = "dht"
domain = "chord"
)";

Config Read(const std::string& text) {
  auto config = ParseConfig(text, "ov6.toml");
  EXPECT_TRUE(config.ok()) << config.status();
  return *config;
}

TEST(OperatorEntriesTest, ARelayWithoutASiteIsReachedUnderItsOwnAddress) {
  const NodeKey key = SomeKey();
  const Config config = Read(kTwoDomains);
  const auto layout = LayOut(config, key);
  ASSERT_TRUE(layout.ok()) << layout.status();
  const Prefix own = key.Owned(config.domains[0]);
  ASSERT_EQ(layout->selves.size(), 1u);  // nobody resolves in "silent"
  EXPECT_TRUE(layout->selves[0].own);
  EXPECT_TRUE(own.Contains(layout->selves[0].address));
  EXPECT_EQ(layout->registrations.at("chord"), std::vector{own});
  const auto entries = PlanOperatorEntries(config, *layout);
  EXPECT_THAT(entries.routes, ElementsAre(Pair(own, Action::kReject),
                                          Pair(Prefix::Of(layout->selves[0].address, 128), Action::kSite)));
}

TEST(OperatorEntriesTest, AMappingHasARouteWhereNoSlaveResolves) {
  const Config config = Read(std::string(kTwoDomains) +
                             "[[mapping]]\nprefix = \"fd12::/48\"\nvia = \"192.0.2.1\"\n"
                             "[[mapping]]\nprefix = \"fc12::/48\"\nvia = \"192.0.2.1\"\n"
                             "[[mapping]]\nprefix = \"2001:db8::/32\"\nvia = \"192.0.2.1\"\n");
  const auto layout = LayOut(config, SomeKey());
  ASSERT_TRUE(layout.ok()) << layout.status();
  const auto entries = PlanOperatorEntries(config, *layout);
  EXPECT_THAT(entries.mappings,
              ElementsAre(Key(P("2001:db8::/32")), Key(P("fc12::/48")), Key(P("fd12::/48"))));
  EXPECT_EQ(entries.routes.at(P("2001:db8::/32")), Action::kTunnel);
  EXPECT_EQ(entries.routes.at(P("fc12::/48")), Action::kTunnel);
  EXPECT_FALSE(entries.routes.contains(P("fd12::/48")));
}

TEST(OperatorEntriesTest, AMappingInTheUnassignedRestOfOurOwnHasARoute) {
  const NodeKey key = SomeKey();
  const Prefix own = key.Owned(Read(kTwoDomains).domains[0]);
  Prefix part{own.address, 64};
  part.address.bytes[7] = 9;
  const Config config = Read(std::string(kTwoDomains) + "[[mapping]]\nprefix = \"" + part.ToString() +
                             "\"\nvia = \"192.0.2.1\"\n");
  const auto layout = LayOut(config, key);
  ASSERT_TRUE(layout.ok()) << layout.status();
  EXPECT_EQ(PlanOperatorEntries(config, *layout).routes.at(part), Action::kTunnel);
}

TEST(OperatorEntriesTest, AMappingOfWhatIsOursIsRefused) {
  const NodeKey key = SomeKey();
  const Prefix own = key.Owned(Read(kTwoDomains).domains[0]);
  const Config config = Read(std::string(kTwoDomains) + "[[mapping]]\nprefix = \"" + own.ToString() +
                             "\"\nvia = \"192.0.2.1\"\n");
  const auto layout = LayOut(config, key);
  EXPECT_EQ(std::string(layout.status().message()), "ov6.toml:15: the mapping " + own.ToString() +
                                                        " leads away what is this router's own (" +
                                                        own.ToString() + "); it should be another prefix");
}

TEST(OperatorEntriesTest, WhatALaterConfigurationHasNotGoes) {
  FakeDatapath kernel;
  Master master(kernel);
  const BootTime now{};
  const std::vector<Locator> locators = {{*Ipv4::Parse("192.0.2.1"), Encapsulation::k6in4, 0, 1, 0}};
  OperatorEntries first;
  first.routes = {{P("2001:db8::/32"), Action::kTunnel}, {P("fd12::/48"), Action::kReject}};
  first.mappings = {{P("2001:db8::/32"), locators}};
  ASSERT_TRUE(ApplyOperatorEntries(first, {}, {}, now, &master).ok());
  EXPECT_EQ(kernel.mappings().at(P("2001:db8::/32")).flags, OV6_MAPPING_STATIC);
  EXPECT_FALSE(kernel.mappings().at(P("2001:db8::/32")).hard_expiry);
  // By hand, and nobody's to take away but the operator's.
  ASSERT_TRUE(master.routes().Set(P("2001:db9::/32"), {OV6_SLAVE_OPERATOR, Action::kPass, 0}).ok());
  OperatorEntries second;
  second.routes = {{P("fd12::/48"), Action::kReject}};
  ASSERT_TRUE(
      ApplyOperatorEntries(second, first.RoutePrefixes(), first.MappingPrefixes(), now, &master).ok());
  EXPECT_THAT(kernel.routes(), ElementsAre(Key(P("2001:db9::/32")), Key(P("fd12::/48"))));
  EXPECT_TRUE(kernel.mappings().empty());
}

TEST(OperatorEntriesTest, OurOwnAddressIsNoLocator) {
  FakeDatapath kernel;
  Master master(kernel);
  master.mappings().SetOwnAddresses({*Ipv4::Parse("192.0.2.1")});
  OperatorEntries entries;
  entries.mappings = {{P("2001:db8::/32"), {{*Ipv4::Parse("192.0.2.1"), Encapsulation::k6in4, 0, 1, 0}}}};
  const auto status = ApplyOperatorEntries(entries, {}, {}, {}, &master);
  EXPECT_THAT(std::string(status.message()), HasSubstr("192.0.2.1 is this router's own"));
}

}  // namespace
}  // namespace ov6
