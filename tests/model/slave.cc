// SPDX-License-Identifier: Apache-2.0
// Where a packet goes that a slave sent or brought back: judged as if it had just come, and
// nothing of it is the stack's.
#include <arpa/inet.h>

#include "tests/model/walk.h"

namespace ov6::model {

Outcome Walk::FromSlave() {
  switch (header_->type) {
    case OV6_PORT_RESUBMIT_OUT:
      return ResubmitOut();
    case OV6_PORT_RESUBMIT_IN:
      return ResubmitIn();
    default:
      return DeliverOnly();
  }
}

Outcome Walk::ResubmitOut() {
  origin_ = Origin::kSite;
  if (FindDevice(tables_, ingress_, OV6_DEVICE_SITE) == nullptr) return Drop(OV6_VERDICT_DROP_PORT_HEADER);
  if (const auto bad = TakeIp6(packet_.size())) return Drop(*bad);
  return FromSite();
}

Outcome Walk::ResubmitIn() {
  origin_ = Origin::kUnderlay;
  const ov6_device* device = FindDevice(tables_, ingress_, OV6_DEVICE_UNDERLAY);
  if (device == nullptr) return Drop(OV6_VERDICT_DROP_PORT_HEADER);
  if (const auto end = TakeOuter(*device))
    return Drop(*end < OV6_VERDICT_DROP_MALFORMED ? OV6_VERDICT_DROP_PORT_STACK : *end);
  if (ntohs(header_->port) != OV6_PORT_DAEMON && !SlaveOwns(ip6_.source))
    return Drop(OV6_VERDICT_DROP_PORT_SLAVE);
  return FromUnderlay();
}

Outcome Walk::DeliverOnly() {
  origin_ = Origin::kSlave;
  if (const auto bad = TakeIp6(packet_.size())) return Drop(*bad);
  if (IsMartian(ip6_.source)) return Drop(OV6_VERDICT_DROP_INNER_SOURCE);
  if (ActionOf(Longest(tables_.routes, ip6_.destination)) != OV6_ACTION_SITE)
    return Drop(OV6_VERDICT_DROP_RELAY);
  return Deliver(OV6_VERDICT_SITE);
}

bool Walk::SlaveOwns(const Ipv6& address) {
  const auto slave = tables_.slaves.find(ntohl(header_->slave));
  if (slave == tables_.slaves.end()) return false;
  for (uint32_t i = 0; i < slave->second.prefix_count && i < OV6_SLAVE_MAX_PREFIXES; i++)
    if (Prefix::FromAbi(slave->second.prefixes[i]).Contains(address)) return true;
  return false;
}

}  // namespace ov6::model
