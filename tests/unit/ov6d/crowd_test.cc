// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/crowd.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "userspace/ov6d/log_limit.h"

namespace ov6 {
namespace {

class CrowdTest : public testing::Test {
 protected:
  // The newcomer's number is noted when it has to go.
  void Come(uint32_t address) {
    auto place = crowd_.Enter(Ipv4{address});
    place->make_way = [this, number = places_.size()] { gone_.push_back(number); };
    places_.push_back(std::move(place));
  }

  Crowd crowd_{6, 3};
  std::vector<std::shared_ptr<Crowd::Place>> places_;
  std::vector<size_t> gone_;
};

TEST_F(CrowdTest, OfOneAddressTheOldestGoes) {
  for (int i = 0; i < 5; ++i) Come(1);
  EXPECT_EQ(gone_, (std::vector<size_t>{0, 1}));
  EXPECT_EQ(crowd_.size(), 3u);
  EXPECT_EQ(crowd_.full_of_one(), 2u);
  EXPECT_EQ(crowd_.full(), 0u);
}

TEST_F(CrowdTest, WhenFullTheOldestOfTheAddressThatHasMostGoes) {
  Come(7);
  for (const uint32_t address : {1, 1, 1, 2, 2}) Come(address);
  Come(9);
  EXPECT_EQ(gone_, (std::vector<size_t>{1}));
  Come(8);  // 1 and 2 have two each
  EXPECT_EQ(gone_, (std::vector<size_t>{1, 2}));
  EXPECT_EQ(crowd_.full(), 2u);
  EXPECT_EQ(crowd_.size(), 6u);
}

TEST_F(CrowdTest, AmongManyWithOneEachTheOldestGoes) {
  for (uint32_t address = 0; address < 8; ++address) Come(address);
  EXPECT_EQ(gone_, (std::vector<size_t>{0, 1}));
}

TEST_F(CrowdTest, APlaceIsFreeWhenItsHolderGoes) {
  for (int i = 0; i < 3; ++i) Come(1);
  places_[1].reset();
  EXPECT_EQ(crowd_.size(), 2u);
  Come(1);
  EXPECT_TRUE(gone_.empty());
}

TEST_F(CrowdTest, WhoMakesWayMayGoAtOnceOrLater) {
  places_.push_back(crowd_.Enter(Ipv4{1}));
  places_[0]->make_way = [this] { places_[0].reset(); };
  Come(1);
  Come(1);
  Come(1);
  EXPECT_EQ(places_[0], nullptr);
  Come(1);  // the second one's holder stays, and counts no more
  EXPECT_EQ(gone_, (std::vector<size_t>{1}));
  places_.clear();
  EXPECT_EQ(crowd_.size(), 0u);
}

TEST(LogLimit, SomeAtOnceThenOneASecond) {
  LogLimit log;
  BootTime now{std::chrono::seconds(1000)};
  int lines = 0;
  for (int i = 0; i < 100; ++i) lines += log.Log(now, spdlog::level::off, "x") ? 1 : 0;
  EXPECT_EQ(lines, 10);
  now += std::chrono::seconds(2);
  for (int i = 0; i < 100; ++i) lines += log.Log(now, spdlog::level::off, "x") ? 1 : 0;
  EXPECT_EQ(lines, 12);
}

}  // namespace
}  // namespace ov6
