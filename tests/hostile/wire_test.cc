// SPDX-License-Identifier: Apache-2.0
// The same packets over a wire: the doors hang on the router's devices, frames are sent at the other ends of
// the veth pairs, and the good packets before and after each must come out at the far side.
#include <gtest/gtest.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <map>

#include "tests/hostile/hostile.h"
#include "tests/packet/shell.h"

namespace ov6::packet {
namespace {

using Clock = std::chrono::steady_clock;

// One end of a wire.
class Plug {
 public:
  explicit Plug(const std::string& device) : fd_(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)) {
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = __builtin_bswap16(0x0003);  // ETH_P_ALL
    address.sll_ifindex = Ifindex(device);
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0) << device;
  }
  Plug(const Plug&) = delete;
  ~Plug() { close(fd_); }

  void Send(const Bytes& frame) const {
    EXPECT_EQ(send(fd_, frame.data(), frame.size(), 0), ssize_t(frame.size()));
  }

  // Other frames may come before it; what we sent ourselves is not looked at.
  bool Receives(const Bytes& frame, std::chrono::milliseconds patience) const {
    for (const auto end = Clock::now() + patience; Clock::now() < end;) {
      pollfd ready{fd_, POLLIN, 0};
      if (poll(&ready, 1, 20) == 1 && Next() == frame) return true;
    }
    return false;
  }
  void Drain() const {
    for (pollfd ready{fd_, POLLIN, 0}; poll(&ready, 1, 0) == 1;) Next();
  }

 private:
  Bytes Next() const {
    Bytes bytes(4096);
    sockaddr_ll from{};
    socklen_t size = sizeof(from);
    const ssize_t length =
        recvfrom(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&from), &size);
    bytes.resize(length < 0 || from.sll_pkttype == PACKET_OUTGOING ? 0 : length);
    return bytes;
  }
  int fd_;
};

const std::vector<std::pair<std::string, std::string>> kDoors = {{"lan", "site"}, {"wan", "underlay"}};

// Nobody but us speaks on the wires.
void Quiet(const std::string& device) {
  WriteFile("/proc/sys/net/ipv6/conf/" + device + "-p/disable_ipv6", "1");
  Run("ip link set " + device + "-p arp off && ethtool -K " + device + "-p gro on >/dev/null");
}

void HangTc(const std::string& device, const std::string& door) {
  LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = int(Ifindex(device)), .attach_point = BPF_TC_INGRESS);
  LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = Programs::Get().Program("tc_" + door),
              .flags = BPF_TC_F_REPLACE, .handle = 1, .priority = 1);
  bpf_tc_hook_create(&hook);
  ASSERT_EQ(bpf_tc_attach(&hook, &options), 0);
}

void HangXdp(const std::string& device, int program) {
  ASSERT_EQ(bpf_xdp_attach(Ifindex(device), program, XDP_FLAGS_DRV_MODE, nullptr), 0);
}

class Wires {
 public:
  // The devices must be there: ResetWorld() makes them.
  explicit Wires(Hook hook) {
    for (const char* device : {"self", "lan", "lan2", "wan", "other", "port", "port2"}) Quiet(device);
    for (const auto& [device, door] : kDoors) {
      HangTc(device, door);
      if (hook == Hook::kXdp) HangXdp(device, Programs::Get().Program("xdp_" + door));
    }
    HangTc("port", "port");
    if (hook == Hook::kXdp) HangXdp("port", Programs::Get().Program("xdp_port"));
  }
  ~Wires() {
    for (const char* device : {"lan", "wan", "port"}) {
      bpf_xdp_detach(Ifindex(device), XDP_FLAGS_DRV_MODE, nullptr);
      LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = int(Ifindex(device)),
                  .attach_point = bpf_tc_attach_point(BPF_TC_INGRESS | BPF_TC_EGRESS));
      bpf_tc_hook_destroy(&hook);
    }
  }

  void Send(const std::string& device, const Bytes& frame) {
    (device == "lan" ? lan : device == "wan" ? wan : port).Send(frame);
  }

  Plug lan{"lan-p"}, wan{"wan-p"}, port{"port-p"};
};

Bytes GoodTunnelled() {
  return ToPeer()
      .Ip4(kWan, kPeer)
      .DontFragment()
      .Ip6(kHost, kRemote)
      .HopLimit(63)
      .Udp(1000, 2000, 100)
      .Done();
}
Bytes GoodDelivered() { return ToHost().Ip6(kRemote, kHost).HopLimit(63).Udp(1000, 2000, 100).Done(); }

void GoodPacketsGetThrough(Wires& wires) {
  wires.lan.Drain(), wires.wan.Drain();
  wires.lan.Send(GoodFromSite());
  EXPECT_TRUE(wires.wan.Receives(GoodTunnelled(), std::chrono::seconds(2)));
  wires.wan.Send(GoodFromUnderlay());
  EXPECT_TRUE(wires.lan.Receives(GoodDelivered(), std::chrono::seconds(2)));
}

std::map<std::string, uint64_t> Moved() {
  std::map<std::string, uint64_t> moved;
  const auto counts = Verdicts();
  for (uint32_t verdict = 0; verdict < counts.size(); verdict++)
    if (counts[verdict].packets != 0) moved[VerdictName(verdict)] = counts[verdict].packets;
  return moved;
}

std::map<std::string, uint64_t> MovedTo(const std::map<std::string, uint64_t>& wanted) {
  for (const auto end = Clock::now() + std::chrono::seconds(2); Clock::now() < end && Moved() != wanted;)
    usleep(200);
  return Moved();
}

void Check(Wires& wires, const Hostile& row) {
  SCOPED_TRACE(row.rfc + ": " + row.name);
  ResetWorld();
  GoodPacketsGetThrough(wires);
  if (row.tables) row.tables();
  wires.Send(row.device, row.frame());
  std::map<std::string, uint64_t> wanted{{"TUNNEL", 1}, {"SITE", 1}};
  wanted[VerdictName(row.verdict)]++;
  EXPECT_EQ(MovedTo(wanted), wanted);
  if (row.tables) ResetWorld();
  GoodPacketsGetThrough(wires);
}

TEST(HostileOverWires, EndsUnderItsNameInTc) {
  ResetWorld();
  Wires wires(Hook::kTc);
  for (const Hostile& row : AllHostiles())
    if (row.door != "port") Check(wires, row);
}

TEST(HostileOverWires, EndsUnderItsNameInXdp) {
  ResetWorld();
  Wires wires(Hook::kXdp);
  for (const Hostile& row : AllHostiles()) Check(wires, row);
}

}  // namespace
}  // namespace ov6::packet
