// SPDX-License-Identifier: Apache-2.0
// What slaves send, and what comes to the far end of their ports.
#include <arpa/inet.h>

#include "tests/packet/row.h"

namespace ov6::packet {
namespace {

Row Near(std::string name, std::function<void()> tables, std::function<Bytes()> frame, End end,
         ov6_verdict verdict, std::function<Bytes()> expected = nullptr) {
  return {std::move(name),     "port",     "port", std::move(tables), std::move(frame), end, verdict,
          std::move(expected), Hooks::kXdp};
}

Frame Slave(ov6_port_type type, const std::string& ingress) {
  return Frame(kPortMac, kFarMac).Port(PortHeader(type, ingress)).EtherType(OV6_ETH_P_PORT);
}
std::function<Bytes()> Out(const std::string& to, const std::string& from = kHost) {
  return [=] { return Slave(OV6_PORT_RESUBMIT_OUT, "lan").Ip6(from, to).Udp(1000, 2000, 100).Done(); };
}
std::function<Bytes()> In(const std::string& from, const std::string& to = kHost,
                          const std::string& outer = kPeer) {
  return [=] {
    return Slave(OV6_PORT_RESUBMIT_IN, "wan").Ip4(outer, kWan).Ip6(from, to).Udp(1000, 2000, 100).Done();
  };
}
std::function<Bytes()> Deliver(const std::string& to, const std::string& from = kRemote) {
  return [=] { return Slave(OV6_PORT_DELIVER, "lan").Ip6(from, to).Udp(1000, 2000, 100).Done(); };
}
std::function<Bytes()> Header(std::function<void(ov6_port_header&)> change) {
  return [=] {
    ov6_port_header header = PortHeader(OV6_PORT_RESUBMIT_OUT, "lan");
    change(header);
    return Frame(kPortMac, kFarMac).Port(header).EtherType(OV6_ETH_P_PORT).Ip6(kHost, kRemote).Echo(8).Done();
  };
}

Row Fragment() {
  return Near(
      "in, a fragment", nullptr,
      [] {
        return Slave(OV6_PORT_RESUBMIT_IN, "wan")
            .Ip4(kPeer, kWan)
            .Fragment(0x2000)
            .Ip6(kRemote, kHost)
            .Echo(8)
            .Done();
      },
      End::kDrop, OV6_VERDICT_DROP_OUTER_FRAGMENT);
}

void DaemonsPort() {
  ov6_device port = Device("port");
  port.slot = OV6_PORT_DAEMON;
  SetDevice("port", port);
}

// ov6d's own port: what comes without a reason comes for the first time, and may be verified.
Row Reassembled(std::string name, uint8_t reason, End end, ov6_verdict verdict) {
  return Near(
      std::move(name), DaemonsPort,
      [=] {
        ov6_port_header header = PortHeader(OV6_PORT_RESUBMIT_IN, "wan", reason);
        header.port = OV6_PORT_DAEMON, header.slave = 0;
        return Frame(kPortMac, kFarMac)
            .Port(header)
            .EtherType(OV6_ETH_P_PORT)
            .Ip4(kPeer, kWan)
            .Ip6(kUnmapped, kHost)
            .Echo(8)
            .Done();
      },
      end, verdict);
}

std::vector<Row> Outs() {
  return {
      Fragment(),
      Reassembled("in, reassembled, from an unknown source", 0, End::kPunt, OV6_VERDICT_PUNT_VERIFY),
      Reassembled("in, by ov6d for a slave elsewhere, still unknown", OV6_PUNT_VERIFY, End::kDrop,
                  OV6_VERDICT_DROP_PUNT_LOOP),
      Near("out, mapped by now", nullptr, Out(kRemote), End::kForward, OV6_VERDICT_TUNNEL,
           [] {
             return ToPeer()
                 .Ip4(kWan, kPeer)
                 .DontFragment()
                 .Ip6(kHost, kRemote)
                 .HopLimit(63)
                 .Udp(1000, 2000, 100)
                 .Done();
           }),
      Near(
          "out, mapped by now, and its source moved away meanwhile",
          [] { SetRoute("fd00:1:0:1::/64", OV6_ACTION_TUNNEL, kDht, OV6_ROUTE_RELAY); }, Out(kRemote),
          End::kForward, OV6_VERDICT_TUNNEL),
      Near("out, still unmapped", nullptr, Out(kUnmapped), End::kDrop, OV6_VERDICT_DROP_PUNT_LOOP),
      Near("out, still a route that takes all", nullptr, Out("2001:db8::1"), End::kDrop,
           OV6_VERDICT_DROP_PUNT_LOOP),
      Near(
          "out, negative by now", [] { SetNegative("fd00:9::/48", 0); }, Out(kUnmapped), End::kForward,
          OV6_VERDICT_ANSWER_UNREACHABLE,
          [] {
            const Bytes about = FromHost().Ip6(kHost, kUnmapped).Udp(1000, 2000, 100).Done();
            return ToHost().Ip6(kRouter, kHost).Icmp6(1, 0, 0, Bytes(about.begin() + 14, about.end())).Done();
          }),
      Near("out, source of no site", nullptr, Out(kRemote, "2001:db8::5"), End::kDrop,
           OV6_VERDICT_DROP_SITE_SOURCE),
      Near("out, link-local", nullptr, Out("fe80::1"), End::kDrop, OV6_VERDICT_DROP_PORT_STACK),
      Near("out, to the router", nullptr, Out(kRouter), End::kDrop, OV6_VERDICT_DROP_PORT_STACK),
      Near("out, to what passes", nullptr, Out("2001:db8:aaaa::1"), End::kDrop, OV6_VERDICT_DROP_PORT_STACK),
      Near(
          "out, from a device that is no site", nullptr,
          [] { return Slave(OV6_PORT_RESUBMIT_OUT, "wan").Ip6(kHost, kRemote).Echo(8).Done(); }, End::kDrop,
          OV6_VERDICT_DROP_PORT_HEADER),
      Near(
          "out, nothing in it", nullptr, [] { return Slave(OV6_PORT_RESUBMIT_OUT, "lan").Done(); },
          End::kDrop, OV6_VERDICT_DROP_MALFORMED),
  };
}

std::vector<Row> Ins() {
  return {
      Near("in, verified by now", nullptr, In(kRemote), End::kForward, OV6_VERDICT_SITE,
           [] { return ToHost().Ip6(kRemote, kHost).HopLimit(63).Udp(1000, 2000, 100).Done(); }),
      Near("in, mapped elsewhere", nullptr, In(kRemote, kHost, kFarPeer), End::kDrop,
           OV6_VERDICT_DROP_SOURCE_MISMATCH),
      Near(
          "in, from where its destination moved from", [] { SetMapping("fd00:1:0:1::/64", Former(kPeer)); },
          In(kUnmapped), End::kForward, OV6_VERDICT_SITE,
          [] { return ToHost().Ip6(kUnmapped, kHost).HopLimit(63).Udp(1000, 2000, 100).Done(); }),
      Near("in, still unmapped", nullptr, In(kUnmapped), End::kDrop, OV6_VERDICT_DROP_PUNT_LOOP),
      Near("in, source outside the slave's prefixes", nullptr, In("2001:db8::1"), End::kDrop,
           OV6_VERDICT_DROP_PORT_SLAVE),
      Near("in, outer source martian", nullptr, In(kRemote, kHost, "127.0.0.1"), End::kDrop,
           OV6_VERDICT_DROP_OUTER_SOURCE),
      Near(
          "in, not a tunnel packet", nullptr,
          [] { return Slave(OV6_PORT_RESUBMIT_IN, "wan").Ip4(kPeer, kWan).Tcp(1, 2, 3).Done(); }, End::kDrop,
          OV6_VERDICT_DROP_PORT_STACK),
      Near(
          "in, from a device that is no underlay", nullptr,
          [] {
            return Slave(OV6_PORT_RESUBMIT_IN, "lan").Ip4(kPeer, kWan).Ip6(kRemote, kHost).Echo(8).Done();
          },
          End::kDrop, OV6_VERDICT_DROP_PORT_HEADER),
      Near(
          "in, another slave's prefix by ov6d's own port",
          [] {
            ov6_device port = Device("port");
            port.slot = OV6_PORT_DAEMON;
            SetDevice("port", port);
            SetRoute("2001:db8:cccc::/48", OV6_ACTION_TUNNEL, kManagement);
            SetMapping("2001:db8:cccc::/48", Mapping(Locator(kPeer)));
          },
          In("2001:db8:cccc::1"), End::kForward, OV6_VERDICT_SITE),
  };
}

std::vector<Row> Delivers() {
  return {
      Near("deliver", nullptr, Deliver(kHost), End::kForward, OV6_VERDICT_SITE,
           [] { return ToHost().Ip6(kRemote, kHost).HopLimit(63).Udp(1000, 2000, 100).Done(); }),
      Near("deliver elsewhere than to a site", nullptr, Deliver(kRemoteUdp), End::kDrop,
           OV6_VERDICT_DROP_RELAY),
      Near("deliver to the router", nullptr, Deliver(kRouter), End::kDrop, OV6_VERDICT_DROP_PORT_STACK),
      Near("deliver from a martian", nullptr, Deliver(kHost, "fe80::1"), End::kDrop,
           OV6_VERDICT_DROP_INNER_SOURCE),
      Near(
          "deliver, hop limit 1", nullptr,
          [] { return Slave(OV6_PORT_DELIVER, "lan").Ip6(kRemote, kHost).HopLimit(1).Echo(8).Done(); },
          End::kDrop, OV6_VERDICT_DROP_HOP_LIMIT),
  };
}

std::vector<Row> Headers() {
  Row unmarked = Near("unmarked in TC", nullptr, Out(kRemote), End::kDrop, OV6_VERDICT_DROP_PORT_UNMARKED);
  unmarked.hooks = Hooks::kTc;
  return {
      unmarked,
      Near(
          "disabled", [] { SetEntry("config", uint32_t{0}, ov6_config{}); }, Out(kRemote), End::kDrop,
          OV6_VERDICT_DROP_PORT_DISABLED),
      Near(
          "bare IPv6", nullptr, [] { return Frame(kPortMac, kFarMac).Ip6(kHost, kRemote).Echo(8).Done(); },
          End::kDrop, OV6_VERDICT_DROP_PORT_HEADER),
      Near(
          "short", nullptr, [] { return Slave(OV6_PORT_DELIVER, "lan").Cut(29).Done(); }, End::kDrop,
          OV6_VERDICT_DROP_PORT_HEADER),
      Near("version", nullptr, Header([](auto& h) { h.version = 9; }), End::kDrop,
           OV6_VERDICT_DROP_PORT_HEADER),
      Near("type", nullptr, Header([](auto& h) { h.type = OV6_PORT_PUNT; }), End::kDrop,
           OV6_VERDICT_DROP_PORT_HEADER),
      Near("type unknown", nullptr, Header([](auto& h) { h.type = 19; }), End::kDrop,
           OV6_VERDICT_DROP_PORT_HEADER),
      Near("another's port", nullptr, Header([](auto& h) { h.port = htons(kManagementSlot); }), End::kDrop,
           OV6_VERDICT_DROP_PORT_SLAVE),
      Near("another slave", nullptr, Header([](auto& h) { h.slave = htonl(kManagement); }), End::kDrop,
           OV6_VERDICT_DROP_PORT_SLAVE),
      Near("unknown slave", nullptr, Header([](auto& h) { h.slave = htonl(99); }), End::kDrop,
           OV6_VERDICT_DROP_PORT_SLAVE),
  };
}

std::vector<Row> Fars() {
  auto punt = [] {
    return Frame(kFarMac, kPortMac).Port(PortHeader(OV6_PORT_PUNT, "lan")).EtherType(OV6_ETH_P_PORT);
  };
  Row socket = Near(
      "no socket", nullptr, [=] { return punt().Ip6(kHost, kUnmapped).Echo(8).Done(); }, End::kDrop,
      OV6_VERDICT_DROP_PORT_SOCKET);
  Row carried = Near(
      "no socket of ov6d's", nullptr,
      [] {
        return Frame(kFarMac, kPortMac)
            .Port(PortHeader(OV6_PORT_CARRY, "lan"))
            .EtherType(OV6_ETH_P_PORT)
            .Done();
      },
      End::kDrop, OV6_VERDICT_DROP_PORT_SOCKET);
  Row strange = Near("not a punt", nullptr, Out(kRemote), End::kDrop, OV6_VERDICT_DROP_PORT_HEADER);
  socket.door = carried.door = strange.door = "far";
  return {socket, carried, strange};
}

}  // namespace

const std::vector<Row>& PortRows() {
  static const std::vector<Row>* rows = [] {
    auto* all = new std::vector<Row>;
    for (auto part : {Outs(), Ins(), Delivers(), Headers(), Fars()})
      all->insert(all->end(), part.begin(), part.end());
    return all;
  }();
  return *rows;
}

}  // namespace ov6::packet
