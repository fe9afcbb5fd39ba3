// SPDX-License-Identifier: Apache-2.0
// What test-run cannot make: packets marked by XDP and finished by TC, GSO, neighbours that
// must be asked for, checksums still to be completed.
//
//    host1 ---- lan [router1] wan ---- wan [router2] lan ---- host2
//    fd00:1::11                 IPv4 only                fd00:2::22
//
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "tests/packet/netns.h"
#include "tests/packet/row.h"
#include "tests/packet/shell.h"

namespace ov6::packet {
namespace {

// A router in a namespace of its own, with tables of its own.
struct Router {
  Netns netns;
  Programs programs;
};

class Veth : public testing::Test {
 protected:
  Veth() {
    MakeLinks();
    Fill(router1_, "198.51.100.1", "fd00:1::1", "fd00:1::/64");
    Fill(router2_, "198.51.100.2", "fd00:2::1", "fd00:2::/64");
    Map(router1_, "fd00:2::/48", Locator("198.51.100.2"));
    Map(router2_, "fd00:1::/48", Locator("198.51.100.1"));
  }
  ~Veth() override { Programs::Use(nullptr); }

  void MakeLinks() {
    Pair("lan", router1_.netns, "eth0", host1_);
    Pair("lan", router2_.netns, "eth0", host2_);
    Pair("wan", router1_.netns, "wan", router2_.netns);
    Address(router1_.netns, "lan", "fd00:1::1/64"), Address(host1_, "eth0", "fd00:1::11/64");
    Address(router2_.netns, "lan", "fd00:2::1/64"), Address(host2_, "eth0", "fd00:2::22/64");
    router1_.netns.Run("ip addr add 198.51.100.1/24 dev wan");
    router2_.netns.Run("ip addr add 198.51.100.2/24 dev wan");
    host1_.Run("ip -6 route add default via fd00:1::1");
    host2_.Run("ip -6 route add default via fd00:2::1");
    for (const Router* router : {&router1_, &router2_}) Forwarding(router->netns);
  }
  static void Pair(const std::string& a, const Netns& in_a, const std::string& b, const Netns& in_b) {
    in_a.Run("ip link add " + a + " type veth peer name x && ip link set x netns " + in_b.path());
    in_b.Run("ip link set x name " + b + " && ip link set " + b + " up");
    in_a.Run("ip link set " + a + " up");
  }
  static void Address(const Netns& netns, const std::string& device, const std::string& address) {
    netns.Run("ip -6 addr add " + address + " dev " + device + " nodad");
  }
  // As ov6d does: on for ov6-self and the sites, for no other device.
  static void Forwarding(const Netns& netns) {
    netns.Run("ip link add self type veth peer name selfp && ip link set self up && ip link set selfp up");
    netns.Run("sysctl -qw net.ipv4.conf.self.forwarding=1 net.ipv6.conf.self.forwarding=1");
  }

  void Fill(Router& router, const std::string& wan, const std::string& lan, const std::string& site) {
    Visit visit(router.netns);
    Programs::Use(&router.programs);
    ov6_config config{};
    config.flags = OV6_CONFIG_ENABLED;
    config.fib_ifindex = Ifindex("self");
    SetEntry("config", uint32_t{0}, config);
    SetDevice("lan", Known("lan", OV6_DEVICE_SITE, 0, lan));
    SetDevice("wan", Known("wan", OV6_DEVICE_UNDERLAY, Address4(wan), "::"));
    SetRoute("fd00::/8", OV6_ACTION_TUNNEL, kDht);
    SetRoute(site, OV6_ACTION_SITE);
  }
  static ov6_device Known(const std::string& name, ov6_device_role role, uint32_t address,
                          const std::string& source) {
    ov6_device device{};
    device.role = role;
    device.mtu = 1500;
    device.address = address;
    device.udp_port = htons(OV6_UDP_PORT);
    device.slot = OV6_PORT_NONE;
    const Bytes bytes = Address6(source);
    std::copy(bytes.begin(), bytes.end(), device.icmp_source);
    ReadMac(name, device.mac);
    return device;
  }
  static void Map(Router& router, const std::string& prefix, const ov6_locator& locator) {
    Programs::Use(&router.programs);
    SetMapping(prefix, Mapping(locator));
  }

  // TC doors on both devices of a router; XDP doors before them.
  static void HangTc(Router& router) {
    Visit visit(router.netns);
    HangTcAt("lan", router.programs.Program("tc_site"));
    HangTcAt("wan", router.programs.Program("tc_underlay"));
  }
  static void HangXdp(Router& router, bool targets) {
    Visit visit(router.netns);
    Programs::Use(&router.programs);
    for (const auto& [name, program] : {std::pair("lan", "xdp_site"), std::pair("wan", "xdp_underlay")}) {
      ASSERT_EQ(bpf_xdp_attach(Ifindex(name), router.programs.Program(program), XDP_FLAGS_DRV_MODE, nullptr),
                0);
      ov6_device device = Device(name);
      device.flags = OV6_DEVICE_XDP_DOOR | (targets ? OV6_DEVICE_XDP_TARGET : 0);
      SetDevice(name, device);
    }
  }
  // As a wire would be: every veth end that faces a native door.
  void LikeAWire() {
    for (const Netns* host : {&host1_, &host2_}) host->Run("ethtool -K eth0 gro on tx off >/dev/null");
    for (const Router* router : {&router1_, &router2_})
      router->netns.Run("ethtool -K wan gro on tx off >/dev/null");
  }
  void HangAll(bool xdp, bool targets) {
    for (Router* router : {&router1_, &router2_}) {
      HangTc(*router);
      if (xdp) HangXdp(*router, targets);
    }
    if (xdp) LikeAWire();
  }

  bool Ping(const std::string& options = "") {
    return host1_.Succeeds("ping -6 -c 3 -i 0.05 -W 2 " + options + " fd00:2::22");
  }
  bool Tcp() {
    host2_.Run("iperf3 -s -1 -D >/dev/null; while ! ss -tln | grep -q 5201; do sleep 0.05; done");
    return host1_.Succeeds("timeout 20 iperf3 -c fd00:2::22 -n 20M");
  }
  // Its answers are not of interest here: it has no way of its own into the tunnel.
  bool RouterGetsEchoes() {
    host1_.Succeeds("ping -6 -c 2 -i 0.05 -W 1 fd00:2::1");
    return Count(router2_, OV6_VERDICT_PASS_FOR_ROUTER) == 2 &&
           router2_.netns.Succeeds("grep -q \"Icmp6InEchos.*[^0-9]2$\" /proc/net/snmp6");
  }
  static uint64_t Count(Router& router, ov6_verdict verdict) {
    Programs::Use(&router.programs);
    return Verdicts()[verdict].packets;
  }

  Netns host1_, host2_;
  Router router1_, router2_;
};

TEST_F(Veth, TcDoorsResolveNeighboursAndForward) {
  HangAll(false, false);
  EXPECT_TRUE(Ping());
  EXPECT_EQ(Count(router1_, OV6_VERDICT_TUNNEL), 3u);
  EXPECT_EQ(Count(router2_, OV6_VERDICT_SITE), 3u);
}

TEST_F(Veth, TcDoorsForwardOverUdp) {
  Map(router1_, "fd00:2::/48", Locator("198.51.100.2", OV6_ENCAPSULATION_UDP));
  Map(router2_, "fd00:1::/48", Locator("198.51.100.1", OV6_ENCAPSULATION_UDP));
  HangAll(false, false);
  EXPECT_TRUE(Ping());
  EXPECT_TRUE(Tcp());
}

TEST_F(Veth, TcDoorsCarryGsoWithTheHostsDefaultOffloads) {
  HangAll(false, false);
  EXPECT_TRUE(Tcp());
}

// Neighbours are unknown at first: XDP marks FINISH, TC asks for them; then XDP does it alone.
TEST_F(Veth, XdpDoorsForward) {
  HangAll(true, true);
  EXPECT_TRUE(Ping());
  EXPECT_EQ(Count(router1_, OV6_VERDICT_TUNNEL), 3u);
  EXPECT_EQ(Count(router2_, OV6_VERDICT_SITE), 3u);
  EXPECT_TRUE(Tcp());
}

// No device is a redirect target: all that XDP decides, TC finishes, and it is counted once.
TEST_F(Veth, TcFinishesWhatXdpMarks) {
  HangAll(true, false);
  EXPECT_TRUE(Ping());
  EXPECT_EQ(Count(router1_, OV6_VERDICT_TUNNEL), 3u);
  EXPECT_EQ(Count(router1_, OV6_VERDICT_SITE), 3u);
  EXPECT_TRUE(Tcp());
}

// From the far side: decapsulated, and the rest is the stack's.
TEST_F(Veth, TheRouterItselfIsReachedByTc) {
  HangAll(false, false);
  EXPECT_TRUE(RouterGetsEchoes());
}
TEST_F(Veth, TheRouterItselfIsReachedByXdp) {
  HangAll(true, true);
  EXPECT_TRUE(RouterGetsEchoes());
}

// IPv6 may be off at the underlay: by ov6-self it reaches the stack all the same.
TEST_F(Veth, TheRouterItselfIsReachedWithoutIpv6AtTheUnderlay) {
  HangAll(true, true);
  router2_.netns.Run("sysctl -qw net.ipv6.conf.wan.disable_ipv6=1");
  Visit visit(router2_.netns);
  Programs::Use(&router2_.programs);
  SetDevice("self", Known("self", OV6_DEVICE_NONE, 0, "::"));
  EXPECT_TRUE(RouterGetsEchoes());
}

// A slave's port whose near end may not redirect to the devices: XDP takes the header off, TC sends.
class VethPort : public Veth {
 protected:
  VethPort() {
    Pair("port", router1_.netns, "far", far_);
    router1_.netns.Run("sysctl -qw net.ipv6.conf.port.disable_ipv6=1");
    Visit visit(router1_.netns);
    Programs::Use(&router1_.programs);
    ov6_device port = Known("port", OV6_DEVICE_PORT, 0, "::");
    port.slot = kDhtSlot;
    SetDevice("port", port);
    ov6_slave slave{};
    slave.port = kDhtSlot;
    slave.prefix_count = 1;
    slave.prefixes[0] = Prefix("fd00::/8");
    SetEntry("slaves", kDht, slave);
    EXPECT_EQ(
        bpf_xdp_attach(Ifindex("port"), router1_.programs.Program("xdp_port"), XDP_FLAGS_DRV_MODE, nullptr),
        0);
    HangTcAt("port", router1_.programs.Program("tc_port"));
    lan_header_ = PortHeader(OV6_PORT_RESUBMIT_OUT, "lan");
    wan_header_ = PortHeader(OV6_PORT_RESUBMIT_IN, "wan");
  }
  void FromSlave(const ov6_port_header& header, const std::function<void(Frame&)>& packet) {
    Frame frame({2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2});
    frame.Port(header).EtherType(OV6_ETH_P_PORT);
    packet(frame);
    const Bytes bytes = frame.Done();
    Visit visit(far_);
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_ifindex = Ifindex("far");
    const int fd = socket(AF_PACKET, SOCK_RAW, 0);
    EXPECT_EQ(sendto(fd, bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof(to)),
              ssize_t(bytes.size()));
    close(fd);
  }
  // Waits up to two seconds.
  static bool GetsAnEcho(const Netns& netns) {
    return netns.Succeeds(
        "for i in $(seq 40); do grep -q \"Icmp6InEchos .*[1-9]$\" /proc/net/snmp6 && exit 0; sleep 0.05; "
        "done; exit 1");
  }

  Netns far_;
  ov6_port_header lan_header_, wan_header_;
};

TEST_F(VethPort, TcSendsWhatASlaveReturnsAsFromTheSite) {
  HangAll(false, false);
  FromSlave(lan_header_, [](Frame& f) { f.Ip6("fd00:1::11", "fd00:2::22").Echo(20); });
  EXPECT_TRUE(GetsAnEcho(host2_));
  EXPECT_EQ(Count(router1_, OV6_VERDICT_TUNNEL), 1u);
}

TEST_F(VethPort, TcDeliversWhatASlaveReturnsAsFromTheUnderlay) {
  HangAll(false, false);
  FromSlave(wan_header_,
            [](Frame& f) { f.Ip4("198.51.100.2", "198.51.100.1").Ip6("fd00:2::22", "fd00:1::11").Echo(20); });
  EXPECT_TRUE(GetsAnEcho(host1_));
  EXPECT_EQ(Count(router1_, OV6_VERDICT_SITE), 1u);
}

TEST_F(VethPort, WhatWasForTheRouterItselfEntersWhereItCameFrom) {
  HangAll(false, false);
  FromSlave(wan_header_,
            [](Frame& f) { f.Ip4("198.51.100.2", "198.51.100.1").Ip6("fd00:2::22", "fd00:1::1").Echo(20); });
  EXPECT_TRUE(GetsAnEcho(router1_.netns));
  EXPECT_EQ(Count(router1_, OV6_VERDICT_PASS_FOR_ROUTER), 1u);
}

TEST_F(VethPort, AnErrorAboutAReturnedPacketReachesTheHost) {
  HangAll(false, false);
  Programs::Use(&router1_.programs);
  SetNegative("fd00:9::/48", 0);
  FromSlave(lan_header_, [](Frame& f) { f.Ip6("fd00:1::11", "fd00:9::9").Udp(1, 2, 20); });
  EXPECT_TRUE(
      host1_.Succeeds("for i in $(seq 40); do grep -q \"Icmp6InDestUnreachs .*[1-9]$\" /proc/net/snmp6 && "
                      "exit 0; sleep 0.05; done; exit 1"));
  EXPECT_EQ(Count(router1_, OV6_VERDICT_ANSWER_UNREACHABLE), 1u);
}

// The first link carries less than the outer packet of 1280 bytes: the kernel fragments it.
TEST_F(Veth, WhatTheUnderlayCannotCarryIsFragmentedByTheKernel) {
  HangAll(false, false);
  for (Router* router : {&router1_, &router2_}) {
    router->netns.Run("ip link set wan mtu 1280 && sysctl -qw net.ipv4.conf.self.accept_local=1");
    Visit visit(router->netns);
    Programs::Use(&router->programs);
    SetDevice("self", Known("self", OV6_DEVICE_NONE, 0, "::"));
    ov6_device wan = Device("wan");
    wan.mtu = 1280;
    SetDevice("wan", wan);
  }
  const int fd = [&] {
    Visit visit(router2_.netns);
    return socket(AF_INET, SOCK_RAW, IPPROTO_IPV6);  // takes what the kernel reassembled
  }();
  Ping("-M do -s 1232");
  EXPECT_EQ(Count(router1_, OV6_VERDICT_TUNNEL), 3u);
  EXPECT_EQ(Count(router2_, OV6_VERDICT_PASS_FRAGMENT), 6u);
  char whole[2000];
  EXPECT_EQ(recv(fd, whole, sizeof(whole), MSG_DONTWAIT), 1300);
  close(fd);
  EXPECT_TRUE(Ping("-M do -s 1212"));
}

// The checksum of what the host sent is completed only when the error leaves, inside the quote.
TEST_F(Veth, TooBigAboutAnUnfinishedChecksumIsRight) {
  HangAll(false, false);
  router1_.netns.Run("ethtool -K lan tx off >/dev/null");
  Visit visit(host1_);
  const int fd = socket(AF_INET6, SOCK_DGRAM, 0);
  const int probe = IPV6_PMTUDISC_DO;
  setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &probe, sizeof(probe));
  sockaddr_in6 to{};
  to.sin6_family = AF_INET6;
  to.sin6_port = htons(9);
  inet_pton(AF_INET6, "fd00:2::22", &to.sin6_addr);
  ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
  const std::vector<char> payload(1441, 'x');
  int mtu = 0;
  for (int i = 0; i < 40 && mtu != 1480; i++) {
    (void)!send(fd, payload.data(), payload.size(), 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    socklen_t size = sizeof(mtu);
    getsockopt(fd, IPPROTO_IPV6, IPV6_MTU, &mtu, &size);
  }
  close(fd);
  EXPECT_EQ(mtu, 1480);
  EXPECT_GE(Count(router1_, OV6_VERDICT_ANSWER_TOO_BIG), 1u);
}

}  // namespace
}  // namespace ov6::packet
