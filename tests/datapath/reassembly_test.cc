// SPDX-License-Identifier: Apache-2.0
//
//   lanh ==veth== lan [ov6] wan ==veth== wanh      all in one namespace; fragments enter at wanh,
//                        |                         the stack puts them together, and ov6d gives the
//                   ov6-master <-- ov6d <-- stack  whole packet back
#include "userspace/ov6d/reassembly.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <sys/socket.h>

#include <cstring>
#include <optional>

#include "gtest/gtest.h"
#include "tests/datapath/private_world.h"
#include "userspace/base/netlink.h"
#include "userspace/datapath/kernel_datapath.h"
#include "userspace/wire/stun.h"

namespace ov6 {
namespace {

using Bytes8 = std::vector<uint8_t>;

constexpr SlaveId kDht = 7;
constexpr uint16_t kUdpPort = 6080;
const Endpoint kPeer{{0xc6336402}, 0}, kOurs{{0xc6336401}, 0};  // 198.51.100.2, .1

Prefix P(const char* text) { return *Prefix::Parse(text); }

// An IPv6 packet of this size from fd00:2::1 to fd00:1:0:1::7.
Bytes8 Inner(size_t size) {
  Bytes8 packet(size);
  for (size_t i = 40; i < size; ++i) packet[i] = static_cast<uint8_t>(i);
  packet[0] = 0x60;
  packet[4] = static_cast<uint8_t>((size - 40) >> 8);
  packet[5] = static_cast<uint8_t>(size - 40);
  packet[6] = 59;  // no next header
  packet[7] = 64;
  std::memcpy(&packet[8], Ipv6::Parse("fd00:2::1")->bytes.data(), 16);
  std::memcpy(&packet[24], Ipv6::Parse("fd00:1:0:1::7")->bytes.data(), 16);
  return packet;
}

void Put16(Bytes8* bytes, size_t at, size_t value) {
  (*bytes)[at] = static_cast<uint8_t>(value >> 8);
  (*bytes)[at + 1] = static_cast<uint8_t>(value);
}

// RFC 791 section 3.2: pieces of an IPv4 packet without options, each with `size` bytes of its payload.
std::vector<Bytes8> Fragments(const Bytes8& packet, size_t size) {
  static uint16_t id = 0;
  ++id;
  std::vector<Bytes8> pieces;
  for (size_t at = 20; at < packet.size(); at += size) {
    const size_t end = std::min(at + size, packet.size());
    Bytes8 piece(packet.begin(), packet.begin() + 20);
    piece.insert(piece.end(), packet.begin() + static_cast<long>(at),
                 packet.begin() + static_cast<long>(end));
    Put16(&piece, 2, piece.size());
    Put16(&piece, 4, id);
    Put16(&piece, 6, (at - 20) / 8 | (end < packet.size() ? 0x2000u : 0u));
    Put16(&piece, 10, 0);
    uint32_t sum = 0;
    for (size_t i = 0; i < 20; i += 2) sum += static_cast<uint32_t>(piece[i] << 8 | piece[i + 1]);
    Put16(&piece, 10, 0xffff & ~((sum & 0xffff) + (sum >> 16)));
    pieces.push_back(std::move(piece));
  }
  return pieces;
}

class ReassemblyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!PrivateWorld::Possible()) GTEST_SKIP() << "needs root: namespaces, BPF, AF_XDP";
    world_.emplace();
    Shell("ip link set lo up");
    for (const std::string name : {"lan", "wan"}) {
      Shell("ip link add " + name + " type veth peer name " + name + "h");
      Shell("ip link set " + name + " up && ip link set " + name + "h up");
    }
    Shell("ip addr add 198.51.100.1/24 dev wan");
    Shell("ip neigh add 198.51.100.2 lladdr 02:00:00:00:00:02 dev wan");
    Shell("ip -6 addr add fd00:1:0:1::1/64 dev lan nodad");
    Shell("ip -6 neigh add fd00:1:0:1::7 lladdr 02:00:00:00:00:07 dev lan");
    wan_mac_ = netlink::GetLink("wan")->mac;
    peer_.emplace("wanh");
    Open();
  }
  void TearDown() override {
    peer_.reset();
    reassembly_.reset();
    port_.reset();
    datapath_.reset();
    world_.reset();
  }

  void Open() {
    auto datapath = OpenKernelDatapath({world_->bpffs(), 0});
    ASSERT_TRUE(datapath.ok()) << datapath.status();
    datapath_ = *std::move(datapath);
    DeviceSpec lan, wan;
    lan.interface = "lan";
    lan.role = OV6_DEVICE_SITE;
    lan.icmp_source = *Ipv6::Parse("fd00:1:0:1::1");
    wan.interface = "wan";
    wan.role = OV6_DEVICE_UNDERLAY;
    wan.address = kOurs.address;
    ASSERT_TRUE(datapath_->AttachDevice(lan).ok());
    ASSERT_TRUE(datapath_->AttachDevice(wan).ok());
    auto port = DaemonPort::Open(io_, *datapath_);
    ASSERT_TRUE(port.ok()) << port.status();
    port_ = *std::move(port);
    ASSERT_TRUE(datapath_->SetRoute(P("fd00:1:0:1::/64"), {3, Action::kSite, 0}).ok());
    ASSERT_TRUE(datapath_->SetRoute(P("fd00::/8"), {kDht, Action::kTunnel, 0}).ok());
    Mapping mapping;
    mapping.locators = {{kPeer.address, Encapsulation::k6in4, 0, 1, 0}};
    mapping.slave = kDht;
    ASSERT_TRUE(datapath_->SetMapping(P("fd00:2::/48"), mapping).ok());
    auto config = datapath_->Config();
    config->flags = OV6_CONFIG_ENABLED;
    ASSERT_TRUE(datapath_->SetConfig(*config).ok());
  }

  absl::Status OpenEnds(uint32_t rate) {
    const auto resubmit = [this](uint32_t ingress, std::span<const uint8_t> packet) {
      return port_->Resubmit(OV6_PORT_RESUBMIT_IN, ingress, packet);
    };
    const auto stun = [this](const std::string& interface, const Endpoint& from,
                             std::span<const uint8_t> message) {
      stun_.push_back({interface, from, {message.begin(), message.end()}});
    };
    reassembly_.emplace(Reassembly::Environment{io_, resubmit, stun, [] { return BootClock::now(); }, rate});
    return reassembly_->Open({"wan", netlink::GetLink("wan")->ifindex, kOurs.address, kUdpPort});
  }

  void SendToWan(const Bytes8& packet) {
    Bytes8 frame(sizeof(ethhdr));
    std::memcpy(frame.data(), wan_mac_.data(), 6);
    std::memcpy(&frame[6], "\x02\0\0\0\0\x02", 6);
    frame[12] = 0x08;
    frame.insert(frame.end(), packet.begin(), packet.end());
    peer_->Send(frame);
  }
  void SendInPieces(const Bytes8& packet, size_t size) {
    for (const Bytes8& piece : Fragments(packet, size)) SendToWan(piece);
  }
  bool RunUntil(const std::function<bool()>& condition) {
    return Eventually([&] {
      io_.restart();
      io_.poll();
      return condition();
    });
  }
  uint64_t Counted(ov6_verdict verdict) { return datapath_->Verdicts()->at(verdict).packets; }

  std::optional<PrivateWorld> world_;
  std::optional<RawSocket> peer_;
  std::array<uint8_t, 6> wan_mac_{};
  boost::asio::io_context io_;
  std::unique_ptr<Datapath> datapath_;
  std::unique_ptr<DaemonPort> port_;
  std::optional<Reassembly> reassembly_;
  struct Stun {
    std::string interface;
    Endpoint from;
    Bytes8 message;
  };
  std::vector<Stun> stun_;
};

// RFC 4213 section 3.2.2: an encapsulator may leave fragmentation to IPv4.
TEST_F(ReassemblyTest, A6in4PacketInPiecesIsDelivered) {
  ASSERT_TRUE(OpenEnds(2000).ok());
  RawSocket host("lanh");
  const Bytes8 inner = Inner(1500);
  SendInPieces(*WriteOuter({kPeer, kOurs, 0}, inner), 1480);
  ASSERT_TRUE(RunUntil([&] { return reassembly_->Counters().resubmitted == 1; }));
  const Bytes8 frame = host.Receive(ETH_P_IPV6);
  ASSERT_EQ(frame.size(), sizeof(ethhdr) + inner.size());
  EXPECT_EQ(frame[sizeof(ethhdr) + 7], 63);  // hop limit
  EXPECT_TRUE(std::equal(inner.begin() + 8, inner.end(), frame.begin() + sizeof(ethhdr) + 8));
  EXPECT_EQ(Counted(OV6_VERDICT_PASS_FRAGMENT), 2u);
  EXPECT_EQ(Counted(OV6_VERDICT_SITE), 1u);
}

TEST_F(ReassemblyTest, AUdpPacketInPiecesIsDelivered) {
  ASSERT_TRUE(OpenEnds(2000).ok());
  RawSocket host("lanh");
  const OuterHeader outer{{kPeer.address, 50000}, {kOurs.address, kUdpPort}, 1};  // ECT(1)
  SendInPieces(*WriteOuter(outer, Inner(1480)), 800);
  ASSERT_TRUE(RunUntil([&] { return reassembly_->Counters().resubmitted == 1; }));
  EXPECT_EQ(host.Receive(ETH_P_IPV6).size(), sizeof(ethhdr) + 1480);
  EXPECT_EQ(Counted(OV6_VERDICT_SITE), 1u);
}

// RFC 3168 section 5.3: one marked fragment marks the whole; RFC 6040: and the inner packet, or it is
// dropped.
TEST_F(ReassemblyTest, CongestionSeenByAFragmentIsNotForgotten) {
  ASSERT_TRUE(OpenEnds(2000).ok());
  auto pieces =
      Fragments(*WriteOuter({{kPeer.address, 50000}, {kOurs.address, kUdpPort}, 2}, Inner(1000)), 800);
  pieces[1][1] |= 3;                                                // CE
  Put16(&pieces[1], 10, (pieces[1][10] << 8 | pieces[1][11]) - 1);  // RFC 1624
  for (const Bytes8& piece : pieces) SendToWan(piece);
  ASSERT_TRUE(RunUntil([&] { return reassembly_->Counters().resubmitted == 1; }));
  EXPECT_TRUE(Eventually([&] { return Counted(OV6_VERDICT_DROP_ECN) == 1; }));  // not-ECT inside CE
}

TEST_F(ReassemblyTest, WhatIsNoTunnelPacketEndsAtTheSocket) {
  ASSERT_TRUE(OpenEnds(2000).ok());
  Bytes8 control(100);
  control[0] = 0x20;  // GUE variant 0 with the control bit
  SendToWan(*WriteOuter({{kPeer.address, 50000}, {kOurs.address, kUdpPort}, 0}, control));
  EXPECT_TRUE(RunUntil([&] { return reassembly_->Counters().dropped == 1; }));
  EXPECT_EQ(Counted(OV6_VERDICT_PASS_GUE), 1u);
  EXPECT_EQ(reassembly_->Counters().resubmitted, 0u);
}

TEST_F(ReassemblyTest, StunComesAndGoesByTheTunnelPort) {
  ASSERT_TRUE(OpenEnds(2000).ok());
  const Bytes8 message = WriteStun(StunMessage{});
  Bytes8 other = message;
  other[4] ^= 1;  // the cookie
  for (const Bytes8& bytes : {other, message})
    SendToWan(*WriteOuter({{kPeer.address, 40000}, {kOurs.address, kUdpPort}, 0}, bytes));
  ASSERT_TRUE(RunUntil([&] { return !stun_.empty(); }));
  ASSERT_EQ(stun_.size(), 1u);
  EXPECT_EQ(stun_[0].interface, "wan");
  EXPECT_EQ(stun_[0].from, (Endpoint{kPeer.address, 40000}));
  EXPECT_EQ(stun_[0].message, message);
  EXPECT_EQ(Counted(OV6_VERDICT_PASS_STUN), 1u);
  EXPECT_EQ(Counted(OV6_VERDICT_PASS_GUE), 1u);
  EXPECT_EQ(reassembly_->Counters().dropped, 1u);
  EXPECT_TRUE(reassembly_->Send("wan", {kPeer.address, 40000}, message));
  EXPECT_FALSE(reassembly_->Send("lan", {kPeer.address, 40000}, message));
}

TEST_F(ReassemblyTest, WhatCameWholeIsNotGivenBack) {
  ASSERT_TRUE(OpenEnds(2000).ok());
  auto config = datapath_->Config();
  config->flags = 0;
  ASSERT_TRUE(datapath_->SetConfig(*config).ok());
  SendToWan(*WriteOuter({kPeer, kOurs, 0}, Inner(100)));
  EXPECT_TRUE(RunUntil([&] { return reassembly_->Counters().not_fragmented == 1; }));
}

TEST_F(ReassemblyTest, WhatThePortCannotTakeIsCounted) {
  ASSERT_TRUE(OpenEnds(2000).ok());
  EXPECT_EQ(port_->max_packet(), 1548u);
  SendInPieces(*WriteOuter({kPeer, kOurs, 0}, Inner(1529)), 1480);
  EXPECT_TRUE(RunUntil([&] { return reassembly_->Counters().too_big == 1; }));
  SendInPieces(*WriteOuter({kPeer, kOurs, 0}, Inner(1528)), 1480);
  EXPECT_TRUE(RunUntil([&] { return reassembly_->Counters().resubmitted == 1; }));
}

TEST_F(ReassemblyTest, AFloodOfFragmentsIsHeldToTheRate) {
  const BootTime start = BootClock::now();
  ASSERT_TRUE(OpenEnds(1).ok());
  const Bytes8 packet = *WriteOuter({kPeer, kOurs, 0}, Inner(1400));
  for (int i = 0; i < 1000; ++i) {
    SendInPieces(packet, 800);
    if (i % 50 == 0) io_.restart(), io_.poll();
  }
  EXPECT_TRUE(RunUntil([&] {
    const ReassemblyCounters counters = reassembly_->Counters();
    return counters.dropped > 0 && counters.resubmitted >= 256;
  }));
  const auto passed = std::chrono::duration_cast<std::chrono::seconds>(BootClock::now() - start).count();
  EXPECT_LE(reassembly_->Counters().resubmitted, 256u + static_cast<uint64_t>(passed) + 1);
}

TEST_F(ReassemblyTest, TheStackAnswersNothing) {
  ASSERT_TRUE(OpenEnds(2000).ok());
  RawSocket peer("wanh");
  SendInPieces(*WriteOuter({{kPeer.address, 50000}, {kOurs.address, kUdpPort}, 0}, Bytes8(1000, 0x10)), 800);
  ASSERT_TRUE(RunUntil([&] { return reassembly_->Counters().dropped == 1; }));
  SendInPieces(*WriteOuter({kPeer, kOurs, 0}, Bytes8(1000, 0x10)), 800);
  ASSERT_TRUE(RunUntil([&] { return reassembly_->Counters().resubmitted == 1; }));
  EXPECT_TRUE(Eventually([&] { return Counted(OV6_VERDICT_DROP_MALFORMED) == 1; }));
  // What would be answered is answered at once: an echo comes back, and nothing before it.
  Bytes8 echo = *WriteOuter({kPeer, kOurs, 0}, Bytes8{8, 0, 0xf7, 0xff, 0, 0, 0, 0});
  echo[9] = 1;
  Put16(&echo, 10, (echo[10] << 8 | echo[11]) + 40);
  SendToWan(echo);
  const Bytes8 answer = peer.Receive(ETH_P_IP);
  ASSERT_GE(answer.size(), sizeof(ethhdr) + 28);
  EXPECT_EQ(answer[sizeof(ethhdr) + 9], 1);
  EXPECT_EQ(answer[sizeof(ethhdr) + 20], 0);  // echo reply
}

TEST_F(ReassemblyTest, NothingWaitsForOneThatIsGone) {
  ASSERT_TRUE(OpenEnds(1).ok());
  for (int i = 0; i < 300; ++i) {
    SendInPieces(*WriteOuter({kPeer, kOurs, 0}, Inner(1000)), 800);
    if (i % 20 == 0) io_.restart(), io_.poll();
  }
  EXPECT_TRUE(RunUntil([&] { return reassembly_->Counters().resubmitted >= 256; }));  // and 6in4 pauses
  reassembly_.reset();
  port_.reset();
  io_.restart();
  io_.run();  // comes back: there is nothing left to wait for
  EXPECT_TRUE(io_.stopped());
}

TEST_F(ReassemblyTest, ATakenUdpPortIsNamedAndTheRestWorks) {
  UniqueFd taken(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(kUdpPort);
  ASSERT_EQ(bind(taken.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_EQ(OpenEnds(2000),
            absl::AlreadyExistsError("the UDP port 198.51.100.1:6080 belongs to another process"));
  SendInPieces(*WriteOuter({kPeer, kOurs, 0}, Inner(1000)), 800);
  EXPECT_TRUE(RunUntil([&] { return reassembly_->Counters().resubmitted == 1; }));
  // Once it is free only that socket is opened: what waits in the other one is not lost.
  taken = UniqueFd();
  SendInPieces(*WriteOuter({kPeer, kOurs, 0}, Inner(1000)), 800);
  EXPECT_TRUE(reassembly_->Open({"wan", netlink::GetLink("wan")->ifindex, kOurs.address, kUdpPort}).ok());
  SendInPieces(*WriteOuter({{kPeer.address, 50000}, {kOurs.address, kUdpPort}, 0}, Inner(1000)), 800);
  EXPECT_TRUE(RunUntil([&] { return reassembly_->Counters().resubmitted == 3; }));
}

}  // namespace
}  // namespace ov6
