// SPDX-License-Identifier: Apache-2.0
// ICMPv4 errors about tunnel packets: RFC 792, RFC 1191, RFC 4213 section 3.4, RFC 2473 section 8.3.
#include <algorithm>

#include "tests/packet/row.h"

namespace ov6::packet {
namespace {

constexpr uint8_t kUnreachable = 3, kFragmentationNeeded = 4, kTimeExceeded = 11;
const std::string kUnderlayRouter = "192.0.2.254";

Bytes Behind(const Bytes& frame, size_t offset) { return Bytes(frame.begin() + offset, frame.end()); }

// What a host of ours sent, as it left in the tunnel (without its Ethernet header).
Frame Sent(size_t payload = 1480 - 48) {
  return ToPeer().Ip4(kWan, kPeer).DontFragment().Ip6(kHost, kRemote).HopLimit(63).Udp(1000, 2000, payload);
}
Bytes Quote(const Frame& sent, size_t length = 576 - 28) {
  Bytes packet = Behind(sent.Done(), 14);
  packet.resize(std::min(packet.size(), length));
  return packet;
}
Bytes SentByUdp() {
  return Behind(Frame(kGatewayMac, kWanMac)
                    .Ip4(kWan, kFarPeer)
                    .DontFragment()
                    .Gue(50000, 6080)
                    .Ip6(kHost, kRemoteUdp)
                    .HopLimit(63)
                    .Udp(1000, 2000, 100)
                    .Done(),
                14);
}

Bytes UdpHeader() {
  Bytes packet = SentByUdp();
  packet.resize(28);
  return packet;
}
Bytes OtherPort() {
  Bytes packet = SentByUdp();
  packet[23]++;
  return packet;
}

Bytes Error4(uint8_t type, uint8_t code, uint32_t word, const Bytes& quote) {
  return FromPeer().Ip4(kUnderlayRouter, kWan).Icmp4(type, code, word, quote).Done();
}
Bytes Error6(uint8_t type, uint8_t code, uint32_t word, const Bytes& quote) {
  return ToHost().Ip6(kRouter, kHost).Icmp6(type, code, word, quote).Done();
}

Row Icmp4(std::string name, std::function<Bytes()> frame, End end, ov6_verdict verdict,
          std::function<Bytes()> expected = nullptr, std::function<void()> tables = nullptr) {
  return {"ICMPv4 " + name, "underlay", "wan",   std::move(tables),
          std::move(frame), end,        verdict, std::move(expected)};
}

Bytes Relayed() {
  return Error4(3, 4, 1400,
                Quote(ToPeer().Ip4(kWan, kPeer).DontFragment().Ip6(kRemoteUdp, kRemote).Udp(1, 2, 1400)));
}

void Known() { SetEntry("locators", Address4(kPeer), ov6_path{}); }

std::vector<Row> TooBig() {
  return {
      Icmp4(
          "fragmentation needed", [] { return Error4(3, 4, 1400, Quote(Sent())); }, End::kForward,
          OV6_VERDICT_ANSWER_UNDERLAY, [] { return Error6(2, 0, 1380, Behind(Quote(Sent()), 20)); }),
      Icmp4(
          "fragmentation needed, 1280 is the least", [] { return Error4(3, 4, 1290, Quote(Sent())); },
          End::kForward, OV6_VERDICT_ANSWER_UNDERLAY,
          [] { return Error6(2, 0, 1280, Behind(Quote(Sent()), 20)); }),
      Icmp4(
          "fragmentation needed by a router older than RFC 1191",
          [] { return Error4(3, 4, 0, Quote(Sent())); }, End::kForward, OV6_VERDICT_ANSWER_UNDERLAY,
          [] { return Error6(2, 0, 1472, Behind(Quote(Sent()), 20)); }),
      Icmp4(
          "fragmentation needed about what IPv6 must carry",
          [] { return Error4(3, 4, 1000, Quote(Sent(1280 - 48))); }, End::kStack, OV6_VERDICT_PASS_PATH_MTU),
      Icmp4(
          "fragmentation needed, 8 bytes quoted", [] { return Error4(3, 4, 1400, Quote(Sent(), 28)); },
          End::kStack, OV6_VERDICT_PASS_PATH_MTU, nullptr, Known),
      Icmp4(
          "fragmentation needed, 8 bytes quoted, of whom we never sent to",
          [] { return Error4(3, 4, 1400, Quote(Sent(), 28)); }, End::kDrop, OV6_VERDICT_DROP_ICMP4),
      Icmp4(
          "fragmentation needed, of no mapping of ours", [] { return Error4(3, 4, 1400, Quote(Sent())); },
          End::kDrop, OV6_VERDICT_DROP_ICMP4, nullptr, [] { ClearMap("mappings"); }),
      Icmp4(
          "fragmentation needed, of another locator", [] { return Error4(3, 4, 1400, Quote(Sent())); },
          End::kDrop, OV6_VERDICT_DROP_ICMP4, nullptr,
          [] { SetMapping("fd00:2::/48", Mapping(Locator(kFarPeer))); }),
      Icmp4(
          "fragmentation needed, though more than was sent", [] { return Error4(3, 4, 1500, Quote(Sent())); },
          End::kDrop, OV6_VERDICT_DROP_ICMP4),
      Icmp4(
          "fragmentation needed, less than IPv4 must carry", [] { return Error4(3, 4, 67, Quote(Sent())); },
          End::kDrop, OV6_VERDICT_DROP_ICMP4),
      Icmp4(
          "fragmentation needed, though it might be fragmented",
          [] { return Error4(3, 4, 1400, Quote(Sent().Patch(20, 0))); }, End::kDrop, OV6_VERDICT_DROP_ICMP4),
      Icmp4(
          "fragmentation needed, lengths do not fit",
          [] { return Error4(3, 4, 1400, Quote(Sent().Patch(17, 0xdd))); }, End::kDrop,
          OV6_VERDICT_DROP_ICMP4),
      Icmp4("fragmentation needed, about a relayed packet", Relayed, End::kStack, OV6_VERDICT_PASS_PATH_MTU,
            nullptr, [] { SetRoute("fd00:2::/48", OV6_ACTION_TUNNEL, kDht, OV6_ROUTE_RELAY); }),
      Icmp4(
          "fragmentation needed, about a packet whose source moved away since",
          [] { return Error4(3, 4, 1400, Quote(Sent())); }, End::kStack, OV6_VERDICT_PASS_PATH_MTU, nullptr,
          [] { SetRoute("fd00:1:0:1::/64", OV6_ACTION_TUNNEL, kDht, OV6_ROUTE_RELAY); }),
      Icmp4("fragmentation needed, about a packet that is not relayed", Relayed, End::kDrop,
            OV6_VERDICT_DROP_ICMP4),
      Icmp4(
          "fragmentation needed, in the other encapsulation",
          [] {
            return Error4(
                3, 4, 1400,
                Quote(ToPeer().Ip4(kWan, kFarPeer).DontFragment().Ip6(kHost, kRemoteUdp).Udp(1, 2, 1400)));
          },
          End::kDrop, OV6_VERDICT_DROP_ICMP4),
      Icmp4(
          "fragmentation needed, about another UDP port", [] { return Error4(3, 4, 100, OtherPort()); },
          End::kDrop, OV6_VERDICT_DROP_ICMP4),
      Icmp4(
          "fragmentation needed, of a locator that is never sent to",
          [] { return Error4(3, 4, 1400, Quote(Sent())); }, End::kDrop, OV6_VERDICT_DROP_ICMP4, nullptr,
          [] {
            ov6_locator locator = Locator(kPeer);
            locator.priority = 255;
            SetMapping("fd00:2::/48", Mapping(locator));
          }),
      Icmp4(
          "fragmentation needed, a UDP header quoted", [] { return Error4(3, 4, 100, UdpHeader()); },
          End::kStack, OV6_VERDICT_PASS_PATH_MTU, nullptr,
          [] { SetEntry("locators", Address4(kFarPeer), ov6_path{}); }),
      Icmp4(
          "fragmentation needed, a UDP header quoted, of whom we never sent to",
          [] { return Error4(3, 4, 100, UdpHeader()); }, End::kStack, OV6_VERDICT_PASS_NOT_TUNNEL),
  };
}

Row Unreachable(std::string name, uint8_t type, uint8_t code, uint8_t code6) {
  return Icmp4(
      std::move(name), [=] { return Error4(type, code, 0, Quote(Sent(100))); }, End::kForward,
      OV6_VERDICT_ANSWER_UNDERLAY, [=] { return Error6(1, code6, 0, Behind(Quote(Sent(100)), 20)); });
}

std::vector<Row> Unreachables() {
  return {
      Unreachable("net unreachable", kUnreachable, 0, 3),
      Unreachable("host unreachable", kUnreachable, 1, 3),
      Unreachable("protocol unreachable", kUnreachable, 2, 3),
      Unreachable("network prohibited", kUnreachable, 9, 1),
      Unreachable("host prohibited", kUnreachable, 10, 1),
      Unreachable("filtered", kUnreachable, 13, 1),
      Unreachable("TTL exceeded", kTimeExceeded, 0, 3),
      Icmp4(
          "port unreachable about UDP", [] { return Error4(kUnreachable, 3, 0, SentByUdp()); }, End::kForward,
          OV6_VERDICT_ANSWER_UNDERLAY, [] { return Error6(1, 3, 0, Behind(SentByUdp(), 28)); }),
      Icmp4(
          "host unreachable with an extension (RFC 4884)",
          [] {
            Bytes quote = Quote(Sent(300), 128);
            quote.resize(128 + 8, 0x20);
            return Error4(kUnreachable, 1, 32 << 16, quote);
          },
          End::kForward, OV6_VERDICT_ANSWER_UNDERLAY,
          [] { return Error6(1, 3, 0, Behind(Quote(Sent(300), 128), 20)); }),
      Icmp4(
          "host unreachable, 8 bytes quoted", [] { return Error4(kUnreachable, 1, 0, Quote(Sent(), 28)); },
          End::kStack, OV6_VERDICT_PASS_NOT_TUNNEL, nullptr, Known),
      Icmp4(
          "host unreachable about an ICMPv6 error",
          [] {
            return Error4(
                kUnreachable, 1, 0,
                Quote(
                    ToPeer().Ip4(kWan, kPeer).DontFragment().Ip6(kHost, kRemote).Icmp6(1, 0, 0, Bytes(48))));
          },
          End::kDrop, OV6_VERDICT_DROP_ICMP_LIMIT),
      Icmp4(
          "host unreachable, about a first fragment",
          [] {
            return Error4(
                kUnreachable, 1, 0,
                Quote(Sent(1280 - 48).Fragment(0x2000).Patch(16, 1256 >> 8).Patch(17, 1256 & 0xff)));
          },
          End::kForward, OV6_VERDICT_ANSWER_UNDERLAY),
      Icmp4(
          "host unreachable, errors because of that /24 used up",
          [] { return Error4(kUnreachable, 1, 0, Quote(Sent(100))); }, End::kDrop,
          OV6_VERDICT_DROP_ICMP_LIMIT, nullptr,
          [] { EmptyBucket("::ffff:192.0.2.0", OV6_BUCKET_ICMP_STATION); }),
      Icmp4(
          "host unreachable, the host's errors used up",
          [] { return Error4(kUnreachable, 1, 0, Quote(Sent(100))); }, End::kDrop,
          OV6_VERDICT_DROP_ICMP_LIMIT, nullptr, [] { EmptyBucket(kHost, OV6_BUCKET_ICMP); }),
  };
}

std::vector<Row> Others() {
  return {
      Icmp4(
          "echo request", [] { return Error4(8, 0, 0, Bytes(56)); }, End::kStack,
          OV6_VERDICT_PASS_NOT_TUNNEL),
      Icmp4(
          "reassembly time exceeded", [] { return Error4(kTimeExceeded, 1, 0, Quote(Sent(100))); },
          End::kStack, OV6_VERDICT_PASS_NOT_TUNNEL),
      Icmp4(
          "about TCP",
          [] {
            return Error4(kUnreachable, 1, 0, Behind(ToPeer().Ip4(kWan, kPeer).Tcp(1, 2, 10).Done(), 14));
          },
          End::kStack, OV6_VERDICT_PASS_NOT_TUNNEL),
      Icmp4(
          "about another's packet",
          [] {
            return Error4(kUnreachable, kFragmentationNeeded, 1400,
                          Quote(ToPeer().Ip4("198.51.100.77", kPeer).Ip6(kHost, kRemote).Udp(1, 2, 1400)));
          },
          End::kStack, OV6_VERDICT_PASS_NOT_TUNNEL),
      Icmp4(
          "with a wrong checksum",
          [] {
            Bytes frame = Error4(3, 4, 1400, Quote(Sent()));
            frame[36]++;
            return frame;
          },
          End::kStack, OV6_VERDICT_PASS_NOT_TUNNEL),
      Icmp4(
          "cut short", [] { return Error4(3, 4, 1400, Bytes(19)); }, End::kStack,
          OV6_VERDICT_PASS_NOT_TUNNEL),
      Icmp4(
          "about a datagram of the DHT's that looks like IPv6",
          [] {
            Bytes quote = SentByUdp();
            quote[20] = 4646 >> 8, quote[21] = 4646 & 0xff;
            return Error4(kUnreachable, 3, 0, quote);
          },
          End::kStack, OV6_VERDICT_PASS_NOT_TUNNEL),
      Icmp4(
          "about DNS",
          [] {
            return Error4(kUnreachable, 3, 0,
                          Behind(ToPeer().Ip4(kWan, kPeer).Gue(50000, 53).Raw(Bytes(60)).Done(), 14));
          },
          End::kStack, OV6_VERDICT_PASS_NOT_TUNNEL),
  };
}

}  // namespace

const std::vector<Row>& Icmp4Rows() {
  static const std::vector<Row>* rows = [] {
    auto* all = new std::vector<Row>;
    for (auto part : {TooBig(), Unreachables(), Others()}) all->insert(all->end(), part.begin(), part.end());
    return all;
  }();
  return *rows;
}

}  // namespace ov6::packet
