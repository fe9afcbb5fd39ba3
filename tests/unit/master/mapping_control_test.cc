// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/master/fixture.h"

namespace ov6 {
namespace {

using testing::HasSubstr;

class MappingControlTest : public MasterTest {
 protected:
  void SetUp() override {
    management_ = Up(SlaveKind::kManagement, "management", {P("::/0")});
    chord_ = UpChord();
    Up(SlaveKind::kGateway, "gw0", {P("fd12:3456:789a:1::/64")});
    master_.mappings().SetOwnAddresses({*Ipv4::Parse("198.51.100.1")});
  }
  SlaveId management_ = 0, chord_ = 0;
};

TEST_F(MappingControlTest, Refusals) {
  const Locator udp_without_port{*Ipv4::Parse("198.51.100.2"), Encapsulation::kUdp, 0, 1, 0};
  struct Row {
    const char* name;
    SlaveId slave;
    MappingChange change;
    const char* sentence;
  };
  const Row rows[] = {
      {"outside its prefixes", chord_, Add("2001:db8::/48"),
       "2001:db8::/48 is not inside the slave's prefixes (fd00::/8)"},
      {"covering its prefix", chord_, Add("fc00::/7"), "fc00::/7 is not inside the slave's prefixes"},
      {"inside our own site", chord_, Add("fd12:3456:789a:1::/80"), "belongs to slave 3"},
      {"martian locator", chord_, Add("fd01::/48", {L("127.0.0.1")}),
       "the locator 127.0.0.1 can't be the end of a tunnel"},
      {"own locator", chord_, Add("fd01::/48", {L("198.51.100.2"), L("198.51.100.1")}),
       "the locator 198.51.100.1 is this router's own"},
      {"no locator", chord_, Add("fd01::/48", {}), "a mapping has 1 to 4 locators, not 0"},
      {"five locators", chord_, Add("fd01::/48", std::vector<Locator>(5, L("198.51.100.2"))),
       "a mapping has 1 to 4 locators, not 5"},
      {"udp without a port", chord_, Add("fd01::/48", {udp_without_port}),
       "has encapsulation udp, but port 0"},
      {"no lifetime", chord_, Add("fd01::/48", {L("198.51.100.2")}, 0, 0), "the hard lifetime is 0"},
      {"mapping of the management slave", management_, Add("2001:db8::/48"),
       "the management slave may add negatives, not mappings"},
      {"negative over another slave's space", management_, MappingNegative{P("::/0"), 1000, 0, false},
       "::/0 covers fd00::/8, which belongs to slave 2"},
      {"negative outside", chord_, MappingNegative{P("2001:db8::/48"), 1000, 0, false}, "is not inside"},
      {"negative without lifetime", chord_, MappingNegative{P("fd01::/48"), 0, 0, false},
       "the lifetime is 0"},
  };
  for (const Row& row : rows) EXPECT_THAT(Apply(row.slave, row.change), HasSubstr(row.sentence)) << row.name;
  EXPECT_TRUE(kernel_.mappings().empty());
  EXPECT_TRUE(kernel_.negatives().empty());
  EXPECT_EQ(master_.counters().changes_refused, std::size(rows));
}

TEST_F(MappingControlTest, RefusedChangeDoesNotStopTheOthers) {
  const auto ack = master_.Apply(At(0), chord_, {1, {Add("fd01::/48"), Add("2001::/48"), Add("fd02::/48")}});
  ASSERT_EQ(ack.refused.size(), 1u);
  EXPECT_EQ(ack.refused[0].index, 1u);
  EXPECT_EQ(kernel_.mappings().size(), 2u);
}

TEST_F(MappingControlTest, LifetimesAreCutAt24HoursAndLocatorsSorted) {
  Locator best = L("198.51.100.3");
  best.priority = 0;
  ASSERT_EQ(Apply(chord_, Add("fd01::/48", {L("198.51.100.2"), best}, 0xffffffff, 0xffffffff), At(10)), "");
  const Mapping& mapping = kernel_.mappings().at(P("fd01::/48"));
  EXPECT_EQ(mapping.hard_expiry, At(10) + std::chrono::hours(24));
  EXPECT_EQ(mapping.locators[0].address.ToString(), "198.51.100.3");
  EXPECT_EQ(mapping.slave, chord_);
}

TEST_F(MappingControlTest, SaysWhenItWasLastConfirmedAndThatNobodyAnswersNow) {
  MappingAdd add = Add("fd01::/48");
  add.hard_ttl_ms = 45'000;
  add.age_ms = 300'000;
  add.silent = true;
  ASSERT_EQ(Apply(chord_, add), "");
  const Mapping& mapping = kernel_.mappings().at(P("fd01::/48"));
  EXPECT_EQ(mapping.flags, OV6_MAPPING_SILENT);
  EXPECT_EQ(mapping.span, 345);
  add.silent = false;
  add.age_ms = UINT32_MAX;
  ASSERT_EQ(Apply(chord_, add), "");
  EXPECT_EQ(mapping.flags, 0);
  EXPECT_EQ(mapping.span, UINT16_MAX);
}

TEST_F(MappingControlTest, MappingReplacesTheNegativeOfItsPrefix) {
  ASSERT_EQ(Apply(chord_, MappingNegative{P("fd01::/48"), 5000, 3, true}), "");
  EXPECT_EQ(kernel_.negatives().at(P("fd01::/48")), (Negative{At(5), chord_, 3, true}));
  ASSERT_EQ(Apply(chord_, Add("fd01::/48")), "");
  EXPECT_TRUE(kernel_.negatives().empty());
}

TEST_F(MappingControlTest, ExpiredEntriesGo) {
  ASSERT_EQ(Apply(chord_, Add("fd01::/48", {L("198.51.100.2")}, 1000, 2000)), "");
  ASSERT_EQ(Apply(chord_, MappingNegative{P("fd02::/48"), 3000, 0, false}), "");
  ASSERT_EQ(Apply(chord_, Add("fd01::/48", {L("198.51.100.2")}, 1000, 4000)), "");  // longer now
  master_.Sweep(At(2));
  EXPECT_EQ(kernel_.mappings().size(), 1u);
  master_.Sweep(At(3));
  EXPECT_TRUE(kernel_.negatives().empty());
  master_.Sweep(At(4));
  EXPECT_TRUE(kernel_.mappings().empty());
  EXPECT_EQ(master_.counters().mappings_expired, 1u);
  EXPECT_EQ(master_.counters().negatives_expired, 1u);
}

TEST_F(MappingControlTest, FullMapIsRefusedByNameAndExpiredEntriesMakeRoom) {
  kernel_.set_limits({.mappings = 1});
  ASSERT_EQ(Apply(chord_, Add("fd01::/48", {L("198.51.100.2")}, 1000, 2000)), "");
  EXPECT_THAT(Apply(chord_, Add("fd02::/48"), At(1)), HasSubstr("is full"));
  EXPECT_EQ(Apply(chord_, Add("fd02::/48"), At(2)), "");
  EXPECT_TRUE(kernel_.mappings().contains(P("fd02::/48")));
}

TEST_F(MappingControlTest, FailedWriteIsNamedAndMadeGoodLater) {
  kernel_.FailNext("SetMapping", absl::UnavailableError("no memory for a moment"));
  EXPECT_EQ(Apply(chord_, Add("fd01::/48")), "no memory for a moment");
  EXPECT_EQ(master_.mappings().pending(), 1u);
  master_.Sweep(At(1));
  EXPECT_TRUE(kernel_.mappings().contains(P("fd01::/48")));
}

TEST_F(MappingControlTest, OperatorsMappingStaysWhoeverAsks) {
  ASSERT_TRUE(master_.mappings().AddOperator(At(0), P("fd01::/48"), {L("198.51.100.9")}, std::nullopt).ok());
  EXPECT_EQ(kernel_.mappings().at(P("fd01::/48")).flags, OV6_MAPPING_STATIC);
  EXPECT_THAT(Apply(chord_, Add("fd01::/48")), HasSubstr("the operator set a mapping for fd01::/48"));
  EXPECT_THAT(Apply(chord_, MappingWithdraw{P("fd01::/48")}), HasSubstr("belongs to slave 0"));
  master_.Goodbye(chord_);
  EXPECT_EQ(kernel_.mappings().size(), 1u);
  EXPECT_TRUE(master_.mappings().DeleteOperator(P("fd01::/48")).ok());
  EXPECT_TRUE(absl::IsNotFound(master_.mappings().DeleteOperator(P("fd01::/48"))));
}

TEST(NegativesTest, TheOneThatExpiresFirstMakesRoom) {
  FakeDatapath kernel;
  Master master(kernel, {.negatives = 2});
  const auto outcome = master.Register({SlaveKind::kDht, "chord", {P("fd00::/8")}},
                                       Allow(SlaveKind::kDht, "chord", {P("fd00::/8")}));
  const SlaveId id = std::get<SlaveId>(outcome);
  ASSERT_TRUE(master.Activate(id).ok());
  master.Apply(
      At(0), id,
      {1,
       {MappingNegative{P("fd01::/48"), 9000, 0, false}, MappingNegative{P("fd02::/48"), 5000, 0, false},
        MappingNegative{P("fd03::/48"), 7000, 0, false}}});
  EXPECT_TRUE(kernel.negatives().contains(P("fd01::/48")));
  EXPECT_FALSE(kernel.negatives().contains(P("fd02::/48")));
  EXPECT_TRUE(kernel.negatives().contains(P("fd03::/48")));
  EXPECT_EQ(master.counters().negatives_evicted, 1u);
}

}  // namespace
}  // namespace ov6
