// SPDX-License-Identifier: Apache-2.0
// What a host of the site sends: forged sources, abused extension headers, errors about errors.
#include "tests/hostile/hostile.h"

namespace ov6::packet {
namespace {

constexpr size_t kIp6 = 14;

Frame Host(const std::string& to = kRemote) { return FromHost().Ip6(kHost, to); }
Frame Good() { return Host().Udp(1000, 2000, 16); }
Bytes Join(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

std::vector<Hostile> Truncations() {
  const std::string rfc = "RFC 8200 3";
  return {
      FromSite(rfc, "nothing behind the Ethernet header", OV6_VERDICT_DROP_MALFORMED, Good().Cut(kIp6)),
      FromSite(rfc, "one byte of IPv6", OV6_VERDICT_DROP_MALFORMED, Good().Cut(kIp6 + 1)),
      FromSite(rfc, "39 bytes of IPv6", OV6_VERDICT_DROP_MALFORMED, Good().Cut(kIp6 + 39)),
      FromSite(rfc, "the header alone, payload promised", OV6_VERDICT_DROP_MALFORMED, Good().Cut(kIp6 + 40)),
      FromSite(rfc, "the frame ends within the UDP header", OV6_VERDICT_DROP_MALFORMED,
               Good().Cut(kIp6 + 44)),
      FromSite(rfc, "the frame ends one byte early", OV6_VERDICT_DROP_MALFORMED,
               Good().Cut(kIp6 + 40 + 8 + 15)),
      FromSite(rfc, "payload length 65535", OV6_VERDICT_DROP_MALFORMED,
               Good().Patch(kIp6 + 4, 0xff).Patch(kIp6 + 5, 0xff)),
      FromSite(rfc, "payload length one more than there is", OV6_VERDICT_DROP_MALFORMED,
               Good().Patch(kIp6 + 5, 25)),
      FromSite(rfc, "version 0", OV6_VERDICT_DROP_MALFORMED, Good().Patch(kIp6, 0)),
      FromSite(rfc, "version 4", OV6_VERDICT_DROP_MALFORMED, Good().Patch(kIp6, 0x45)),
      FromSite(rfc, "version 5", OV6_VERDICT_DROP_MALFORMED, Good().Patch(kIp6, 0x50)),
      FromSite(rfc, "version 7", OV6_VERDICT_DROP_MALFORMED, Good().Patch(kIp6, 0x70)),
      FromSite(rfc, "version 15", OV6_VERDICT_DROP_MALFORMED, Good().Patch(kIp6, 0xf0)),
  };
}

std::vector<Hostile> Sources() {
  const auto from = [](const std::string& rfc, const std::string& name, const std::string& source,
                       ov6_verdict verdict) {
    return FromSite(rfc, "source " + name, verdict, FromHost().Ip6(source, kRemote).Udp(1000, 2000, 16));
  };
  // What moved away a moment ago may leave; else nothing may, however wide the route that says relay.
  const auto relayed = [](const std::string& rfc, const std::string& name, const std::string& source,
                          ov6_verdict verdict) {
    return FromSite(rfc, "source under a wide relay, " + name, verdict,
                    FromHost().Ip6(source, kRemote).Udp(1000, 2000, 16),
                    [] { SetRoute("::/0", OV6_ACTION_TUNNEL, kDht, OV6_ROUTE_RELAY); });
  };
  constexpr auto kTold = OV6_VERDICT_ANSWER_SOURCE, kSilent = OV6_VERDICT_DROP_SITE_SOURCE;
  return {
      from("RFC 2827 3", "of the other site", kRemote, kTold),
      from("RFC 2827 3", "of no site", "2001:db8::5", kTold),
      from("RFC 2827 3", "in the unassigned rest of our prefix", "fd00:1:0:99::5", kTold),
      from("RFC 2827 3", "of a network the kernel routes", "2001:db8:aaaa::5", kTold),
      from("RFC 4443 2.4", "loopback", "::1", kSilent),
      from("RFC 4443 2.4", "v4-mapped", "::ffff:10.0.0.1", kSilent),
      from("RFC 4443 2.4", "v4-compatible", "::10.0.0.1", kSilent),
      from("RFC 4443 2.4", "link multicast", "ff02::1", kSilent),
      from("RFC 4443 2.4", "global multicast", "ff0e::1", kSilent),
      from("RFC 4291 2.5.2", "unspecified", "::", OV6_VERDICT_PASS_LINK_LOCAL),
      from("RFC 4291 2.5.6", "link-local", "fe80::1", OV6_VERDICT_PASS_LINK_LOCAL),
      relayed("RFC 4291 2.5.3", "loopback", "::1", kSilent),
      relayed("RFC 4291 2.5.5", "v4-mapped", "::ffff:10.0.0.1", kSilent),
      relayed("RFC 4291 2.7", "global multicast", "ff0e::1", kSilent),
      relayed("RFC 2827 3", "in the unassigned rest of our prefix", "fd00:1:0:99::5", kTold),
      relayed("RFC 2827 3", "of another mapping's prefix", kRemote, kTold),
      FromSite("RFC 4443 2.4", "a foreign source, and an error about it", kSilent,
               FromHost().Ip6("2001:db8::5", kRemote).Icmp6(1, 0, 0, Bytes(48, 0x60))),
  };
}

std::vector<Hostile> Destinations() {
  const auto to = [](const std::string& rfc, const std::string& name, const std::string& destination,
                     ov6_verdict verdict) {
    return FromSite(rfc, "destination " + name, verdict, Host(destination).Udp(1000, 2000, 16));
  };
  constexpr auto kStack = OV6_VERDICT_PASS_LINK_LOCAL;
  return {
      to("RFC 4291 2.5.6", "link-local", "fe80::1", kStack),
      to("RFC 4291 2.7", "all nodes of the link", "ff02::1", kStack),
      to("RFC 4291 2.7", "global multicast", "ff0e::1", kStack),
      to("RFC 6324 3", "in the unassigned rest of our prefix", "fd00:1:0:99::1",
         OV6_VERDICT_ANSWER_UNREACHABLE),
      to("RFC 1812 5.3.7", "that is its source", kHost, OV6_VERDICT_LOCAL),
      FromSite("RFC 6324 3", "a locator that is ourselves", OV6_VERDICT_DROP_OWN_LOCATOR, Good(),
               [] { SetMapping("fd00:2::/48", Mapping(Locator(kWan))); }),
      FromSite("RFC 6324 3", "a UDP locator that is ourselves", OV6_VERDICT_DROP_OWN_LOCATOR, Good(),
               [] { SetMapping("fd00:2::/48", Mapping(Locator(kWan, OV6_ENCAPSULATION_UDP))); }),
      FromSite("RFC 1812 5.3.7", "a locator that is loopback", OV6_VERDICT_DROP_NO_NEXT_HOP, Good(),
               [] { SetMapping("fd00:2::/48", Mapping(Locator("127.0.0.1"))); }),
      FromSite("RFC 1812 5.3.7", "a locator that is broadcast", OV6_VERDICT_DROP_NO_NEXT_HOP, Good(),
               [] { SetMapping("fd00:2::/48", Mapping(Locator("255.255.255.255"))); }),
      FromSite("RFC 1812 5.3.7", "a locator that is multicast", OV6_VERDICT_DROP_NO_NEXT_HOP, Good(),
               [] { SetMapping("fd00:2::/48", Mapping(Locator("224.0.0.1"))); }),
      FromSite("RFC 1812 5.3.7", "a locator that is the subnet's broadcast", OV6_VERDICT_DROP_NO_NEXT_HOP,
               Good(), [] { SetMapping("fd00:2::/48", Mapping(Locator("198.51.100.255"))); }),
  };
}

// Routers leave extension headers alone (RFC 8200 4), but must not stumble over them.
std::vector<Hostile> Extensions() {
  constexpr auto kGoes = OV6_VERDICT_TUNNEL;
  const auto chain = [](Frame frame, int length, uint8_t type = 60) {
    for (int i = 0; i < length; i++) frame.Extension(type, 1);
    return frame;
  };
  const Bytes kRh0 = Join({59, 2, 0, 1, 0, 0, 0, 0}, Address6(kHost2));
  const Bytes kJumbo{59, 0, 0xc2, 4, 0, 1, 0, 0};
  const auto fragment = [](const std::string& rfc, const std::string& name, Bytes header) {
    return FromSite(rfc, name, kGoes, Host().Protocol(44).Raw(Join(std::move(header), Bytes(16, 0))));
  };
  return {
      FromSite("RFC 8200 4.3", "hop-by-hop options", kGoes, Host().Extension(0, 1).Udp(1, 2, 16)),
      FromSite("RFC 8200 4.1", "hop-by-hop options in second place", kGoes,
               Host().Extension(60, 1).Extension(0, 1).Udp(1, 2, 16)),
      FromSite("RFC 7112 5", "a chain of 4 headers", kGoes, chain(Host(), 4).Udp(1, 2, 16)),
      FromSite("RFC 7112 5", "a chain of 5 headers", kGoes, chain(Host(), 5).Udp(1, 2, 16)),
      FromSite("RFC 7112 5", "a chain of 60 headers", kGoes, chain(Host(), 60).Udp(1, 2, 16)),
      FromSite("RFC 7112 5", "a chain of 60 headers, over UDP", kGoes,
               chain(Host(kRemoteUdp), 60).Udp(1, 2, 16)),
      FromSite("RFC 8200 4.2", "an extension header that ends behind the packet, over UDP", kGoes,
               Host(kRemoteUdp).Protocol(60).Raw({17, 255, 1, 4, 0, 0, 0, 0})),
      FromSite("RFC 8200 4.2", "an extension header of two bytes, over UDP", kGoes,
               Host(kRemoteUdp).Protocol(60).Raw({17, 0})),
      FromSite("RFC 5095 3", "routing header 0 on its way", kGoes, Host().Protocol(43).Raw(kRh0)),
      FromSite("RFC 5095 3", "routing header 0 for the router itself", OV6_VERDICT_PASS_FOR_ROUTER,
               Host(kRouter).Protocol(43).Raw(kRh0)),
      FromSite("RFC 2675 3", "a jumbogram, which says 0 bytes", kGoes,
               Host().Protocol(0).Raw(Join(kJumbo, Bytes(64, 1))).Patch(kIp6 + 5, 0)),
      FromSite("RFC 8200 4", "next header 253", kGoes, Host().Protocol(253).Raw(Bytes(16, 1))),
      FromSite("RFC 8200 4", "next header 255", kGoes, Host().Protocol(255).Raw(Bytes(16, 1))),
      FromSite("RFC 8200 4.7", "no next header, and bytes behind it", kGoes,
               Host().Protocol(59).Raw(Bytes(16, 1))),
      FromSite("RFC 8200 3", "no payload at all", kGoes, Host().Protocol(59).Raw({})),
      FromSite("RFC 768", "a UDP header that is cut", kGoes, Host(kRemoteUdp).Protocol(17).Raw({1, 2})),
      fragment("RFC 8200 4.5", "first fragment", {17, 0, 0, 1, 0, 0, 0, 1}),
      fragment("RFC 8200 4.5", "fragment in the middle", {17, 0, 0, 0x11, 0, 0, 0, 1}),
      fragment("RFC 8200 4.5", "last fragment", {17, 0, 0, 0x10, 0, 0, 0, 1}),
      fragment("RFC 5722 3", "overlapping fragment", {17, 0, 0, 0x09, 0, 0, 0, 1}),
      fragment("RFC 8200 4.5", "fragment beyond 65535 bytes", {17, 0, 0xff, 0xf8, 0, 0, 0, 1}),
      fragment("RFC 6946 2", "atomic fragment", {17, 0, 0, 0, 0, 0, 0, 1}),
      FromSite("RFC 7112 5", "first fragment without the transport header", kGoes,
               Host().Protocol(44).Raw({60, 0, 0, 1, 0, 0, 0, 1, 17, 0, 1, 4, 0, 0, 0, 0})),
      FromSite("RFC 8200 4.5", "a fragment header that is cut", kGoes, Host().Protocol(44).Raw({17, 0, 0})),
  };
}

// RFC 4443 2.4 (e): about what no error may be sent. Each would be answered for its hop limit.
std::vector<Hostile> Errors() {
  const std::string rfc = "RFC 4443 2.4";
  constexpr auto kSilent = OV6_VERDICT_DROP_HOP_LIMIT, kTold = OV6_VERDICT_ANSWER_TIME_EXCEEDED;
  const auto last_hop = [](const std::string& to = kRemote) { return Host(to).HopLimit(1); };
  const auto icmp = [&](const std::string& name, uint8_t type, ov6_verdict verdict) {
    return FromSite(rfc, name + " at its last hop", verdict, last_hop().Icmp6(type, 0, 0, Bytes(48, 0x60)));
  };
  const auto chain = [&](int length) {
    Frame frame = last_hop();
    for (int i = 0; i < length; i++) frame.Extension(60, 1);
    return frame;
  };
  const Bytes kError{1, 0, 0, 0, 0, 0, 0, 0};
  return {
      FromSite(rfc, "hop limit 1", kTold, last_hop().Udp(1, 2, 16)),
      FromSite(rfc, "hop limit 0", kTold, Host().HopLimit(0).Udp(1, 2, 16)),
      icmp("destination unreachable", 1, kSilent),
      icmp("packet too big", 2, kSilent),
      icmp("time exceeded", 3, kSilent),
      icmp("parameter problem", 4, kSilent),
      icmp("an unknown error", 100, kSilent),
      icmp("the last of the errors", 127, kSilent),
      icmp("redirect", 137, kSilent),
      icmp("echo request", 128, kTold),
      icmp("echo reply", 129, kTold),
      FromSite(rfc, "an error behind options, at its last hop", kSilent,
               last_hop().Extension(0, 1).Extension(60, 2).Icmp6(1, 0, 0, Bytes(48, 0x60))),
      FromSite(rfc, "an error in a first fragment, at its last hop", kSilent,
               last_hop().Protocol(44).Raw(Join({58, 0, 0, 1, 0, 0, 0, 1}, Join(kError, Bytes(48, 0x60))))),
      FromSite(rfc, "an error in an atomic fragment, at its last hop", kSilent,
               last_hop().Protocol(44).Raw(Join({58, 0, 0, 0, 0, 0, 0, 1}, Join(kError, Bytes(48, 0x60))))),
      FromSite(rfc, "a chain of 60 headers, at its last hop", kSilent, chain(60).Udp(1, 2, 16)),
      FromSite(rfc, "an extension header that ends behind the packet, at its last hop", kSilent,
               last_hop().Protocol(60).Raw({17, 255, 1, 4, 0, 0, 0, 0})),
      FromSite(rfc, "ICMPv6 that is cut, at its last hop", kSilent, last_hop().Protocol(58).Raw({})),
      FromSite(rfc, "multicast at its last hop is the stack's", OV6_VERDICT_PASS_LINK_LOCAL,
               last_hop("ff0e::1").Udp(1, 2, 16)),
      FromSite(rfc, "errors beyond the source's budget", OV6_VERDICT_DROP_ICMP_LIMIT,
               last_hop().Udp(1, 2, 16), [] { EmptyBucket(kHost, OV6_BUCKET_ICMP); }),
      FromSite(rfc, "too big, and an error itself", OV6_VERDICT_DROP_TOO_BIG,
               Host().Icmp6(1, 0, 0, Bytes(1440, 0x60))),
      FromSite("RFC 8201 4", "too big", OV6_VERDICT_ANSWER_TOO_BIG, Host().Udp(1, 2, 1440)),
      FromSite("RFC 4303 3.4", "too big ESP", OV6_VERDICT_ANSWER_TOO_BIG,
               Host().Protocol(50).Raw(Bytes(1448, 7))),
      FromSite("RFC 4302 3.4", "too big AH", OV6_VERDICT_ANSWER_TOO_BIG,
               Host().Protocol(51).Raw(Bytes(1448, 7))),
      FromSite(rfc, "an error to the rejected rest of our prefix", OV6_VERDICT_DROP_SITE_REJECT,
               Host("fd00:1:0:99::1").Icmp6(1, 0, 0, Bytes(48, 0x60))),
  };
}

std::vector<Hostile> Neighbours() {
  const auto nd = [](const std::string& rfc, const std::string& name, uint8_t type, const std::string& source,
                     const std::string& destination, ov6_verdict verdict) {
    return FromSite(rfc, name, verdict,
                    FromHost().Ip6(source, destination).HopLimit(255).Icmp6(type, 0, 0, Bytes(16, 0)));
  };
  constexpr auto kStack = OV6_VERDICT_PASS_LINK_LOCAL;
  return {
      nd("RFC 6104 2", "a rogue router's advertisement", 134, "fe80::bad", "ff02::1", kStack),
      nd("RFC 4861 6.1.2", "router advertisement to another site", 134, "fe80::bad", kRemote, kStack),
      nd("RFC 4861 6.1.2", "router advertisement from a host's address, which arrives with 254", 134, kHost,
         kRemote, OV6_VERDICT_TUNNEL),
      nd("RFC 4861 7.1.1", "duplicate address detection for the router's address", 135,
         "::", "ff02::1:ff00:1", kStack),
      nd("RFC 4861 7.1.2", "neighbour advertisement to the router", 136, kHost, kRouter,
         OV6_VERDICT_PASS_FOR_ROUTER),
      nd("RFC 4861 8.1", "redirect from a host", 137, "fe80::bad", kHost, kStack),
  };
}

std::vector<Hostile> Frames() {
  const auto to = [](const std::string& name, const Mac& mac) {
    return FromSite("RFC 1812 5.3.4", name, OV6_VERDICT_PASS_OTHER_MAC,
                    Frame(mac, kHostMac).Ip6(kHost, kRemote).Udp(1000, 2000, 16));
  };
  const auto tagged = [](const std::string& name, const Bytes& tag) {
    const Bytes good = Good().Done();
    Bytes behind(tag.begin() + 2, tag.end());
    behind.insert(behind.end(), good.begin() + 12, good.end());
    return FromSite("IEEE 802.1Q 9", name, OV6_VERDICT_PASS_VLAN,
                    FromHost().EtherType(tag[0] << 8 | tag[1]).Raw(behind));
  };
  const auto typed = [](const std::string& rfc, const std::string& name, uint16_t type) {
    return FromSite(rfc, name, OV6_VERDICT_PASS_NOT_IPV6, Good().EtherType(type));
  };
  ov6_port_header forged = PortHeader(OV6_PORT_RESUBMIT_OUT, "lan");
  return {
      to("to the broadcast MAC", {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}),
      to("to all nodes' MAC", {0x33, 0x33, 0, 0, 0, 1}),
      to("to another host's MAC", kHost2Mac),
      to("to the MAC of our other device", kWanMac),
      to("to MAC zero", Mac{}),
      tagged("in VLAN 7", {0x81, 0, 0, 7}),
      tagged("with priority alone", {0x81, 0, 0xe0, 0}),
      tagged("in a provider's VLAN", {0x88, 0xa8, 0, 7}),
      tagged("in two VLANs", {0x88, 0xa8, 0, 7, 0x81, 0, 0, 8}),
      typed("RFC 2464 3", "IPv6 under the type of IPv4", 0x0800),
      typed("RFC 2464 3", "IPv6 under the type of ARP", 0x0806),
      typed("RFC 2464 3", "IPv6 in an 802.3 frame", 64),
      FromSite("RFC 2464 3", "a slave's frame, from a host", OV6_VERDICT_PASS_NOT_IPV6,
               FromHost().Port(forged).Raw(Bytes(64, 0x60))),
      FromSite("RFC 4213 3.6", "a tunnel packet, from a host", OV6_VERDICT_PASS_NOT_IPV6,
               FromHost().Ip4(kPeer, kWan).Ip6(kRemote, kHost).Udp(1, 2, 16)),
  };
}

}  // namespace

std::vector<Hostile> SiteHostiles() {
  std::vector<Hostile> rows;
  for (const auto& part :
       {Truncations(), Sources(), Destinations(), Extensions(), Errors(), Neighbours(), Frames()})
    rows.insert(rows.end(), part.begin(), part.end());
  return rows;
}

}  // namespace ov6::packet
