// SPDX-License-Identifier: Apache-2.0
// Where a packet goes that a host of our sites sent.
#include <algorithm>

#include "tests/model/walk.h"

namespace ov6::model {
namespace {
// RFC 4443 section 3.1
constexpr uint8_t kNoRoute = 0, kSourceFailedPolicy = 5;
}  // namespace

Outcome Walk::FromSite() {
  // Neighbour discovery and all that never leaves a link (RFC 4291 sections 2.5.2, 2.5.6, 2.7).
  if (IsLinkLocal(ip6_.source) || IsLinkLocal(ip6_.destination) || IsMulticast(ip6_.destination) ||
      ip6_.source.IsZero())
    return ToStack(OV6_VERDICT_PASS_LINK_LOCAL);
  const ov6_device* device = FindDevice(tables_, ingress_);
  if (!ip6_.destination.IsZero() &&
      std::equal(ip6_.destination.bytes.begin(), ip6_.destination.bytes.end(), device->icmp_source))
    return ToStack(OV6_VERDICT_PASS_FOR_ROUTER);

  const ov6_route* route = Longest(tables_.routes, ip6_.destination);
  if (ActionOf(route) == OV6_ACTION_PASS) return ToStack(OV6_VERDICT_PASS_ROUTE);
  // RFC 7084 L-14: the host is told so.
  if (!MaySendFromHere(ip6_.source)) {
    if (header_) return Drop(OV6_VERDICT_DROP_SITE_SOURCE);
    return Answer(
        {kUnreachable, kSourceFailedPolicy, 0, OV6_VERDICT_ANSWER_SOURCE, OV6_VERDICT_DROP_SITE_SOURCE});
  }
  // RFC 4291 sections 2.5.2, 2.5.3, 2.5.5: on no wire.
  if (EmbedsIp4(ip6_.destination)) return Drop(OV6_VERDICT_DROP_INNER_DESTINATION);
  if (route == nullptr) return Drop(OV6_VERDICT_DROP_NO_ROUTE);
  ov6_mapping* mapping = TunnelFor(*route);
  if (route->action == OV6_ACTION_SITE && mapping == nullptr) return Deliver(OV6_VERDICT_LOCAL);
  // RFC 8200 section 3, RFC 4213 section 3.3: nothing is sent on, so nothing encapsulated, at 1 or 0.
  if (ip6_.hop_limit <= 1) return TimeExceeded();
  if (mapping != nullptr) {
    // Who has a direct path to this router takes by it what is of its own sites.
    around_ = route->action == OV6_ACTION_TUNNEL && (mapping->flags & OV6_MAPPING_DIRECT) != 0 &&
              (device->flags & OV6_DEVICE_ELSEWHERE) != 0;
    return Tunnel(*mapping);
  }
  switch (route->action) {
    case OV6_ACTION_TUNNEL:
      return ByMiss(*route);
    case OV6_ACTION_PORT:
      return ByPort(*route);
    case OV6_ACTION_REJECT:
      return Unreachable(kNoRoute, OV6_VERDICT_DROP_SITE_REJECT);
    default:
      return Drop(OV6_VERDICT_DROP_ROUTE_EMPTY);
  }
}

// BCP 38: a host sends from its sites' prefixes, or from one that moved away a moment ago, which we relay
// to its new place. RFC 4213 section 3.6: but no martian.
bool Walk::MaySendFromHere(const Ipv6& source) const {
  const ov6_route* route = Longest(tables_.routes, source);
  if (route == nullptr) return false;
  if (route->action == OV6_ACTION_SITE) return true;
  const bool relays = route->action == OV6_ACTION_TUNNEL && (route->flags & OV6_ROUTE_RELAY) != 0;
  return relays && !IsMartian(source);
}

// By a tunnel's route its mapping; elsewhere only a direct path whose peer answers, where the route says that
// there may be one.
ov6_mapping* Walk::TunnelFor(const ov6_route& route) {
  ov6_mapping* mapping = FindMapping(tables_, ip6_.destination, in_.now);
  if (mapping == nullptr || route.action == OV6_ACTION_TUNNEL) return mapping;
  const bool direct = (route.flags & OV6_ROUTE_DIRECT) != 0 && (mapping->flags & OV6_MAPPING_DIRECT) != 0;
  return direct && in_.now < mapping->soft_expiry ? mapping : nullptr;
}

Outcome Walk::ByMiss(const ov6_route& route) {
  if (const ov6_negative* negative = FindNegative(tables_, ip6_.destination, in_.now))
    return Unreachable(negative->icmp_code, OV6_VERDICT_DROP_NEGATIVE);
  return Punt(route.slave, OV6_PUNT_MISS);
}

Outcome Walk::ByPort(const ov6_route& route) {
  if (const ov6_negative* negative = FindNegative(tables_, ip6_.destination, in_.now))
    return Unreachable(negative->icmp_code, OV6_VERDICT_DROP_NEGATIVE);
  if (WasAsked()) return Drop(OV6_VERDICT_DROP_PUNT_LOOP);
  return PuntByRoute(route);
}

}  // namespace ov6::model
