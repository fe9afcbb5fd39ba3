// SPDX-License-Identifier: Apache-2.0
// The outer headers: IPv4, UDP, GUE, and the frame around them.
#include "tests/hostile/hostile.h"

namespace ov6::packet {
namespace {

constexpr size_t kIp = 14, kUdp = 34;  // where the headers start

Frame Sit(const std::string& source = kPeer, const std::string& destination = kWan) {
  return FromPeer().Ip4(source, destination);
}
// A good inner packet behind what was written so far.
Frame Whole(Frame frame) { return frame.Ip6(kRemote, kHost).Udp(1000, 2000, 16); }
Frame WholeUdp(Frame frame) {
  return frame.Gue(50000, OV6_UDP_PORT).Ip6(kRemoteUdp, kHost).Udp(1000, 2000, 16);
}
Frame Gue(const Bytes& payload) { return Sit(kFarPeer).Gue(50000, OV6_UDP_PORT).Raw(payload); }

// What is cut off there may have been anything; what was said before is a lie.
std::vector<Hostile> Truncations() {
  const std::string rfc = "RFC 1122 3.2.1";
  return {
      FromUnderlay(rfc, "nothing behind the Ethernet header", OV6_VERDICT_PASS_NOT_TUNNEL,
                   Whole(Sit()).Cut(kIp)),
      FromUnderlay(rfc, "one byte of IPv4", OV6_VERDICT_PASS_NOT_TUNNEL, Whole(Sit()).Cut(kIp + 1)),
      FromUnderlay(rfc, "19 bytes of IPv4", OV6_VERDICT_PASS_NOT_TUNNEL, Whole(Sit()).Cut(kIp + 19)),
      FromUnderlay(rfc, "the frame ends behind the outer header", OV6_VERDICT_DROP_MALFORMED,
                   Whole(Sit()).Cut(kIp + 20)),
      FromUnderlay(rfc, "the frame ends within the outer options", OV6_VERDICT_DROP_MALFORMED,
                   Whole(Sit().Options(10)).Cut(kIp + 40)),
      FromUnderlay(rfc, "the frame ends within the inner header", OV6_VERDICT_DROP_MALFORMED,
                   Whole(Sit()).Cut(kIp + 59)),
      FromUnderlay(rfc, "the frame ends behind the inner header", OV6_VERDICT_DROP_MALFORMED,
                   Whole(Sit()).Cut(kIp + 60)),
      FromUnderlay(rfc, "the frame ends one byte early", OV6_VERDICT_DROP_MALFORMED,
                   Whole(Sit()).Cut(kIp + 20 + 40 + 8 + 15)),
      FromUnderlay("RFC 4213 3.6", "a tunnel packet with nothing in it", OV6_VERDICT_DROP_MALFORMED,
                   Sit().Protocol(41).Raw({})),
      FromUnderlay("RFC 4213 3.6", "a tunnel packet with one byte in it", OV6_VERDICT_DROP_MALFORMED,
                   Sit().Protocol(41).Raw({0x60})),
      FromUnderlay("RFC 4213 3.6", "39 bytes of inner header", OV6_VERDICT_DROP_MALFORMED,
                   Sit().Protocol(41).Raw(Bytes(39, 0x60))),
      FromUnderlay("RFC 768", "the frame ends within the UDP header", OV6_VERDICT_PASS_NOT_TUNNEL,
                   WholeUdp(Sit(kFarPeer)).Cut(kUdp + 4)),
      FromUnderlay("RFC 768", "a datagram with nothing in it", OV6_VERDICT_DROP_MALFORMED, Gue({})),
      FromUnderlay("RFC 768", "a datagram with nothing in it, in a padded frame", OV6_VERDICT_DROP_MALFORMED,
                   Gue({}).Pad(60)),
      FromUnderlay("RFC 768", "a datagram with one byte of IPv6", OV6_VERDICT_DROP_MALFORMED, Gue({0x60})),
      FromUnderlay("RFC 768", "a datagram with half an IPv6 header", OV6_VERDICT_DROP_MALFORMED,
                   Gue(Bytes(20, 0x60))),
  };
}

std::vector<Hostile> Fields() {
  const auto sit = [] { return Whole(Sit()); };
  return {
      FromUnderlay("RFC 1122 3.2.1.1", "outer version 5", OV6_VERDICT_PASS_NOT_TUNNEL,
                   sit().Patch(kIp, 0x55)),
      FromUnderlay("RFC 1122 3.2.1.1", "outer version 6 under the type of IPv4", OV6_VERDICT_PASS_NOT_TUNNEL,
                   sit().Patch(kIp, 0x65)),
      FromUnderlay("RFC 1122 3.2.1.1", "outer version 0", OV6_VERDICT_PASS_NOT_TUNNEL,
                   sit().Patch(kIp, 0x05)),
      FromUnderlay("RFC 791 3.1", "header of 0 words", OV6_VERDICT_PASS_NOT_TUNNEL, sit().Patch(kIp, 0x40)),
      FromUnderlay("RFC 791 3.1", "header of 4 words", OV6_VERDICT_PASS_NOT_TUNNEL, sit().Patch(kIp, 0x44)),
      FromUnderlay("RFC 791 3.1", "header of 15 words where there are 5", OV6_VERDICT_DROP_MALFORMED,
                   sit().Patch(kIp, 0x4f)),
      FromUnderlay("RFC 791 3.1", "total length 0", OV6_VERDICT_DROP_MALFORMED,
                   sit().Patch(kIp + 2, 0).Patch(kIp + 3, 0)),
      FromUnderlay("RFC 791 3.1", "total length 19", OV6_VERDICT_DROP_MALFORMED,
                   sit().Patch(kIp + 2, 0).Patch(kIp + 3, 19)),
      FromUnderlay("RFC 791 3.1", "total length 65535", OV6_VERDICT_DROP_MALFORMED,
                   sit().Patch(kIp + 2, 0xff).Patch(kIp + 3, 0xff)),
      FromUnderlay("RFC 791 3.1", "total length one more than there is", OV6_VERDICT_DROP_MALFORMED,
                   sit().Patch(kIp + 3, 20 + 40 + 8 + 16 + 1)),
      FromUnderlay("RFC 1122 3.2.1.2", "header checksum off by one", OV6_VERDICT_DROP_MALFORMED,
                   sit().Patch(kIp + 11, sit().Done()[kIp + 11] + 1)),
      FromUnderlay("RFC 1122 3.2.1.2", "header checksum 0", OV6_VERDICT_DROP_MALFORMED,
                   sit().Patch(kIp + 10, 0).Patch(kIp + 11, 0)),
      FromUnderlay("RFC 1122 3.2.1.2", "header checksum 0xffff", OV6_VERDICT_DROP_MALFORMED,
                   sit().Patch(kIp + 10, 0xff).Patch(kIp + 11, 0xff)),
      FromUnderlay("RFC 1122 3.2.1.2", "an option changed after the checksum", OV6_VERDICT_DROP_MALFORMED,
                   Whole(Sit().Options(2)).Patch(kIp + 25, 0x44)),
      FromUnderlay("RFC 1122 3.2.1.2", "UDP, header checksum off by one", OV6_VERDICT_DROP_MALFORMED,
                   WholeUdp(Sit(kFarPeer)).Patch(kIp + 11, WholeUdp(Sit(kFarPeer)).Done()[kIp + 11] + 1)),
  };
}

std::vector<Hostile> Sources() {
  std::vector<Hostile> rows;
  for (const char* source :
       {"0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.255.254", "169.254.1.1", "169.254.255.255", "224.0.0.1",
        "239.255.255.255", "240.0.0.1", "255.255.255.255"}) {
    rows.push_back(FromUnderlay("RFC 4213 3.6", std::string("6in4 from ") + source,
                                OV6_VERDICT_DROP_OUTER_SOURCE, Whole(Sit(source))));
    rows.push_back(FromUnderlay("RFC 1812 5.3.7", std::string("UDP from ") + source,
                                OV6_VERDICT_DROP_OUTER_SOURCE, WholeUdp(Sit(source))));
  }
  rows.push_back(FromUnderlay("RFC 1122 3.2.1.3", "6in4 from our own address", OV6_VERDICT_DROP_OUTER_SOURCE,
                              Whole(Sit(kWan))));
  rows.push_back(FromUnderlay("RFC 1122 3.2.1.3", "UDP from our own address", OV6_VERDICT_DROP_OUTER_SOURCE,
                              WholeUdp(Sit(kWan))));
  return rows;
}

// Not addressed to us: none of ours, whatever is in it.
std::vector<Hostile> Destinations() {
  std::vector<Hostile> rows;
  for (const char* to : {"255.255.255.255", "198.51.100.255", "198.51.100.0", "224.0.0.1", "127.0.0.1",
                         "0.0.0.0", "198.51.100.2"}) {
    rows.push_back(FromUnderlay("RFC 4213 3.6", std::string("6in4 to ") + to, OV6_VERDICT_PASS_NOT_TUNNEL,
                                Whole(Sit(kPeer, to))));
    rows.push_back(FromUnderlay("RFC 4213 3.6", std::string("UDP to ") + to, OV6_VERDICT_PASS_NOT_TUNNEL,
                                WholeUdp(Sit(kFarPeer, to))));
  }
  return rows;
}

// All of one datagram or nothing: the kernel puts them together.
std::vector<Hostile> Fragments() {
  constexpr uint16_t kMore = 0x2000, kDont = 0x4000;
  const auto fragment = [](const std::string& name, uint16_t field,
                           ov6_verdict verdict = OV6_VERDICT_PASS_FRAGMENT) {
    return FromUnderlay("RFC 4213 3.5", name, verdict, Whole(Sit().Fragment(field)));
  };
  return {
      fragment("6in4, first fragment", kMore),
      fragment("6in4, fragment in the middle", kMore | 8),
      fragment("6in4, last fragment", 8),
      fragment("6in4, last fragment at the highest offset", 0x1fff),
      fragment("6in4, first fragment that must not be one", kMore | kDont),
      fragment("6in4, a fragment over the first one's bytes", kMore | 1),
      FromUnderlay("RFC 1858 3", "6in4, tiny first fragment", OV6_VERDICT_PASS_FRAGMENT,
                   Sit().Fragment(kMore).Protocol(41).Raw(Bytes(8, 0x60))),
      FromUnderlay("RFC 1858 4", "6in4, overlapping fragment of 8 bytes", OV6_VERDICT_PASS_FRAGMENT,
                   Sit().Fragment(1).Protocol(41).Raw(Bytes(8, 0x60))),
      FromUnderlay("RFC 4213 3.5", "UDP, first fragment", OV6_VERDICT_PASS_FRAGMENT,
                   WholeUdp(Sit(kFarPeer).Fragment(kMore))),
      FromUnderlay("RFC 791 2.3", "the reserved flag does not make a fragment", OV6_VERDICT_SITE,
                   Whole(Sit().Fragment(0x8000))),
  };
}

// draft-ietf-intarea-gue-09 section 3: the first two bits are the variant.
std::vector<Hostile> Variants() {
  const auto gue = [](const std::string& name, uint8_t first) {
    Bytes payload(44, 0);
    payload[0] = first;
    return FromUnderlay("GUE 09 3", name, OV6_VERDICT_PASS_GUE, Gue(payload));
  };
  return {gue("variant 0, data", 0x00),
          gue("variant 0, control", 0x20),
          gue("variant 0 with private data", 0x1f),
          gue("variant 1, IPv4", 0x45),
          gue("variant 1, version 5", 0x50),
          gue("variant 1, version 7", 0x70),
          gue("variant 2", 0x80),
          gue("variant 3", 0xc0)};
}

// With its pseudo-header (RFC 768); `off` is added to the right one.
Frame Summed(uint16_t off, uint8_t damage = 0) {
  Bytes frame = WholeUdp(Sit(kFarPeer)).Done();
  const size_t length = frame.size() - kUdp;
  Bytes sum(frame.begin() + kIp + 12, frame.begin() + kIp + 20);
  sum.insert(sum.end(), {0, 17, uint8_t(length >> 8), uint8_t(length)});
  sum.insert(sum.end(), frame.begin() + kUdp, frame.end());
  const uint16_t right = Checksum(sum) + off;
  return WholeUdp(Sit(kFarPeer))
      .Patch(kUdp + 6, right >> 8)
      .Patch(kUdp + 7, right)
      .Patch(frame.size() - 1, frame.back() ^ damage);
}

std::vector<Hostile> Datagrams() {
  const auto udp = [] { return WholeUdp(Sit(kFarPeer)); };
  return {
      FromUnderlay("RFC 768", "a right UDP checksum", OV6_VERDICT_SITE, Summed(0)),
      FromUnderlay("RFC 768", "UDP checksum off by one", OV6_VERDICT_DROP_UDP_CHECKSUM, Summed(1)),
      FromUnderlay("RFC 768", "UDP checksum of another payload", OV6_VERDICT_DROP_UDP_CHECKSUM,
                   Summed(0, 0x80)),
      FromUnderlay("RFC 768", "UDP checksum with its bytes swapped", OV6_VERDICT_DROP_UDP_CHECKSUM,
                   Summed(0x0101)),
      FromUnderlay("RFC 768", "UDP length 0", OV6_VERDICT_DROP_MALFORMED, udp().Patch(kUdp + 5, 0)),
      FromUnderlay("RFC 768", "UDP length 7", OV6_VERDICT_DROP_MALFORMED, udp().Patch(kUdp + 5, 7)),
      FromUnderlay("RFC 768", "UDP length of the header alone", OV6_VERDICT_DROP_MALFORMED,
                   udp().Patch(kUdp + 5, 8)),
      FromUnderlay("RFC 768", "UDP length one less than the inner packet takes", OV6_VERDICT_DROP_MALFORMED,
                   udp().Patch(kUdp + 5, 8 + 40 + 8 + 15)),
      FromUnderlay("RFC 768", "UDP length one more than there is", OV6_VERDICT_DROP_MALFORMED,
                   udp().Patch(kUdp + 5, 8 + 40 + 8 + 17)),
      FromUnderlay("RFC 768", "UDP length 65535", OV6_VERDICT_DROP_MALFORMED,
                   udp().Patch(kUdp + 4, 0xff).Patch(kUdp + 5, 0xff)),
  };
}

std::vector<Hostile> OtherProtocols() {
  const auto carries = [](const std::string& name, uint8_t protocol) {
    return FromUnderlay("RFC 4213 3.6", name, OV6_VERDICT_PASS_NOT_TUNNEL,
                        Sit().Protocol(protocol).Raw(Bytes(48, 0x60)));
  };
  return {
      carries("IPv4 in IPv4", 4),
      carries("GRE", 47),
      carries("ESP", 50),
      carries("protocol 0", 0),
      carries("protocol 255", 255),
      FromUnderlay("RFC 768", "IPv6 in UDP to another port", OV6_VERDICT_PASS_NOT_TUNNEL,
                   Sit(kFarPeer).Gue(OV6_UDP_PORT, 5555).Ip6(kRemoteUdp, kHost).Echo(8)),
      FromUnderlay("RFC 768", "IPv6 in UDP to port 0", OV6_VERDICT_PASS_NOT_TUNNEL,
                   Sit(kFarPeer).Gue(OV6_UDP_PORT, 0).Ip6(kRemoteUdp, kHost).Echo(8)),
      FromUnderlay("RFC 768", "the port's number with its bytes swapped", OV6_VERDICT_PASS_NOT_TUNNEL,
                   Sit(kFarPeer).Gue(50000, 0xc017).Ip6(kRemoteUdp, kHost).Echo(8)),
  };
}

Frame To(const Mac& mac) { return Frame(mac, kPeerMac).Ip4(kPeer, kWan); }

std::vector<Hostile> Frames() {
  const auto tagged = [](const std::string& name, Bytes tag) {
    const Bytes whole = Whole(Sit()).Done();
    tag.insert(tag.end(), whole.begin() + 12, whole.end());
    const uint16_t type = tag[0] << 8 | tag[1];
    return FromUnderlay("IEEE 802.1Q 9", name, OV6_VERDICT_PASS_VLAN,
                        FromPeer().EtherType(type).Raw(Bytes(tag.begin() + 2, tag.end())));
  };
  const auto typed = [](const std::string& rfc, const std::string& name, uint16_t type) {
    return FromUnderlay(rfc, name, OV6_VERDICT_PASS_NOT_IPV6, Whole(Sit()).EtherType(type));
  };
  return {
      FromUnderlay("RFC 1812 5.3.4", "6in4 to the broadcast MAC", OV6_VERDICT_PASS_OTHER_MAC,
                   Whole(To({0xff, 0xff, 0xff, 0xff, 0xff, 0xff}))),
      FromUnderlay("RFC 1812 5.3.4", "6in4 to a multicast MAC", OV6_VERDICT_PASS_OTHER_MAC,
                   Whole(To({0x01, 0, 0x5e, 0, 0, 1}))),
      FromUnderlay("RFC 1812 5.3.4", "6in4 to another's MAC", OV6_VERDICT_PASS_OTHER_MAC,
                   Whole(To(kGatewayMac))),
      FromUnderlay("RFC 1812 5.3.4", "6in4 to the MAC of our other device", OV6_VERDICT_PASS_OTHER_MAC,
                   Whole(To(kLanMac))),
      FromUnderlay("RFC 1812 5.3.4", "6in4 to MAC zero", OV6_VERDICT_PASS_OTHER_MAC, Whole(To(Mac{}))),
      tagged("6in4 in VLAN 7", {0x81, 0, 0, 7}),
      tagged("6in4 with priority alone", {0x81, 0, 0xe0, 0}),
      tagged("6in4 in a provider's VLAN", {0x88, 0xa8, 0, 7}),
      tagged("6in4 in two VLANs", {0x88, 0xa8, 0, 7, 0x81, 0, 0, 8}),
      typed("RFC 894", "a tunnel packet under the type of IPv6", 0x86dd),
      typed("RFC 894", "a tunnel packet under the type of ARP", 0x0806),
      typed("RFC 3032 5", "a tunnel packet under the type of MPLS", 0x8847),
      typed("RFC 894", "a tunnel packet in an 802.3 frame", 60),
      typed("RFC 894", "a tunnel packet under the type of slave ports", OV6_ETH_P_PORT),
  };
}

}  // namespace

std::vector<Hostile> OuterHostiles() {
  std::vector<Hostile> rows;
  for (const auto& part : {Truncations(), Fields(), Sources(), Destinations(), Fragments(), Variants(),
                           Datagrams(), OtherProtocols(), Frames()})
    rows.insert(rows.end(), part.begin(), part.end());
  return rows;
}

}  // namespace ov6::packet
