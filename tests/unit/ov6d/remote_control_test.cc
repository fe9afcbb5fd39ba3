// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/remote_control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ov6 {
namespace {

// The configuration comes first: what it has meanwhile is not taken from it by a token.
TEST(RemoteControl, TokensThatTheConfigurationHasNoRoomForAreLeftOut) {
  char name[] = "/tmp/ov6-remote-test-XXXXXX";
  const std::filesystem::path state = mkdtemp(name);
  TokenStore store(state);
  RemoteToken token;
  token.prefix = *Prefix::Parse("fd12:3456:789a:ff::/64");
  for (const auto& [slave, domain] : {std::pair{"home", "chord"},
                                      {"lost", "gone"},
                                      {"chord", "chord"},
                                      {"eth", "chord"},
                                      {"gw7", "chord"},
                                      {"self", "chord"}}) {
    token.name = slave;
    token.domain = domain;
    ASSERT_TRUE(store.Add(token).ok());
  }
  Config config;
  config.domains.emplace_back().name = "chord";
  config.slaves.emplace_back().name = "chord";
  config.sites.emplace_back().interface = "ov6-eth";
  boost::asio::io_context io;
  RemoteControl remote(io, state);
  ASSERT_TRUE(remote.Load(&config).ok());
  ASSERT_EQ(config.sites.size(), 2u);
  EXPECT_EQ(config.sites[1].remote, "home");
  EXPECT_EQ(config.sites[1].interface, "ov6-home");
  EXPECT_EQ(remote.tokens().tokens().size(), 6u) << "they can still be taken away";
  std::filesystem::remove_all(state);
}

TEST(RemoteControl, APartOfADomainThatASlaveMayResolve) {
  char name[] = "/tmp/ov6-remote-test-XXXXXX";
  const std::filesystem::path state = mkdtemp(name);
  Config config;
  Domain& domain = config.domains.emplace_back();
  domain.name = "chord";
  domain.prefix = *Prefix::Parse("fd00::/8");
  config.slaves.emplace_back().name = "chord";
  config.slaves[0].domain = "chord";
  const NodeLayout layout;
  const NodeKey key{PrivateKey::Generate(), {}};
  boost::asio::io_context io;
  RemoteControl remote(io, state);
  const auto add = [&](const char* slave, const char* prefix, const char* kind = "dht") {
    return remote.Add(config, layout, key,
                      {{"name", slave}, {"domain", "chord"}, {"prefix", prefix}, {"kind", kind}});
  };
  const struct {
    const char* prefix;
    const char* kind;
    const char* says;
  } rows[] = {{"auto", "dht", "inside fd00::/8, and a /48 at most"},
              {"2001:db8::/32", "dht", "inside fd00::/8"},
              {"fd77:7777:7777:1::/64", "dht", "a /48 at most"},
              {"fd00::/8", "dht", "resolves all of"},
              {"fd77::/16", "bridge", "is a gateway, or resolves (dht)"}};
  for (const auto& row : rows) {
    EXPECT_THAT(std::string(add("part", row.prefix, row.kind).status().message()),
                testing::HasSubstr(row.says))
        << row.prefix;
  }
  const auto added = add("part", "fd77::/16");
  ASSERT_TRUE(added.ok()) << added.status();
  EXPECT_EQ(added->answer.at("kind"), "dht");
  RemoteControl::AddTo(added->token, &config);
  ASSERT_EQ(config.resolvers.size(), 1u);
  EXPECT_TRUE(config.sites.empty());
  EXPECT_THAT(std::string(add("other", "fd77::/16").status().message()),
              testing::HasSubstr("what \"part\" resolves"));
  Config again = config;
  again.resolvers.clear();
  RemoteControl loaded(io, state);
  ASSERT_TRUE(loaded.Load(&again).ok());
  ASSERT_EQ(again.resolvers.size(), 1u);
  EXPECT_EQ(again.resolvers[0].prefix, *Prefix::Parse("fd77::/16"));
  EXPECT_FALSE(RemoteControl::RemoveFrom("part", &config)) << "no site went with it";
  EXPECT_TRUE(config.resolvers.empty());
  std::filesystem::remove_all(state);
}

}  // namespace
}  // namespace ov6
