// SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/hostile.h"

#include <string_view>

namespace ov6::packet {
namespace {

Hostile Make(std::string rfc, std::string name, std::string door, std::string device, ov6_verdict verdict,
             const Frame& frame, std::function<void()> tables) {
  return {std::move(rfc),    std::move(name), std::move(door),
          std::move(device), verdict,         [frame] { return frame.Done(); },
          std::move(tables)};
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Hostile& row) { return out << row.rfc << ": " << row.name; }

Hostile FromSite(std::string rfc, std::string name, ov6_verdict verdict, const Frame& frame,
                 std::function<void()> tables) {
  return Make(std::move(rfc), std::move(name), "site", "lan", verdict, frame, std::move(tables));
}

Hostile FromUnderlay(std::string rfc, std::string name, ov6_verdict verdict, const Frame& frame,
                     std::function<void()> tables) {
  return Make(std::move(rfc), std::move(name), "underlay", "wan", verdict, frame, std::move(tables));
}

const std::vector<Hostile>& AllHostiles() {
  static const auto* rows = [] {
    auto* all = new std::vector<Hostile>;
    for (const auto& part :
         {OuterHostiles(), Icmp4Hostiles(), InnerHostiles(), SiteHostiles(), PortHostiles()})
      all->insert(all->end(), part.begin(), part.end());
    return all;
  }();
  return *rows;
}

std::string VerdictName(uint32_t verdict) {
  switch (verdict) {
#define OV6_CASE(number, name, class_, sentence, remedy) \
  case number:                                           \
    return #name;
    OV6_VERDICTS(OV6_CASE)
#undef OV6_CASE
  }
  return std::to_string(verdict);
}

End EndOf(ov6_verdict verdict) {
  const auto end = [](std::string_view verdict_class) {
    if (verdict_class == "pass") return End::kStack;
    if (verdict_class == "punt") return End::kPunt;
    return verdict_class == "drop" ? End::kDrop : End::kForward;
  };
  switch (verdict) {
#define OV6_CASE(number, name, class_, sentence, remedy) \
  case number:                                           \
    return end(#class_);
    OV6_VERDICTS(OV6_CASE)
#undef OV6_CASE
    default:
      return End::kDrop;
  }
}

Bytes GoodFromSite() { return FromHost().Ip6(kHost, kRemote).Udp(1000, 2000, 100).Done(); }
Bytes GoodFromUnderlay() {
  return FromPeer().Ip4(kPeer, kWan).Ip6(kRemote, kHost).Udp(1000, 2000, 100).Done();
}

}  // namespace ov6::packet
