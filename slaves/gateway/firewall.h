// SPDX-License-Identifier: Apache-2.0
// The site's stateful firewall as nftables rules (RFC 6092; ICMPv6 as RFC 4890 wants it): what the site began
// comes back, the rest only where the operator opens. A table of its own, whose verdicts other tables may
// only narrow. Pure.
#ifndef OV6_SLAVES_GATEWAY_FIREWALL_H
#define OV6_SLAVES_GATEWAY_FIREWALL_H

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "ov6/address.h"

namespace ov6 {

// What may come in unasked.
struct Opening {
  Prefix prefix;                 // ::/0: whatever the site has
  std::string protocol;          // "tcp", "udp"; empty: everything
  uint16_t first = 0, last = 0;  // ports

  // PREFIX, or PREFIX:PORT/tcp, PREFIX:FIRST-LAST/udp; "any" for PREFIX; brackets around it may be.
  static absl::StatusOr<Opening> Parse(std::string_view text);
  bool operator==(const Opening&) const = default;
};

// For `nft -f -`; replaces the table if it is there.
std::string FirewallRules(const std::string& tun, const std::vector<Opening>& openings);
std::string FirewallRemoval();

}  // namespace ov6

#endif
