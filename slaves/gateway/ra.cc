// SPDX-License-Identifier: Apache-2.0
#include "slaves/gateway/ra.h"

#include "userspace/base/bytes.h"

namespace ov6 {
namespace {

constexpr uint8_t kRouterAdvertisement = 134;
constexpr uint8_t kSourceLinkLayerAddress = 1, kPrefixInformation = 3, kMtu = 5;
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

}  // namespace

std::vector<uint8_t> EncodeRouterAdvertisement(const RouterAdvertisement& ra) {
  ByteWriter out;
  out.U8(kRouterAdvertisement).U8(0).U16(0);
  out.U8(ra.hop_limit).U8(0).U16(Seconds16(ra.router_lifetime));
  out.U32(0).U32(0);  // reachable time and retransmission timer: unspecified
  if (ra.source != Mac{}) out.U8(kSourceLinkLayerAddress).U8(1).Raw(ra.source);
  if (ra.mtu != 0) out.U8(kMtu).U8(1).U16(0).U32(ra.mtu);
  for (const Prefix& prefix : ra.prefixes) AppendPrefix(prefix, ra, &out);
  return out.Take();
}

RouterAdvertisement Farewell(RouterAdvertisement advertisement) {
  advertisement.router_lifetime = std::chrono::seconds(0);
  advertisement.preferred_lifetime = std::chrono::seconds(0);
  return advertisement;
}

}  // namespace ov6
