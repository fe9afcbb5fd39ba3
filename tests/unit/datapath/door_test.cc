// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/door.h"

#include <net/if_arp.h>

#include "gtest/gtest.h"

namespace ov6 {
namespace {

using netlink::XdpFacts;
using netlink::XdpFeatures;

struct Row {
  const char* name;
  Attach attach;
  const char* kind;
  uint16_t hardware;
  XdpFacts facts;
  const char* door;  // "native", "tc", or "refused"
  const char* says;
};

const XdpFacts kCard{XdpFeatures{true, false}}, kWithoutXdp{XdpFeatures{false, false}},
    kVeth{XdpFeatures{true, true}}, kUntold{}, kStripping{XdpFeatures{true, false}, true};

const Row kRows[] = {
    {"a network card", Attach::kAuto, "", ARPHRD_ETHER, kCard, "native", "native XDP, which its driver has"},
    {"a network card on an old kernel", Attach::kAuto, "", ARPHRD_ETHER, kUntold, "native",
     "native XDP, which its driver has"},
    {"a network card without XDP", Attach::kAuto, "", ARPHRD_ETHER, kWithoutXdp, "tc",
     "TC, because its driver has no native XDP"},
    {"a network card whose driver takes off the tags of its VLANs", Attach::kAuto, "", ARPHRD_ETHER,
     kStripping, "tc",
     "TC, because it has VLANs, whose tags are gone when XDP sees a frame (ethtool -K d rxvlan off leaves "
     "them)"},
    {"native asked for on such a card", Attach::kNative, "", ARPHRD_ETHER, kStripping, "native",
     "native XDP, as configured"},
    {"a veth", Attach::kAuto, "veth", ARPHRD_ETHER, kVeth, "tc",
     "TC, because a veth device carries segments that XDP cannot take whole"},
    {"a bridge", Attach::kAuto, "bridge", ARPHRD_ETHER, kWithoutXdp, "tc",
     "TC, because a bridge device carries segments that XDP cannot take whole"},
    {"a tunnel device", Attach::kAuto, "tun", ARPHRD_NONE, kUntold, "tc",
     "TC, because its packets have no Ethernet header"},
    {"TC asked for", Attach::kTc, "", ARPHRD_ETHER, kVeth, "tc", "TC, as configured"},
    {"native asked for on a veth", Attach::kNative, "veth", ARPHRD_ETHER, kVeth, "native",
     "native XDP, as configured"},
    {"native asked for on a tunnel device", Attach::kNative, "tun", ARPHRD_NONE, kUntold, "refused",
     "attach = \"native\" is not possible on d: it is no Ethernet device; \"tc\" or \"auto\" is"},
    {"native asked for without XDP", Attach::kNative, "bridge", ARPHRD_ETHER, kWithoutXdp, "refused",
     "attach = \"native\" is not possible on d: its driver has no native XDP; \"tc\" or \"auto\" is"},
};

TEST(ChooseDoor, ByDeviceAndConfiguration) {
  for (const Row& row : kRows) {
    netlink::Link link;
    link.name = "d";
    link.kind = row.kind;
    link.hardware_type = row.hardware;
    const auto choice = ChooseDoor(row.attach, link, row.facts);
    const std::string door = !choice.ok() ? "refused" : choice->native ? "native" : "tc";
    EXPECT_EQ(door, row.door) << row.name;
    EXPECT_EQ(choice.ok() ? choice->reason : std::string(choice.status().message()), row.says) << row.name;
  }
}

TEST(ChooseRedirectTarget, BelievesTheKernelWhereItTells) {
  netlink::Link veth;
  veth.kind = "veth";
  EXPECT_TRUE(ChooseRedirectTarget(veth, XdpFeatures{true, true}).native);
  EXPECT_FALSE(ChooseRedirectTarget(veth, XdpFeatures{true, false}).native);
  EXPECT_TRUE(ChooseRedirectTarget(veth, std::nullopt).native);
  EXPECT_FALSE(ChooseRedirectTarget({}, XdpFeatures{true, false}).native);
}

}  // namespace
}  // namespace ov6
