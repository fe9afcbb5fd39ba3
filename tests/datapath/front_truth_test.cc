// SPDX-License-Identifier: Apache-2.0
// The front never sends on stale truth: everything that its entries stand on changes under traffic, and 10 ms
// later no packet goes the old way. Asserted on the frames that arrive, by the time they do.
//
//   lanh ==veth== lan [ov6, doors of a kind] wan  ==veth== wanh     198.51.100.1/24, peers .2 and .3
//                                         wan2 ==veth== wan2h    192.0.2.1/24, peer .2
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>

#include "gtest/gtest.h"
#include "ov6/abi/front.h"
#include "tests/datapath/private_world.h"
#include "userspace/base/netlink.h"
#include "userspace/datapath/front.h"
#include "userspace/datapath/kernel_datapath.h"
#include "userspace/ov6d/way_watch.h"

namespace ov6 {
namespace {

using std::chrono::milliseconds;

constexpr auto kEffect = milliseconds(10);
constexpr auto kAfterwards = milliseconds(60);  // that is looked at
constexpr auto kPace = std::chrono::microseconds(200);
constexpr SlaveId kDht = 7;
constexpr const char* kHost = "fd00:1:0:1::7";
constexpr const char* kRemote = "fd00:2::22";

using Bytes = std::vector<uint8_t>;

Prefix P(const char* text) { return *Prefix::Parse(text); }
uint32_t At4(const char* text) { return Ipv4::Parse(text)->ToBe(); }

Mapping MappingTo(const char* locator) {
  Mapping mapping;
  mapping.locators = {{*Ipv4::Parse(locator), Encapsulation::k6in4, 0, 1, 0}};
  mapping.slave = kDht;
  return mapping;
}

void Put6(Bytes& frame, size_t at, const char* address) {
  std::memcpy(&frame[at], Ipv6::Parse(address)->bytes.data(), 16);
}

// An IPv6 packet without a next header, at `at`.
void PutIp6(Bytes& frame, size_t at, const char* from, const char* to, uint16_t payload) {
  frame[at] = 0x60;
  frame[at + 4] = static_cast<uint8_t>(payload >> 8), frame[at + 5] = static_cast<uint8_t>(payload);
  frame[at + 6] = 59, frame[at + 7] = 64;
  Put6(frame, at + 8, from), Put6(frame, at + 24, to);
}

void PutChecksum(Bytes& frame, size_t from, size_t size, size_t at) {
  uint32_t sum = 0;
  for (size_t i = from; i < from + size; i += 2) sum += static_cast<uint32_t>(frame[i] << 8 | frame[i + 1]);
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  frame[at] = static_cast<uint8_t>(~sum >> 8), frame[at + 1] = static_cast<uint8_t>(~sum);
}

void PutIp4(Bytes& frame, size_t at, uint32_t from, uint32_t to, uint8_t protocol) {
  const auto total = static_cast<uint16_t>(frame.size() - at);
  frame[at] = 0x45;
  frame[at + 2] = static_cast<uint8_t>(total >> 8), frame[at + 3] = static_cast<uint8_t>(total);
  frame[at + 6] = 0x40, frame[at + 8] = 64, frame[at + 9] = protocol;
  std::memcpy(&frame[at + 12], &from, 4);
  std::memcpy(&frame[at + 16], &to, 4);
  frame[at + 10] = frame[at + 11] = 0;
  PutChecksum(frame, at, 20, at + 10);
}

Bytes Link(const std::string& to, uint16_t type, size_t size) {
  Bytes frame(ETH_HLEN + size);
  const auto mac = netlink::GetLink(to)->mac;
  std::memcpy(frame.data(), mac.data(), 6);
  std::memcpy(&frame[6], "\x02\0\0\0\0\x01", 6);
  frame[12] = static_cast<uint8_t>(type >> 8), frame[13] = static_cast<uint8_t>(type);
  return frame;
}

Bytes FromSite(uint16_t payload = 64) {
  Bytes frame = Link("lan", ETH_P_IPV6, 40 + payload);
  PutIp6(frame, ETH_HLEN, kHost, kRemote, payload);
  return frame;
}

Bytes FromPeer() {
  Bytes frame = Link("wan", ETH_P_IP, 20 + 40 + 64);
  PutIp6(frame, ETH_HLEN + 20, kRemote, kHost, 64);
  PutIp4(frame, ETH_HLEN, At4("198.51.100.2"), At4("198.51.100.1"), IPPROTO_IPV6);
  return frame;
}

// A router on the way cannot let this packet of ours pass: 1300 bytes are the most.
Bytes FragmentationNeeded(const Bytes& about) {
  Bytes frame = Link("wan", ETH_P_IP, 20 + 8 + 20 + 40 + 8);
  frame[ETH_HLEN + 20] = 3, frame[ETH_HLEN + 21] = 4;
  frame[ETH_HLEN + 26] = 1300 >> 8, frame[ETH_HLEN + 27] = 1300 & 0xff;
  std::memcpy(&frame[ETH_HLEN + 28], &about[ETH_HLEN], 20 + 40 + 8);
  PutChecksum(frame, ETH_HLEN + 20, frame.size() - ETH_HLEN - 20, ETH_HLEN + 22);
  PutIp4(frame, ETH_HLEN, At4("198.51.100.2"), At4("198.51.100.1"), IPPROTO_ICMP);
  return frame;
}

struct Seen {
  BootTime time;
  std::string device;
  Bytes frame;
};

int PacketSocket(const std::string& device) {
  const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(if_nametoindex(device.c_str()));
  EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0) << device;
  return fd;
}

// Sends one frame over and over at one device, and keeps what arrives at all far ends.
class Traffic {
 public:
  Traffic(const std::string& device, const Bytes& frame) : out_(PacketSocket(device)), frame_(frame) {
    for (const char* end : {"lanh", "wanh", "wan2h"}) {
      if (end != device) ends_.emplace_back(end, UniqueFd(PacketSocket(end)));
    }
    listener_ = std::thread([this] { Listen(); });
    sender_ = std::thread([this] { Send(); });
  }
  ~Traffic() { Stop(); }
  void Stop() {
    stop_ = true;
    if (sender_.joinable()) sender_.join();
    if (listener_.joinable()) listener_.join();
  }
  std::vector<Seen> seen() {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  void Send() {
    while (!stop_) {
      send(out_.get(), frame_.data(), frame_.size(), MSG_DONTWAIT);
      std::this_thread::sleep_for(kPace);
    }
  }
  void Listen() {
    std::vector<pollfd> fds;
    for (const auto& [name, fd] : ends_) fds.push_back({fd.get(), POLLIN, 0});
    while (!stop_) {
      poll(fds.data(), fds.size(), 10);
      for (size_t i = 0; i < fds.size(); ++i) {
        Bytes frame(2000);
        ssize_t size;
        while ((size = recv(fds[i].fd, frame.data(), frame.size(), MSG_DONTWAIT)) > 0) {
          const std::lock_guard lock(mutex_);
          seen_.push_back({BootClock::now(), ends_[i].first, Bytes(frame.begin(), frame.begin() + size)});
        }
      }
    }
  }

  UniqueFd out_;
  Bytes frame_;
  std::vector<std::pair<std::string, UniqueFd>> ends_;
  std::mutex mutex_;
  std::vector<Seen> seen_;
  std::atomic<bool> stop_ = false;
  std::thread listener_, sender_;
};

class FrontTruth : public ::testing::TestWithParam<Attach> {
 protected:
  void SetUp() override {
    if (!PrivateWorld::Possible()) GTEST_SKIP() << "needs root: namespaces, BPF";
    world_.emplace();
    Shell("ip link set lo up");
    for (const std::string name : {"lan", "wan", "wan2"}) {
      MakeVeth(name);
      Shell("ip link set " + name + "h arp off");  // far ends that say nothing
    }
    Shell("ip addr add 198.51.100.1/24 dev wan && ip addr add 192.0.2.1/24 dev wan2");
    Neighbour("198.51.100.2", "wan", "02:00:00:00:00:02");
    Neighbour("198.51.100.3", "wan", "02:00:00:00:00:03");
    Neighbour("192.0.2.2", "wan2", "02:00:00:00:00:04");
    Shell("ip -6 addr add fd00:1:0:1::1/64 dev lan nodad");
    Neighbour(kHost, "lan", "02:00:00:00:00:07");
    OpenRouter();
  }
  void TearDown() override {
    watch_.reset();
    datapath_.reset();
    world_.reset();
  }
  static void Neighbour(const std::string& address, const std::string& device, const std::string& mac) {
    Shell("ip neigh replace " + address + " lladdr " + mac + " nud permanent dev " + device);
  }
  void OpenRouter() {
    auto opened = OpenKernelDatapath({world_->bpffs(), 0});
    ASSERT_TRUE(opened.ok()) << opened.status();
    datapath_ = *std::move(opened);
    auto watch = WayWatch::Open([this] { datapath_->ForgetWays(); }, [this] { datapath_->WaysAreWatched(); });
    ASSERT_TRUE(watch.ok()) << watch.status();
    watch_ = *std::move(watch);
    watch_->Start();
    Attach("lan", OV6_DEVICE_SITE, "");
    Attach("wan", OV6_DEVICE_UNDERLAY, "198.51.100.1");
    Attach("wan2", OV6_DEVICE_UNDERLAY, "192.0.2.1");
    SetEnabled(true);
    SetRoute("fd00:1:0:1::/64", {3, Action::kSite, 0});
    SetRoute("fd00::/8", {kDht, Action::kTunnel, 0});
    SetMapping(MappingTo("198.51.100.2"));
  }
  void Attach(const std::string& device, ov6_device_role role, const std::string& address) {
    DeviceSpec spec;
    spec.interface = device;
    spec.role = role;
    spec.attach = GetParam();
    if (!address.empty()) spec.address = *Ipv4::Parse(address);
    const auto state = datapath_->AttachDevice(spec);
    ASSERT_TRUE(state.ok()) << state.status();
    ASSERT_EQ(state->door, GetParam() == Attach::kTc ? "tc" : "native") << state->reason;
  }
  void SetEnabled(bool enabled) {
    auto config = datapath_->Config();
    ASSERT_TRUE(config.ok());
    config->flags = enabled ? OV6_CONFIG_ENABLED : 0;
    ASSERT_TRUE(datapath_->SetConfig(*config).ok());
  }
  void SetRoute(const char* prefix, const Route& route) {
    ASSERT_TRUE(datapath_->SetRoute(P(prefix), route).ok());
  }
  void SetMapping(const Mapping& mapping) {
    ASSERT_TRUE(datapath_->SetMapping(P("fd00:2::/48"), mapping).ok());
  }
  uint64_t Hits() {
    const auto front = SummarizePinnedFront(world_->bpffs());
    EXPECT_TRUE(front.ok() && *front) << front.status();
    return front.ok() && *front ? (*front)->hits : 0;
  }

  using Old = std::function<bool(const Seen&)>;
  using New = std::function<bool(const Seen&)>;
  // The front sends `frame` the old way; `change`; from 10 ms on nothing goes it any more, and what is new
  // comes.
  void Changes(const std::string& device, const Bytes& frame, const Old& old,
               const std::function<void()>& change, const New& fresh = nullptr) {
    Traffic traffic(device, frame);
    const uint64_t before = Hits();
    ASSERT_TRUE(Eventually([&] { return Hits() > before + 50; })) << "the front does not answer";
    change();
    const BootTime changed = BootClock::now();
    std::this_thread::sleep_for(kAfterwards);
    traffic.Stop();
    size_t earlier = 0, late = 0, news = 0;
    milliseconds latest{};
    for (const Seen& seen : traffic.seen()) {
      const auto after = std::chrono::duration_cast<milliseconds>(seen.time - changed);
      if (fresh && after > kEffect && fresh(seen)) ++news;
      if (!old(seen)) continue;
      ++(after > kEffect ? late : earlier);
      latest = std::max(latest, after);
    }
    EXPECT_GT(earlier, 20u) << "it never went the old way";
    EXPECT_EQ(late, 0u) << "the last one " << latest.count() << " ms after the change";
    EXPECT_TRUE(!fresh || news > 20) << news << " packets go the new way";
  }

  static Old Tunnelled(const char* locator, const std::string& device = "wanh", uint8_t mac = 0) {
    return [to = At4(locator), device, mac](const Seen& seen) {
      const Bytes& f = seen.frame;
      return seen.device == device && f.size() > 54 && f[12] == 8 && f[13] == 0 && f[23] == IPPROTO_IPV6 &&
             std::memcmp(&f[30], &to, 4) == 0 && (mac == 0 || f[5] == mac);
    };
  }
  static Old Delivered(uint8_t mac = 7) {
    return [mac](const Seen& seen) {
      return seen.device == "lanh" && seen.frame.size() > 54 && seen.frame[12] == 0x86 &&
             seen.frame[20] == 59 && seen.frame[5] == mac;
    };
  }
  void OutChanges(const std::function<void()>& change, const New& fresh = nullptr) {
    Changes("lanh", FromSite(), Tunnelled("198.51.100.2", "wanh", 2), change, fresh);
  }
  void InChanges(const std::function<void()>& change, const New& fresh = nullptr) {
    Changes("wanh", FromPeer(), Delivered(), change, fresh);
  }

  std::optional<PrivateWorld> world_;
  std::unique_ptr<Datapath> datapath_;
  std::unique_ptr<WayWatch> watch_;
};

TEST_P(FrontTruth, ARouteIsReplaced) {
  OutChanges([&] { SetRoute("fd00::/8", {kDht, Action::kReject, 0}); });
}

TEST_P(FrontTruth, ALongerRouteComes) {
  OutChanges([&] { SetRoute("fd00:2::/64", {kDht, Action::kReject, 0}); });
}

TEST_P(FrontTruth, ARouteIsRemoved) {
  OutChanges([&] { ASSERT_TRUE(datapath_->DeleteRoute(P("fd00::/8")).ok()); });
}

TEST_P(FrontTruth, TheSourcesRouteIsRemoved) {
  OutChanges([&] { ASSERT_TRUE(datapath_->DeleteRoute(P("fd00:1:0:1::/64")).ok()); });
}

TEST_P(FrontTruth, AMappingIsReplaced) {
  OutChanges([&] { SetMapping(MappingTo("198.51.100.3")); }, Tunnelled("198.51.100.3", "wanh", 3));
}

TEST_P(FrontTruth, ALongerMappingComes) {
  OutChanges([&] { ASSERT_TRUE(datapath_->SetMapping(P("fd00:2::/64"), MappingTo("198.51.100.3")).ok()); },
             Tunnelled("198.51.100.3", "wanh", 3));
}

TEST_P(FrontTruth, AMappingIsRemovedByOv6ctl) {
  OutChanges([&] {
    auto tables = OpenPinnedTables(world_->bpffs(), Access::kReadWrite);
    ASSERT_TRUE(tables.ok()) << tables.status();
    ASSERT_TRUE((*tables)->DeleteMapping(P("fd00:2::/48")).ok());
  });
}

TEST_P(FrontTruth, AMappingExpires) {
  Mapping mapping = MappingTo("198.51.100.2");
  const BootTime end = BootClock::now() + milliseconds(700);
  mapping.hard_expiry = end;
  SetMapping(mapping);
  OutChanges([&] { std::this_thread::sleep_until(end); });
}

TEST_P(FrontTruth, InTheSoftWindowAUseIsToldOnceASecond) {
  Mapping mapping = MappingTo("198.51.100.2");
  const BootTime soft = BootClock::now() + milliseconds(300);
  mapping.soft_expiry = soft;
  mapping.hard_expiry = soft + std::chrono::hours(1);
  SetMapping(mapping);
  Traffic traffic("lanh", FromSite());
  std::vector<BootTime> told;
  while (told.size() < 3 && BootClock::now() < soft + milliseconds(5000)) {
    ASSERT_TRUE(
        datapath_->DrainEvents([&](const ov6_event& event) { told.push_back(FromNanoseconds(event.time)); })
            .ok());
    std::this_thread::sleep_for(milliseconds(1));
  }
  ASSERT_EQ(told.size(), 3u);
  EXPECT_LT(told[0] - soft, milliseconds(10));
  // Late only where there was no packet to be told of: the machine may have stalled.
  BootTime due = soft;
  for (const BootTime time : told) {
    EXPECT_GE(time, due);
    EXPECT_LT(
        std::ranges::count_if(
            traffic.seen(), [&](const Seen& seen) { return seen.time > due + kEffect && seen.time < time; }),
        kEffect / kPace);
    due = time + std::chrono::seconds(1);
  }
  EXPECT_GT(Hits(), 500u);
}

// Packets of 1400 bytes fit no more; the host is told instead.
TEST_P(FrontTruth, ARouterOnTheWayLowersThePathMtu) {
  Bytes ours = Link("wan", ETH_P_IP, 20 + 40 + 1360);
  PutIp6(ours, ETH_HLEN + 20, kHost, kRemote, 1360);
  PutIp4(ours, ETH_HLEN, At4("198.51.100.1"), At4("198.51.100.2"), IPPROTO_IPV6);
  Changes("lanh", FromSite(1360), Tunnelled("198.51.100.2", "wanh", 2),
          [&] { RawSocket("wanh").Send(FragmentationNeeded(ours)); });
}

TEST_P(FrontTruth, TheUnderlaysAddressChanges) {
  const auto from = [](const char* address) {
    return [of = At4(address), tunnelled = Tunnelled("198.51.100.2")](const Seen& seen) {
      return tunnelled(seen) && std::memcmp(&seen.frame[26], &of, 4) == 0;
    };
  };
  Changes(
      "lanh", FromSite(), from("198.51.100.1"), [&] { Attach("wan", OV6_DEVICE_UNDERLAY, "198.51.100.9"); },
      from("198.51.100.9"));
}

TEST_P(FrontTruth, TheDatapathIsDisabled) {
  OutChanges([&] { SetEnabled(false); });
}

TEST_P(FrontTruth, TheIpv4RouteMovesToAnotherDevice) {
  Shell("ip route add 203.0.113.0/24 via 198.51.100.3");
  SetMapping(MappingTo("203.0.113.1"));
  Changes(
      "lanh", FromSite(), Tunnelled("203.0.113.1", "wanh", 3),
      [] { Shell("ip route replace 203.0.113.0/24 via 192.0.2.2"); }, Tunnelled("203.0.113.1", "wan2h", 4));
}

TEST_P(FrontTruth, TheIpv4RouteIsRemoved) {
  Shell("ip route add 203.0.113.0/24 via 198.51.100.3");
  SetMapping(MappingTo("203.0.113.1"));
  Changes("lanh", FromSite(), Tunnelled("203.0.113.1", "wanh", 3),
          [] { Shell("ip route del 203.0.113.0/24"); });
}

TEST_P(FrontTruth, ARuleLeadsElsewhere) {
  OutChanges([] { Shell("ip rule add to 198.51.100.2 blackhole"); });
}

TEST_P(FrontTruth, TheNeighboursMacAddressChanges) {
  OutChanges([] { Neighbour("198.51.100.2", "wan", "02:00:00:00:00:22"); },
             Tunnelled("198.51.100.2", "wanh", 0x22));
}

TEST_P(FrontTruth, TheNeighbourIsLost) {
  OutChanges([] { Shell("ip neigh del 198.51.100.2 dev wan"); });
}

TEST_P(FrontTruth, TheLinkGoesDown) {
  OutChanges([] { Shell("ip link set wan down"); });
}

TEST_P(FrontTruth, TheKernelForwardsNoMore) {
  OutChanges([] { Shell("sysctl -qw net.ipv4.conf.ov6-self.forwarding=0"); });
}

TEST_P(FrontTruth, TheHostsMacAddressChanges) {
  InChanges([] { Neighbour(kHost, "lan", "02:00:00:00:00:77"); }, Delivered(0x77));
}

TEST_P(FrontTruth, TheSitesRouteOfTheKernelIsRemoved) {
  InChanges([] { Shell("ip -6 route del fd00:1:0:1::/64 dev lan"); });
}

TEST_P(FrontTruth, TheSourceIsMappedElsewhere) {
  InChanges([&] { SetMapping(MappingTo("198.51.100.3")); });
}

TEST_P(FrontTruth, TheSiteMovesAway) {
  InChanges([&] { SetRoute("fd00:1:0:1::/64", {kDht, Action::kReject, 0}); });
}

TEST_P(FrontTruth, TheUnderlaysAddressChangesUnderWhatComesIn) {
  InChanges([&] { Attach("wan", OV6_DEVICE_UNDERLAY, "198.51.100.9"); });
}

INSTANTIATE_TEST_SUITE_P(Doors, FrontTruth, ::testing::Values(Attach::kNative, Attach::kTc),
                         [](const auto& info) { return info.param == Attach::kTc ? "Tc" : "Native"; });

}  // namespace
}  // namespace ov6
