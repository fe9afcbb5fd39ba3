// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>

#include <algorithm>

#include "tests/differential/generator.h"
#include "tests/packet/world.h"

namespace ov6::differential {
namespace {

using packet::Bytes;
using packet::Frame;
using packet::Mac;

constexpr size_t kMostBytes = 3000;  // what test-run takes, with all that is put in front

void Put16(Bytes& bytes, size_t at, uint16_t value) {
  bytes[at] = uint8_t(value >> 8);
  bytes[at + 1] = uint8_t(value);
}

Bytes Tail(const Bytes& bytes, size_t from) {
  return {bytes.begin() + std::min(from, bytes.size()), bytes.end()};
}

// What RFC 768 wants in the datagram that begins at `at`, behind an IPv4 header at 14.
void FillUdpChecksum(Bytes& frame, size_t at) {
  Bytes summed(frame.begin() + 26, frame.begin() + 34);
  const size_t length = frame.size() - at;
  for (const size_t value : {size_t{0}, size_t{17}, length >> 8, length & 0xff})
    summed.push_back(uint8_t(value));
  Put16(frame, at + 6, 0);
  summed.insert(summed.end(), frame.begin() + at, frame.end());
  const uint16_t sum = packet::Checksum(summed);
  Put16(frame, at + 6, sum == 0 ? 0xffff : sum);
}

}  // namespace

std::string Generator::Source6() {
  if (dice_.Chance(80))
    return dice_.Of({"fd00:1:0:1::11", "fd00:1:0:1::11", "fd00:1:0:1::77", "fd00:1:0:2::22"});
  return dice_.Of({"fd00:1:0:3::5", "fd00:1:0:4::5", "fd00:1:0:1::1", "fd00:2::22", "2001:db8::5",
                   "::", "::1", "fe80::5", "ff02::5", "::ffff:10.0.0.1", "fd00:1:0:99::1"});
}

std::string Generator::Destination6() {
  if (dice_.Chance(60))
    return dice_.Of({"fd00:2::22", "fd00:2::23", "fd00:2:0:1::1", "fd00:3::33", "fd00:9::99", "fd00:9:1::1"});
  return dice_.Of({"fd00:1:0:1::11",
                   "fd00:1:0:1::77",
                   "fd00:1:0:2::22",
                   "fd00:1:0:1:5::1",
                   "fd00:1:0:3::1",
                   "fd00:1:0:4::1",
                   "fd00:1:0:5::55",
                   "fd00:1:0:6::66",
                   "fd00:1:0:1::1",
                   "fd00:1:0:2::1",
                   "fd00:1:0:99::1",
                   "2001:db8::1",
                   "2001:db8:aaaa::1",
                   "2001:db8:bbbb::1",
                   "::",
                   "::1",
                   "fe80::1",
                   "ff02::1",
                   "ff0e::1",
                   "::ffff:10.0.0.1",
                   "::10.0.0.1"});
}

std::string Generator::RemoteSource6() {
  if (dice_.Chance(80))
    return dice_.Of({"fd00:2::22", "fd00:2::23", "fd00:3::33", "fd00:9::99", "fd00:9:1::1"});
  return Source6();
}

std::string Generator::Peer() {
  if (dice_.Chance(70)) return dice_.Of({"198.51.100.2", "198.51.100.2", "203.0.113.3"});
  return dice_.Of({"198.51.100.254", "198.51.100.77", "203.0.113.9", "192.0.2.2", "192.0.2.1", "198.51.100.1",
                   "100.64.0.1", "100.65.0.5", "100.66.0.1"});
}

// Of the IPv6 packet: mostly small, else around what a device, a tunnel or IPv6 lets through.
size_t Generator::InnerSize() {
  if (dice_.Chance(60)) return 40 + dice_.Below(150);
  if (dice_.Chance(5)) return 40 + dice_.Below(2600);
  const size_t edge =
      dice_.Of<size_t>({1232, 1252, 1260, 1272, 1280, 1300, 1372, 1380, 1400, 1464, 1472, 1480, 1492, 1500});
  return edge + dice_.Below(5) - 2;
}

void Generator::Extensions(Frame& frame) {
  while (dice_.Chance(40))
    frame.Extension(dice_.Of<uint8_t>({0, 43, 60, 60, 51, 44}), dice_.Of<size_t>({1, 1, 2, 3}));
}

void Generator::Payload(Frame& frame, size_t room) {
  const size_t udp = room > 8 ? room - 8 : 0, tcp = room > 20 ? room - 20 : 0;
  switch (dice_.Below(8)) {
    case 0:
    case 1:
    case 2:
      frame.Udp(uint16_t(dice_.Below(4)), 53, udp);
      break;
    case 3:
      frame.Tcp(443, uint16_t(dice_.Below(4)), tcp);
      break;
    case 4:
      frame.Echo(udp);
      break;
    case 5:  // errors, redirects and what is next to them
      frame.Icmp6(dice_.Of<uint8_t>({0, 1, 2, 3, 4, 127, 128, 129, 135, 137}), 0, 0, Bytes(udp));
      break;
    case 6:
      frame.Raw(Bytes(room));
      break;
    default:
      frame.Raw(Bytes(dice_.Below(4)));
  }
}

Frame& Generator::Inner(Frame& frame, const std::string& from, const std::string& to) {
  const size_t size = InnerSize();
  frame.Ip6(from, to).Ecn(uint8_t(dice_.Below(4)));
  if (dice_.Chance(30)) frame.Dscp(uint8_t(dice_.Below(64)));
  frame.HopLimit(dice_.Chance(80) ? 64 : dice_.Of<uint8_t>({0, 1, 2, 255}));
  if (dice_.Chance(3)) frame.Protocol(dice_.Of<uint8_t>({0, 6, 17, 43, 44, 50, 51, 58, 59, 60, 135, 255}));
  if (dice_.Chance(15)) Extensions(frame);
  Payload(frame, size > 40 ? size - 40 : 0);
  return frame;
}

Bytes Generator::SiteFrame() {
  Frame frame(packet::kLanMac, packet::kHostMac);
  Inner(frame, Source6(), Destination6());
  if (dice_.Chance(5)) frame.Pad(dice_.Of<size_t>({60, 74, 1400, 1530}));
  return frame.Done();
}

Bytes Generator::TunnelPacket(Frame frame) {
  frame.Ip4(dice_.Chance(95) ? Peer()
                             : dice_.Of({"0.1.2.3", "127.0.0.1", "169.254.1.1", "224.0.0.1", "240.0.0.1",
                                         "255.255.255.255"}),
            dice_.Chance(98) ? "198.51.100.1" : "198.51.100.77");
  frame.Ecn(uint8_t(dice_.Below(4)));
  if (dice_.Chance(20)) frame.Dscp(uint8_t(dice_.Below(64)));
  if (dice_.Chance(10))
    frame.Fragment(dice_.Of<uint16_t>({0x4000, 0x8000, 0x2000, 0x2001, 0x0001, 0x1fff, 0x6000}));
  const size_t options = dice_.Chance(10) ? dice_.Between(1, 10) : 0;
  if (options != 0) frame.Options(options);
  if (dice_.Chance(2)) frame.Protocol(dice_.Of<uint8_t>({1, 4, 6, 17, 41, 47}));
  const bool udp = dice_.Chance(40);
  if (udp) frame.Gue(uint16_t(50000 + dice_.Below(3)), dice_.Chance(95) ? OV6_UDP_PORT : 4754);
  if (udp && dice_.Chance(5))
    frame.Raw(Bytes(dice_.Below(5), dice_.Of<uint8_t>({0x00, 0x20, 0x40, 0x60})));
  else
    Inner(frame, RemoteSource6(), dice_.Chance(70) ? "fd00:1:0:1::11" : Destination6());
  Bytes bytes = frame.Done();
  const size_t at = 34 + options * 4;
  if (udp && dice_.Chance(30)) FillUdpChecksum(bytes, at);
  if (udp && dice_.Chance(3)) Put16(bytes, at + 6, uint16_t(dice_.Below(65536)));
  if (udp && dice_.Chance(5))
    Put16(bytes, at + 4, uint16_t(dice_.Chance(50) ? dice_.Below(64) : dice_.Below(3000)));
  if (dice_.Chance(5)) bytes.resize(bytes.size() + dice_.Below(60));
  return bytes;
}

// A tunnel packet of ours as it comes back, without its Ethernet header.
Bytes Generator::Quoted() {
  Frame sent(packet::kPeerMac, packet::kWanMac);
  sent.Ip4(dice_.Chance(97) ? "198.51.100.1" : "198.51.100.3", Peer());
  if (dice_.Chance(80)) sent.DontFragment();
  if (dice_.Chance(3)) sent.Fragment(0x4001);
  if (dice_.Chance(5)) sent.Options(1);
  if (dice_.Chance(30)) sent.Gue(50000, OV6_UDP_PORT);
  Inner(sent, Source6(), Destination6());
  Bytes packet = Tail(sent.Done(), 14);
  if (dice_.Chance(60))
    packet.resize(
        std::min<size_t>(packet.size(), dice_.Of<size_t>({28, 27, 36, 59, 60, 61, 68, 100, 128, 548})));
  if (dice_.Chance(5)) packet.resize(packet.size() + dice_.Below(40));
  return packet;
}

Bytes Generator::Icmp4Error(Frame frame) {
  frame.Ip4(dice_.Chance(95) ? "192.0.2.254" : dice_.Of({"127.0.0.1", "224.0.0.1", "198.51.100.1"}),
            "198.51.100.1");
  const size_t options = dice_.Chance(5) ? 1 : 0;
  if (options != 0) frame.Options(options);
  if (dice_.Chance(2)) frame.Fragment(0x2000);
  const uint8_t type = dice_.Of<uint8_t>({3, 3, 3, 3, 11, 0, 4, 12});
  const uint8_t code = dice_.Of<uint8_t>({4, 4, 4, 0, 1, 2, 3, 9, 10, 13, 15});
  const uint32_t mtu =
      dice_.Chance(50) ? 1280 + dice_.Below(230) : dice_.Of<uint32_t>({0, 67, 68, 576, 1280, 1500, 65535});
  const uint32_t length = dice_.Chance(15) ? dice_.Of<uint32_t>({1, 7, 15, 17, 32, 255}) << 16 : 0;
  frame.Icmp4(type, code, mtu | length, Quoted());
  if (dice_.Chance(3)) frame.Patch(36 + options * 4, uint8_t(dice_.Below(256)));
  return frame.Done();
}

Bytes Generator::UnderlayFrame() {
  Frame frame(packet::kWanMac, packet::kPeerMac);
  return dice_.Chance(75) ? TunnelPacket(frame) : Icmp4Error(frame);
}

Bytes Generator::SlaveFrame() {
  ov6_port_header header{};
  header.version = dice_.Chance(98) ? OV6_PORT_HEADER_VERSION : 9;
  header.type = dice_.Chance(97) ? uint8_t(dice_.Between(16, 18)) : uint8_t(dice_.Below(20));
  header.port = htons(dice_.Chance(97) ? packet::kDhtSlot : uint16_t(dice_.Below(4)));
  header.slave = htonl(dice_.Chance(97) ? packet::kDht : dice_.Of<uint32_t>({packet::kManagement, 99, 0}));
  const bool in = header.type == OV6_PORT_RESUBMIT_IN;
  header.ingress = htonl(dice_.Chance(95) ? (in ? devices_.wan : devices_.lan)
                                          : dice_.Of({devices_.lan2, devices_.port, 0u}));
  const Bytes packet = Tail(in ? UnderlayFrame() : SiteFrame(), 14);
  return Frame(packet::kPortMac, packet::kFarMac).Port(header).Raw(packet).EtherType(OV6_ETH_P_PORT).Done();
}

Bytes Generator::FarFrame() {
  Bytes frame = SlaveFrame();
  if (frame.size() > 15) frame[15] = dice_.Of<uint8_t>({OV6_PORT_PUNT, OV6_PORT_CARRY, OV6_PORT_DELIVER});
  return frame;
}

// Bytes that nobody meant: one or few, a cut end, or all of them.
void Generator::Damage(Bytes& frame) {
  const auto anywhere = [&](size_t within) { return dice_.Below(uint32_t(std::min(frame.size(), within))); };
  switch (dice_.Below(6)) {
    case 0:
      frame.resize(std::max<size_t>(14, anywhere(4000)));
      break;
    case 1:
      frame.resize(std::max<size_t>(14, anywhere(150)));
      break;
    case 2:
      for (int i = 0; i < 4; i++) frame[anywhere(110)] = uint8_t(dice_.Below(256));
      break;
    case 3:
      frame[12] = uint8_t(dice_.Of({0x08, 0x81, 0x86, 0x88})),
      frame[13] = uint8_t(dice_.Of({0x00, 0xdd, 0xa8, 0xb5}));
      break;
    case 4:
      if (dice_.Chance(10))
        for (size_t i = 12; i < frame.size(); i++) frame[i] = uint8_t(dice_.Below(256));
      break;
    default:
      frame[anywhere(90)] ^= uint8_t(1 << dice_.Below(8));
  }
}

model::Arrival Generator::MakeArrival() {
  if (moves_) now_ += dice_.Of<uint64_t>({0, 0, 1, 1'000, 999'999, 1'000'000, 25'000'000, 1'000'000'000});
  model::Arrival arrival{model::Hook::kXdp, model::Door::kSite, devices_.lan, {}, now_};
  const uint32_t kind = dice_.Below(100);
  if (kind < 40) {
    arrival.frame = SiteFrame();
    if (dice_.Chance(10))
      arrival.device = devices_.lan2,
      std::copy(packet::kLan2Mac.begin(), packet::kLan2Mac.end(), arrival.frame.begin());
  } else if (kind < 80) {
    arrival.frame = UnderlayFrame();
    arrival.door = model::Door::kUnderlay;
    arrival.device = devices_.wan;
  } else if (kind < 98) {
    arrival.frame = SlaveFrame();
    arrival.door = model::Door::kPort;
    arrival.device = devices_.port;
  } else {
    arrival.frame = FarFrame();
    arrival.door = model::Door::kFar;
    arrival.device = devices_.port;
  }
  if (dice_.Chance(10)) Damage(arrival.frame);
  arrival.frame.resize(std::min(arrival.frame.size(), kMostBytes));
  return arrival;
}

}  // namespace ov6::differential
