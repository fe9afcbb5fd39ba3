// SPDX-License-Identifier: Apache-2.0
#include "slaves/gateway/ra.h"

#include <span>
#include <utility>

#include "userspace/base/bytes.h"

namespace ov6 {
namespace {

constexpr uint8_t kRouterAdvertisement = 134;
constexpr uint8_t kSourceLinkLayerAddress = 1, kPrefixInformation = 3, kMtu = 5, kRouteInformation = 24,
                  kRecursiveDnsServer = 25;
constexpr uint8_t kOnLink = 0x80, kAutonomous = 0x40;

uint16_t Seconds16(std::chrono::seconds s) { return static_cast<uint16_t>(s.count()); }
uint32_t Seconds32(std::chrono::seconds s) { return static_cast<uint32_t>(s.count()); }

void AppendPrefix(const Prefix& prefix, const RouterAdvertisement& ra, ByteWriter* out) {
  out->U8(kPrefixInformation).U8(4).U8(static_cast<uint8_t>(prefix.length)).U8(kOnLink | kAutonomous);
  out->U32(Seconds32(ra.valid_lifetime))
      .U32(Seconds32(ra.preferred_lifetime))
      .U32(0)
      .Raw(prefix.address.bytes);
}

// RFC 4191 section 2.3: no more of the prefix than its length asks for; preference medium.
void AppendRoute(const Prefix& route, const RouterAdvertisement& ra, ByteWriter* out) {
  const size_t words = route.length == 0 ? 0 : route.length <= 64 ? 1 : 2;  // of 8 bytes
  out->U8(kRouteInformation).U8(static_cast<uint8_t>(1 + words)).U8(static_cast<uint8_t>(route.length)).U8(0);
  out->U32(Seconds32(ra.route_lifetime)).Raw(std::span(route.address.bytes).first(8 * words));
}

void AppendResolvers(const RouterAdvertisement& ra, ByteWriter* out) {
  out->U8(kRecursiveDnsServer).U8(static_cast<uint8_t>(1 + 2 * ra.resolvers.size())).U16(0);
  out->U32(Seconds32(ra.resolver_lifetime));
  for (const Ipv6& resolver : ra.resolvers) out->Raw(resolver.bytes);
}

}  // namespace

std::vector<uint8_t> EncodeRouterAdvertisement(const RouterAdvertisement& ra) {
  ByteWriter out;
  out.U8(kRouterAdvertisement).U8(0).U16(0);
  out.U8(ra.hop_limit).U8(0).U16(Seconds16(ra.router_lifetime));
  out.U32(0).U32(0);  // reachable time and retransmission timer: unspecified
  if (ra.source != Mac{}) out.U8(kSourceLinkLayerAddress).U8(1).Raw(ra.source);
  if (ra.mtu != 0) out.U8(kMtu).U8(1).U16(0).U32(ra.mtu);
  for (const Prefix& prefix : ra.prefixes) AppendPrefix(prefix, ra, &out);
  for (const Prefix& route : ra.routes) AppendRoute(route, ra, &out);
  if (!ra.resolvers.empty()) AppendResolvers(ra, &out);
  return out.Take();
}

RouterAdvertisement WithoutWay(RouterAdvertisement advertisement) {
  advertisement.router_lifetime = advertisement.route_lifetime = advertisement.resolver_lifetime =
      std::chrono::seconds(0);
  return advertisement;
}

RouterAdvertisement Farewell(RouterAdvertisement advertisement) {
  advertisement = WithoutWay(std::move(advertisement));
  advertisement.preferred_lifetime = std::chrono::seconds(0);
  return advertisement;
}

}  // namespace ov6
