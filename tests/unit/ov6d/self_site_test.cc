// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/self_site.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "userspace/ov6d/device_keeper.h"

namespace ov6 {
namespace {

using testing::UnorderedElementsAre;

Prefix P(const char* text) { return *Prefix::Parse(text); }
Ipv6 A(const char* text) { return *Ipv6::Parse(text); }

netlink::Route6 Into(const char* prefix, const char* source) {
  return {P(prefix), 0, A(source), 1024, false};
}
netlink::Route6 EndsHere(const char* prefix) { return {P(prefix), 0, std::nullopt, 0x7fffffff, true}; }

Config SomeConfig() {
  Config config;
  config.domains = {{"chord", P("fd00::/8"), 48, Domain::Trust::kSelf},
                    {"lab", P("2001:db8::/32"), 48, Domain::Trust::kOpen}};
  config.slaves.resize(2);
  config.slaves[0].domain = "chord";
  config.slaves[1].domain = "lab";
  return config;
}

TEST(SelfSiteTest, ASitesAddressIsTheRouters) {
  NodeLayout layout;
  layout.sites = {{{P("fd01:2:3:1::/64"), "chord"}}};
  layout.rejects = {P("fd01:2:3::/48")};
  layout.selves = {{"chord", A("fd01:2:3:1::1"), false}};
  const SelfPlan plan = PlanSelf(SomeConfig(), layout);
  EXPECT_TRUE(plan.addresses.empty());
  EXPECT_THAT(plan.routes, UnorderedElementsAre(Into("fd00::/8", "fd01:2:3:1::1"),
                                                EndsHere("fd01:2:3:1::/64"), EndsHere("fd01:2:3::/48")));
}

TEST(SelfSiteTest, WithoutASiteTheAddressIsOnOv6Self) {
  NodeLayout layout;
  layout.rejects = {P("fd01:2:3::/48")};
  layout.selves = {{"chord", A("fd01:2:3::1"), true}};
  EXPECT_EQ(PlanSelf(SomeConfig(), layout).addresses, std::vector{A("fd01:2:3::1")});
}

TEST(SelfSiteTest, AMappingIsSentToFromTheAddressThatIsMostLikeIt) {
  Config config = SomeConfig();
  config.mappings = {{P("2001:db8:7::/48"), {}, 0}, {P("fe00::/16"), {}, 0}};
  NodeLayout layout;
  layout.selves = {{"chord", A("fd01:2:3:1::1"), false}, {"lab", A("2001:db8:1::1"), false}};
  const SelfPlan plan = PlanSelf(config, layout);
  EXPECT_THAT(plan.routes, UnorderedElementsAre(
                               Into("fd00::/8", "fd01:2:3:1::1"), Into("2001:db8::/32", "2001:db8:1::1"),
                               Into("2001:db8:7::/48", "2001:db8:1::1"), Into("fe00::/16", "fd01:2:3:1::1")));
}

// A router of static tunnels alone: nobody resolves in the site's domain, so only mappings are led in.
TEST(SelfSiteTest, WithoutASlaveAMappingIsSentToFromTheFirstSite) {
  Config config = SomeConfig();
  config.slaves.clear();
  config.mappings = {{P("2001:db8:7::/48"), {}, 0}};
  config.sites.resize(1);
  config.sites[0].prefixes = {{"lab", P("2001:db8:1:1::/64"), 0}};
  const NodeKey key{PrivateKey::Generate(), {}};
  const auto layout = LayOut(config, key);
  ASSERT_TRUE(layout.ok()) << layout.status();
  EXPECT_THAT(
      PlanSelf(config, *layout).routes,
      UnorderedElementsAre(Into("2001:db8:7::/48", "2001:db8:1:1::1"), EndsHere("2001:db8:1:1::/64")));
  config.mappings.clear();
  EXPECT_TRUE(LayOut(config, key)->selves.empty());
}

// Others may use the number too.
TEST(SelfSiteTest, RoutesOfOurNumberAreOursOnlyWhereWePutThem) {
  constexpr uint32_t kSelf = 5;
  EXPECT_TRUE(IsOurs({P("fd00::/8"), kSelf, A("fd01::1"), 1024, false}, kSelf));
  EXPECT_FALSE(IsOurs({P("fd00::/8"), 6, std::nullopt, 1024, false}, kSelf));
  EXPECT_TRUE(IsOurs(EndsHere("fd01:2:3::/48"), kSelf));
  EXPECT_FALSE(IsOurs({P("fd01:2:3::/48"), 0, std::nullopt, 1024, true}, kSelf));
}

TEST(SelfSiteTest, ARouterWithoutAnAddressHasNoRoutes) {
  EXPECT_EQ(PlanSelf(SomeConfig(), NodeLayout()), SelfPlan());
}

TEST(UnderlayMtuTest, LessThanIpv4sLeastIsRefused) {
  UnderlayConfig underlay;
  underlay.interface = "eth0";
  EXPECT_FALSE(TooSmall(underlay, 576));
  EXPECT_EQ(TooSmall(underlay, 575),
            "[[underlay]] interface \"eth0\" has an MTU of 575; it should be 576 or more (RFC 791), and is "
            "best 1300 "
            "or more, so that nothing has to be fragmented");
  underlay.encapsulation = Encapsulation::kUdp;
  EXPECT_THAT(*TooSmall(underlay, 575), testing::HasSubstr("is best 1308 or more"));
}

}  // namespace
}  // namespace ov6
