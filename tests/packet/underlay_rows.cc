// SPDX-License-Identifier: Apache-2.0
// What comes from the IPv4 network.
#include <algorithm>

#include "tests/packet/row.h"

namespace ov6::packet {
namespace {

Row Underlay(std::string name, std::function<void()> tables, std::function<Bytes()> frame, End end,
             ov6_verdict verdict, std::function<Bytes()> expected = nullptr) {
  return {std::move(name),  "underlay", "wan",   std::move(tables),
          std::move(frame), end,        verdict, std::move(expected)};
}

Row PastFront(Row row, const char* why) {
  row.past_front = why;
  return row;
}
Row PastHit(Row row, const char* why) {
  row.past_hit = why;
  return row;
}

// A tunnel packet from the peer; inner source and destination as given.
Bytes From(const std::string& source, const std::string& to = kHost) {
  return FromPeer().Ip4(kPeer, kWan).DontFragment().Ip6(source, to).Udp(1000, 2000, 100).Done();
}
std::function<Bytes()> Inner(const std::string& source, const std::string& to = kHost) {
  return [=] { return From(source, to); };
}
std::function<Bytes()> Outer(const std::string& source, const std::string& to = kWan) {
  return [=] { return FromPeer().Ip4(source, to).Ip6(kRemote, kHost).Echo(8).Done(); };
}
Bytes Delivered() { return ToHost().Ip6(kRemote, kHost).HopLimit(63).Udp(1000, 2000, 100).Done(); }

Bytes Punted(uint8_t reason, uint32_t slave, uint16_t slot, const Bytes& packet) {
  ov6_port_header header = PortHeader(OV6_PORT_PUNT, "wan", reason);
  header.port = slot << 8;
  header.slave = slave << 24;
  return FromPeer().Port(header).Raw(packet).EtherType(OV6_ETH_P_PORT).Done();
}
Bytes Behind(const Bytes& frame, size_t offset) { return Bytes(frame.begin() + offset, frame.end()); }

Bytes UdpTunnel(uint16_t checksum = 0) {
  Bytes frame = FromPeer().Ip4(kFarPeer, kWan).Gue(50000, 6080).Ip6(kRemoteUdp, kHost).Echo(8).Done();
  frame[40] = checksum >> 8;
  frame[41] = checksum;
  return frame;
}

// RFC 768: over the addresses, the protocol, the length, and the whole datagram.
uint16_t UdpTunnelChecksum() {
  const Bytes frame = UdpTunnel();
  const uint8_t length[] = {frame[38], frame[39]};
  Bytes sum(frame.begin() + 26, frame.begin() + 34);
  sum.insert(sum.end(), {0, 17, length[0], length[1]});
  sum.insert(sum.end(), frame.begin() + 34, frame.end());
  return Checksum(sum);
}

// The ICMPv6 error that goes back through the tunnel about a packet that came in it (its hop limit
// untouched).
Bytes Error(uint8_t type, uint8_t code, uint32_t word, const Bytes& about) {
  const Bytes packet = Behind(about, 34);
  const size_t quote = std::min<size_t>(packet.size(), 1280 - 48);
  return ToPeer()
      .Ip4(kWan, kPeer)
      .DontFragment()
      .Ip6(kRouter, kRemote)
      .Icmp6(type, code, word, Bytes(packet.begin(), packet.begin() + quote))
      .Done();
}

std::vector<Row> Passes() {
  return {
      Underlay(
          "disabled", [] { SetEntry("config", uint32_t{0}, ov6_config{}); }, Inner(kRemote), End::kStack,
          OV6_VERDICT_PASS_DISABLED),
      Underlay(
          "IPv6", nullptr, [] { return FromPeer().Ip6(kRemote, kHost).Echo(8).Done(); }, End::kStack,
          OV6_VERDICT_PASS_NOT_IPV6),
      Underlay(
          "another MAC", nullptr,
          [] { return Frame(kHostMac, kPeerMac).Ip4(kPeer, kWan).Ip6(kRemote, kHost).Echo(8).Done(); },
          End::kStack, OV6_VERDICT_PASS_OTHER_MAC),
      Underlay("for another address", nullptr, Outer(kPeer, "198.51.100.77"), End::kStack,
               OV6_VERDICT_PASS_NOT_TUNNEL),
      Underlay(
          "TCP", nullptr, [] { return FromPeer().Ip4(kPeer, kWan).Tcp(1, 2, 10).Done(); }, End::kStack,
          OV6_VERDICT_PASS_NOT_TUNNEL),
      Underlay(
          "UDP to another port", nullptr, [] { return FromPeer().Ip4(kPeer, kWan).Gue(6080, 4646).Done(); },
          End::kStack, OV6_VERDICT_PASS_NOT_TUNNEL),
      Underlay(
          "GUE control", nullptr,
          [] {
            return FromPeer().Ip4(kPeer, kWan).Gue(1, 6080).Raw({0x20, 0, 0, 0}).Done();
          },
          End::kStack, OV6_VERDICT_PASS_GUE),
      Underlay(
          "GUE variant 1 with IPv4", nullptr,
          [] { return FromPeer().Ip4(kPeer, kWan).Gue(1, 6080).Ip4("10.0.0.1", "10.0.0.2").Done(); },
          End::kStack, OV6_VERDICT_PASS_GUE),
      Underlay(
          "first fragment", nullptr,
          [] { return FromPeer().Ip4(kPeer, kWan).Fragment(0x2000).Ip6(kRemote, kHost).Echo(8).Done(); },
          End::kStack, OV6_VERDICT_PASS_FRAGMENT),
      Underlay(
          "later fragment", nullptr,
          [] { return FromPeer().Ip4(kPeer, kWan).Fragment(0x0010).Protocol(41).Raw(Bytes(64)).Done(); },
          End::kStack, OV6_VERDICT_PASS_FRAGMENT),
      Underlay(
          "first fragment of UDP", nullptr,
          [] {
            return FromPeer()
                .Ip4(kPeer, kWan)
                .Fragment(0x2000)
                .Gue(1, 6080)
                .Ip6(kRemote, kHost)
                .Echo(8)
                .Done();
          },
          End::kStack, OV6_VERDICT_PASS_FRAGMENT),
      Underlay("to the router itself", nullptr, Inner(kRemote, kRouter), End::kStack,
               OV6_VERDICT_PASS_FOR_ROUTER,
               [] { return FromPeer().Ip6(kRemote, kRouter).Udp(1000, 2000, 100).Done(); }),
  };
}

std::vector<Row> Deliveries() {
  return {
      Underlay("6in4", nullptr, Inner(kRemote), End::kForward, OV6_VERDICT_SITE, Delivered),
      Underlay(
          "UDP", nullptr, [] { return UdpTunnel(); }, End::kForward, OV6_VERDICT_SITE,
          [] { return ToHost().Ip6(kRemoteUdp, kHost).HopLimit(63).Echo(8).Done(); }),
      Underlay("to a host behind a router of the site", nullptr, Inner(kRemote, kBehind), End::kForward,
               OV6_VERDICT_SITE,
               [] {
                 return Frame(kInnerRouterMac, kLan2Mac)
                     .Ip6(kRemote, kBehind)
                     .HopLimit(63)
                     .Udp(1000, 2000, 100)
                     .Done();
               }),
      PastHit(
          Underlay(
              "UDP with its checksum", nullptr, [] { return UdpTunnel(UdpTunnelChecksum()); }, End::kForward,
              OV6_VERDICT_SITE, [] { return ToHost().Ip6(kRemoteUdp, kHost).HopLimit(63).Echo(8).Done(); }),
          "the checksum is to be read"),
      PastHit(Underlay(
                  "IPv4 options", nullptr,
                  [] {
                    return FromPeer()
                        .Ip4(kPeer, kWan)
                        .Options(10)
                        .Ip6(kRemote, kHost)
                        .Udp(1000, 2000, 100)
                        .Done();
                  },
                  End::kForward, OV6_VERDICT_SITE, Delivered),
              "options"),
      Underlay(
          "the outer DSCP stays outside", nullptr,
          [] {
            return FromPeer()
                .Ip4(kPeer, kWan)
                .Dscp(46)
                .Ip6(kRemote, kHost)
                .Dscp(10)
                .Udp(1000, 2000, 100)
                .Done();
          },
          End::kForward, OV6_VERDICT_SITE,
          [] { return ToHost().Ip6(kRemote, kHost).Dscp(10).HopLimit(63).Udp(1000, 2000, 100).Done(); }),
      Underlay(
          "any locator of the source's mapping",
          [] {
            ov6_mapping mapping = Mapping(Locator("198.51.100.9"));
            mapping.locator_count = 3;
            mapping.locators[1] = Locator("198.51.100.8");
            mapping.locators[2] = Locator(kPeer);
            mapping.locators[2].priority = 255;
            SetMapping("fd00:2::/48", mapping);
          },
          Inner(kRemote), End::kForward, OV6_VERDICT_SITE, Delivered),
      PastFront(Underlay(
                    "relay",
                    [] {
                      SetRoute("fd00:3::/48", OV6_ACTION_TUNNEL, kDht, OV6_ROUTE_RELAY);
                      SetMapping("fd00:3::/48", Mapping(Locator("198.51.100.254")));
                    },
                    Inner(kRemote, kRemoteUdp), End::kForward, OV6_VERDICT_TUNNEL,
                    [] {
                      return Frame(kGatewayMac, kWanMac)
                          .Ip4(kWan, "198.51.100.254")
                          .DontFragment()
                          .Ip6(kRemote, kRemoteUdp)
                          .HopLimit(63)
                          .Udp(1000, 2000, 100)
                          .Done();
                    }),
                "what is relayed is not kept"),
  };
}

// By ov6d's port; the MAC addresses are as they came.
std::vector<Row> Elsewhere() {
  const auto elsewhere = [] { SetElsewhere("lan"); };
  const auto carried = [] { return FromPeer().Port(PortHeader(OV6_PORT_CARRY, "lan")); };
  return {
      ByXdp(Carried(Underlay("to a site elsewhere", elsewhere, Inner(kRemote), End::kPunt, OV6_VERDICT_SITE,
                             [=] {
                               return carried()
                                   .Ip6(kRemote, kHost)
                                   .HopLimit(63)
                                   .Udp(1000, 2000, 100)
                                   .EtherType(OV6_ETH_P_PORT)
                                   .Done();
                             }))),
      ByXdp(Carried(Underlay(
          "out of UDP to a site elsewhere", elsewhere, [] { return UdpTunnel(); }, End::kPunt,
          OV6_VERDICT_SITE,
          [=] {
            return carried().Ip6(kRemoteUdp, kHost).HopLimit(63).Echo(8).EtherType(OV6_ETH_P_PORT).Done();
          }))),
  };
}

// Who had the prefix before us brings what still comes for it, from sources that it has verified.
std::vector<Row> Moved() {
  const auto delivered = [](const std::string& source) {
    return [=] { return ToHost().Ip6(source, kHost).HopLimit(63).Udp(1000, 2000, 100).Done(); };
  };
  const auto brought = [&](const std::string& name, const std::string& source,
                           std::function<void()> tables = nullptr) {
    const auto with_former = [=] {
      SetMapping("fd00:1:0:1::/64", Former(kPeer));
      if (tables) tables();
    };
    return PastFront(Underlay("from where it moved, " + name, with_former, Inner(source), End::kForward,
                              OV6_VERDICT_SITE, delivered(source)),
                     "a former place vouches, not the source's mapping");
  };
  const auto asked = [](const std::string& name, std::function<void()> tables) {
    return Underlay("source unmapped, " + name, std::move(tables), Inner(kUnmapped), End::kPunt,
                    OV6_VERDICT_PUNT_VERIFY,
                    [] { return Punted(OV6_PUNT_VERIFY, kDht, kDhtSlot, Behind(From(kUnmapped), 14)); });
  };
  return {
      brought("source unmapped", kUnmapped),
      brought("source mapped elsewhere", kRemoteUdp),
      brought("source remembered as absent", kUnmapped, [] { SetNegative("fd00:9::/48", 0); }),
      brought("source under a route that takes all", "2001:db8::1"),
      brought("which is the second such place", kUnmapped,
              [] {
                ov6_mapping places = Former("198.51.100.9");
                places.locator_count = 2;
                places.locators[1] = Former(kPeer).locators[0];
                SetMapping("fd00:1:0:1::/64", places);
              }),
      asked("from another than where it moved from",
            [] { SetMapping("fd00:1:0:1::/64", Former("198.51.100.9")); }),
      asked("from where another prefix moved from", [] { SetMapping("fd00:1:0:2::/64", Former(kPeer)); }),
      asked("from where a longer prefix's mapping does not say",
            [] {
              SetMapping("fd00:1:0:1::/64", Former(kPeer));
              SetMapping("fd00:1:0:1::11/128", Former("198.51.100.9"));
            }),
      asked("from where it moved too long ago",
            [] {
              ov6_mapping places = Former(kPeer);
              places.hard_expiry = 1;
              SetMapping("fd00:1:0:1::/64", places);
            }),
      asked("and a wide mapping of another kind names the sender",
            [] { SetMapping("fd00:1::/48", Mapping(Locator(kPeer))); }),
      asked("and it is the source that moved from the sender",
            [] { SetMapping("fd00:9::/48", Former(kPeer)); }),
      Underlay(
          "from where it moved, source of our site", [] { SetMapping("fd00:1:0:1::/64", Former(kPeer)); },
          Inner(kHost2), End::kDrop, OV6_VERDICT_DROP_INNER_SOURCE),
      Underlay(
          "relay to where it moved from",
          [] {
            SetRoute("fd00:3::/48", OV6_ACTION_TUNNEL, kDht, OV6_ROUTE_RELAY);
            SetMapping("fd00:3::/48", Former("198.51.100.254"));
          },
          Inner(kRemote, kRemoteUdp), End::kDrop, OV6_VERDICT_DROP_RELAY),
  };
}

// A prefix of ours has moved to the peer a moment ago: its hosts are known by their mapping, like any other.
std::vector<Row> MovedAway() {
  const auto from = [](const std::string& name, const std::string& place, End end, ov6_verdict verdict,
                       std::function<Bytes()> expected) {
    const auto tables = [=] {
      SetRoute("fd00:1:0:1::/64", OV6_ACTION_TUNNEL, kDht, OV6_ROUTE_RELAY);
      if (!place.empty()) SetMapping("fd00:1:0:1::/64", Mapping(Locator(place)));
    };
    return Underlay("source that moved away, " + name, tables, Inner(kHost, kHost2), end, verdict,
                    std::move(expected));
  };
  const auto asked = [] { return Punted(OV6_PUNT_VERIFY, kDht, kDhtSlot, Behind(From(kHost, kHost2), 14)); };
  return {
      from("from its new place", kPeer, End::kForward, OV6_VERDICT_SITE,
           [] {
             return Frame(kHost2Mac, kLan2Mac).Ip6(kHost, kHost2).HopLimit(63).Udp(1000, 2000, 100).Done();
           }),
      from("from another than its new place", "198.51.100.9", End::kPunt, OV6_VERDICT_PUNT_VERIFY, asked),
      from("and nobody knows where to", "", End::kPunt, OV6_VERDICT_PUNT_VERIFY, asked),
  };
}

std::vector<Row> Punts() {
  return {
      Underlay("source unmapped", nullptr, Inner(kUnmapped), End::kPunt, OV6_VERDICT_PUNT_VERIFY,
               [] { return Punted(OV6_PUNT_VERIFY, kDht, kDhtSlot, Behind(From(kUnmapped), 14)); }),
      Underlay(
          "source mapped elsewhere", [] { SetMapping("fd00:2::/48", Mapping(Locator(kFarPeer))); },
          Inner(kRemote), End::kPunt, OV6_VERDICT_PUNT_VERIFY,
          [] { return Punted(OV6_PUNT_VERIFY, kDht, kDhtSlot, Behind(From(kRemote), 14)); }),
      Underlay("route takes all", nullptr, Inner(kRemote, "2001:db8::1"), End::kPunt, OV6_VERDICT_PUNT_ROUTE,
               [] {
                 return Punted(OV6_PUNT_ROUTE, kManagement, kManagementSlot,
                               Behind(From(kRemote, "2001:db8::1"), 34));
               }),
      Underlay(
          "budget of the /24 used up", [] { EmptyBucket("::ffff:198.51.100.0", OV6_BUCKET_PUNT); },
          Inner(kUnmapped), End::kDrop, OV6_VERDICT_DROP_PUNT_SOURCE_BUDGET),
      Underlay("budget of all used up", EmptyPuntBudget, Inner(kUnmapped), End::kDrop,
               OV6_VERDICT_DROP_PUNT_BUDGET),
  };
}

// RFC 4443 section 2.4: also to who is behind the tunnel, whose source has been verified by then.
std::vector<Row> Answers() {
  return {
      Underlay(
          "hop limit 1", nullptr,
          [] { return FromPeer().Ip4(kPeer, kWan).Ip6(kRemote, kHost).HopLimit(1).Echo(8).Done(); },
          End::kForward, OV6_VERDICT_ANSWER_TIME_EXCEEDED,
          [] {
            return Error(3, 0, 0, FromPeer().Ip4(kPeer, kWan).Ip6(kRemote, kHost).HopLimit(1).Echo(8).Done());
          }),
      Underlay("to our unassigned rest", nullptr, Inner(kRemote, "fd00:1:0:99::1"), End::kForward,
               OV6_VERDICT_ANSWER_UNREACHABLE,
               [] { return Error(1, 0, 0, From(kRemote, "fd00:1:0:99::1")); }),
      Underlay(
          "destination remembered as unreachable", [] { SetNegative("2001:db8::/32", 3); },
          Inner(kRemote, "2001:db8::1"), End::kForward, OV6_VERDICT_ANSWER_UNREACHABLE,
          [] { return Error(1, 3, 0, From(kRemote, "2001:db8::1")); }),
      Underlay(
          "too big for the site's device",
          [] {
            ov6_device lan = Device("lan");
            lan.mtu = 1400;
            SetDevice("lan", lan);
          },
          [] { return FromPeer().Ip4(kPeer, kWan).Ip6(kRemote, kHost).Udp(1, 2, 1401 - 48).Done(); },
          End::kForward, OV6_VERDICT_ANSWER_TOO_BIG,
          [] {
            return Error(2, 0, 1400,
                         FromPeer().Ip4(kPeer, kWan).Ip6(kRemote, kHost).Udp(1, 2, 1401 - 48).Done());
          }),
      Underlay(
          "errors for that /24 used up", [] { EmptyBucket("::ffff:198.51.100.0", OV6_BUCKET_ICMP); },
          Inner(kRemote, "fd00:1:0:99::1"), End::kDrop, OV6_VERDICT_DROP_ICMP_LIMIT),
  };
}

std::vector<Row> OuterDrops() {
  std::vector<Row> rows = {
      Underlay(
          "wrong IPv4 checksum", nullptr,
          [] { return FromPeer().Ip4(kPeer, kWan).Ip6(kRemote, kHost).Echo(8).Patch(22, 63).Done(); },
          End::kDrop, OV6_VERDICT_DROP_MALFORMED),
      Underlay(
          "outer length beyond the frame", nullptr,
          [] { return FromPeer().Ip4(kPeer, kWan).Ip6(kRemote, kHost).Echo(8).Cut(80).Done(); }, End::kDrop,
          OV6_VERDICT_DROP_MALFORMED),
      Underlay(
          "inner length beyond the outer", nullptr,
          [] { return FromPeer().Ip4(kPeer, kWan).Ip6(kRemote, kHost).Echo(8).Patch(39, 200).Done(); },
          End::kDrop, OV6_VERDICT_DROP_MALFORMED),
      Underlay(
          "IPv4 in protocol 41", nullptr,
          [] { return FromPeer().Ip4(kPeer, kWan).Protocol(41).Ip4(kPeer, kWan).Raw(Bytes(64)).Done(); },
          End::kDrop, OV6_VERDICT_DROP_MALFORMED),
      Underlay(
          "UDP checksum wrong", nullptr, [] { return UdpTunnel(0x1234); }, End::kDrop,
          OV6_VERDICT_DROP_UDP_CHECKSUM),
      Underlay(
          "UDP length beyond the packet", nullptr,
          [] {
            return FromPeer()
                .Ip4(kFarPeer, kWan)
                .Gue(50000, 6080)
                .Ip6(kRemoteUdp, kHost)
                .Echo(8)
                .Patch(38, 9)
                .Done();
          },
          End::kDrop, OV6_VERDICT_DROP_MALFORMED),
      Underlay(
          "UDP length of less than its header", nullptr,
          [] {
            return FromPeer()
                .Ip4(kFarPeer, kWan)
                .Gue(50000, 6080)
                .Ip6(kRemoteUdp, kHost)
                .Echo(8)
                .Patch(38, 0)
                .Patch(39, 7)
                .Done();
          },
          End::kDrop, OV6_VERDICT_DROP_MALFORMED),
  };
  for (const char* source :
       {"0.1.2.3", "127.0.0.1", "169.254.1.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"})
    rows.push_back(Underlay(std::string("outer martian ") + source, nullptr, Outer(source), End::kDrop,
                            OV6_VERDICT_DROP_OUTER_SOURCE));
  rows.push_back(
      Underlay("outer source is ours", nullptr, Outer(kWan), End::kDrop, OV6_VERDICT_DROP_OUTER_SOURCE));
  return rows;
}

std::vector<Row> InnerDrops() {
  std::vector<Row> rows = {
      Underlay("inner source of our site", nullptr, Inner(kHost2), End::kDrop, OV6_VERDICT_DROP_INNER_SOURCE),
      Underlay("inner source of our rejected rest", nullptr, Inner("fd00:1:0:99::1"), End::kDrop,
               OV6_VERDICT_DROP_INNER_SOURCE),
      Underlay("source under a route that takes all", nullptr, Inner("2001:db8::1"), End::kDrop,
               OV6_VERDICT_DROP_SOURCE_MISMATCH),
      Underlay(
          "source remembered as absent", [] { SetNegative("fd00:9::/48", 0); }, Inner(kUnmapped), End::kDrop,
          OV6_VERDICT_DROP_SOURCE_MISMATCH),
      Underlay(
          "hop limit 1, an ICMPv6 error", nullptr,
          [] {
            return FromPeer()
                .Ip4(kPeer, kWan)
                .Ip6(kRemote, kHost)
                .HopLimit(1)
                .Icmp6(1, 0, 0, Bytes(48))
                .Done();
          },
          End::kDrop, OV6_VERDICT_DROP_HOP_LIMIT),
      Underlay(
          "not-ECT in CE", nullptr,
          [] { return FromPeer().Ip4(kPeer, kWan).Ecn(3).Ip6(kRemote, kHost).Echo(8).Done(); }, End::kDrop,
          OV6_VERDICT_DROP_ECN),
      Underlay("to another tunnel", nullptr, Inner(kRemote, kRemoteUdp), End::kDrop, OV6_VERDICT_DROP_RELAY),
      Underlay(
          "relay back to whom it came from",
          [] { SetRoute("fd00:2::/48", OV6_ACTION_TUNNEL, kDht, OV6_ROUTE_RELAY); },
          Inner(kRemote, "fd00:2::23"), End::kDrop, OV6_VERDICT_DROP_RELAY),
      Underlay("to what passes to the kernel's routes", nullptr, Inner(kRemote, "2001:db8:aaaa::1"),
               End::kDrop, OV6_VERDICT_DROP_RELAY),
      Underlay("to our unassigned rest, from an unknown source", nullptr, Inner(kUnmapped, "fd00:1:0:99::1"),
               End::kDrop, OV6_VERDICT_DROP_SITE_REJECT),
      Underlay("route without action", nullptr, Inner(kRemote, "2001:db8:bbbb::1"), End::kDrop,
               OV6_VERDICT_DROP_ROUTE_EMPTY),
      Underlay(
          "no route", [] { DeleteRoute("::/0"); }, Inner(kRemote, "2001:db8::1"), End::kDrop,
          OV6_VERDICT_DROP_NO_ROUTE),
      Underlay(
          "an error to a destination remembered as unreachable", [] { SetNegative("2001:db8::/32", 0); },
          [] {
            return FromPeer().Ip4(kPeer, kWan).Ip6(kRemote, "2001:db8::1").Icmp6(1, 0, 0, Bytes(48)).Done();
          },
          End::kDrop, OV6_VERDICT_DROP_NEGATIVE),
      Underlay(
          "bigger than the site's device",
          [] {
            ov6_device lan = Device("lan");
            lan.mtu = 120;
            SetDevice("lan", lan);
          },
          Inner(kRemote), End::kDrop, OV6_VERDICT_DROP_TOO_BIG),
      Underlay("site that the kernel blackholes", nullptr, Inner(kRemote, "fd00:1:0:4::1"), End::kDrop,
               OV6_VERDICT_DROP_NO_NEXT_HOP),
      Underlay(
          "slave of the source has no port", [] { ClearMap("slaves"); }, Inner(kUnmapped), End::kDrop,
          OV6_VERDICT_DROP_NO_PORT),
  };
  for (const char* source : {"::", "::1", "::10.0.0.1", "::ffff:10.0.0.1", "fe80::1", "febf::1", "ff02::1"})
    rows.push_back(Underlay(std::string("inner martian ") + source, nullptr, Inner(source), End::kDrop,
                            OV6_VERDICT_DROP_INNER_SOURCE));
  for (const char* to : {"::1", "fe80::1", "ff02::1", "::ffff:10.0.0.1"})
    rows.push_back(Underlay(std::string("to martian ") + to, nullptr, Inner(kRemote, to), End::kDrop,
                            OV6_VERDICT_DROP_INNER_DESTINATION));
  return rows;
}

// What comes by a checked path is for our sites; the port in front of which NATs have their opening counts.
std::vector<Row> DirectPaths() {
  const auto from = [](uint16_t port, const std::string& source = kRemoteUdp, const std::string& to = kHost) {
    return [=] { return FromPeer().Ip4(kFarPeer, kWan).Gue(port, 6080).Ip6(source, to).Echo(8).Done(); };
  };
  const auto port = [](bool answered) {
    return [=] {
      SetRoute("fd00:3::/48", OV6_ACTION_PORT, kDht, OV6_ROUTE_DIRECT);
      SetMapping("fd00:3::/48", Direct(kFarPeer, answered));
    };
  };
  const auto site = [] {
    SetRoute("fd00:1:0:2::/64", OV6_ACTION_SITE, kDht, OV6_ROUTE_DIRECT);
    SetMapping("fd00:1:0:2::/64", Direct(kFarPeer));
  };
  const auto delivered = [](const std::string& source) {
    return [=] { return ToHost().Ip6(source, kHost).HopLimit(63).Echo(8).Done(); };
  };
  return {
      Underlay("direct, of a port's", port(true), from(6080), End::kForward, OV6_VERDICT_SITE,
               delivered(kRemoteUdp)),
      Underlay("direct, of a peer that has not answered lately", port(false), from(6080), End::kForward,
               OV6_VERDICT_SITE, delivered(kRemoteUdp)),
      Underlay("direct, from another port of its address", port(true), from(6081), End::kDrop,
               OV6_VERDICT_DROP_SOURCE_MISMATCH),
      Underlay("direct, from a site of ours that is elsewhere", site, from(6080, kHost2), End::kForward,
               OV6_VERDICT_SITE, delivered(kHost2)),
      Underlay("from a site of ours that is elsewhere, by another way", site, Inner(kHost2), End::kDrop,
               OV6_VERDICT_DROP_SOURCE_MISMATCH),
      Underlay(
          "from a site of ours that has no direct path",
          [] { SetRoute("fd00:1:0:2::/64", OV6_ACTION_SITE, kDht, OV6_ROUTE_DIRECT); }, Inner(kHost2),
          End::kDrop, OV6_VERDICT_DROP_SOURCE_MISMATCH),
      Underlay("direct, to others that we reach by a port", port(true), from(6080, kRemoteUdp, "fd00:3::9"),
               End::kDrop, OV6_VERDICT_DROP_RELAY),
      PastFront(Underlay("to a site of ours that is elsewhere", site, Inner(kRemote, kHost2), End::kForward,
                         OV6_VERDICT_TUNNEL,
                         [] {
                           return Frame(kGatewayMac, kWanMac)
                               .Ip4(kWan, kFarPeer)
                               .DontFragment()
                               .Gue(6080, 6080)
                               .Ip6(kRemote, kHost2)
                               .HopLimit(63)
                               .Udp(1000, 2000, 100)
                               .Done();
                         }),
                "what is relayed is not kept"),
      Underlay(
          "STUN", nullptr,
          [] {
            return FromPeer().Ip4(kPeer, kWan).Gue(9, 6080).Raw({0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}).Done();
          },
          End::kStack, OV6_VERDICT_PASS_STUN),
      Underlay(
          "STUN without its cookie", nullptr,
          [] {
            return FromPeer().Ip4(kPeer, kWan).Gue(9, 6080).Raw({0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x43}).Done();
          },
          End::kStack, OV6_VERDICT_PASS_GUE),
      Underlay(
          "the cookie behind what can't be STUN", nullptr,
          [] {
            return FromPeer()
                .Ip4(kPeer, kWan)
                .Gue(9, 6080)
                .Raw({0x40, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42})
                .Done();
          },
          End::kStack, OV6_VERDICT_PASS_GUE),
  };
}

}  // namespace

const std::vector<Row>& UnderlayRows() {
  static const std::vector<Row>* rows = [] {
    auto* all = new std::vector<Row>;
    for (auto part : {Passes(), Deliveries(), Elsewhere(), Moved(), MovedAway(), DirectPaths(), Punts(),
                      Answers(), OuterDrops(), InnerDrops()})
      all->insert(all->end(), part.begin(), part.end());
    return all;
  }();
  return *rows;
}

}  // namespace ov6::packet
