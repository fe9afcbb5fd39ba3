// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/slave_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>

namespace ov6 {
namespace {

using testing::HasSubstr;

class SlaveStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const auto& [name, prefix] : {std::pair{"chord", "fd00::/8"}, {"corp", "2001:db8::/32"}}) {
      Domain& domain = config_.domains.emplace_back();
      domain.name = name;
      domain.prefix = *Prefix::Parse(prefix);
    }
    SlaveConfig& chord = config_.slaves.emplace_back();
    chord.name = "chord";
    chord.domain = "chord";
    config_.sites.emplace_back().remote = "home";
  }
  void TearDown() override { std::filesystem::remove_all(state_); }
  absl::StatusOr<SlaveConfig> Add(const char* body) {
    return store_.Add(config_, boost::json::parse(body).as_object());
  }

  std::filesystem::path state_ = [] {
    char name[] = "/tmp/ov6-slaves-test-XXXXXX";
    return std::filesystem::path(mkdtemp(name));
  }();
  Config config_;
  SlaveStore store_{state_};
};

constexpr char kCorp[] = R"({"name": "corp", "kind": "dht", "domain": "corp", "listen": "0.0.0.0:4647",
    "bootstrap": ["198.51.100.2:4647"], "lifetime": 60})";

TEST_F(SlaveStoreTest, WhatIsAddedIsThereAfterARestart) {
  const auto slave = Add(kCorp);
  ASSERT_TRUE(slave.ok()) << slave.status();
  EXPECT_EQ(slave->listen.port, 4647);
  EXPECT_EQ(slave->bootstrap.at(0).ToString(), "198.51.100.2:4647");
  EXPECT_EQ(slave->lifetime, 60);
  SlaveStore again(state_);
  Config config = config_;
  ASSERT_TRUE(again.Load(&config).ok());
  ASSERT_EQ(config.slaves.size(), 2u);
  EXPECT_EQ(config.slaves[1].name, "corp");
  EXPECT_EQ(config.slaves[1].lifetime, 60);
  ASSERT_TRUE(again.Remove("corp").ok());
  EXPECT_THAT(std::string(again.Remove("corp").message()), HasSubstr("no slave named \"corp\" was added"));
  config = config_;
  SlaveStore empty(state_);
  ASSERT_TRUE(empty.Load(&config).ok());
  EXPECT_EQ(config.slaves.size(), 1u);
}

TEST_F(SlaveStoreTest, CheckedAsTheFileIs) {
  const struct {
    const char* body;
    const char* says;
  } rows[] = {
      {R"({"name": "a"})", "a slave has no key \"kind\""},
      {R"({"name": "a", "kind": "gateway", "domain": "corp"})", "key \"kind\" is \"gateway\""},
      {R"({"name": "a", "kind": "dht", "domain": "none"})", "key \"domain\" is \"none\""},
      {R"({"name": "a", "kind": "dht", "domain": "chord"})", "which the slave \"chord\" serves already"},
      {R"({"name": "a", "kind": "dht", "domain": "corp"})", "whose port the slave \"chord\" has already"},
      {R"({"name": "A", "kind": "dht", "domain": "corp"})", "1 to 11 of the characters"},
      {R"({"name": "gw1", "kind": "dht", "domain": "corp", "listen": "0.0.0.0:1"})", "which is taken"},
      {R"({"name": "home", "kind": "dht", "domain": "corp", "listen": "0.0.0.0:1"})", "a slave elsewhere"},
      {R"({"name": "a", "kind": "dht", "domain": "corp", "lifetime": 0})", "a number from 1 to 86400"},
      {R"({"name": "a", "kind": "dht", "domain": "corp", "listen": "0.0.0.0:1", "colour": "red"})",
       "unknown key \"colour\" in a slave"},
  };
  for (const auto& row : rows) {
    const auto slave = Add(row.body);
    const std::string message(slave.status().message());
    EXPECT_THAT(message, HasSubstr(row.says)) << row.body;
    EXPECT_THAT(message, testing::Not(HasSubstr(":0:"))) << row.body;
  }
  EXPECT_FALSE(std::filesystem::exists(state_ / "slaves.json"));
}

TEST_F(SlaveStoreTest, TheFileComesFirst) {
  ASSERT_TRUE(Add(kCorp).ok());
  config_.slaves.emplace_back(config_.slaves[0]).domain = "corp";
  SlaveStore again(state_);
  ASSERT_TRUE(again.Load(&config_).ok());
  EXPECT_EQ(config_.slaves.size(), 2u) << "the configuration serves the domain itself now";
  EXPECT_TRUE(again.Has("corp")) << "it can still be deleted";
}

TEST_F(SlaveStoreTest, ADamagedFileIsSaid) {
  for (const char* text : {"", "{}", "[1]", "[{}]", "["}) {
    std::ofstream(state_ / "slaves.json") << text;
    Config config = config_;
    EXPECT_THAT(std::string(SlaveStore(state_).Load(&config).message()), HasSubstr("slaves.json is damaged"))
        << text;
  }
}

}  // namespace
}  // namespace ov6
