// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/fake/fake_datapath.h"

#include <fcntl.h>
#include <unistd.h>

#include "gtest/gtest.h"

namespace ov6 {
namespace {

Prefix P(const char* text) { return *Prefix::Parse(text); }

TEST(FakeDatapath, HoldsWhatWasSet) {
  FakeDatapath datapath;
  const Route route{7, Action::kTunnel, 0};
  ASSERT_TRUE(datapath.SetRoute(P("fd00::/8"), route).ok());
  EXPECT_EQ(*datapath.Routes(), (std::vector<std::pair<Prefix, Route>>{{P("fd00::/8"), route}}));
  EXPECT_TRUE(datapath.DeleteRoute(P("fd00::/8")).ok());
  EXPECT_TRUE(datapath.routes().empty());
}

TEST(FakeDatapath, AnswersNotFoundForWhatIsNotThere) {
  FakeDatapath datapath;
  EXPECT_TRUE(absl::IsNotFound(datapath.DeleteRoute(P("fd00::/8"))));
  EXPECT_TRUE(absl::IsNotFound(datapath.DeleteMapping(P("fd00::/8"))));
  EXPECT_TRUE(absl::IsNotFound(datapath.DeleteNegative(P("fd00::/8"))));
  EXPECT_TRUE(absl::IsNotFound(datapath.DeleteSlave(1)));
  EXPECT_TRUE(absl::IsNotFound(datapath.DetachDevice("eth0")));
  EXPECT_TRUE(absl::IsNotFound(datapath.ReopenPort(1, 1).status()));
  EXPECT_TRUE(absl::IsNotFound(datapath.DestroyPort(1)));
}

TEST(FakeDatapath, AFullMapTakesNoNewEntryButChangesOldOnes) {
  FakeDatapath datapath;
  datapath.set_limits({1, 1, 1, 1});
  ASSERT_TRUE(datapath.SetMapping(P("fd00::/48"), {}).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(datapath.SetMapping(P("fd01::/48"), {})));
  EXPECT_TRUE(datapath.SetMapping(P("fd00::/48"), {}).ok());
}

TEST(FakeDatapath, FailsWhenTold) {
  FakeDatapath datapath;
  datapath.FailNext("SetRoute", absl::UnavailableError("no"), 2);
  EXPECT_TRUE(absl::IsUnavailable(datapath.SetRoute(P("fd00::/8"), {})));
  EXPECT_TRUE(absl::IsUnavailable(datapath.SetRoute(P("fd00::/8"), {})));
  EXPECT_TRUE(datapath.SetRoute(P("fd00::/8"), {}).ok());
  EXPECT_EQ(datapath.calls(), (std::vector<std::string>{"SetRoute", "SetRoute", "SetRoute"}));
}

TEST(FakeDatapath, GivesPortsWithDescriptorsOfTheirOwn) {
  FakeDatapath datapath;
  auto port = datapath.CreatePort("dht", 7, 1);
  ASSERT_TRUE(port.ok());
  EXPECT_EQ(port->geometry.slot, 1);
  EXPECT_NE(fcntl(port->xsk_fd, F_GETFD), -1);
  EXPECT_TRUE(absl::IsAlreadyExists(datapath.CreatePort("dht", 7, 1).status()));
  auto again = datapath.ReopenPort(1, 8);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->geometry.slave, 8u);
  EXPECT_NE(again->xsk_fd, port->xsk_fd);
  EXPECT_EQ(datapath.ports().at(1).slave, 8u);
  for (const int fd : {port->xsk_fd, port->umem_fd, again->xsk_fd, again->umem_fd}) close(fd);
  EXPECT_TRUE(datapath.DestroyPort(1).ok());
}

TEST(FakeDatapath, DrainsEventsOnce) {
  FakeDatapath datapath;
  datapath.AddEvent({OV6_EVENT_REFRESH, 7, P("fd00::1/128").ToAbi(), 0, 0});
  int seen = 0;
  const auto count = [&](const ov6_event& event) { seen += event.slave == 7; };
  EXPECT_TRUE(datapath.DrainEvents(count).ok());
  EXPECT_TRUE(datapath.DrainEvents(count).ok());
  EXPECT_EQ(seen, 1);
}

TEST(FakeDatapath, DetachAllForgetsEverything) {
  FakeDatapath datapath;
  ASSERT_TRUE(datapath.SetRoute(P("fd00::/8"), {}).ok());
  DeviceSpec spec;
  spec.interface = "eth0";
  ASSERT_TRUE(datapath.AttachDevice(spec).ok());
  EXPECT_EQ(datapath.Devices().size(), 1u);
  ASSERT_TRUE(datapath.DetachAll().ok());
  EXPECT_TRUE(datapath.routes().empty());
  EXPECT_TRUE(datapath.Devices().empty());
  EXPECT_TRUE(datapath.detached());
}

}  // namespace
}  // namespace ov6
