// SPDX-License-Identifier: Apache-2.0
// What the tunnel carries: sources and destinations, nested tunnels, loops, neighbour discovery from afar.
#include "tests/hostile/hostile.h"

namespace ov6::packet {
namespace {

constexpr size_t kInner = 14 + 20;

Frame Outer() { return FromPeer().Ip4(kPeer, kWan); }
Frame Inner(const std::string& source, const std::string& destination = kHost) {
  return Outer().Ip6(source, destination);
}
Frame Good() { return Inner(kRemote).Udp(1000, 2000, 16); }

Hostile Source(const std::string& rfc, const std::string& name, const std::string& source,
               ov6_verdict verdict) {
  return FromUnderlay(rfc, "inner source " + name, verdict, Inner(source).Udp(1000, 2000, 16));
}
Hostile Destination(const std::string& rfc, const std::string& name, const std::string& destination,
                    ov6_verdict verdict) {
  return FromUnderlay(rfc, "inner destination " + name, verdict,
                      Inner(kRemote, destination).Udp(1000, 2000, 16));
}

std::vector<Hostile> Sources() {
  constexpr auto kWrong = OV6_VERDICT_DROP_INNER_SOURCE, kUnproven = OV6_VERDICT_DROP_SOURCE_MISMATCH;
  const std::string rfc = "RFC 4213 3.6";
  return {
      Source(rfc, "unspecified", "::", kWrong),
      Source(rfc, "loopback", "::1", kWrong),
      Source(rfc, "v4-mapped", "::ffff:198.51.100.2", kWrong),
      Source(rfc, "v4-compatible", "::198.51.100.2", kWrong),
      Source("RFC 4291 2.5.6", "link-local", "fe80::1", kWrong),
      Source("RFC 4291 2.5.6", "link-local at the range's end", "febf:ffff::1", kWrong),
      Source("RFC 4291 2.7", "all nodes of the link", "ff02::1", kWrong),
      Source("RFC 4291 2.7", "global multicast", "ff0e::1", kWrong),
      Source("RFC 2827 3", "of our own host", kHost, kWrong),
      Source("RFC 2827 3", "of our own second site", kHost2, kWrong),
      Source("RFC 2827 3", "that is ourselves", kRouter, kWrong),
      Source("RFC 2827 3", "in the unassigned rest of our prefix", "fd00:1:0:99::5", kWrong),
      Source("RFC 3879 4", "site-local", "fec0::1", kUnproven),
      Source("RFC 3849 3", "documentation", "2001:db8::1", kUnproven),
      Source("RFC 3964 3", "6to4 of a private address", "2002:a00:1::1", kUnproven),
      Source("RFC 6666 4", "of the discard prefix", "100::1", kUnproven),
      Source("RFC 2827 3", "of a network the kernel routes", "2001:db8:aaaa::1", kUnproven),
      FromUnderlay("RFC 4213 3.6", "a mapped source from another router", OV6_VERDICT_PUNT_VERIFY,
                   FromPeer().Ip4("198.51.100.66", kWan).Ip6(kRemote, kHost).Udp(1000, 2000, 16)),
      FromUnderlay("RFC 4213 3.6", "one peer speaks for another", OV6_VERDICT_PUNT_VERIFY,
                   Inner(kRemoteUdp).Udp(1000, 2000, 16)),
      FromUnderlay("RFC 4213 3.6", "a source without a mapping", OV6_VERDICT_PUNT_VERIFY,
                   Inner(kUnmapped).Udp(1000, 2000, 16)),
      FromUnderlay("RFC 4213 3.6", "another than the place our prefix moved from", OV6_VERDICT_PUNT_VERIFY,
                   FromPeer().Ip4("198.51.100.66", kWan).Ip6(kUnmapped, kHost).Udp(1000, 2000, 16),
                   [] { SetMapping("fd00:1:0:1::/64", Former(kPeer)); }),
      FromUnderlay("RFC 4213 3.6", "the place one prefix moved from, to another", OV6_VERDICT_PUNT_VERIFY,
                   Inner(kUnmapped, kHost2).Udp(1000, 2000, 16),
                   [] { SetMapping("fd00:1:0:1::/64", Former(kPeer)); }),
      FromUnderlay("RFC 2827 3", "of our own host, from the place it moved from", kWrong,
                   Inner(kHost).Udp(1000, 2000, 16), [] { SetMapping("fd00:1:0:1::/64", Former(kPeer)); }),
      FromUnderlay("RFC 4291 2.5.6", "link-local, from the place our prefix moved from", kWrong,
                   Inner("fe80::1").Udp(1000, 2000, 16),
                   [] { SetMapping("fd00:1:0:1::/64", Former(kPeer)); }),
      FromUnderlay("RFC 4213 3.6", "a source that nobody registered", OV6_VERDICT_DROP_SOURCE_MISMATCH,
                   Inner(kUnmapped).Udp(1000, 2000, 16), [] { SetNegative("fd00:9::/48", 3); }),
      FromUnderlay("RFC 4213 3.6", "forged sources beyond the /24's budget",
                   OV6_VERDICT_DROP_PUNT_SOURCE_BUDGET, Inner(kUnmapped).Udp(1000, 2000, 16),
                   [] { EmptyBucket("::ffff:198.51.100.0", OV6_BUCKET_PUNT); }),
      FromUnderlay("RFC 4213 3.6", "forged sources beyond the CPU's budget", OV6_VERDICT_DROP_PUNT_BUDGET,
                   Inner(kUnmapped).Udp(1000, 2000, 16), EmptyPuntBudget),
  };
}

std::vector<Hostile> Destinations() {
  constexpr auto kNowhere = OV6_VERDICT_DROP_INNER_DESTINATION;
  return {
      Destination("RFC 4291 2.5.2", "unspecified", "::", kNowhere),
      Destination("RFC 4291 2.5.3", "loopback", "::1", kNowhere),
      Destination("RFC 4291 2.5.5", "v4-mapped", "::ffff:127.0.0.1", kNowhere),
      Destination("RFC 4291 2.5.5", "v4-compatible", "::127.0.0.1", kNowhere),
      Destination("RFC 4291 2.5.6", "link-local", "fe80::1", kNowhere),
      Destination("RFC 4291 2.7", "all nodes of the link", "ff02::1", kNowhere),
      Destination("RFC 4291 2.7", "all routers of the site", "ff05::2", kNowhere),
      Destination("RFC 4291 2.7", "global multicast", "ff0e::1", kNowhere),
      Destination("RFC 6324 3", "in the unassigned rest of our prefix", "fd00:1:0:99::1",
                  OV6_VERDICT_ANSWER_UNREACHABLE),
      FromUnderlay("RFC 6324 3", "inner destination in the unassigned rest, from a source without a mapping",
                   OV6_VERDICT_DROP_SITE_REJECT, Inner(kUnmapped, "fd00:1:0:99::1").Udp(1000, 2000, 16)),
      FromUnderlay("RFC 6324 3", "inner destination in the unassigned rest, from another's router",
                   OV6_VERDICT_DROP_SITE_REJECT, Inner(kRemoteUdp, "fd00:1:0:99::1").Udp(1000, 2000, 16)),
      Destination("RFC 6324 3", "of another site", kRemoteUdp, OV6_VERDICT_DROP_RELAY),
      Destination("RFC 6324 3", "of the sender's own site", "fd00:2::1", OV6_VERDICT_DROP_RELAY),
      Destination("RFC 6324 3", "of a network the kernel routes", "2001:db8:aaaa::1", OV6_VERDICT_DROP_RELAY),
      Destination("RFC 1812 5.3.7", "that is its source", kRemote, OV6_VERDICT_DROP_RELAY),
      FromUnderlay("RFC 6324 3", "inner destination of a route without action", OV6_VERDICT_DROP_ROUTE_EMPTY,
                   Inner(kRemote, "2001:db8:bbbb::1").Udp(1, 2, 16),
                   [] { SetRoute("2001:db8:bbbb::/48", OV6_ACTION_NONE); }),
      FromUnderlay("RFC 6324 3", "inner destination that no route covers", OV6_VERDICT_DROP_NO_ROUTE,
                   Inner(kRemote, "3fff::1").Udp(1, 2, 16), [] { DeleteRoute("::/0"); }),
      FromUnderlay("RFC 6324 3", "a site whose way leads back to the underlay", OV6_VERDICT_DROP_NO_NEXT_HOP,
                   Inner(kRemote, "fd00:1:0:3::1").Udp(1, 2, 16),
                   [] { SetRoute("fd00:1:0:3::/64", OV6_ACTION_SITE); }),
      FromUnderlay("RFC 6324 3", "relayed back to its sender", OV6_VERDICT_DROP_RELAY,
                   Inner(kRemote, "fd00:2::1").Udp(1, 2, 16),
                   [] { SetRoute("fd00:2::/48", OV6_ACTION_TUNNEL, kDht, OV6_ROUTE_RELAY); }),
      FromUnderlay("RFC 6324 3", "relayed to ourselves", OV6_VERDICT_DROP_OWN_LOCATOR,
                   Inner(kRemote, "fd00:3::1").Udp(1, 2, 16),
                   [] {
                     SetRoute("fd00:3::/48", OV6_ACTION_TUNNEL, kDht, OV6_ROUTE_RELAY);
                     SetMapping("fd00:3::/48", Mapping(Locator(kWan)));
                   }),
      FromUnderlay("RFC 8200 3", "relayed at its last hop", OV6_VERDICT_ANSWER_TIME_EXCEEDED,
                   Inner(kRemote, kRemoteUdp).HopLimit(1).Udp(1, 2, 16),
                   [] { SetRoute("fd00:3::/48", OV6_ACTION_TUNNEL, kDht, OV6_ROUTE_RELAY); }),
  };
}

std::vector<Hostile> Fields() {
  const std::string rfc = "RFC 8200 3";
  const auto version = [&](const std::string& name, uint8_t first) {
    return FromUnderlay(rfc, name, OV6_VERDICT_DROP_MALFORMED, Good().Patch(kInner, first));
  };
  return {
      version("inner version 0", 0x00),
      version("inner version 4", 0x45),
      version("inner version 5", 0x50),
      version("inner version 7", 0x70),
      version("inner version 15", 0xf0),
      FromUnderlay(rfc, "inner payload one byte longer than there is", OV6_VERDICT_DROP_MALFORMED,
                   Good().Patch(kInner + 5, 25)),
      FromUnderlay(rfc, "inner payload 65535", OV6_VERDICT_DROP_MALFORMED,
                   Good().Patch(kInner + 4, 0xff).Patch(kInner + 5, 0xff)),
      FromUnderlay(rfc, "inner payload that only the frame's padding fills", OV6_VERDICT_DROP_MALFORMED,
                   Good().Patch(kInner + 5, 40).Pad(140)),
      FromUnderlay(rfc, "inner hop limit 0", OV6_VERDICT_ANSWER_TIME_EXCEEDED,
                   Inner(kRemote).HopLimit(0).Udp(1, 2, 16)),
      FromUnderlay(rfc, "inner hop limit 1", OV6_VERDICT_ANSWER_TIME_EXCEEDED,
                   Inner(kRemote).HopLimit(1).Udp(1, 2, 16)),
      FromUnderlay("RFC 6040 4.2", "not-ECT inside congestion experienced", OV6_VERDICT_DROP_ECN,
                   FromPeer().Ip4(kPeer, kWan).Ecn(3).Ip6(kRemote, kHost).Udp(1, 2, 16)),
      FromUnderlay("RFC 6040 4.2", "not-ECT inside congestion experienced, over UDP", OV6_VERDICT_DROP_ECN,
                   FromPeer()
                       .Ip4(kFarPeer, kWan)
                       .Ecn(3)
                       .Gue(50000, OV6_UDP_PORT)
                       .Ip6(kRemoteUdp, kHost)
                       .Udp(1, 2, 16)),
  };
}

// Who nests tunnels gets one of them opened, never two.
std::vector<Hostile> Nested() {
  return {
      FromUnderlay("RFC 4213 3.6", "IPv4 where IPv6 should be", OV6_VERDICT_DROP_MALFORMED,
                   Outer().Protocol(41).Raw(Bytes(64, 0x45))),
      FromUnderlay("RFC 2473 7.1", "a tunnel in the tunnel is its receiver's business", OV6_VERDICT_SITE,
                   Inner(kRemote).Ip6(kHost, kRemote).Udp(1, 2, 16)),
      FromUnderlay("RFC 2473 7.1", "IPv4 in IPv6 in the tunnel, from a martian", OV6_VERDICT_SITE,
                   Inner(kRemote).Ip4("127.0.0.1", kWan).Udp(1, 2, 16)),
      FromUnderlay("RFC 6169 2.1", "6in4 in UDP", OV6_VERDICT_PASS_GUE,
                   FromPeer()
                       .Ip4(kFarPeer, kWan)
                       .Gue(50000, OV6_UDP_PORT)
                       .Ip4(kPeer, kWan)
                       .Ip6(kRemote, kHost)
                       .Echo(8)),
      FromUnderlay("RFC 6169 2.1", "UDP tunnel in the tunnel, to the host", OV6_VERDICT_SITE,
                   Inner(kRemote).Udp(50000, OV6_UDP_PORT, 48)),
      FromUnderlay("RFC 2473 7.1", "a tunnel in the tunnel, to the router itself",
                   OV6_VERDICT_PASS_FOR_ROUTER, Inner(kRemote, kRouter).Ip6(kHost, kRemote).Udp(1, 2, 16)),
  };
}

// RFC 4861: all of it has hop limit 255, which nothing has that a router sent on.
std::vector<Hostile> Neighbours() {
  constexpr auto kWrong = OV6_VERDICT_DROP_INNER_SOURCE;
  const auto nd = [](const std::string& rfc, const std::string& name, uint8_t type, const std::string& source,
                     const std::string& destination, ov6_verdict verdict) {
    return FromUnderlay(rfc, name + " through the tunnel", verdict,
                        Inner(source, destination).HopLimit(255).Icmp6(type, 0, 0, Bytes(16, 0)));
  };
  return {
      nd("RFC 4861 6.1.2", "router advertisement", 134, "fe80::1", "ff02::1", kWrong),
      nd("RFC 4861 6.1.2", "router advertisement to a host", 134, "fe80::1", kHost, kWrong),
      nd("RFC 4861 6.1.2", "router advertisement from a peer's address", 134, kRemote, "ff02::1",
         OV6_VERDICT_DROP_INNER_DESTINATION),
      nd("RFC 4861 6.1.1", "router solicitation", 133, "::", "ff02::2", kWrong),
      nd("RFC 4861 7.1.1", "neighbour solicitation", 135, "::", "ff02::1:ff00:11", kWrong),
      nd("RFC 4861 7.1.1", "neighbour solicitation from a peer's address", 135, kRemote, "ff02::1:ff00:11",
         OV6_VERDICT_DROP_INNER_DESTINATION),
      nd("RFC 4861 7.1.2", "neighbour advertisement in our router's name", 136, kRouter, kHost, kWrong),
      nd("RFC 4861 7.1.2", "neighbour advertisement, which arrives with 254", 136, kRemote, kHost,
         OV6_VERDICT_SITE),
      nd("RFC 4861 8.1", "redirect", 137, "fe80::1", kHost, kWrong),
      nd("RFC 3810 5.1", "multicast listener query", 130, "fe80::1", "ff02::1", kWrong),
      nd("RFC 8415 13", "DHCPv6's group", 128, "fe80::1", "ff02::1:2", kWrong),
  };
}

// An error goes back into the tunnel only to a verified source, and never about an error.
std::vector<Hostile> Errors() {
  const auto error = [](const std::string& name, uint8_t type, ov6_verdict verdict, uint8_t hops = 64) {
    return FromUnderlay("RFC 4443 2.4", name, verdict,
                        Inner(kRemote).HopLimit(hops).Icmp6(type, 0, 0, Bytes(48, 0x60)));
  };
  return {
      error("an ICMPv6 error to a host is delivered", 1, OV6_VERDICT_SITE),
      error("an ICMPv6 error at its last hop", 1, OV6_VERDICT_DROP_HOP_LIMIT, 1),
      error("Packet Too Big with an MTU of 0 is the host's to judge", 2, OV6_VERDICT_SITE),
      error("an echo at its last hop is answered to who sent it", 128, OV6_VERDICT_ANSWER_TIME_EXCEEDED, 1),
  };
}

}  // namespace

std::vector<Hostile> InnerHostiles() {
  std::vector<Hostile> rows;
  for (const auto& part : {Sources(), Destinations(), Fields(), Nested(), Neighbours(), Errors()})
    rows.insert(rows.end(), part.begin(), part.end());
  return rows;
}

}  // namespace ov6::packet
