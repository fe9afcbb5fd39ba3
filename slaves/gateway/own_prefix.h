// SPDX-License-Identifier: Apache-2.0
// A site's prefix that is cut from a key of its own, so that it stays the same at every master: what a master
// says of its domain and itself, and the claim that answers it. Pure.
#ifndef OV6_SLAVES_GATEWAY_OWN_PREFIX_H
#define OV6_SLAVES_GATEWAY_OWN_PREFIX_H

#include <boost/json/fwd.hpp>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "userspace/wire/claim.h"
#include "userspace/wire/node_key.h"

namespace ov6 {

// How long the master's router may register the prefix, and how soon it is told anew.
inline constexpr Duration kClaimLifetime = std::chrono::hours(1);
inline constexpr Duration kClaimRenewal = std::chrono::minutes(20);

// What a master offers: a place in its domain for a prefix of the site's own.
struct OwnOffer {
  Domain domain;
  PublicKey router{};
  Challenge challenge{};
};

// nullopt: the configuration offers none.
absl::StatusOr<std::optional<OwnOffer>> ReadOffer(const boost::json::object& config);

// The key's first subnet in the domain, or `wanted`, a /64 inside what it owns.
absl::StatusOr<Prefix> OwnSubnet(const Domain& domain, const NodeKey& key,
                                 const std::optional<Prefix>& wanted);

// The argument of the call `claim`.
std::string MakeClaim(const OwnOffer& offer, const NodeKey& key, const Prefix& subnet,
                      const std::string& name, UnixTime now);

}  // namespace ov6

#endif
