// SPDX-License-Identifier: Apache-2.0
#include "tests/model/kernel.h"

namespace ov6::model {

Ipv6 Mapped(const Ipv4& address) {
  Ipv6 mapped;
  mapped.bytes[10] = mapped.bytes[11] = 0xff;
  for (int i = 0; i < 4; i++) mapped.bytes[12 + i] = uint8_t(address.value >> (24 - 8 * i));
  return mapped;
}

Prefix Mapped(const Ipv4& address, int length) { return Prefix::Of(Mapped(address), 96 + length); }

FibAnswer Kernel::Lookup(const Ipv6& destination) const {
  const KernelRoute* best = nullptr;
  for (const KernelRoute& route : routes_)
    if (route.prefix.Contains(destination) && (best == nullptr || route.prefix.length > best->prefix.length))
      best = &route;
  if (best == nullptr || best->kind == KernelRoute::kLocal) return {FibAnswer::kNotForwarded};
  if (best->kind == KernelRoute::kBlackhole) return {FibAnswer::kRefused};
  NextHop hop{best->device, 0xffff, devices_.at(best->device), std::nullopt};
  const auto neighbour = neighbours_.find({best->device, best->gateway.value_or(destination)});
  if (neighbour != neighbours_.end()) hop.to = neighbour->second, hop.mtu = best->mtu;
  return {FibAnswer::kForward, hop};
}

}  // namespace ov6::model
