// SPDX-License-Identifier: Apache-2.0
// ICMPv4 errors about tunnel packets: whoever guesses what we sent could lower a path's MTU or cut a site
// off.
#include <algorithm>

#include "tests/hostile/hostile.h"

namespace ov6::packet {
namespace {

constexpr uint8_t kUnreachable = 3, kFragmentationNeeded = 4;
constexpr size_t kIcmp = 14 + 20;
const std::string kRouterOnTheWay = "192.0.2.254";

// What left in the tunnel for one of our hosts.
Frame Sent(const std::string& locator = kPeer, const std::string& to = kRemote,
           const std::string& from = kHost) {
  return ToPeer().Ip4(kWan, locator).DontFragment().Ip6(from, to).HopLimit(63).Udp(1000, 2000, 1432);
}
Bytes Quote(const Frame& sent, size_t length = 548) {
  const Bytes frame = sent.Done();
  return Bytes(frame.begin() + 14, frame.begin() + std::min(frame.size(), 14 + length));
}
Frame Error(const Bytes& quote, uint32_t word = 1400, uint8_t type = kUnreachable,
            uint8_t code = kFragmentationNeeded, const std::string& from = kRouterOnTheWay) {
  return FromPeer().Ip4(from, kWan).Icmp4(type, code, word, quote);
}

std::vector<Hostile> Lies() {
  constexpr auto kLie = OV6_VERDICT_DROP_ICMP4;
  const auto lie = [](const std::string& rfc, const std::string& name, const Frame& frame) {
    return FromUnderlay(rfc, "ICMPv4 " + name, kLie, frame);
  };
  return {
      lie("RFC 1191 4", "too big, the MTU no smaller than the packet", Error(Quote(Sent()), 1500)),
      lie("RFC 1191 4", "too big, MTU 65535", Error(Quote(Sent()), 65535)),
      lie("RFC 1191 3", "too big, MTU 67", Error(Quote(Sent()), 67)),
      lie("RFC 1191 3", "too big, MTU 1", Error(Quote(Sent()), 1)),
      lie("RFC 1191 4", "too big, about what might have been fragmented",
          Error(Quote(ToPeer().Ip4(kWan, kPeer).Ip6(kHost, kRemote).Udp(1, 2, 1432)))),
      lie("RFC 5927 7", "too big, about a packet to whom nothing is mapped",
          Error(Quote(Sent("198.51.100.66")))),
      lie("RFC 5927 7", "too big, about another peer's prefix", Error(Quote(Sent(kPeer, kRemoteUdp)))),
      lie("RFC 5927 7", "too big, about a prefix without a mapping", Error(Quote(Sent(kPeer, kUnmapped)))),
      lie("RFC 5927 7", "too big, 8 bytes about whom we never sent to", Error(Quote(Sent(kFarPeer), 28))),
      lie("RFC 5927 7", "too big, the quoted lengths contradict each other",
          Error(Quote(Sent().Patch(14 + 20 + 4, 1)))),
      lie("RFC 5927 7", "unreachable, about a packet to whom nothing is mapped",
          Error(Quote(Sent("198.51.100.66")), 0, kUnreachable, 1)),
      lie("RFC 5927 7", "unreachable about a packet that none of our hosts sent",
          Error(Quote(Sent(kPeer, kRemote, kUnmapped)), 0, kUnreachable, 1)),
      lie("RFC 5927 7", "time exceeded, about another peer's prefix",
          Error(Quote(Sent(kPeer, kRemoteUdp)), 0, 11, 0)),
  };
}

// None of our tunnels': the stack has sockets of its own.
std::vector<Hostile> Others() {
  const auto other = [](const std::string& rfc, const std::string& name, const Frame& frame) {
    return FromUnderlay(rfc, "ICMPv4 " + name, OV6_VERDICT_PASS_NOT_TUNNEL, frame);
  };
  const Bytes quote = Quote(Sent());
  return {
      other("RFC 792", "echo request", Error(quote, 0, 8, 0)),
      other("RFC 792", "redirect", Error(quote, 0, 5, 1)),
      other("RFC 6633 3", "source quench", Error(quote, 0, 4, 0)),
      other("RFC 792", "parameter problem", Error(quote, 0, 12, 0)),
      other("RFC 1122 3.2.2", "error about another's packet",
            Error(Quote(ToPeer().Ip4(kPeer, kWan).DontFragment().Ip6(kHost, kRemote).Udp(1, 2, 1432)))),
      other("RFC 1122 3.2.2", "error about TCP", Error(Quote(ToPeer().Ip4(kWan, kPeer).Tcp(1, 2, 100)))),
      other("RFC 1122 3.2.2", "error about a later fragment",
            Error(Quote(ToPeer().Ip4(kWan, kPeer).Fragment(8).Ip6(kHost, kRemote).Udp(1, 2, 1432)))),
      other("RFC 1122 3.2.2", "error that quotes nothing", Error({})),
      other("RFC 1122 3.2.2", "error that quotes half a header", Error(Quote(Sent(), 10))),
      other("RFC 1122 3.2.2", "error that quotes the outer header alone", Error(Quote(Sent(), 20))),
      other("RFC 1122 3.2.2", "error that quotes an IPv4 header of 0 words",
            Error(Quote(Sent().Patch(14, 0x40)))),
      other("RFC 792", "error with a wrong checksum",
            Error(quote).Patch(kIcmp + 2, 0xde).Patch(kIcmp + 3, 0xad)),
      other("RFC 792", "error that is cut", Error(quote).Cut(kIcmp + 4)),
      other("RFC 792", "error in a fragment",
            FromPeer()
                .Ip4(kRouterOnTheWay, kWan)
                .Fragment(0x2000)
                .Icmp4(kUnreachable, kFragmentationNeeded, 1400, quote)),
      other("RFC 792", "error to another router",
            FromPeer().Ip4(kRouterOnTheWay, kPeer).Icmp4(kUnreachable, kFragmentationNeeded, 1400, quote)),
  };
}

std::vector<Hostile> Martians() {
  std::vector<Hostile> rows;
  for (const char* from : {"127.0.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "198.51.100.1"})
    rows.push_back(FromUnderlay("RFC 1122 3.2.1.3", std::string("ICMPv4 too big from ") + from,
                                OV6_VERDICT_DROP_OUTER_SOURCE,
                                Error(Quote(Sent()), 1400, kUnreachable, kFragmentationNeeded, from)));
  return rows;
}

// Honest ones, to see that the lies could have been believed.
std::vector<Hostile> Truths() {
  return {
      FromUnderlay("RFC 1191 4", "ICMPv4 too big, honest", OV6_VERDICT_ANSWER_UNDERLAY, Error(Quote(Sent()))),
      FromUnderlay("RFC 2473 8.3", "ICMPv4 unreachable, honest", OV6_VERDICT_ANSWER_UNDERLAY,
                   Error(Quote(Sent()), 0, kUnreachable, 1)),
      FromUnderlay("RFC 1191 4", "ICMPv4 too big, honest, 8 bytes quoted", OV6_VERDICT_PASS_PATH_MTU,
                   Error(Quote(Sent(), 28))),
  };
}

}  // namespace

std::vector<Hostile> Icmp4Hostiles() {
  std::vector<Hostile> rows;
  for (const auto& part : {Lies(), Others(), Martians(), Truths()})
    rows.insert(rows.end(), part.begin(), part.end());
  return rows;
}

}  // namespace ov6::packet
