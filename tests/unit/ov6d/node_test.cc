// SPDX-License-Identifier: Apache-2.0
// The key on disk, the instance's lock, and what the configuration comes to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json.hpp>

#include "userspace/base/files.h"
#include "userspace/ov6d/instance_lock.h"
#include "userspace/ov6d/node_layout.h"

namespace ov6 {
namespace {

using testing::HasSubstr;

class NodeTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/ov6-node-test-XXXXXX";
    dir_ = mkdtemp(name);
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  std::filesystem::path dir_;
};

TEST_F(NodeTest, KeyIsMadeOnceAndPrivate) {
  const auto first = LoadOrMakeNodeKey(dir_ / "state");
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = LoadOrMakeNodeKey(dir_ / "state");
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(first->key.public_key(), second->key.public_key());
  EXPECT_EQ(first->modifier, second->modifier);
  struct stat about {};
  ASSERT_EQ(stat((dir_ / "state/key").c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600u);
}

TEST_F(NodeTest, DamagedKeyIsNeverReplaced) {
  ASSERT_TRUE(LoadOrMakeNodeKey(dir_).ok());
  ASSERT_TRUE(WriteFileAtomically(dir_ / "key", "12ab\n", 0600).ok());
  const auto key = LoadOrMakeNodeKey(dir_);
  ASSERT_FALSE(key.ok());
  EXPECT_THAT(std::string(key.status().message()), HasSubstr("key: it should hold 64 hex digits"));
  EXPECT_EQ(*ReadFile(dir_ / "key"), "12ab\n");
}

TEST_F(NodeTest, SecondInstanceIsToldWhoHasTheLock) {
  const auto first = InstanceLock::Take(dir_);
  ASSERT_TRUE(first.ok());
  const auto second = InstanceLock::Take(dir_);
  EXPECT_EQ(std::string(second.status().message()),
            "another ov6d (pid " + std::to_string(getpid()) + ") runs in " + dir_.string() +
                " already; stop it, or give this one a run directory of its own");
}

constexpr char kConfig[] = R"(
[[underlay]]
interface = "eth0"
[[domain]]
name = "chord"
prefix = "fd00::/8"
[[domain]]
name = "lab"
prefix = "2001:db8::/32"
trust = "open"
[[site]]
interface = "eth1"
prefixes = ["chord:auto", "lab:2001:db8:7::/64"]
[[site]]
interface = "eth2"
prefixes = ["chord:auto"]
[[slave]]
name = "chord"
kind = "dht"
domain = "chord"
)";

TEST_F(NodeTest, LayoutAndPlans) {
  const auto config = ParseConfig(kConfig, "ov6.toml");
  ASSERT_TRUE(config.ok()) << config.status();
  const auto key = LoadOrMakeNodeKey(dir_);
  ASSERT_TRUE(key.ok());
  const auto layout = LayOut(*config, *key);
  ASSERT_TRUE(layout.ok());
  const Prefix own = key->Owned(config->domains[0]);
  EXPECT_EQ(own.length, 48);
  EXPECT_THAT(layout->rejects, testing::ElementsAre(own));
  const Prefix first = layout->sites[0][0].prefix, second = layout->sites[1][0].prefix;
  EXPECT_TRUE(own.Contains(first) && own.Contains(second));
  EXPECT_EQ(first.address.bytes[7], 1);
  EXPECT_EQ(second.address.bytes[7], 2);
  EXPECT_EQ(layout->sites[0][1].RouterAddress().ToString(), "2001:db8:7::1");

  DeviceState underlay;
  underlay.interface = "eth0";
  underlay.value.role = OV6_DEVICE_UNDERLAY;
  underlay.value.mtu = 1500;
  underlay.value.address = Ipv4::Parse("198.51.100.1")->ToBe();
  const auto plans = PlanSlaves(*config, *layout, *key, {underlay});
  ASSERT_EQ(plans.size(), 4u);
  EXPECT_EQ(plans[0].name, "management");
  EXPECT_EQ(plans[0].uid, 64000u);
  EXPECT_EQ(boost::json::serialize(plans[0].config.at("taken").at(0)), "\"fd00::/8\"");
  EXPECT_EQ(plans[1].name, "gw0");
  EXPECT_FALSE(plans[1].port);
  EXPECT_EQ(plans[1].config.at("mtu"), 1480);
  EXPECT_EQ(plans[1].config.at("advertise").as_array().size(), 2u);
  EXPECT_EQ(plans[3].name, "chord");
  EXPECT_EQ(plans[3].uid, 64003u);
  EXPECT_EQ(boost::json::serialize(plans[3].config.at("registrations")), "[\"" + own.ToString() + "\"]");
  EXPECT_EQ(boost::json::serialize(plans[3].config.at("locators")),
            R"([{"address":"198.51.100.1","encapsulation":"6in4","port":0,"mtu":0}])");
}

TEST_F(NodeTest, PrefixThatTheKeyDoesNotHoldIsNamed) {
  std::string text = kConfig;
  const std::string from = "prefixes = [\"chord:auto\"]";
  text.replace(text.find(from), from.size(), "prefixes = [\"chord:fd01:2:3:4::/64\"]");
  const auto config = ParseConfig(text, "ov6.toml");
  ASSERT_TRUE(config.ok()) << config.status();
  const auto layout = LayOut(*config, *LoadOrMakeNodeKey(dir_));
  ASSERT_FALSE(layout.ok());
  EXPECT_THAT(std::string(layout.status().message()),
              HasSubstr("ov6.toml:16: key \"prefixes\" has fd01:2:3:4::/64, but in the domain \"chord\""));
}

}  // namespace
}  // namespace ov6
