// SPDX-License-Identifier: Apache-2.0
// Doors without an Ethernet header, at TUN devices: as a site, as an underlay, and both.
//
//    this process -- tun0 (site) [router] wan -- eth0 [peer]
//                    tun1 (underlay)
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "tests/packet/netns.h"
#include "tests/packet/row.h"

namespace ov6::packet {
namespace {

Bytes WithoutLink(const Frame& frame) {
  const Bytes bytes = frame.Done();
  return Bytes(bytes.begin() + 14, bytes.end());
}

class Tun : public testing::Test {
 protected:
  Tun() {
    const Visit visit(router_);
    router_.Run("ip link add self type veth peer name selfp && ip link set self up && ip link set selfp up");
    router_.Run("sysctl -qw net.ipv4.conf.self.forwarding=1 net.ipv6.conf.self.forwarding=1");
    // Or the kernel's own soliciting is what comes out first.
    router_.Run("sysctl -qw net.ipv6.conf.default.router_solicitations=0");
    tun0_ = Open("tun0");
    tun1_ = Open("tun1");
    router_.Run("ip link add wan type veth peer name x && ip link set x netns " + peer_.path());
    peer_.Run("ip link set x name eth0 && ip link set eth0 up && ip addr add 198.51.100.2/24 dev eth0");
    router_.Run("ip link set wan up && ip addr add 198.51.100.1/24 dev wan");
    router_.Run("ip addr add 203.0.113.1/24 dev tun1 && ip -6 route add fd00:1::/64 dev tun0");
    Programs::Use(&programs_);
    ov6_config config{};
    config.flags = OV6_CONFIG_ENABLED;
    config.fib_ifindex = Ifindex("self");
    SetEntry("config", uint32_t{0}, config);
    Known("tun0", OV6_DEVICE_SITE, "tc_site_l3", OV6_DEVICE_NO_LINK, "0.0.0.0");
    Known("tun1", OV6_DEVICE_UNDERLAY, "tc_underlay_l3", OV6_DEVICE_NO_LINK, "203.0.113.1");
    Known("wan", OV6_DEVICE_UNDERLAY, "tc_underlay", 0, "198.51.100.1");
    SetRoute("fd00::/8", OV6_ACTION_TUNNEL, kDht);
    SetRoute("fd00:1::/64", OV6_ACTION_SITE);
    SetMapping("fd00:2::/48", Mapping(Locator("198.51.100.2")));
    SetMapping("fd00:3::/48", Mapping(Locator("203.0.113.3", OV6_ENCAPSULATION_UDP)));
    const Visit at_peer(peer_);
    wire_ = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(0x0003));
  }
  ~Tun() override {
    for (const int fd : {tun0_, tun1_, wire_}) close(fd);
    Programs::Use(nullptr);
  }

  static int Open(const std::string& name) {
    const int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
    ifreq request{};
    name.copy(request.ifr_name, IFNAMSIZ - 1);
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    EXPECT_EQ(ioctl(fd, TUNSETIFF, &request), 0) << "no TUN devices here";
    const int control = socket(AF_INET, SOCK_DGRAM, 0);
    request.ifr_flags = IFF_UP;
    EXPECT_EQ(ioctl(control, SIOCSIFFLAGS, &request), 0);
    close(control);
    return fd;
  }
  void Known(const std::string& name, ov6_device_role role, const std::string& program, uint8_t flags,
             const std::string& address) {
    ov6_device device{};
    device.role = role;
    device.flags = flags;
    device.mtu = 1500;
    device.address = Address4(address);
    device.udp_port = htons(OV6_UDP_PORT);
    device.slot = OV6_PORT_NONE;
    if (role == OV6_DEVICE_SITE) {
      const Bytes source = Address6("fd00:1::1");
      std::copy(source.begin(), source.end(), device.icmp_source);
    }
    if (flags == 0) ReadMac(name, device.mac);
    SetDevice(name, device);
    HangTcAt(name, programs_.Program(program));
  }

  static void Write(int fd, const Bytes& packet) {
    ASSERT_EQ(write(fd, packet.data(), packet.size()), ssize_t(packet.size()));
  }
  // The first packet of that protocol within two seconds; `offset` is where it stands in the header.
  static Bytes Read(int fd, size_t offset, uint8_t protocol) {
    Bytes packet(2000);
    pollfd poll_for{fd, POLLIN, 0};
    while (poll(&poll_for, 1, 2000) == 1) {
      const ssize_t size = read(fd, packet.data(), packet.size());
      if (size > ssize_t(offset) && packet[offset] == protocol)
        return Bytes(packet.begin(), packet.begin() + size);
    }
    return {};
  }
  uint64_t Count(ov6_verdict verdict) { return Verdicts()[verdict].packets; }

  Netns router_, peer_;
  Programs programs_;
  int tun0_ = -1, tun1_ = -1, wire_ = -1;
};

constexpr size_t kIp6Next = 6, kIp4Protocol = 9, kLink = 14;

TEST_F(Tun, ASiteReachesAnEthernetUnderlay) {
  Write(tun0_, WithoutLink(Frame({}, {}).Ip6("fd00:1::11", "fd00:2::22").Udp(1, 2, 100)));
  const Bytes frame = Read(wire_, kLink + kIp4Protocol, 41);
  const Bytes expected = WithoutLink(Frame({}, {})
                                         .Ip4("198.51.100.1", "198.51.100.2")
                                         .DontFragment()
                                         .Ip6("fd00:1::11", "fd00:2::22")
                                         .HopLimit(63)
                                         .Udp(1, 2, 100));
  ASSERT_EQ(frame.size(), kLink + expected.size());
  EXPECT_EQ(Bytes(frame.begin() + kLink, frame.end()), expected);
  EXPECT_EQ(Count(OV6_VERDICT_TUNNEL), 1u);
}

TEST_F(Tun, ASiteReachesAnUnderlayWithoutEthernet) {
  Write(tun0_, WithoutLink(Frame({}, {}).Ip6("fd00:1::11", "fd00:3::33").Udp(1, 2, 100)));
  Bytes packet = Read(tun1_, kIp4Protocol, 17);
  const Bytes expected = WithoutLink(Frame({}, {})
                                         .Ip4("203.0.113.1", "203.0.113.3")
                                         .DontFragment()
                                         .Gue(0, OV6_UDP_PORT)
                                         .Ip6("fd00:1::11", "fd00:3::33")
                                         .HopLimit(63)
                                         .Udp(1, 2, 100));
  ASSERT_EQ(packet.size(), expected.size());
  packet[20] = packet[21] = 0;  // the flow's hash
  EXPECT_EQ(packet, expected);
}

TEST_F(Tun, AnUnderlayWithoutEthernetDelivers) {
  Write(tun1_, WithoutLink(Frame({}, {})
                               .Ip4("203.0.113.3", "203.0.113.1")
                               .Gue(50000, OV6_UDP_PORT)
                               .Ip6("fd00:3::33", "fd00:1::11")
                               .Udp(1, 2, 100)));
  EXPECT_EQ(Read(tun0_, kIp6Next, 17),
            WithoutLink(Frame({}, {}).Ip6("fd00:3::33", "fd00:1::11").HopLimit(63).Udp(1, 2, 100)));
  EXPECT_EQ(Count(OV6_VERDICT_SITE), 1u);
}

TEST_F(Tun, AnEthernetUnderlayDelivers) {
  router_.Run("ip route get 198.51.100.2 >/dev/null");
  peer_.Run("ping -c 1 -W 2 198.51.100.1 >/dev/null");
  const Visit visit(peer_);
  const int raw = socket(AF_INET, SOCK_RAW, IPPROTO_IPV6);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = Address4("198.51.100.1");
  const Bytes inner = WithoutLink(Frame({}, {}).Ip6("fd00:2::22", "fd00:1::11").Udp(1, 2, 100));
  ASSERT_EQ(sendto(raw, inner.data(), inner.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof(to)),
            ssize_t(inner.size()));
  close(raw);
  EXPECT_EQ(Read(tun0_, kIp6Next, 17),
            WithoutLink(Frame({}, {}).Ip6("fd00:2::22", "fd00:1::11").HopLimit(63).Udp(1, 2, 100)));
}

TEST_F(Tun, ErrorsGoBackAsTheyCame) {
  const Bytes packet = WithoutLink(Frame({}, {}).Ip6("fd00:1::11", "fd00:2::22").HopLimit(1).Udp(1, 2, 100));
  Write(tun0_, packet);
  EXPECT_EQ(Read(tun0_, kIp6Next, 58),
            WithoutLink(Frame({}, {}).Ip6("fd00:1::1", "fd00:1::11").Icmp6(3, 0, 0, packet)));
  EXPECT_EQ(Count(OV6_VERDICT_ANSWER_TIME_EXCEEDED), 1u);
}

TEST_F(Tun, WhatIsForTheStackStaysAsItIs) {
  Write(tun1_, WithoutLink(Frame({}, {}).Ip4("203.0.113.3", "203.0.113.1").Icmp4(8, 0, 1, Bytes(24))));
  const Bytes reply = Read(tun1_, kIp4Protocol, 1);
  ASSERT_EQ(reply.size(), 52u);
  EXPECT_EQ(reply[20], 0);  // echo reply
  EXPECT_EQ(Count(OV6_VERDICT_PASS_NOT_TUNNEL), 1u);
}

// A slave's port has Ethernet whatever the site has.
TEST_F(Tun, AMissReachesTheSlavesPort) {
  router_.Run("ip link add port type veth peer name far && ip link set port up && ip link set far up");
  const Visit visit(router_);
  ov6_slave slave{};
  slave.port = kDhtSlot;
  SetEntry("slaves", kDht, slave);
  SetEntry("port_devices", uint32_t{kDhtSlot}, Ifindex("port"));
  ov6_device port{};
  port.role = OV6_DEVICE_PORT;
  port.mtu = 1500 + OV6_PORT_HEADROOM;
  SetDevice("port", port);
  const int far = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(OV6_ETH_P_PORT));
  const Bytes packet = WithoutLink(Frame({}, {}).Ip6("fd00:1::11", "fd00:9::99").Udp(1, 2, 100));
  Write(tun0_, packet);
  const Bytes frame = Read(far, 13, OV6_ETH_P_PORT & 0xff);
  close(far);
  ASSERT_EQ(frame.size(), kLink + sizeof(ov6_port_header) + packet.size());
  ov6_port_header header;
  std::copy_n(frame.begin() + kLink, sizeof(header), reinterpret_cast<uint8_t*>(&header));
  EXPECT_EQ(header.type, OV6_PORT_PUNT);
  EXPECT_EQ(ntohl(header.ingress), Ifindex("tun0"));
  EXPECT_EQ(Bytes(frame.begin() + kLink + sizeof(header), frame.end()), packet);
}

}  // namespace
}  // namespace ov6::packet
