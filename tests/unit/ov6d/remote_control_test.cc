// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/remote_control.h"

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

}  // namespace
}  // namespace ov6
