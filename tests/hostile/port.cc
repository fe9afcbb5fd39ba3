// SPDX-License-Identifier: Apache-2.0
// What a slave may send at its port that it should not: it is not trusted.
#include <arpa/inet.h>

#include "tests/hostile/hostile.h"

namespace ov6::packet {
namespace {

// `inner` is written behind the port header, which `change` may falsify.
Hostile FromSlave(std::string name, ov6_verdict verdict, ov6_port_type type, std::string ingress,
                  std::function<void(ov6_port_header&)> change, std::function<void(Frame&)> inner) {
  return {"abi/port.h", std::move(name), "port", "port", verdict, [=] {
            ov6_port_header header = PortHeader(type, ingress);
            if (change) change(header);
            Frame frame = Frame(kPortMac, kFarMac).Port(header).EtherType(OV6_ETH_P_PORT);
            inner(frame);
            return frame.Done();
          }};
}

void Out(Frame& frame) { frame.Ip6(kHost, kRemote).Udp(1000, 2000, 16); }

Hostile Header(std::string name, ov6_verdict verdict, std::function<void(ov6_port_header&)> change) {
  return FromSlave(std::move(name), verdict, OV6_PORT_RESUBMIT_OUT, "lan", std::move(change), Out);
}

std::vector<Hostile> Headers() {
  constexpr auto kBad = OV6_VERDICT_DROP_PORT_HEADER, kNotIts = OV6_VERDICT_DROP_PORT_SLAVE;
  const auto typed = [](const std::string& name, uint8_t type) {
    return Header(name, kBad, [type](ov6_port_header& h) { h.type = type; });
  };
  return {
      Header("header version 0", kBad, [](ov6_port_header& h) { h.version = 0; }),
      Header("header version 2", kBad, [](ov6_port_header& h) { h.version = 2; }),
      typed("type 0", 0),
      typed("a punt, which only the datapath makes", OV6_PORT_PUNT),
      typed("type 15", 15),
      typed("type 19", 19),
      typed("type 255", 255),
      Header("another slave's slot", kNotIts, [](ov6_port_header& h) { h.port = htons(kManagementSlot); }),
      Header("the daemon's slot", kNotIts, [](ov6_port_header& h) { h.port = htons(OV6_PORT_DAEMON); }),
      Header("no slot", kNotIts, [](ov6_port_header& h) { h.port = htons(OV6_PORT_NONE); }),
      Header("another slave's id", kNotIts, [](ov6_port_header& h) { h.slave = htonl(kManagement); }),
      Header("the operator's id", kNotIts, [](ov6_port_header& h) { h.slave = htonl(OV6_SLAVE_OPERATOR); }),
      Header("an id that nobody has", kNotIts, [](ov6_port_header& h) { h.slave = htonl(0xfffffffe); }),
      Header("a device that is not there", kBad, [](ov6_port_header& h) { h.ingress = htonl(9999); }),
      Header("a device that is no site", kBad, [](ov6_port_header& h) { h.ingress = htonl(Ifindex("wan")); }),
      Header("the slave's own port as device", kBad,
             [](ov6_port_header& h) { h.ingress = htonl(Ifindex("port")); }),
      FromSlave("no underlay, but from the underlay", kBad, OV6_PORT_RESUBMIT_IN, "lan", nullptr,
                [](Frame& f) { f.Ip4(kPeer, kWan).Ip6(kRemote, kHost).Udp(1, 2, 16); }),
      FromSlave("a frame of another type", kBad, OV6_PORT_RESUBMIT_OUT, "lan", nullptr,
                [](Frame& f) { f.Ip6(kHost, kRemote).Udp(1, 2, 16).EtherType(0x86dd); }),
      FromSlave("half a header", kBad, OV6_PORT_RESUBMIT_OUT, "lan", nullptr,
                [](Frame& f) { f.Cut(14 + 8); }),
      FromSlave("a header and nothing behind it", OV6_VERDICT_DROP_MALFORMED, OV6_PORT_RESUBMIT_OUT, "lan",
                nullptr, [](Frame&) {}),
      FromSlave("half an IPv6 header", OV6_VERDICT_DROP_MALFORMED, OV6_PORT_RESUBMIT_OUT, "lan", nullptr,
                [](Frame& f) { Out(f), f.Cut(14 + 16 + 20); }),
  };
}

std::vector<Hostile> Outs() {
  const auto out = [](const std::string& name, ov6_verdict verdict, const std::string& source,
                      const std::string& destination) {
    return FromSlave("out, " + name, verdict, OV6_PORT_RESUBMIT_OUT, "lan", nullptr,
                     [=](Frame& f) { f.Ip6(source, destination).Udp(1000, 2000, 16); });
  };
  constexpr auto kStack = OV6_VERDICT_DROP_PORT_STACK;
  return {
      out("which still has no mapping", OV6_VERDICT_DROP_PUNT_LOOP, kHost, kUnmapped),
      out("from a multicast source", OV6_VERDICT_DROP_SITE_SOURCE, "ff02::1", kRemote),
      out("from loopback", OV6_VERDICT_DROP_SITE_SOURCE, "::1", kRemote),
      out("for the router", kStack, kHost, kRouter),
      out("for all nodes of the link", kStack, kHost, "ff02::1"),
      out("from a link-local source", kStack, "fe80::1", kRemote),
  };
}

std::vector<Hostile> Ins() {
  const auto in = [](const std::string& name, ov6_verdict verdict, const std::string& outer,
                     const std::string& source, const std::string& destination = kHost) {
    return FromSlave("in, " + name, verdict, OV6_PORT_RESUBMIT_IN, "wan", nullptr,
                     [=](Frame& f) { f.Ip4(outer, kWan).Ip6(source, destination).Udp(1, 2, 16); });
  };
  return {
      in("an inner source outside its prefixes", OV6_VERDICT_DROP_PORT_SLAVE, kPeer, "2001:db8::1"),
      in("an outer source that is loopback", OV6_VERDICT_DROP_OUTER_SOURCE, "127.0.0.1", kRemote),
      in("an outer source that is ourselves", OV6_VERDICT_DROP_OUTER_SOURCE, kWan, kRemote),
      in("a source that it did not map", OV6_VERDICT_DROP_PUNT_LOOP, kPeer, kUnmapped),
      in("a source that it mapped elsewhere", OV6_VERDICT_DROP_SOURCE_MISMATCH, kFarPeer, kRemote),
      in("an inner source of our own site", OV6_VERDICT_DROP_INNER_SOURCE, kPeer, kHost),
      in("an inner destination of another site", OV6_VERDICT_DROP_RELAY, kPeer, kRemote, kRemoteUdp),
      FromSlave("in, no tunnel packet", OV6_VERDICT_DROP_PORT_STACK, OV6_PORT_RESUBMIT_IN, "wan", nullptr,
                [](Frame& f) { f.Ip4(kPeer, kWan).Udp(1, 53, 16); }),
      FromSlave("in, for another router", OV6_VERDICT_DROP_PORT_STACK, OV6_PORT_RESUBMIT_IN, "wan", nullptr,
                [](Frame& f) { f.Ip4(kPeer, kFarPeer).Ip6(kRemote, kHost).Udp(1, 2, 16); }),
      FromSlave("in, a fragment", OV6_VERDICT_DROP_OUTER_FRAGMENT, OV6_PORT_RESUBMIT_IN, "wan", nullptr,
                [](Frame& f) { f.Ip4(kPeer, kWan).Fragment(0x2000).Ip6(kRemote, kHost).Udp(1, 2, 16); }),
      FromSlave("in, not-ECT inside congestion experienced", OV6_VERDICT_DROP_ECN, OV6_PORT_RESUBMIT_IN,
                "wan", nullptr,
                [](Frame& f) { f.Ip4(kPeer, kWan).Ecn(3).Ip6(kRemote, kHost).Udp(1, 2, 16); }),
      FromSlave("in, nothing but the outer header", OV6_VERDICT_DROP_MALFORMED, OV6_PORT_RESUBMIT_IN, "wan",
                nullptr, [](Frame& f) { f.Ip4(kPeer, kWan).Protocol(41).Raw({}); }),
  };
}

std::vector<Hostile> Deliveries() {
  const auto deliver = [](const std::string& name, ov6_verdict verdict, const std::string& source,
                          const std::string& destination) {
    return FromSlave("deliver " + name, verdict, OV6_PORT_DELIVER, "lan", nullptr,
                     [=](Frame& f) { f.Ip6(source, destination).Udp(1, 2, 16); });
  };
  return {
      deliver("to another site", OV6_VERDICT_DROP_RELAY, kRemote, kRemoteUdp),
      deliver("to all nodes of the link", OV6_VERDICT_DROP_RELAY, kRemote, "ff02::1"),
      deliver("to the router", OV6_VERDICT_DROP_PORT_STACK, kRemote, kRouter),
      deliver("from link-local", OV6_VERDICT_DROP_INNER_SOURCE, "fe80::1", kHost),
      deliver("from loopback", OV6_VERDICT_DROP_INNER_SOURCE, "::1", kHost),
      deliver("from multicast", OV6_VERDICT_DROP_INNER_SOURCE, "ff02::1", kHost),
      FromSlave("deliver at the last hop", OV6_VERDICT_DROP_HOP_LIMIT, OV6_PORT_DELIVER, "lan", nullptr,
                [](Frame& f) { f.Ip6(kRemote, kHost).HopLimit(1).Udp(1, 2, 16); }),
  };
}

}  // namespace

std::vector<Hostile> PortHostiles() {
  std::vector<Hostile> rows;
  for (const auto& part : {Headers(), Outs(), Ins(), Deliveries()})
    rows.insert(rows.end(), part.begin(), part.end());
  return rows;
}

}  // namespace ov6::packet
