// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/site_moves.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "userspace/base/files.h"

namespace ov6 {
namespace {

using testing::HasSubstr;

Prefix PrefixOf(const std::string& text) { return Prefix::Parse(text).value(); }

class SiteMovesTest : public testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/ov6-moves.XXXXXX";
    state_ = ::mkdtemp(path);
    Domain& domain = written_.domains.emplace_back();
    domain.name = "chord";
    domain.prefix = PrefixOf("fd00::/8");
    SiteConfig& site = written_.sites.emplace_back();
    site.interface = "eth1";
    site.prefixes.emplace_back().domain = "chord";
  }
  void TearDown() override { std::filesystem::remove_all(state_); }

  std::filesystem::path state_;
  Config written_;
};

TEST_F(SiteMovesTest, WhatCameAndWhatWentOutlivesARestart) {
  SiteMoves moves(state_);
  ASSERT_TRUE(moves.Load().ok());
  const SiteAddition addition{"eth1", "chord", PrefixOf("fd01:0:1:7::/64"), {}};
  const SiteLoss loss{{"chord", PrefixOf("fd01:0:2:7::1/128")},
                      {Ipv4::Parse("198.51.100.1").value()},
                      UnixTime(std::chrono::seconds(1'800'000'000))};
  ASSERT_TRUE(moves.Add(addition).ok());
  ASSERT_TRUE(moves.Lose(loss).ok());
  SiteMoves again(state_);
  ASSERT_TRUE(again.Load().ok());
  EXPECT_EQ(again.additions(), std::vector{addition});
  EXPECT_EQ(again.losses(), std::vector{loss});
  Config config;
  config.domains = written_.domains;
  again.ApplyTo(written_, &config);
  ASSERT_EQ(config.sites.at(0).prefixes.size(), 2u);
  EXPECT_EQ(config.sites[0].prefixes[1].prefix, addition.prefix);
  EXPECT_EQ(config.moved, std::vector{loss.moved});
}

TEST_F(SiteMovesTest, WhatComesBackIsLostNoMoreAndWhatGoesIsNotHere) {
  SiteMoves moves(state_);
  const Prefix prefix = PrefixOf("fd01:0:1:7::/64"), part = PrefixOf("fd01:0:1:7::1/128");
  ASSERT_TRUE(moves.Lose({{"chord", prefix}, {}, {}}).ok());
  ASSERT_TRUE(moves.Add({"eth1", "chord", prefix, {}}).ok());
  EXPECT_TRUE(moves.losses().empty());
  ASSERT_TRUE(moves.Add({"eth1", "chord", part, {}}).ok());
  ASSERT_TRUE(moves.Lose({{"chord", prefix}, {}, {}}).ok());
  EXPECT_TRUE(moves.additions().empty()) << "its part has gone with it";
  EXPECT_EQ(moves.losses().size(), 1u);
  EXPECT_TRUE(absl::IsNotFound(moves.Remove(prefix)));
}

TEST_F(SiteMovesTest, ASiteThatIsConfiguredNoMoreIsLeftOut) {
  SiteMoves moves(state_);
  ASSERT_TRUE(moves.Add({"eth7", "chord", PrefixOf("fd01:0:1:7::/64"), {}}).ok());
  Config config;
  config.domains = written_.domains;
  moves.ApplyTo(written_, &config);
  EXPECT_EQ(config.sites.at(0).prefixes.size(), 1u);
}

TEST_F(SiteMovesTest, NoMoreThanItsMost) {
  SiteMoves moves(state_);
  for (size_t i = 0; i < SiteMoves::kMost; ++i)
    ASSERT_TRUE(moves.Add({"eth1", "chord", PrefixOf("fd01:0:1:" + std::to_string(i) + "::/64"), {}}).ok());
  const absl::Status status = moves.Add({"eth1", "chord", PrefixOf("fd01:0:1:99::/64"), {}});
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_EQ(moves.additions().size(), SiteMoves::kMost);
}

TEST_F(SiteMovesTest, WhatWasOnlyClaimedMakesRoom) {
  SiteMoves moves(state_);
  const auto lose = [&](size_t i, bool claimed) {
    return moves.Lose({{"chord", PrefixOf("fd01:0:1:" + std::to_string(i) + "::/64")}, {}, {}, claimed});
  };
  ASSERT_TRUE(lose(0, true).ok());
  for (size_t i = 1; i <= SiteMoves::kMost; ++i) ASSERT_TRUE(lose(i, false).ok()) << i;
  EXPECT_EQ(moves.losses().size(), SiteMoves::kMost);
  EXPECT_TRUE(absl::IsResourceExhausted(lose(99, true)));
}

TEST_F(SiteMovesTest, ADamagedFileIsNotTakenForNone) {
  for (const char* text : {"", "[]", "{\"here\": [7]}", "{\"gone\": [{\"prefix\": \"fd00::/8\"}]}"}) {
    ASSERT_TRUE(WriteFileAtomically(state_ / "sites.json", text, 0600).ok());
    SiteMoves moves(state_);
    EXPECT_THAT(std::string(moves.Load().message()), HasSubstr("is damaged")) << text;
  }
}

}  // namespace
}  // namespace ov6
