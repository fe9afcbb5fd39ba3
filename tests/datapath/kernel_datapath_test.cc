// SPDX-License-Identifier: Apache-2.0
//
//   lanh ==veth== lan [ov6] wan ==veth== wanh      all in one namespace: what leaves by
//                  |                               lan or wan is read on lanh or wanh
//               ov6-dht ==veth== port1 --> AF_XDP  (the far end in the port thread's namespace)
#include "userspace/datapath/kernel_datapath.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/if_ether.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <iostream>
#include <optional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ov6/abi/port.h"
#include "tests/datapath/private_world.h"
#include "userspace/base/netlink.h"
#include "userspace/datapath/own_veth.h"
#include "userspace/port/port_rings.h"

namespace ov6 {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr SlaveId kDht = 7;
constexpr uint16_t kSlot = 1;
constexpr size_t kPortFrame = sizeof(ethhdr) + sizeof(ov6_port_header);

Prefix P(const char* text) { return *Prefix::Parse(text); }

Mapping MappingTo(const char* locator) {
  Mapping mapping;
  mapping.locators = {{*Ipv4::Parse(locator), Encapsulation::k6in4, 0, 1, 0}};
  mapping.slave = kDht;
  return mapping;
}

std::vector<uint8_t> Ipv6Frame(const std::array<uint8_t, 6>& to, const char* from, const char* destination) {
  std::vector<uint8_t> frame(sizeof(ethhdr) + 40 + 8);
  std::memcpy(frame.data(), to.data(), 6);
  std::memcpy(&frame[6], "\x02\0\0\0\0\x01", 6);
  frame[12] = 0x86, frame[13] = 0xdd;
  frame[14] = 0x60;
  frame[19] = 8;   // payload length
  frame[20] = 59;  // no next header
  frame[21] = 64;  // hop limit
  std::memcpy(&frame[22], Ipv6::Parse(from)->bytes.data(), 16);
  std::memcpy(&frame[38], Ipv6::Parse(destination)->bytes.data(), 16);
  return frame;
}

class KernelDatapathTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!PrivateWorld::Possible()) GTEST_SKIP() << "needs root: namespaces, BPF, AF_XDP";
    world_.emplace();
    Shell("ip link set lo up");
    MakeVeth("lan");
    MakeVeth("wan");
    Shell("ip addr add 198.51.100.1/24 dev wan");
    Shell("ip neigh add 198.51.100.2 lladdr 02:00:00:00:00:02 dev wan");
    Shell("ip -6 addr add fd00:1:0:1::1/64 dev lan nodad");
    Shell("ip -6 neigh add fd00:1:0:1::7 lladdr 02:00:00:00:00:07 dev lan");
  }
  void TearDown() override {
    datapath_.reset();
    world_.reset();
  }

  absl::Status TryOpen() {
    datapath_.reset();
    auto opened = OpenKernelDatapath({world_->bpffs(), 0});
    if (opened.ok()) datapath_ = *std::move(opened);
    return opened.status();
  }
  void Open() {
    const auto status = TryOpen();
    ASSERT_TRUE(status.ok()) << status;
  }
  DeviceState AttachLan(Attach attach) {
    DeviceSpec spec;
    spec.interface = "lan";
    spec.role = OV6_DEVICE_SITE;
    spec.attach = attach;
    spec.icmp_source = *Ipv6::Parse("fd00:1:0:1::1");
    return Attached(spec);
  }
  DeviceState AttachWan(Attach attach) {
    DeviceSpec spec;
    spec.interface = "wan";
    spec.role = OV6_DEVICE_UNDERLAY;
    spec.attach = attach;
    spec.address = *Ipv4::Parse("198.51.100.1");
    return Attached(spec);
  }
  DeviceState Attached(const DeviceSpec& spec) {
    auto state = datapath_->AttachDevice(spec);
    EXPECT_TRUE(state.ok()) << state.status();
    return state.ok() ? *state : DeviceState{};
  }
  void Enable() {
    auto config = datapath_->Config();
    ASSERT_TRUE(config.ok());
    config->flags = OV6_CONFIG_ENABLED;
    ASSERT_TRUE(datapath_->SetConfig(*config).ok());
    ASSERT_TRUE(datapath_->SetRoute(P("fd00:1:0:1::/64"), {3, Action::kSite, 0}).ok());
    ASSERT_TRUE(datapath_->SetRoute(P("fd00::/8"), {kDht, Action::kTunnel, 0}).ok());
    SlaveEntry dht{"dht", SlaveKind::kDht, false, kSlot, {P("fd00::/8")}};
    ASSERT_TRUE(datapath_->SetSlave(kDht, dht).ok());
  }
  std::unique_ptr<PortRings> MapPort(const absl::StatusOr<PortHandles>& handles) {
    EXPECT_TRUE(handles.ok()) << handles.status();
    if (!handles.ok()) return nullptr;
    auto rings = PortRings::Map(handles->geometry, handles->xsk_fd, handles->umem_fd);
    EXPECT_TRUE(rings.ok()) << rings.status();
    return rings.ok() ? *std::move(rings) : nullptr;
  }
  static PortRings::Frame Receive(PortRings* rings) {
    PortRings::Frame frame;
    Eventually([&] { return rings->RxBurst({&frame, 1}) == 1; });
    return frame;
  }
  uint64_t Counted(ov6_verdict verdict) { return datapath_->Verdicts()->at(verdict).packets; }
  std::filesystem::path Pin(const std::string& map) { return world_->bpffs() / "maps" / map; }
  void SendFromLan(const char* destination) {
    RawSocket(kLanHost).Send(Ipv6Frame(netlink::GetLink("lan")->mac, "fd00:1:0:1::7", destination));
  }
  // A miss, its way through the slave's port and back, and out through the tunnel.
  void PuntAndResubmit(PortRings* rings);

  static constexpr const char* kLanHost = "lanh";
  static constexpr const char* kWanHost = "wanh";
  std::optional<PrivateWorld> world_;
  std::unique_ptr<Datapath> datapath_;
};

TEST_F(KernelDatapathTest, OpenPinsTheMapsForTheGroup) {
  Open();
#define OV6_EXPECT_PIN(name, entries, what)                 \
  {                                                         \
    struct stat info {};                                    \
    EXPECT_EQ(stat(Pin(#name).c_str(), &info), 0) << #name; \
    EXPECT_EQ(info.st_mode & 0777, 0440u) << #name;         \
  }
  OV6_MAPS(OV6_EXPECT_PIN)
}

TEST_F(KernelDatapathTest, OpenMakesTheDeviceRoutesAreAskedFor) {
  Open();
  auto self = netlink::GetLink("ov6-self");
  ASSERT_TRUE(self.ok());
  EXPECT_TRUE(self->up);
  EXPECT_EQ(datapath_->Config()->fib_ifindex, self->ifindex);
  EXPECT_EQ(datapath_->Config()->abi_version, uint32_t{OV6_ABI_VERSION});
  EXPECT_EQ(*netlink::ReadSysctl("net/ipv4/conf/ov6-self/forwarding"), "1");
  EXPECT_EQ(*netlink::ReadSysctl("net/ipv6/conf/ov6-self/forwarding"), "1");
  EXPECT_EQ(*netlink::ReadSysctl("net/ipv4/conf/wan/forwarding"), "0");
}

// A strict reverse path for all devices, and udev wrote it to ours too.
TEST_F(KernelDatapathTest, TheKernelFragmentsWhatEntersByOv6SelfWhateverAllHas) {
  Open();
  Shell("ip link set wan mtu 1280");
  Shell("sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.ov6-self.rp_filter=1");
  ASSERT_TRUE(LetSelfForward().ok());
  std::vector<uint8_t> frame(sizeof(ethhdr) + 1300);
  const auto mac = netlink::GetLink("ov6-self")->mac;
  std::memcpy(frame.data(), mac.data(), 6);
  std::memcpy(&frame[6], mac.data(), 6);
  frame[12] = 0x08;
  // 1300 bytes of protocol 41 from 198.51.100.1 to .2, TTL 64; the checksum is right.
  const uint8_t outer[] = {0x45, 0,    0x05, 0x14, 0,   1, 0,   0,  64,  41,
                           0x21, 0x56, 198,  51,   100, 1, 198, 51, 100, 2};
  std::memcpy(&frame[sizeof(ethhdr)], outer, sizeof(outer));
  RawSocket remote("wanh");
  RawSocket("ov6-selfp").Send(frame);
  EXPECT_EQ(remote.Receive(ETH_P_IP).size(), sizeof(ethhdr) + 1276);  // a multiple of 8 and the header
  EXPECT_GT(remote.Receive(ETH_P_IP).size(), sizeof(ethhdr) + 20);
}

TEST_F(KernelDatapathTest, SetConfigKeepsWhatIsTheDatapathsOwn) {
  Open();
  const uint32_t fib_ifindex = datapath_->Config()->fib_ifindex;
  ov6_config config{};
  config.next_slave = 9;
  ASSERT_TRUE(datapath_->SetConfig(config).ok());
  EXPECT_EQ(datapath_->Config()->fib_ifindex, fib_ifindex);
  EXPECT_EQ(datapath_->Config()->next_slave, 9u);
}

TEST_F(KernelDatapathTest, TablesHoldWhatWasWritten) {
  Open();
  const Mapping mapping = MappingTo("198.51.100.2");
  const Negative negative{FromNanoseconds(5), kDht, 3, true};
  ASSERT_TRUE(datapath_->SetMapping(P("fd00:2::/48"), mapping).ok());
  ASSERT_TRUE(datapath_->SetMapping(P("fd00:3::/48"), mapping).ok());
  ASSERT_TRUE(datapath_->SetNegative(P("fd00:4::/48"), negative).ok());
  ASSERT_TRUE(datapath_->DeleteMapping(P("fd00:3::/48")).ok());
  EXPECT_EQ(*datapath_->Mappings(), (std::vector<std::pair<Prefix, Mapping>>{{P("fd00:2::/48"), mapping}}));
  EXPECT_EQ(*datapath_->Negatives(),
            (std::vector<std::pair<Prefix, Negative>>{{P("fd00:4::/48"), negative}}));
  EXPECT_TRUE(absl::IsNotFound(datapath_->DeleteMapping(P("fd00:3::/48"))));
  EXPECT_TRUE(absl::IsNotFound(datapath_->DeleteSlave(3)));
}

TEST_F(KernelDatapathTest, WalksTablesOfManyBatches) {
  Open();
  constexpr uint32_t kRoutes = 10000;
  for (uint32_t i = 0; i < kRoutes; ++i) {
    Prefix prefix = P("fd00::/64");
    prefix.address.bytes[6] = static_cast<uint8_t>(i >> 8);
    prefix.address.bytes[7] = static_cast<uint8_t>(i);
    ASSERT_TRUE(datapath_->SetRoute(prefix, {i, Action::kPort, 0}).ok());
  }
  EXPECT_EQ(datapath_->Routes()->size(), kRoutes);
}

TEST_F(KernelDatapathTest, AFullMapIsResourceExhausted) {
  Open();
  absl::Status status;
  for (uint32_t id = 1; status.ok() && id < 5000; ++id) status = datapath_->SetSlave(id, SlaveEntry());
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("\"slaves\" is full"));
}

TEST_F(KernelDatapathTest, ASuccessorFindsTablesAndDoors) {
  Open();
  AttachLan(Attach::kTc);
  const DeviceState before = AttachWan(Attach::kNative);
  ASSERT_TRUE(datapath_->SetRoute(P("fd00::/8"), {kDht, Action::kTunnel, 0}).ok());
  Open();
  EXPECT_EQ(datapath_->Routes()->size(), 1u);
  ASSERT_EQ(datapath_->Devices().size(), 2u);
  EXPECT_EQ(datapath_->Devices()[0].door, "tc");
  EXPECT_EQ(datapath_->Devices()[1].door, "native");
  EXPECT_EQ(datapath_->Devices()[1].value.address, before.value.address);
}

TEST_F(KernelDatapathTest, ASuccessorReplacesTheProgramInTheSameLink) {
  const auto link_id = [this] {
    return ShellOutput("bpftool -j link show pinned " + (world_->bpffs() / "links/xdp-wan").string() +
                       " | sed 's/.*\"id\":\\([0-9]*\\),.*prog_id.*/\\1/'");
  };
  Open();
  AttachWan(Attach::kNative);
  const std::string before = link_id();
  Open();
  AttachWan(Attach::kNative);
  EXPECT_EQ(link_id(), before);
  EXPECT_THAT(ShellOutput("tc filter show dev wan ingress"), HasSubstr("handle 0x6f76"));
}

TEST_F(KernelDatapathTest, DoorsAreChosenByTheDevice) {
  Open();
  EXPECT_EQ(AttachLan(Attach::kAuto).reason,
            "TC, because a veth device carries segments that XDP cannot take whole.");
  const DeviceState lan = AttachLan(Attach::kNative);
  EXPECT_EQ(lan.door, "native");
  EXPECT_EQ(lan.reason, "native XDP, as configured; XDP may redirect to it.");
  EXPECT_EQ(lan.value.flags, OV6_DEVICE_XDP_DOOR | OV6_DEVICE_XDP_TARGET);
  Shell("ethtool -K wanh gro off");
  const DeviceState wan = AttachWan(Attach::kNative);
  EXPECT_EQ(wan.value.flags, OV6_DEVICE_XDP_DOOR);
  EXPECT_THAT(wan.reason, HasSubstr("its peer has neither an XDP program nor GRO on"));
}

// What tunnels of user space and PPP are: packets without a link header.
class Tun {
 public:
  explicit Tun(const char* name) : fd_(open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK)) {
    ifreq request{};
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    std::strncpy(request.ifr_name, name, sizeof(request.ifr_name) - 1);
    EXPECT_EQ(ioctl(fd_.get(), TUNSETIFF, &request), 0) << strerror(errno);
  }
  void Send(std::span<const uint8_t> packet) const {
    EXPECT_EQ(write(fd_.get(), packet.data(), packet.size()), static_cast<ssize_t>(packet.size()));
  }
  // The next packet of this IP version that is no IPv6 multicast, or nothing within two seconds.
  std::vector<uint8_t> Receive(int version) const {
    std::vector<uint8_t> packet(2000);
    ssize_t size = 0;
    const bool any = Eventually([&] {
      size = read(fd_.get(), packet.data(), packet.size());
      return size > 0 && packet[0] >> 4 == version && !(version == 6 && packet[24] == 0xff);
    });
    packet.resize(any ? static_cast<size_t>(size) : 0);
    return packet;
  }

 private:
  UniqueFd fd_;
};

TEST_F(KernelDatapathTest, ATunSiteReachesTheUnderlay) {
  const Tun tun("tun0");
  Shell("ip link set tun0 up && ip -6 addr add fd00:1:0:9::1/64 dev tun0 nodad");
  Open();
  AttachWan(Attach::kTc);
  DeviceSpec spec;
  spec.interface = "tun0";
  spec.role = OV6_DEVICE_SITE;
  spec.icmp_source = *Ipv6::Parse("fd00:1:0:9::1");
  const DeviceState state = Attached(spec);
  EXPECT_EQ(state.reason, "TC, because its packets have no Ethernet header.");
  EXPECT_EQ(state.value.flags, OV6_DEVICE_NO_LINK);
  Enable();
  ASSERT_TRUE(datapath_->SetRoute(P("fd00:1:0:9::/64"), {3, Action::kSite, 0}).ok());
  ASSERT_TRUE(datapath_->SetMapping(P("fd00:2::/48"), MappingTo("198.51.100.2")).ok());

  RawSocket wan(kWanHost);
  const auto out = Ipv6Frame({}, "fd00:1:0:9::7", "fd00:2::1");
  tun.Send(std::span(out).subspan(sizeof(ethhdr)));
  const auto sent = wan.Receive(ETH_P_IP);
  ASSERT_EQ(sent.size(), sizeof(ethhdr) + 20 + 48);
  EXPECT_EQ(sent[sizeof(ethhdr) + 9], 41);

  // And back, with the addresses of the outer header turned round.
  std::vector<uint8_t> in(sent.begin(), sent.end());
  const auto inner = Ipv6Frame({}, "fd00:2::1", "fd00:1:0:9::7");
  std::memcpy(in.data(), netlink::GetLink("wan")->mac.data(), 6);
  std::swap_ranges(in.begin() + 26, in.begin() + 30, in.begin() + 30);
  std::copy(inner.begin() + sizeof(ethhdr), inner.end(), in.begin() + sizeof(ethhdr) + 20);
  wan.Send(in);
  const auto delivered = tun.Receive(6);
  ASSERT_EQ(delivered.size(), 48u);
  EXPECT_EQ(delivered[7], 63);  // hop limit
}

TEST_F(KernelDatapathTest, ATunUnderlayCarriesTunnels) {
  const Tun tun("tun0");
  Shell("ip link set tun0 up && ip addr add 203.0.113.1/24 dev tun0");
  Open();
  AttachLan(Attach::kTc);
  DeviceSpec spec;
  spec.interface = "tun0";
  spec.role = OV6_DEVICE_UNDERLAY;
  spec.address = *Ipv4::Parse("203.0.113.1");
  Attached(spec);
  Enable();
  ASSERT_TRUE(datapath_->SetMapping(P("fd00:2::/48"), MappingTo("203.0.113.2")).ok());
  SendFromLan("fd00:2::1");
  const auto sent = tun.Receive(4);
  ASSERT_EQ(sent.size(), 20u + 48u);
  EXPECT_EQ(sent[9], 41);

  RawSocket host(kLanHost);
  std::vector<uint8_t> in = sent;
  const auto inner = Ipv6Frame({}, "fd00:2::1", "fd00:1:0:1::7");
  std::swap_ranges(in.begin() + 12, in.begin() + 16, in.begin() + 16);
  std::copy(inner.begin() + sizeof(ethhdr), inner.end(), in.begin() + 20);
  tun.Send(in);
  EXPECT_EQ(host.Receive(ETH_P_IPV6).size(), inner.size());
  EXPECT_EQ(Counted(OV6_VERDICT_SITE), 1u);
}

TEST_F(KernelDatapathTest, NativeXdpThatAJumboMtuRefusesGivesWayToTc) {
  Shell("ip link set lan mtu 9000 && ip link set lanh mtu 9000");
  Open();
  DeviceSpec spec;
  spec.interface = "lan";
  spec.role = OV6_DEVICE_SITE;
  spec.attach = Attach::kNative;
  EXPECT_THAT(std::string(datapath_->AttachDevice(spec).status().message()),
              HasSubstr("the driver refuses it at an MTU of 9000"));
  spec.attach = Attach::kAuto;
  EXPECT_EQ(Attached(spec).door, "tc");
}

TEST_F(KernelDatapathTest, ANativeDoorGivesWayToTc) {
  Open();
  AttachWan(Attach::kNative);
  AttachWan(Attach::kTc);
  EXPECT_THAT(ShellOutput("ip link show wan"), ::testing::Not(HasSubstr("xdp")));
  EXPECT_FALSE(std::filesystem::exists(world_->bpffs() / "links/xdp-wan"));
}

TEST_F(KernelDatapathTest, AForeignXdpProgramIsNamed) {
  Open();
  AttachLan(Attach::kNative);
  LIBBPF_OPTS(bpf_link_create_opts, options);
  const bpf_insn pass[] = {{0xb7, 0, 0, 0, XDP_PASS}, {0x95, 0, 0, 0, 0}};
  const UniqueFd program(bpf_prog_load(BPF_PROG_TYPE_XDP, "pass", "GPL", pass, 2, nullptr));
  const UniqueFd link(
      bpf_link_create(program.get(), static_cast<int>(netlink::GetLink("wan")->ifindex), BPF_XDP, &options));
  ASSERT_TRUE(link.ok());
  DeviceSpec spec;
  spec.interface = "wan";
  spec.role = OV6_DEVICE_UNDERLAY;
  spec.attach = Attach::kNative;
  const auto status = datapath_->AttachDevice(spec).status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("wan has another XDP program already"));
  EXPECT_THAT(ShellOutput("tc qdisc show dev wan"), ::testing::Not(HasSubstr("clsact")));
}

TEST_F(KernelDatapathTest, ADeviceThatIsNotThereIsNotFound) {
  Open();
  DeviceSpec spec;
  spec.interface = "eth77";
  spec.role = OV6_DEVICE_SITE;
  EXPECT_EQ(datapath_->AttachDevice(spec).status(), absl::NotFoundError("there is no interface eth77"));
}

TEST_F(KernelDatapathTest, AReplacedDeviceIsAttachedAnew) {
  Open();
  AttachWan(Attach::kNative);
  Shell("ip link del wan");
  MakeVeth("wan");
  Open();
  EXPECT_THAT(datapath_->Devices(), IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(world_->bpffs() / "links/xdp-wan"));
  EXPECT_EQ(AttachWan(Attach::kNative).door, "native");
}

void KernelDatapathTest::PuntAndResubmit(PortRings* rings) {
  const uint64_t tunnelled = Counted(OV6_VERDICT_TUNNEL), punted = Counted(OV6_VERDICT_PUNT_MISS);
  RawSocket wan(kWanHost);
  SendFromLan("fd00:2::1");
  PortRings::Frame frame = Receive(rings);
  ASSERT_EQ(frame.bytes.size(), kPortFrame + 48);
  ov6_port_header header;
  std::memcpy(&header, &frame.bytes[sizeof(ethhdr)], sizeof(header));
  EXPECT_EQ(header.type, OV6_PORT_PUNT);
  EXPECT_EQ(header.reason, OV6_PUNT_MISS);
  EXPECT_EQ(ntohs(header.port), kSlot);
  EXPECT_EQ(ntohl(header.slave), kDht);
  EXPECT_EQ(ntohl(header.ingress), netlink::GetLink("lan")->ifindex);
  EXPECT_EQ(Counted(OV6_VERDICT_PUNT_MISS), punted + 1);

  ASSERT_TRUE(datapath_->SetMapping(P("fd00:2::/48"), MappingTo("198.51.100.2")).ok());
  frame.bytes[sizeof(ethhdr) + offsetof(ov6_port_header, type)] = OV6_PORT_RESUBMIT_OUT;
  ASSERT_EQ(rings->TxBurst({&frame, 1}), 1u);
  const auto sent = wan.Receive(ETH_P_IP);
  ASSERT_EQ(sent.size(), sizeof(ethhdr) + 20 + 48);
  EXPECT_EQ(sent[14 + 9], 41);       // protocol
  EXPECT_EQ(sent[14 + 20 + 7], 63);  // hop limit
  EXPECT_EQ(Counted(OV6_VERDICT_TUNNEL), tunnelled + 1);
  ASSERT_TRUE(datapath_->DeleteMapping(P("fd00:2::/48")).ok());
}

TEST_F(KernelDatapathTest, AMissGoesThroughThePortAndBackByTcDoors) {
  Open();
  AttachLan(Attach::kTc);
  AttachWan(Attach::kTc);
  Enable();
  const auto rings = MapPort(datapath_->CreatePort("dht", kDht, kSlot));
  ASSERT_NE(rings, nullptr);
  PuntAndResubmit(rings.get());
}

TEST_F(KernelDatapathTest, AMissGoesThroughThePortAndBackByNativeDoors) {
  Open();
  AttachLan(Attach::kNative);
  AttachWan(Attach::kNative);
  Enable();
  const auto rings = MapPort(datapath_->CreatePort("dht", kDht, kSlot));
  ASSERT_NE(rings, nullptr);
  PuntAndResubmit(rings.get());
}

TEST_F(KernelDatapathTest, ASlaveDeliversIntoASite) {
  Open();
  AttachLan(Attach::kNative);
  Enable();
  const auto rings = MapPort(datapath_->CreatePort("dht", kDht, kSlot));
  ASSERT_NE(rings, nullptr);
  PortRings::Frame frame;
  ASSERT_TRUE(rings->Allocate(&frame));
  const auto packet = Ipv6Frame({}, "fd00:2::1", "fd00:1:0:1::7");
  const ov6_port_header header{
      OV6_PORT_HEADER_VERSION, OV6_PORT_DELIVER, 0, 0, htons(kSlot), 0, htonl(kDht), 0};
  std::memset(frame.bytes.data(), 0, sizeof(ethhdr));
  frame.bytes[12] = OV6_ETH_P_PORT >> 8, frame.bytes[13] = OV6_ETH_P_PORT & 0xff;
  std::memcpy(&frame.bytes[sizeof(ethhdr)], &header, sizeof(header));
  std::memcpy(&frame.bytes[kPortFrame], &packet[sizeof(ethhdr)], 48);
  frame.bytes = frame.bytes.first(kPortFrame + 48);
  RawSocket host(kLanHost);
  ASSERT_EQ(rings->TxBurst({&frame, 1}), 1u);
  EXPECT_EQ(host.Receive(ETH_P_IPV6).size(), packet.size());
  EXPECT_EQ(Counted(OV6_VERDICT_SITE), 1u);
}

TEST_F(KernelDatapathTest, TheSuccessorOfACrashedSlaveFindsWhatWaited) {
  Open();
  AttachLan(Attach::kTc);
  Enable();
  auto rings = MapPort(datapath_->CreatePort("dht", kDht, kSlot));
  ASSERT_NE(rings, nullptr);
  SendFromLan("fd00:2::1");
  ASSERT_EQ(Receive(rings.get()).bytes.size(), kPortFrame + 48);  // lost with the crash
  rings.reset();
  for (int i = 0; i < 5; ++i) SendFromLan("fd00:2::2");
  rings = MapPort(datapath_->ReopenPort(kSlot, kDht + 1));
  ASSERT_NE(rings, nullptr);
  EXPECT_EQ(rings->geometry().slave, kDht + 1);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Receive(rings.get()).bytes.size(), kPortFrame + 48);
}

TEST_F(KernelDatapathTest, EveryChunkComesBack) {
  Open();
  AttachLan(Attach::kTc);
  AttachWan(Attach::kTc);
  Enable();
  const auto rings = MapPort(datapath_->CreatePort("dht", kDht, kSlot));
  ASSERT_NE(rings, nullptr);
  const size_t free = rings->free_chunks();
  std::vector<PortRings::Frame> frames;
  for (PortRings::Frame frame; frames.size() < 500 && rings->Allocate(&frame);) {
    std::memset(frame.bytes.data(), 0, 64);
    frame.bytes = frame.bytes.first(64);
    frames.push_back(frame);
  }
  ASSERT_EQ(rings->TxBurst(frames), frames.size());
  EXPECT_TRUE(Eventually([&] { return rings->RxBurst({}) == 0 && rings->free_chunks() == free; }));
  EXPECT_EQ(Counted(OV6_VERDICT_DROP_PORT_HEADER), 500u);
  for (int i = 0; i < 3000; ++i) SendFromLan("fd00:2::1");
  std::vector<PortRings::Frame> received(64);
  size_t total = 0;
  while (const size_t count = rings->RxBurst(received)) {
    for (size_t i = 0; i < count; ++i) rings->Release(received[i]);
    total += count;
  }
  EXPECT_GE(total, 2000u);
  EXPECT_EQ(rings->free_chunks(), free);
}

TEST_F(KernelDatapathTest, TheFarEndCannotBeReachedAndTheNearEndIsSilent) {
  Open();
  const auto rings = MapPort(datapath_->CreatePort("dht", kDht, kSlot));
  auto near = netlink::GetLink("ov6-dht");
  ASSERT_TRUE(near.ok());
  EXPECT_EQ(near->mtu, 1564u);
  EXPECT_THAT(*netlink::Ipv6Addresses(near->ifindex), IsEmpty());
  EXPECT_TRUE(absl::IsNotFound(netlink::GetLink("port1").status()));
  EXPECT_EQ(rings->geometry().mtu, 1564);
}

TEST_F(KernelDatapathTest, PortsAreRefusedWithASentence) {
  Open();
  EXPECT_TRUE(absl::IsInvalidArgument(datapath_->CreatePort("much-too-long", 1, 1).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(datapath_->CreatePort("dht", 1, OV6_MAX_PORTS).status()));
  EXPECT_TRUE(absl::IsNotFound(datapath_->ReopenPort(5, 1).status()));
  EXPECT_TRUE(absl::IsNotFound(datapath_->DestroyPort(5)));
  Shell("ip link add ov6-br type bridge");
  EXPECT_THAT(std::string(datapath_->CreatePort("br", 1, 1).status().message()), HasSubstr("not ours"));
  const auto rings = MapPort(datapath_->CreatePort("dht", 1, 1));
  EXPECT_TRUE(absl::IsAlreadyExists(datapath_->CreatePort("other", 1, 1).status()));
  EXPECT_TRUE(datapath_->DestroyPort(1).ok());
  EXPECT_TRUE(absl::IsNotFound(netlink::GetLink("ov6-dht").status()));
}

TEST_F(KernelDatapathTest, BigDevicesGetBigPorts) {
  Shell("ip link set lan mtu 2000 && ip link set lanh mtu 2000");
  Open();
  AttachLan(Attach::kTc);
  const auto rings = MapPort(datapath_->CreatePort("dht", kDht, kSlot));
  ASSERT_NE(rings, nullptr);
  EXPECT_EQ(rings->geometry().mtu, 2064);
  EXPECT_EQ(rings->geometry().frame_size, 4096u);
}

TEST_F(KernelDatapathTest, APortOfAKilledPredecessorIsReplaced) {
  const int ended = InChild([&] {
    if (!TryOpen().ok() || !datapath_->CreatePort("dht", kDht, kSlot).ok()) return 1;
    return raise(SIGKILL);
  });
  ASSERT_EQ(ended, -SIGKILL);
  Open();
  AttachLan(Attach::kTc);
  AttachWan(Attach::kTc);
  Enable();
  const auto rings = MapPort(datapath_->CreatePort("dht", kDht, kSlot));
  ASSERT_NE(rings, nullptr);
  PuntAndResubmit(rings.get());
}

TEST_F(KernelDatapathTest, FewCapabilitiesAreEnoughAfterOpening) {
  const int failed = InChild([&] {
    if (!TryOpen().ok()) return 1;
    AttachWan(Attach::kNative);
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct keep[2]{};
    for (const int capability :
         {CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF, CAP_PERFMON, CAP_IPC_LOCK, CAP_KILL, CAP_SETUID, CAP_SETGID}) {
      keep[CAP_TO_INDEX(capability)].permitted |= CAP_TO_MASK(capability);
      keep[CAP_TO_INDEX(capability)].effective |= CAP_TO_MASK(capability);
    }
    if (syscall(SYS_capset, &header, keep) != 0) return 2;
    AttachLan(Attach::kNative);
    AttachWan(Attach::kNative);
    if (!datapath_->CreatePort("dht", kDht, kSlot).ok()) return 3;
    if (!datapath_->SetRoute(P("fd00::/8"), {kDht, Action::kTunnel, 0}).ok()) return 4;
    if (!datapath_->DestroyPort(kSlot).ok()) return 5;
    if (!datapath_->DetachDevice("lan").ok()) return 6;
    const auto status = datapath_->DetachAll();
    if (!status.ok()) std::cerr << status << "\n";
    return status.ok() && !::testing::Test::HasFailure() ? 0 : 7;
  });
  EXPECT_EQ(failed, 0);
}

TEST_F(KernelDatapathTest, DetachAllLeavesNothing) {
  const std::string links = ShellOutput("ip -br link | awk '{print $1}'");
  const std::string qdiscs = ShellOutput("tc qdisc show");
  Open();
  AttachLan(Attach::kNative);
  AttachWan(Attach::kTc);
  const auto rings = MapPort(datapath_->CreatePort("dht", kDht, kSlot));
  const auto status = datapath_->DetachAll();
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(ShellOutput("ip -br link | awk '{print $1}'"), links);
  EXPECT_EQ(ShellOutput("tc qdisc show"), qdiscs);
  EXPECT_THAT(ShellOutput("ip -d link show lan"), ::testing::Not(HasSubstr("prog/xdp")));
  EXPECT_FALSE(std::filesystem::exists(world_->bpffs() / "maps"));
  EXPECT_FALSE(std::filesystem::exists(world_->bpffs() / "links"));
}

TEST_F(KernelDatapathTest, DetachLeavesTheOperatorsFilters) {
  Open();
  AttachWan(Attach::kTc);
  Shell("tc filter add dev wan egress pref 5 protocol ip u32 match u32 0 0 flowid 1:1");
  ASSERT_TRUE(datapath_->DetachDevice("wan").ok());
  EXPECT_THAT(ShellOutput("tc filter show dev wan egress"), HasSubstr("pref 5"));
  EXPECT_THAT(ShellOutput("tc filter show dev wan ingress"), IsEmpty());
}

TEST_F(KernelDatapathTest, PinnedTablesAnswerWithoutADaemon) {
  Open();
  ASSERT_TRUE(datapath_->SetRoute(P("fd00::/8"), {kDht, Action::kTunnel, 0}).ok());
  datapath_.reset();
  auto tables = OpenPinnedTables(world_->bpffs(), Access::kReadWrite);
  ASSERT_TRUE(tables.ok()) << tables.status();
  EXPECT_EQ((*tables)->Routes()->size(), 1u);
  EXPECT_TRUE((*tables)->SetRoute(P("fd00:1::/48"), {0, Action::kReject, 0}).ok());
  EXPECT_EQ((*tables)->Routes()->size(), 2u);
}

TEST_F(KernelDatapathTest, AMemberOfTheGroupReadsWithoutCapabilities) {
  constexpr gid_t kGroup = 54321;
  datapath_ = *OpenKernelDatapath({world_->bpffs(), kGroup});
  ASSERT_TRUE(datapath_->SetRoute(P("fd00::/8"), {kDht, Action::kTunnel, 0}).ok());
  const auto as = [&](gid_t group) {
    return InChild([&] {
      if (setgroups(0, nullptr) != 0 || setgid(group) != 0 || setuid(65534) != 0) return 10;
      auto tables = OpenPinnedTables(world_->bpffs(), Access::kReadOnly);
      if (absl::IsPermissionDenied(tables.status())) return 1;
      if (!tables.ok() || (*tables)->Routes()->size() != 1 || !(*tables)->Verdicts().ok()) return 2;
      return absl::IsPermissionDenied((*tables)->SetRoute(P("fd00::/9"), {})) ? 0 : 3;
    });
  };
  EXPECT_EQ(as(kGroup), 0);
  EXPECT_EQ(as(kGroup + 1), 1);
}

TEST_F(KernelDatapathTest, APinThatDoesNotFitIsNamed) {
  std::filesystem::create_directory(world_->bpffs() / "maps");
  const UniqueFd map(bpf_map_create(BPF_MAP_TYPE_HASH, "slaves", 4, 8, 1024, nullptr));
  ASSERT_EQ(bpf_obj_pin(map.get(), Pin("slaves").c_str()), 0);
  const auto status = TryOpen();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(
      std::string(status.message()),
      HasSubstr(
          "the pinned map \"slaves\" does not fit: its value size is 8, this version of ov6 wants 340"));
}

TEST_F(KernelDatapathTest, AnotherAbiVersionIsRefused) {
  Open();
  datapath_.reset();
  auto tables = OpenPinnedTables(world_->bpffs(), Access::kReadWrite);
  ov6_config config = *(*tables)->Config();
  config.abi_version = 99;
  ASSERT_TRUE((*tables)->SetConfig(config).ok());
  EXPECT_THAT(std::string(TryOpen().message()),
              HasSubstr("speak version 99, this program version " + std::to_string(OV6_ABI_VERSION)));
  EXPECT_TRUE(absl::IsFailedPrecondition(OpenPinnedTables(world_->bpffs(), Access::kReadOnly).status()));
}

TEST_F(KernelDatapathTest, AFolderThatIsNoBpffsIsRefused) {
  EXPECT_THAT(std::string(OpenKernelDatapath({"/tmp", 0}).status().message()),
              HasSubstr("/tmp is no BPF file system"));
  EXPECT_TRUE(absl::IsNotFound(OpenKernelDatapath({"/nowhere", 0}).status()));
  EXPECT_EQ(OpenPinnedTables(world_->bpffs(), Access::kReadOnly).status().message(),
            "there is no datapath at " + world_->bpffs().string() + " (no map \"config\")");
}

TEST_F(KernelDatapathTest, MissingPrivilegesAreNamed) {
  const int result = InChild([&] {
    if (setuid(65534) != 0) return 10;
    const auto status = TryOpen();
    return absl::IsPermissionDenied(status) && status.message().find("CAP_NET_ADMIN") != std::string::npos
               ? 0
               : 1;
  });
  EXPECT_EQ(result, 0);
}

TEST_F(KernelDatapathTest, EventsReachTheDaemon) {
  Open();
  AttachLan(Attach::kTc);
  AttachWan(Attach::kTc);
  Enable();
  Mapping mapping = MappingTo("198.51.100.2");
  mapping.soft_expiry = FromNanoseconds(1);
  ASSERT_TRUE(datapath_->SetMapping(P("fd00:2::/48"), mapping).ok());
  SendFromLan("fd00:2::1");
  std::vector<ov6_event> events;
  EXPECT_TRUE(Eventually([&] {
    EXPECT_TRUE(datapath_->DrainEvents([&](const ov6_event& event) { events.push_back(event); }).ok());
    return !events.empty();
  }));
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].type, uint32_t{OV6_EVENT_REFRESH});
  EXPECT_EQ(events[0].slave, kDht);
  EXPECT_EQ(Prefix::FromAbi(events[0].prefix), P("fd00:2::1/128"));
  EXPECT_GE(datapath_->EventFd(), 0);
}

}  // namespace
}  // namespace ov6
