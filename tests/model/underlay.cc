// SPDX-License-Identifier: Apache-2.0
// Where a packet goes that came out of a tunnel.
#include "tests/model/walk.h"

namespace ov6::model {
namespace {

constexpr uint8_t kNoRoute = 0;  // RFC 4443 section 3.1

enum Ecn : uint8_t { kNotEct = 0, kEct1 = 1, kEct0 = 2, kCe = 3 };

// RFC 6040 section 4.2, figure 4; rows are the inner field, columns the outer one. -1: drop.
constexpr int kDecapsulatedEcn[4][4] = {
    //          outer Not-ECT  ECT(1)   ECT(0)   CE
    /*Not-ECT*/ {kNotEct, kNotEct, kNotEct, -1},
    /*ECT(1)*/ {kEct1, kEct1, kEct1, kCe},
    /*ECT(0)*/ {kEct0, kEct1, kEct0, kCe},
    /*CE*/ {kCe, kCe, kCe, kCe},
};

}  // namespace

Outcome Walk::FromUnderlay() {
  const ov6_route* source = Longest(tables_.routes, ip6_.source);
  const ov6_route* route = Longest(tables_.routes, ip6_.destination);
  // RFC 4213 section 3.6: no martian, and nobody outside sends from inside. A site of ours that is elsewhere
  // may have a direct path to here.
  const bool inside = ActionOf(source) == OV6_ACTION_SITE && (source->flags & OV6_ROUTE_DIRECT) == 0;
  if (IsMartian(ip6_.source) || inside || ActionOf(source) == OV6_ACTION_REJECT)
    return Drop(OV6_VERDICT_DROP_INNER_SOURCE);
  if (const auto verdict = GoesNowhere(route)) {
    // A known peer hears that nobody has the address.
    if (*verdict == OV6_VERDICT_DROP_SITE_REJECT && IsKnownSource()) return Unreachable(kNoRoute, *verdict);
    return Drop(*verdict);
  }
  if (const auto end = Verify(source, *route)) return *end;
  const int ecn = kDecapsulatedEcn[ip6_.ecn][outer_ecn_];
  if (ecn < 0) return Drop(OV6_VERDICT_DROP_ECN);
  packet_[1] = uint8_t((packet_[1] & 0xcf) | ecn << 4);
  ip6_.ecn = uint8_t(ecn);

  if (ov6_mapping* mapping = TunnelFor(*route)) return Relay(*route, *mapping);
  switch (route->action) {
    case OV6_ACTION_SITE:
      return Deliver(OV6_VERDICT_SITE);
    case OV6_ACTION_TUNNEL:
      return Drop(OV6_VERDICT_DROP_RELAY);
    default:
      if (const ov6_negative* negative = FindNegative(tables_, ip6_.destination, in_.now))
        return Unreachable(negative->icmp_code, OV6_VERDICT_DROP_NEGATIVE);
      return PuntByRoute(*route);
  }
}

// What would not be sent on need not be verified. RFC 6324 section 3: from a tunnel into a tunnel only
// where a slave set the route up so, and never by the kernel's own routes.
std::optional<ov6_verdict> Walk::GoesNowhere(const ov6_route* route) const {
  if (IsMartian(ip6_.destination)) return OV6_VERDICT_DROP_INNER_DESTINATION;
  if (route == nullptr) return OV6_VERDICT_DROP_NO_ROUTE;
  switch (route->action) {
    case OV6_ACTION_SITE:
      return std::nullopt;
    case OV6_ACTION_PORT:  // nor by a router that has direct paths itself
      if ((route->flags & OV6_ROUTE_DIRECT) == 0) return std::nullopt;
      return OV6_VERDICT_DROP_RELAY;
    case OV6_ACTION_TUNNEL:
      if ((route->flags & OV6_ROUTE_RELAY) != 0) return std::nullopt;
      return OV6_VERDICT_DROP_RELAY;
    case OV6_ACTION_PASS:
      return OV6_VERDICT_DROP_RELAY;
    case OV6_ACTION_REJECT:
      return OV6_VERDICT_DROP_SITE_REJECT;
    default:
      return OV6_VERDICT_DROP_ROUTE_EMPTY;
  }
}

// RFC 4213 section 3.6, strict: one of the locators of the inner source's mapping sent it. If that is
// unknown or another, the slave is asked, with the outer header; but not twice about one packet. Who had the
// destination before us has verified what it brings, and knows who the source is where we may not.
std::optional<Outcome> Walk::Verify(const ov6_route* source, const ov6_route& to) {
  ov6_mapping* mapping = FindMapping(tables_, ip6_.source, in_.now);
  if (IsKnownSource()) {
    spoken_ = Used(*mapping, ip6_.source);
    return std::nullopt;
  }
  if (to.action == OV6_ACTION_SITE && ComesFromFormerPlace()) return std::nullopt;
  const bool answered =
      mapping != nullptr ? WasAsked() : FindNegative(tables_, ip6_.source, in_.now) != nullptr;
  if (ActionOf(source) != OV6_ACTION_TUNNEL || answered) return Drop(OV6_VERDICT_DROP_SOURCE_MISMATCH);
  return Punt(source->slave, OV6_PUNT_VERIFY);
}

bool Walk::IsKnownSource() {
  const ov6_mapping* mapping = FindMapping(tables_, ip6_.source, in_.now);
  return mapping != nullptr && HasLocator(*mapping, outer_source_, outer_port_);
}

bool Walk::ComesFromFormerPlace() {
  const ov6_mapping* former = FindFormer(tables_, ip6_.destination, in_.now);
  return former != nullptr && HasLocator(*former, outer_source_, outer_port_);
}

Outcome Walk::Relay(const ov6_route& route, ov6_mapping& mapping) {
  if (ip6_.hop_limit <= 1) return TimeExceeded();
  return Tunnel(mapping, route.action == OV6_ACTION_TUNNEL ? &route : nullptr);
}

}  // namespace ov6::model
