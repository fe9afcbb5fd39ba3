// SPDX-License-Identifier: Apache-2.0
// The key on disk, the instance's lock, and what the configuration comes to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json.hpp>

#include "userspace/base/files.h"
#include "userspace/ov6d/delegation_files.h"
#include "userspace/ov6d/instance_lock.h"
#include "userspace/ov6d/key_api.h"
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

TEST_F(NodeTest, AModifierTooWeakIsSoughtAnewAndKept) {
  const auto weak = LoadOrMakeNodeKey(dir_);
  ASSERT_TRUE(weak.ok());
  const auto strong = LoadOrMakeNodeKey(dir_, 1);
  ASSERT_TRUE(strong.ok()) << strong.status();
  EXPECT_GE(strong->security(), 1u);
  EXPECT_EQ(strong->key.public_key(), weak->key.public_key());
  EXPECT_EQ(*ReadFile(dir_ / "modifier.old"), ToHex(weak->modifier) + "\n");
  EXPECT_EQ(LoadOrMakeNodeKey(dir_, 1)->modifier, strong->modifier);
  EXPECT_EQ(LoadOrMakeNodeKey(dir_)->modifier, strong->modifier);
  const auto dear = LoadOrMakeNodeKey(dir_, 2);
  ASSERT_FALSE(dear.ok());
  EXPECT_THAT(std::string(dear.status().message()), HasSubstr("takes 2^32 hashes"));
  EXPECT_EQ(LoadNodeKey(dir_)->modifier, strong->modifier);
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

// What is whose in its domain the master elsewhere says; nothing is cut from this router's key.
TEST_F(NodeTest, AnUplinkHasTheDomainAndItsSitesWhateverPrefix) {
  const auto key = LoadOrMakeNodeKey(dir_, 1);
  ASSERT_TRUE(key.ok());
  const auto config = ParseConfig(
      "[[underlay]]\ninterface = \"eth0\"\n[[domain]]\nname = \"d\"\nprefix = \"fd00::/8\"\n"
      "[[site]]\ninterface = \"eth1\"\nprefixes = [\"d:fd01:0:0:5::/64\"]\n"
      "[[slave]]\nkind = \"uplink\"\nname = \"home\"\ndomain = \"d\"\n"
      "masters = [\"https://router.example\"]\ntoken_file = \"/etc/ov6/token\"\n",
      "ov6.toml");
  ASSERT_TRUE(config.ok()) << config.status();
  const auto layout = LayOut(*config, *key);
  ASSERT_TRUE(layout.ok()) << layout.status();
  EXPECT_TRUE(layout->rejects.empty());
  ASSERT_EQ(layout->selves.size(), 1u);
  EXPECT_EQ(layout->selves[0].address.ToString(), "fd01:0:0:5::1");
  const auto plans = PlanSlaves(*config, *layout, *key, {});
  ASSERT_EQ(plans.size(), 3u);
  EXPECT_EQ(plans[2].kind, SlaveKind::kUplink);
  EXPECT_EQ(plans[2].Executable(), "ov6-uplink");
  EXPECT_TRUE(plans[2].port);
  EXPECT_EQ(plans[2].prefixes, std::vector{*Prefix::Parse("fd00::/8")});
  EXPECT_EQ(boost::json::serialize(plans[2].config.at("masters")), R"(["https://router.example"])");
  EXPECT_EQ(boost::json::serialize(plans[2].config.at("sites")), R"(["fd01:0:0:5::/64"])");
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

// --- anchors and delegations -------------------------------------------------------

const UnixTime kNow = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());

// A router with a key of its own in a domain of one anchor, and files of delegations.
class DelegatedTest : public NodeTest {
 protected:
  DelegationToken Token(const char* prefix, int max_length, const PublicKey& to,
                        const char* domain = "corp") {
    const Delegation link{*Prefix::Parse(prefix), max_length, to, kNow, kNow + std::chrono::hours(24), {}};
    return Extend({domain, anchor_.public_key(), {}, 0, {}}, anchor_, link);
  }
  absl::StatusOr<Config> Load(const std::vector<DelegationToken>& tokens, const std::string& site_prefix) {
    std::string text = "# what we were given\n\n";
    for (const DelegationToken& token : tokens) text += EncodeToken(token) + "  # for us\n";
    WriteFileAtomically(dir_ / "tokens", text, 0600).IgnoreError();
    const std::string config =
        "[[underlay]]\ninterface = \"eth0\"\n[[domain]]\nname = \"corp\"\nprefix = \"2001:db8::/32\"\n"
        "trust = \"anchors\"\nanchors = [\"" +
        ToHex(anchor_.public_key()) +
        "\"]\n"
        "[[site]]\ninterface = \"eth1\"\nprefixes = [\"corp:" +
        site_prefix +
        "\"]\n"
        "delegation = \"" +
        (dir_ / "tokens").string() +
        "\"\n"
        "[[slave]]\nkind = \"dht\"\ndomain = \"corp\"\n";
    WriteFileAtomically(dir_ / "ov6.toml", config, 0600).IgnoreError();
    return LoadConfig(dir_ / "ov6.toml");
  }

  PrivateKey anchor_ = PrivateKey::Generate();
};

TEST_F(DelegatedTest, AGivenPrefixIsRegisteredByItsChain) {
  const NodeKey key = *LoadOrMakeNodeKey(dir_);
  const auto config = Load({Token("2001:db8:7::/48", 64, key.key.public_key())}, "2001:db8:7:1::/64");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_TRUE(CheckDelegations(*config, key.key.public_key(), kNow).ok());
  const auto layout = LayOut(*config, key);
  ASSERT_TRUE(layout.ok()) << layout.status();
  const auto plans = PlanSlaves(*config, *layout, key, {});
  const SlavePlan& dht = plans.back();
  EXPECT_THAT(dht.registrations, testing::ElementsAre(*Prefix::Parse("2001:db8:7:1::/64")));
  EXPECT_EQ(dht.delegations, config->delegations);
  EXPECT_EQ(dht.config.at("delegations").at(0), EncodeToken(config->delegations[0]).c_str());
  EXPECT_EQ(dht.config.at("domain").at("trust"), "anchors");
  EXPECT_EQ(dht.config.at("domain").at("anchors").at(0), ToHex(anchor_.public_key()).c_str());
}

TEST_F(DelegatedTest, AutomaticSubnetsComeOutOfWhatIsDelegated) {
  const NodeKey key = *LoadOrMakeNodeKey(dir_);
  const auto config = Load({Token("2001:db8:7::/48", 64, key.key.public_key())}, "auto");
  ASSERT_TRUE(config.ok()) << config.status();
  const auto layout = LayOut(*config, key);
  ASSERT_TRUE(layout.ok()) << layout.status();
  EXPECT_EQ(layout->sites[0][0].prefix.ToString(), "2001:db8:7:1::/64");
  EXPECT_EQ(layout->own.at("corp").ToString(), "2001:db8:7::/48");
}

TEST_F(DelegatedTest, WhatIsNotDelegatedIsRefused) {
  const NodeKey key = *LoadOrMakeNodeKey(dir_);
  const auto outside = Load({Token("2001:db8:7::/48", 64, key.key.public_key())}, "2001:db8:8:1::/64");
  EXPECT_THAT(std::string(LayOut(*outside, key).status().message()),
              HasSubstr("this node's key holds 2001:db8:7::/48"));
  const auto none = Load({Token("2001:db8:7::/48", 64, anchor_.public_key())}, "auto");
  EXPECT_THAT(std::string(LayOut(*none, key).status().message()),
              HasSubstr("nothing is delegated to this node's key"));
  const auto none_given = Load({}, "2001:db8:8:1::/64");
  EXPECT_THAT(std::string(LayOut(*none_given, key).status().message()),
              HasSubstr("this node's key holds nothing"));
}

TEST_F(DelegatedTest, DelegationsAreJudgedAtTheStart) {
  const NodeKey key = *LoadOrMakeNodeKey(dir_);
  const PublicKey own = key.key.public_key();
  const auto good = Load({Token("2001:db8:7::/48", 64, own)}, "2001:db8:7:1::/64");
  // Expired: a warning, the router starts.
  EXPECT_TRUE(CheckDelegations(*good, own, kNow + std::chrono::hours(48)).ok());
  DelegationToken forged = Token("2001:db8:7::/48", 64, own);
  forged.chain[0].signature[0] ^= 1;
  EXPECT_THAT(std::string(CheckDelegations(*Load({forged}, "2001:db8:7:1::/64"), own, kNow).message()),
              HasSubstr("the signature of the delegation of 2001:db8:7::/48 is wrong"));
  EXPECT_THAT(
      std::string(CheckDelegations(*Load({Token("2001:db8:7::/48", 64, own, "other")}, "2001:db8:7:1::/64"),
                                   own, kNow)
                      .message()),
      HasSubstr("no [[domain]] of the configuration has this name"));
  WriteFileAtomically(dir_ / "tokens", "\nrubbish\n", 0600).IgnoreError();
  EXPECT_THAT(std::string(LoadConfig(dir_ / "ov6.toml").status().message()),
              HasSubstr("tokens:2: this is no delegation"));
  std::filesystem::remove(dir_ / "tokens");
  EXPECT_THAT(std::string(LoadConfig(dir_ / "ov6.toml").status().message()),
              HasSubstr("the delegation can't be read"));
}

TEST_F(DelegatedTest, TheNodeDelegatesWhatItHolds) {
  const NodeKey key = *LoadOrMakeNodeKey(dir_);
  const auto config = Load({Token("2001:db8:7::/48", 64, key.key.public_key())}, "2001:db8:7:1::/64");
  const PublicKey other = PrivateKey::Generate().public_key();
  const auto ask = [&](const char* prefix, int max_length = 0) {
    boost::json::object body = {{"prefix", prefix}, {"to", ToHex(other)}, {"lifetime_s", 3600}};
    if (max_length > 0) body["max_length"] = max_length;
    return DelegateJson(*config, key, body, kNow);
  };
  const auto answer = ask("2001:db8:7:2::/64");
  ASSERT_TRUE(answer.ok()) << answer.status();
  const auto token = DecodeToken(std::string(answer->at("token").as_string()));
  ASSERT_TRUE(token.ok());
  EXPECT_EQ(token->chain.size(), 2u);
  EXPECT_EQ(token->chain[1].max_length, 64);
  EXPECT_TRUE(CheckToken(*token, other, config->domains[0], kNow).ok());
  EXPECT_EQ(ask("2001:db8:8::/48").status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(ask("2001:db8:7:2::/64", 65).status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(ask("fd00::/48").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ask("nothing").status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace ov6
