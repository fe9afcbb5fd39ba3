// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/front.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <numeric>
#include <span>

#include "gtest/gtest.h"
#include "ov6/address.h"
#include "userspace/base/unique_fd.h"

namespace ov6 {
namespace {

// A map of its own kind: what user space does with it is in its memory.
class FrontTest : public ::testing::Test {
 protected:
  FrontTest() : fd_(memfd_create("front_changes", MFD_CLOEXEC)) {
    EXPECT_EQ(ftruncate(fd_.get(), sizeof(ov6_front_generations)), 0);
    void* at = mmap(nullptr, sizeof(ov6_front_generations), PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
    world_ = static_cast<const ov6_front_generations*>(at);
    front_ = *Front::Map(fd_.get());
    EXPECT_TRUE(front_.Set(8).ok());
    all_ = world_->all;
  }
  ~FrontTest() override { munmap(const_cast<ov6_front_generations*>(world_), sizeof(*world_)); }

  static ov6_prefix P(const char* text) { return Prefix::Parse(text)->ToAbi(); }
  uint32_t Of(const char* address) const {
    uint32_t words[4];
    std::memcpy(words, Ipv6::Parse(address)->bytes.data(), sizeof(words));
    return world_->destinations[ov6_front_destination(world_->seeds, words)];
  }
  uint32_t Destinations() const { return Sum(world_->destinations); }
  uint32_t Locators() const { return Sum(world_->locators); }
  uint32_t All() const { return world_->all - all_; }

  UniqueFd fd_;
  const ov6_front_generations* world_;
  Front front_;
  uint32_t all_ = 0;

 private:
  static uint32_t Sum(std::span<const uint32_t> generations) {
    return std::accumulate(generations.begin(), generations.end(), 0u);
  }
};

TEST_F(FrontTest, AChangeOfASitesPrefixIsTheSites) {
  front_.RouteOrMappingChanged(P("fd00:2::/48"));
  front_.RouteOrMappingChanged(P("fd00:2:0:5::/64"));
  front_.RouteOrMappingChanged(P("fd00:2::22/128"));
  EXPECT_EQ(Of("fd00:2::99"), 3u);
  EXPECT_EQ(Of("fd00:2:0:ffff::1"), 3u);
  EXPECT_EQ(Destinations(), 3u);
  EXPECT_EQ(All(), 0u);
}

TEST_F(FrontTest, AChangeOfAShorterPrefixIsEverybodys) {
  front_.RouteOrMappingChanged(P("fd00::/47"));
  front_.RouteOrMappingChanged(P("::/0"));
  EXPECT_EQ(All(), 2u);
  EXPECT_EQ(Destinations(), 0u);
}

TEST_F(FrontTest, AChangeOfAPathIsItsLocators) {
  const uint32_t locator = Ipv4::Parse("198.51.100.2")->ToBe();
  front_.PathChanged(locator);
  EXPECT_EQ(world_->locators[ov6_front_locator(world_->seeds, locator)], 1u);
  EXPECT_EQ(Locators(), 1u);
  EXPECT_EQ(All(), 0u);
}

TEST_F(FrontTest, WhoTurnsItOnAgainKeepsTheSeedsAndForgetsEverything) {
  const uint64_t seed = world_->seeds[0];
  EXPECT_NE(seed, 0u);
  ASSERT_TRUE(front_.Set(16).ok());
  EXPECT_EQ(world_->sets, 16u);
  EXPECT_EQ(world_->seeds[0], seed);
  EXPECT_GT(All(), 0u);
  EXPECT_GT(world_->ticks_per_second, 0u);
  ASSERT_TRUE(front_.Set(0).ok());
  EXPECT_EQ(world_->sets, 0u);
}

TEST_F(FrontTest, WithoutOneNobodyIsTold) {
  const Front none;
  none.RouteOrMappingChanged(P("fd00::/8"));
  none.PathChanged(1);
  none.AllChanged();
}

TEST(FrontSets, ArePowersOfTwoAndSixtyFourMebibytesAtMost) {
  constexpr uint64_t kPlenty = uint64_t{64} << 30;
  EXPECT_EQ(FrontSets(0, 2, kPlenty), 0u);
  EXPECT_EQ(FrontSets(1, 2, kPlenty), 1u);
  EXPECT_EQ(FrontSets(8192, 2, kPlenty), 8192u);
  EXPECT_EQ(FrontSets(10000, 2, kPlenty), 8192u);
  EXPECT_EQ(FrontSets(65536, 1, kPlenty), 65536u);
  EXPECT_EQ(FrontSets(8192, 128, kPlenty), 1024u);
}

TEST(FrontSets, TakeASixtyFourthOfASmallMachinesMemory) {
  EXPECT_EQ(FrontSets(32768, 4, uint64_t{256} << 20), 2048u);
  EXPECT_EQ(FrontSets(32768, 4, 0), 0u);
}

TEST_F(FrontTest, LapsesAtAMonitorsWordAndIsToldThatSomebodyTellsOfChanges) {
  EXPECT_EQ(world_->until, 0u);
  EXPECT_EQ(world_->told, 0u);
  front_.Told();
  EXPECT_EQ(world_->told, 1u);
  const_cast<ov6_front_generations*>(world_)->until = 77;
  front_.Lapse();
  EXPECT_EQ(world_->until, 0u);
}

}  // namespace
}  // namespace ov6
