// SPDX-License-Identifier: Apache-2.0
// What hosts send.
#include <algorithm>

#include "tests/packet/row.h"

namespace ov6::packet {
namespace {

// The error that the router sends about a frame.
Bytes Error(uint8_t type, uint8_t code, uint32_t word, const Bytes& about, const std::string& to = kHost) {
  const size_t quote = std::min<size_t>(about.size() - 14, 1280 - 48);
  return ToHost()
      .Ip6(kRouter, to)
      .Icmp6(type, code, word, Bytes(about.begin() + 14, about.begin() + 14 + quote))
      .Done();
}

Bytes Udp(const std::string& to, size_t payload = 100) {
  return FromHost().Ip6(kHost, to).Udp(1000, 2000, payload).Done();
}

Bytes Tunnelled(const std::string& to, size_t payload = 100) {
  return ToPeer().Ip4(kWan, kPeer).DontFragment().Ip6(kHost, to).HopLimit(63).Udp(1000, 2000, payload).Done();
}

Bytes Punted(uint8_t reason, uint32_t slave, uint16_t slot, const Bytes& frame) {
  ov6_port_header header = PortHeader(OV6_PORT_PUNT, "lan", reason);
  header.port = slot << 8;
  header.slave = slave << 24;
  return FromHost().Port(header).Raw(Bytes(frame.begin() + 14, frame.end())).EtherType(OV6_ETH_P_PORT).Done();
}

std::function<Bytes()> To(const std::string& destination, size_t payload = 100) {
  return [=] { return Udp(destination, payload); };
}

std::function<Bytes()> From(const std::string& source) {
  return [=] { return FromHost().Ip6(source, kRemote).Echo(8).Done(); };
}

void SetLocatorMtu(uint16_t mtu, const std::string& peer = kPeer) {
  ov6_locator locator = Locator(peer);
  locator.mtu = mtu;
  SetMapping("fd00:2::/48", Mapping(locator));
}

Row Site(std::string name, std::function<void()> tables, std::function<Bytes()> frame, End end,
         ov6_verdict verdict, std::function<Bytes()> expected = nullptr) {
  return {std::move(name),  "site", "lan",   std::move(tables),
          std::move(frame), end,    verdict, std::move(expected)};
}

std::vector<Row> Passes() {
  return {
      Site(
          "disabled", [] { SetEntry("config", uint32_t{0}, ov6_config{}); }, To(kRemote), End::kStack,
          OV6_VERDICT_PASS_DISABLED),
      Site(
          "unknown device", [] { ClearMap("devices"); }, To(kRemote), End::kStack, OV6_VERDICT_PASS_DISABLED),
      Site(
          "IPv4", nullptr, [] { return FromHost().Ip4("10.0.0.1", "10.0.0.2").Udp(1, 2, 10).Done(); },
          End::kStack, OV6_VERDICT_PASS_NOT_IPV6),
      Site(
          "802.1Q tag", nullptr,
          [] { return FromHost().Ip6(kHost, kRemote).Echo(8).EtherType(0x8100).Done(); }, End::kStack,
          OV6_VERDICT_PASS_VLAN),
      Site(
          "802.1ad tag", nullptr,
          [] { return FromHost().Ip6(kHost, kRemote).Echo(8).EtherType(0x88a8).Done(); }, End::kStack,
          OV6_VERDICT_PASS_VLAN),
      Site(
          "another MAC", nullptr,
          [] { return Frame(kHost2Mac, kHostMac).Ip6(kHost, kRemote).Echo(8).Done(); }, End::kStack,
          OV6_VERDICT_PASS_OTHER_MAC),
      Site(
          "link-local source", nullptr, [] { return FromHost().Ip6("fe80::1", kRemote).Echo(8).Done(); },
          End::kStack, OV6_VERDICT_PASS_LINK_LOCAL),
      Site("link-local destination", nullptr, To("fe80::1"), End::kStack, OV6_VERDICT_PASS_LINK_LOCAL),
      Site("multicast destination", nullptr, To("ff0e::1"), End::kStack, OV6_VERDICT_PASS_LINK_LOCAL),
      Site(
          "unspecified source", nullptr, [] { return FromHost().Ip6("::", kRemote).Echo(8).Done(); },
          End::kStack, OV6_VERDICT_PASS_LINK_LOCAL),
      Site("to the router", nullptr, To(kRouter), End::kStack, OV6_VERDICT_PASS_FOR_ROUTER),
      Site("to the router's address on another site", nullptr, To("fd00:1:0:2::1"), End::kStack,
           OV6_VERDICT_PASS_FOR_ROUTER),
      Site("route says pass", nullptr, To("2001:db8:aaaa::1"), End::kStack, OV6_VERDICT_PASS_ROUTE),
  };
}

std::vector<Row> Tunnels() {
  Row udp = Site("mapped, UDP, by a gateway", nullptr, To(kRemoteUdp), End::kForward, OV6_VERDICT_TUNNEL, [] {
    return Frame(kGatewayMac, kWanMac)
        .Ip4(kWan, kFarPeer)
        .DontFragment()
        .Gue(0, 6080)
        .Ip6(kHost, kRemoteUdp)
        .HopLimit(63)
        .Udp(1000, 2000, 100)
        .Done();
  });
  udp.flow_port = true;
  return {
      Site("mapped, 6in4", nullptr, To(kRemote), End::kForward, OV6_VERDICT_TUNNEL,
           [] { return Tunnelled(kRemote); }),
      udp,
      Site("odd length", nullptr, To(kRemote, 101), End::kForward, OV6_VERDICT_TUNNEL,
           [] { return Tunnelled(kRemote, 101); }),
      Site(
          "ECN copied, DSCP configured",
          [] {
            ov6_config config = Config();
            config.dscp = 10;
            SetEntry("config", uint32_t{0}, config);
          },
          [] { return FromHost().Ip6(kHost, kRemote).Ecn(3).Dscp(46).Echo(8).Done(); }, End::kForward,
          OV6_VERDICT_TUNNEL,
          [] {
            return ToPeer()
                .Ip4(kWan, kPeer)
                .Dscp(10)
                .Ecn(3)
                .DontFragment()
                .Ip6(kHost, kRemote)
                .Ecn(3)
                .Dscp(46)
                .HopLimit(63)
                .Echo(8)
                .Done();
          }),
      Site(
          "longest mapping wins", [] { SetMapping("fd00:2::22/128", Mapping(Locator("198.51.100.254"))); },
          To(kRemote), End::kForward, OV6_VERDICT_TUNNEL,
          [] {
            return Frame(kGatewayMac, kWanMac)
                .Ip4(kWan, "198.51.100.254")
                .DontFragment()
                .Ip6(kHost, kRemote)
                .HopLimit(63)
                .Udp(1000, 2000, 100)
                .Done();
          }),
      Site("exactly the tunnel's MTU", nullptr, To(kRemote, 1480 - 48), End::kForward, OV6_VERDICT_TUNNEL,
           [] { return Tunnelled(kRemote, 1480 - 48); }),
      Site(
          "padded frame", nullptr, [] { return FromHost().Ip6(kHost, kRemote).Udp(1, 2, 1).Pad(66).Done(); },
          End::kForward, OV6_VERDICT_TUNNEL,
          [] {
            return ToPeer()
                .Ip4(kWan, kPeer)
                .DontFragment()
                .Ip6(kHost, kRemote)
                .HopLimit(63)
                .Udp(1, 2, 1)
                .Pad(86)
                .Done();
          }),
      Site(
          "no locator but to accept from",
          [] {
            ov6_locator locator = Locator(kPeer);
            locator.priority = 255;
            SetMapping("fd00:2::/48", Mapping(locator));
          },
          To(kRemote), End::kDrop, OV6_VERDICT_DROP_NO_LOCATOR),
      Site(
          "locator has no route", [] { SetMapping("fd00:2::/48", Mapping(Locator("100.64.0.1"))); },
          To(kRemote), End::kDrop, OV6_VERDICT_DROP_NO_NEXT_HOP),
      Site(
          "locator is ours", [] { SetMapping("fd00:2::/48", Mapping(Locator(kWan))); }, To(kRemote),
          End::kDrop, OV6_VERDICT_DROP_OWN_LOCATOR),
      Site(
          "locator behind a device that is no underlay",
          [] { SetMapping("fd00:2::/48", Mapping(Locator("192.0.2.2"))); }, To(kRemote), End::kDrop,
          OV6_VERDICT_DROP_NOT_UNDERLAY),
  };
}

std::vector<Row> Sizes() {
  Row segments = Site(
      "segments too big", [] { SetLocatorMtu(1400); },
      [] { return FromHost().Ip6(kHost, kRemote).Tcp(1, 2, 3000).Done(); }, End::kForward,
      OV6_VERDICT_ANSWER_TOO_BIG);
  segments.hooks = Hooks::kTc;
  segments.gso = {{3, 1380}};
  // Cutting the quote takes the segmentation off, so that one answer counts.
  segments.expected = [] { return Error(2, 0, 1380, FromHost().Ip6(kHost, kRemote).Tcp(1, 2, 3000).Done()); };
  return {
      Site("too big", nullptr, To(kRemote, 1481 - 48), End::kForward, OV6_VERDICT_ANSWER_TOO_BIG,
           [] { return Error(2, 0, 1480, Udp(kRemote, 1481 - 48)); }),
      Site("too big for UDP", nullptr, To(kRemoteUdp, 1473 - 48), End::kForward, OV6_VERDICT_ANSWER_TOO_BIG,
           [] { return Error(2, 0, 1472, Udp(kRemoteUdp, 1473 - 48)); }),
      Site(
          "too big for the locator", [] { SetLocatorMtu(1400); }, To(kRemote, 1381 - 48), End::kForward,
          OV6_VERDICT_ANSWER_TOO_BIG, [] { return Error(2, 0, 1380, Udp(kRemote, 1381 - 48)); }),
      Site(
          "never below 1280", [] { SetLocatorMtu(1000); }, To(kRemote, 1281 - 48), End::kForward,
          OV6_VERDICT_ANSWER_TOO_BIG, [] { return Error(2, 0, 1280, Udp(kRemote, 1281 - 48)); }),
      Site(
          "too big for the device, and 1280 must go",
          [] {
            ov6_device wan = Device("wan");
            wan.mtu = 1290;
            SetDevice("wan", wan);
          },
          To(kRemote, 1280 - 48), End::kDrop, OV6_VERDICT_DROP_TOO_BIG),
      Site(
          "too big for the next site",
          [] {
            ov6_device lan2 = Device("lan2");
            lan2.mtu = 1400;
            SetDevice("lan2", lan2);
          },
          To(kHost2, 1401 - 48), End::kForward, OV6_VERDICT_ANSWER_TOO_BIG,
          [] { return Error(2, 0, 1400, Udp(kHost2, 1401 - 48)); }),
      segments,
  };
}

std::vector<Row> Locals() {
  return {
      Site("to the next site", nullptr, To(kHost2), End::kForward, OV6_VERDICT_LOCAL,
           [] {
             return Frame(kHost2Mac, kLan2Mac).Ip6(kHost, kHost2).HopLimit(63).Udp(1000, 2000, 100).Done();
           }),
      Site("behind a router of the next site", nullptr, To(kBehind), End::kForward, OV6_VERDICT_LOCAL,
           [] {
             return Frame(kInnerRouterMac, kLan2Mac)
                 .Ip6(kHost, kBehind)
                 .HopLimit(63)
                 .Udp(1000, 2000, 100)
                 .Done();
           }),
      Site("a site whose way is an underlay", nullptr, To("fd00:1:0:3::1"), End::kDrop,
           OV6_VERDICT_DROP_NO_NEXT_HOP),
      Site("a site that the kernel blackholes", nullptr, To("fd00:1:0:4::1"), End::kDrop,
           OV6_VERDICT_DROP_NO_NEXT_HOP),
  };
}

// kHost's prefix has moved to another router a moment ago; the host is still here.
void MoveAway(ov6_action action = OV6_ACTION_TUNNEL, uint8_t flags = OV6_ROUTE_RELAY) {
  SetRoute("fd00:1:0:1::/64", action, kDht, flags);
  SetMapping("fd00:1:0:1::/64", Mapping(Locator("198.51.100.254")));
}

std::vector<Row> MovedAway() {
  const auto refused = [](const std::string& name, ov6_action action, uint8_t flags) {
    return Site(
        "source of " + name, [=] { MoveAway(action, flags); }, To(kRemote), End::kForward,
        OV6_VERDICT_ANSWER_SOURCE, [] { return Error(1, 5, 0, Udp(kRemote)); });
  };
  const auto moved = [](const std::string& name, const std::string& to, End end, ov6_verdict verdict,
                        std::function<Bytes()> expected) {
    return Site(
        "source that moved away, " + name, [] { MoveAway(); }, To(to), end, verdict, std::move(expected));
  };
  const auto followed = [] {
    return Frame(kGatewayMac, kWanMac)
        .Ip4(kWan, "198.51.100.254")
        .DontFragment()
        .Ip6(kHost, "fd00:1:0:1::77")
        .HopLimit(63)
        .Udp(1000, 2000, 100)
        .Done();
  };
  return {
      moved("mapped", kRemote, End::kForward, OV6_VERDICT_TUNNEL, [] { return Tunnelled(kRemote); }),
      moved("unmapped", kUnmapped, End::kPunt, OV6_VERDICT_PUNT_MISS,
            [] { return Punted(OV6_PUNT_MISS, kDht, kDhtSlot, Udp(kUnmapped)); }),
      moved("to the next site", kHost2, End::kForward, OV6_VERDICT_LOCAL,
            [] {
              return Frame(kHost2Mac, kLan2Mac).Ip6(kHost, kHost2).HopLimit(63).Udp(1000, 2000, 100).Done();
            }),
      moved("to who moved with it", "fd00:1:0:1::77", End::kForward, OV6_VERDICT_TUNNEL, followed),
      Site(
          "source that moved away, hop limit 1", [] { MoveAway(); },
          [] { return FromHost().Ip6(kHost, kRemote).HopLimit(1).Echo(8).Done(); }, End::kForward,
          OV6_VERDICT_ANSWER_TIME_EXCEEDED,
          [] { return Error(3, 0, 0, FromHost().Ip6(kHost, kRemote).HopLimit(1).Echo(8).Done()); }),
      refused("a tunnel that does not relay", OV6_ACTION_TUNNEL, 0),
      refused("a port that says relay", OV6_ACTION_PORT, OV6_ROUTE_RELAY),
      refused("a rejected prefix that says relay", OV6_ACTION_REJECT, OV6_ROUTE_RELAY),
      refused("a tunnel with all other flags", OV6_ACTION_TUNNEL, uint8_t(~OV6_ROUTE_RELAY)),
  };
}

std::vector<Row> Punts() {
  return {
      Site("unmapped", nullptr, To(kUnmapped), End::kPunt, OV6_VERDICT_PUNT_MISS,
           [] { return Punted(OV6_PUNT_MISS, kDht, kDhtSlot, Udp(kUnmapped)); }),
      Site(
          "mapping expired",
          [] {
            ov6_mapping mapping = Mapping(Locator(kPeer));
            mapping.hard_expiry = 1;
            SetMapping("fd00:2::/48", mapping);
          },
          To(kRemote), End::kPunt, OV6_VERDICT_PUNT_MISS,
          [] { return Punted(OV6_PUNT_MISS, kDht, kDhtSlot, Udp(kRemote)); }),
      Site(
          "where it moved from is not where it is", [] { SetMapping("fd00:2::/48", Former(kPeer)); },
          To(kRemote), End::kPunt, OV6_VERDICT_PUNT_MISS,
          [] { return Punted(OV6_PUNT_MISS, kDht, kDhtSlot, Udp(kRemote)); }),
      Site(
          "the hop limit is not touched", nullptr,
          [] { return FromHost().Ip6(kHost, kUnmapped).HopLimit(2).Echo(8).Done(); }, End::kPunt,
          OV6_VERDICT_PUNT_MISS,
          [] {
            return Punted(OV6_PUNT_MISS, kDht, kDhtSlot,
                          FromHost().Ip6(kHost, kUnmapped).HopLimit(2).Echo(8).Done());
          }),
      Site("route takes all", nullptr, To("2001:db8::1"), End::kPunt, OV6_VERDICT_PUNT_ROUTE,
           [] { return Punted(OV6_PUNT_ROUTE, kManagement, kManagementSlot, Udp("2001:db8::1")); }),
      Site(
          "negative expired", [] { SetNegative("fd00:9::/48", 3, 1); }, To(kUnmapped), End::kPunt,
          OV6_VERDICT_PUNT_MISS),
      Site("budget of all used up", EmptyPuntBudget, To(kUnmapped), End::kDrop, OV6_VERDICT_DROP_PUNT_BUDGET),
      Site(
          "budget of the source used up", [] { EmptyBucket(kHost, OV6_BUCKET_PUNT); }, To(kUnmapped),
          End::kDrop, OV6_VERDICT_DROP_PUNT_SOURCE_BUDGET),
      Site(
          "budget of the station used up", [] { EmptyBucket("200:0:102::", OV6_BUCKET_STATION); },
          To(kUnmapped), End::kDrop, OV6_VERDICT_DROP_PUNT_SOURCE_BUDGET),
      Carried(Site(
          "what the slave carries itself is in no budget",
          [] {
            SetRoute("fd00:9::/48", OV6_ACTION_PORT, kDht, OV6_ROUTE_CARRIED);
            EmptyPuntBudget();
            EmptyBucket(kHost, OV6_BUCKET_PUNT);
            EmptyBucket("200:0:102::", OV6_BUCKET_STATION);
          },
          To(kUnmapped), End::kPunt, OV6_VERDICT_PUNT_ROUTE,
          [] { return Punted(OV6_PUNT_ROUTE, kDht, kDhtSlot, Udp(kUnmapped)); })),
      ByXdp(Carried(Site(
          "to a site elsewhere by ov6d's port", [] { SetElsewhere("lan2"); }, To(kHost2), End::kPunt,
          OV6_VERDICT_LOCAL,
          [] {
            return FromHost()
                .Port(PortHeader(OV6_PORT_CARRY, "lan2"))
                .Ip6(kHost, kHost2)
                .HopLimit(63)
                .Udp(1000, 2000, 100)
                .EtherType(OV6_ETH_P_PORT)
                .Done();
          }))),
      Site(
          "what a slave is asked about is in the budgets, though its route takes all",
          [] {
            SetRoute("fd00:9::/48", OV6_ACTION_PORT, kDht, uint8_t(~OV6_ROUTE_CARRIED));
            EmptyBucket(kHost, OV6_BUCKET_PUNT);
          },
          To(kUnmapped), End::kDrop, OV6_VERDICT_DROP_PUNT_SOURCE_BUDGET),
      Site(
          "a miss is in the budgets, whatever its route says",
          [] {
            SetRoute("fd00:9::/48", OV6_ACTION_TUNNEL, kDht, OV6_ROUTE_CARRIED);
            EmptyBucket(kHost, OV6_BUCKET_PUNT);
          },
          To(kUnmapped), End::kDrop, OV6_VERDICT_DROP_PUNT_SOURCE_BUDGET),
      Site(
          "slave unknown", [] { ClearMap("slaves"); }, To(kUnmapped), End::kDrop, OV6_VERDICT_DROP_NO_PORT),
      Site(
          "slave's port is gone", [] { ClearMap("port_devices"); }, To(kUnmapped), End::kDrop,
          OV6_VERDICT_DROP_NO_PORT),
      Site(
          "too big for the port",
          [] {
            ov6_device port = Device("port");
            port.mtu = 1000;
            SetDevice("port", port);
          },
          To(kUnmapped, 1000), End::kDrop, OV6_VERDICT_DROP_TOO_BIG),
  };
}

std::vector<Row> Answers() {
  Row no_address = Site("answered from any address of ours", nullptr, nullptr, End::kForward,
                        OV6_VERDICT_ANSWER_UNREACHABLE);
  no_address.device = "lan2";
  no_address.frame = [] { return Frame(kLan2Mac, kHost2Mac).Ip6(kHost2, "fd00:1:0:99::1").Echo(8).Done(); };
  no_address.expected = [] {
    const Bytes about = Frame(kLan2Mac, kHost2Mac).Ip6(kHost2, "fd00:1:0:99::1").Echo(8).Done();
    return Frame(kHost2Mac, kLan2Mac)
        .Ip6(kRouter, kHost2)
        .Icmp6(1, 0, 0, Bytes(about.begin() + 14, about.end()))
        .Done();
  };
  return {
      no_address,
      Site(
          "negative", [] { SetNegative("fd00:9::/48", 3); }, To(kUnmapped), End::kForward,
          OV6_VERDICT_ANSWER_UNREACHABLE, [] { return Error(1, 3, 0, Udp(kUnmapped)); }),
      Site(
          "negative, odd length", [] { SetNegative("fd00:9::/48", 0); }, To(kUnmapped, 333), End::kForward,
          OV6_VERDICT_ANSWER_UNREACHABLE, [] { return Error(1, 0, 0, Udp(kUnmapped, 333)); }),
      Site(
          "negative, no longer than 1280", [] { SetNegative("fd00:9::/48", 0); }, To(kUnmapped, 1400),
          End::kForward, OV6_VERDICT_ANSWER_UNREACHABLE, [] { return Error(1, 0, 0, Udp(kUnmapped, 1400)); }),
      Site(
          "negative, padded frame", [] { SetNegative("fd00:9::/48", 0); },
          [] { return FromHost().Ip6(kHost, kUnmapped).Udp(1, 2, 1).Pad(70).Done(); }, End::kForward,
          OV6_VERDICT_ANSWER_UNREACHABLE,
          [] { return Error(1, 0, 0, FromHost().Ip6(kHost, kUnmapped).Udp(1, 2, 1).Done()); }),
      Site(
          "negative of a route that takes all", [] { SetNegative("2001:db8::/32", 0); }, To("2001:db8::1"),
          End::kForward, OV6_VERDICT_ANSWER_UNREACHABLE, [] { return Error(1, 0, 0, Udp("2001:db8::1")); }),
      Site("route rejects", nullptr, To("fd00:1:0:99::1"), End::kForward, OV6_VERDICT_ANSWER_UNREACHABLE,
           [] { return Error(1, 0, 0, Udp("fd00:1:0:99::1")); }),
      Site(
          "hop limit 1", nullptr, [] { return FromHost().Ip6(kHost, kRemote).HopLimit(1).Echo(8).Done(); },
          End::kForward, OV6_VERDICT_ANSWER_TIME_EXCEEDED,
          [] { return Error(3, 0, 0, FromHost().Ip6(kHost, kRemote).HopLimit(1).Echo(8).Done()); }),
      Site(
          "hop limit 0", nullptr, [] { return FromHost().Ip6(kHost, kRemote).HopLimit(0).Echo(8).Done(); },
          End::kForward, OV6_VERDICT_ANSWER_TIME_EXCEEDED),
      Site(
          "hop limit 1 to the next site", nullptr,
          [] { return FromHost().Ip6(kHost, kHost2).HopLimit(1).Echo(8).Done(); }, End::kForward,
          OV6_VERDICT_ANSWER_TIME_EXCEEDED),
      Site(
          "no error about an error", [] { SetNegative("fd00:9::/48", 0); },
          [] { return FromHost().Ip6(kHost, kUnmapped).Icmp6(1, 0, 0, Bytes(48)).Done(); }, End::kDrop,
          OV6_VERDICT_DROP_NEGATIVE),
      Site(
          "no error about an error behind an extension header", [] { SetNegative("fd00:9::/48", 0); },
          [] { return FromHost().Ip6(kHost, kUnmapped).Extension(60, 2).Icmp6(1, 0, 0, Bytes(48)).Done(); },
          End::kDrop, OV6_VERDICT_DROP_NEGATIVE),
      Site(
          "the source's errors used up",
          [] {
            SetNegative("fd00:9::/48", 0);
            EmptyBucket(kHost, OV6_BUCKET_ICMP);
          },
          To(kUnmapped), End::kDrop, OV6_VERDICT_DROP_ICMP_LIMIT),
      Site(
          "the station's errors used up",
          [] {
            SetNegative("fd00:9::/48", 0);
            EmptyBucket("200:0:102::", OV6_BUCKET_ICMP_STATION);
          },
          To(kUnmapped), End::kDrop, OV6_VERDICT_DROP_ICMP_LIMIT),
      Site(
          "no address to answer from",
          [] {
            SetNegative("fd00:9::/48", 0);
            ov6_device lan = Device("lan");
            std::fill(std::begin(lan.icmp_source), std::end(lan.icmp_source), 0);
            SetDevice("lan", lan);
          },
          To(kUnmapped), End::kDrop, OV6_VERDICT_DROP_NEGATIVE),
      Site("source of no site (RFC 4443 section 3.1, code 5)", nullptr, From("2001:db8::5"), End::kForward,
           OV6_VERDICT_ANSWER_SOURCE, [] { return Error(1, 5, 0, From("2001:db8::5")(), "2001:db8::5"); }),
      Site("source of the rejected rest", nullptr, From("fd00:1:0:99::5"), End::kForward,
           OV6_VERDICT_ANSWER_SOURCE,
           [] { return Error(1, 5, 0, From("fd00:1:0:99::5")(), "fd00:1:0:99::5"); }),
  };
}

std::vector<Row> Drops() {
  // As an skb the kernel refuses it before the door does.
  const Row cut = ByXdp(Site(
      "cut within the header", nullptr, [] { return FromHost().Ip6(kHost, kRemote).Echo(8).Cut(50).Done(); },
      End::kDrop, OV6_VERDICT_DROP_MALFORMED));
  return {
      cut,
      Site(
          "payload longer than the frame", nullptr,
          [] { return FromHost().Ip6(kHost, kRemote).Echo(8).Cut(69).Done(); }, End::kDrop,
          OV6_VERDICT_DROP_MALFORMED),
      Site(
          "version 5", nullptr, [] { return FromHost().Ip6(kHost, kRemote).Echo(8).Patch(14, 0x50).Done(); },
          End::kDrop, OV6_VERDICT_DROP_MALFORMED),
      Site("loopback source", nullptr, From("::1"), End::kDrop, OV6_VERDICT_DROP_SITE_SOURCE),
      Site("IPv4-mapped source", nullptr, From("::ffff:10.0.0.1"), End::kDrop, OV6_VERDICT_DROP_SITE_SOURCE),
      Site("to IPv4-mapped", nullptr, To("::ffff:10.0.0.1"), End::kDrop, OV6_VERDICT_DROP_INNER_DESTINATION),
      Site("to loopback", nullptr, To("::1"), End::kDrop, OV6_VERDICT_DROP_INNER_DESTINATION),
      Site(
          "no route", [] { DeleteRoute("::/0"); }, To("2001:db8::1"), End::kDrop, OV6_VERDICT_DROP_NO_ROUTE),
      Site("route without action", nullptr, To("2001:db8:bbbb::1"), End::kDrop, OV6_VERDICT_DROP_ROUTE_EMPTY),
  };
}

// Routes of slaves that carry packets themselves where no direct path leads.
std::vector<Row> DirectPaths() {
  const auto direct = [](const std::string& prefix, ov6_action action, const ov6_mapping& mapping,
                         uint8_t flags = OV6_ROUTE_DIRECT) {
    SetRoute(prefix, action, kDht, flags);
    SetMapping(prefix, mapping);
  };
  const auto port = [direct](const ov6_mapping& mapping, uint8_t flags = OV6_ROUTE_DIRECT) {
    direct("fd00:2::/48", OV6_ACTION_PORT, mapping, flags);
  };
  const auto by_tunnel = [](const std::string& to) {
    return [=] {
      return ToPeer()
          .Ip4(kWan, kPeer)
          .DontFragment()
          .Gue(6080, 6080)
          .Ip6(kHost, to)
          .HopLimit(63)
          .Udp(1000, 2000, 100)
          .Done();
    };
  };
  // Around what is known of the way without it, to kFarPeer.
  const auto shortcut = [direct](bool answered) {
    ov6_mapping mapping = Direct(kPeer, answered);
    mapping.locators[mapping.locator_count] = Locator(kFarPeer);
    mapping.locators[mapping.locator_count++].priority = 2;
    direct("fd00:2::/48", OV6_ACTION_TUNNEL, mapping, 0);
  };
  const auto around = [] {
    return Frame(kGatewayMac, kWanMac)
        .Ip4(kWan, kFarPeer)
        .DontFragment()
        .Ip6(kHost, kRemote)
        .HopLimit(63)
        .Udp(1000, 2000, 100)
        .Done();
  };
  const auto elsewhere = [] {
    ov6_device lan = Device("lan");
    lan.flags |= OV6_DEVICE_ELSEWHERE;
    SetDevice("lan", lan);
  };
  const auto punted = [] { return Punted(OV6_PUNT_ROUTE, kDht, kDhtSlot, Udp(kRemote)); };
  const auto delivered = [] {
    return Frame(kHost2Mac, kLan2Mac).Ip6(kHost, kHost2).HopLimit(63).Udp(1000, 2000, 100).Done();
  };
  return {
      Site(
          "a port's direct path", [=] { port(Direct(kPeer)); }, To(kRemote), End::kForward,
          OV6_VERDICT_TUNNEL, by_tunnel(kRemote)),
      Site(
          "a port's direct path whose peer is silent", [=] { port(Direct(kPeer, false)); }, To(kRemote),
          End::kPunt, OV6_VERDICT_PUNT_ROUTE, punted),
      Site(
          "a port's mapping of another kind", [=] { port(Mapping(Locator(kPeer))); }, To(kRemote), End::kPunt,
          OV6_VERDICT_PUNT_ROUTE, punted),
      Site(
          "a direct path that the port's route does not heed", [=] { port(Direct(kPeer), 0); }, To(kRemote),
          End::kPunt, OV6_VERDICT_PUNT_ROUTE, punted),
      Site(
          "a port's direct path outranks that there is no way",
          [=] {
            port(Direct(kPeer));
            SetNegative("fd00::/8", 3, BootTime() + 60000000000ull);
          },
          To(kRemote), End::kForward, OV6_VERDICT_TUNNEL, by_tunnel(kRemote)),
      Site(
          "a site's direct path", [=] { direct("fd00:1:0:2::/64", OV6_ACTION_SITE, Direct(kPeer)); },
          To(kHost2), End::kForward, OV6_VERDICT_TUNNEL, by_tunnel(kHost2)),
      Site(
          "a site's direct path whose peer is silent",
          [=] { direct("fd00:1:0:2::/64", OV6_ACTION_SITE, Direct(kPeer, false)); }, To(kHost2),
          End::kForward, OV6_VERDICT_LOCAL, delivered),
      Site(
          "a tunnel's direct path", [=] { shortcut(true); }, To(kRemote), End::kForward, OV6_VERDICT_TUNNEL,
          by_tunnel(kRemote)),
      Site(
          "a tunnel's direct path whose peer is silent", [=] { shortcut(false); }, To(kRemote), End::kForward,
          OV6_VERDICT_TUNNEL, around),
      Site(
          "a tunnel's direct path whose peer is silent, and no other",
          [=] { direct("fd00:2::/48", OV6_ACTION_TUNNEL, Direct(kPeer, false), 0); }, To(kRemote), End::kDrop,
          OV6_VERDICT_DROP_NO_LOCATOR),
      Site(
          "a tunnel's direct path is not for a site elsewhere",
          [=] {
            shortcut(true);
            elsewhere();
          },
          To(kRemote), End::kForward, OV6_VERDICT_TUNNEL, around),
      Site(
          "a port's direct path is for a site elsewhere, too",
          [=] {
            port(Direct(kPeer));
            elsewhere();
          },
          To(kRemote), End::kForward, OV6_VERDICT_TUNNEL, by_tunnel(kRemote)),
      Site(
          "direct, hop limit 1", [=] { port(Direct(kPeer)); },
          [] { return FromHost().Ip6(kHost, kRemote).HopLimit(1).Echo(8).Done(); }, End::kForward,
          OV6_VERDICT_ANSWER_TIME_EXCEEDED,
          [] { return Error(3, 0, 0, FromHost().Ip6(kHost, kRemote).HopLimit(1).Echo(8).Done()); }),
  };
}

}  // namespace

const std::vector<Row>& SiteRows() {
  static const std::vector<Row>* rows = [] {
    auto* all = new std::vector<Row>;
    for (auto part :
         {Passes(), Tunnels(), Sizes(), Locals(), MovedAway(), DirectPaths(), Punts(), Answers(), Drops()})
      all->insert(all->end(), part.begin(), part.end());
    return all;
  }();
  return *rows;
}

}  // namespace ov6::packet
