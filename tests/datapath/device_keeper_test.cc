// SPDX-License-Identifier: Apache-2.0
// Links and addresses are real, in a namespace of its own; the datapath is not.
#include "userspace/ov6d/device_keeper.h"

#include <optional>

#include "gtest/gtest.h"
#include "tests/datapath/private_world.h"
#include "userspace/datapath/fake/fake_datapath.h"

namespace ov6 {
namespace {

TEST(DeviceKeeperTest, AnAddressThatCouldNotBeFollowedIsTriedAgain) {
  if (!PrivateWorld::Possible()) GTEST_SKIP() << "needs root: namespaces";
  PrivateWorld world;
  Shell(
      "ip link add wan type veth peer name wanh && ip addr add 198.51.100.1/24 dev wan && ip link set wan "
      "up");
  Config config;
  config.underlays.resize(1);
  config.underlays[0].interface = "wan";
  FakeDatapath datapath;
  DeviceKeeper keeper(config, datapath);
  ASSERT_TRUE(keeper.AttachAll({}).ok());
  EXPECT_FALSE(keeper.Follow());
  Shell("ip addr flush dev wan && ip addr add 198.51.100.9/24 dev wan");
  datapath.FailNext("AttachDevice", absl::ResourceExhaustedError("no room"));
  EXPECT_FALSE(keeper.Follow());
  EXPECT_EQ(keeper.addresses(), std::set{*Ipv4::Parse("198.51.100.1")});
  EXPECT_TRUE(keeper.Follow());
  EXPECT_EQ(keeper.addresses(), std::set{*Ipv4::Parse("198.51.100.9")});
}

}  // namespace
}  // namespace ov6
