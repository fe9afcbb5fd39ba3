// SPDX-License-Identifier: Apache-2.0
// A DHT slave's configuration, as the master gives it (docs/slave-protocol.md section 5).
#ifndef OV6_SLAVES_DHT_DHT_CONFIG_H
#define OV6_SLAVES_DHT_DHT_CONFIG_H

#include <boost/json/fwd.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ov6/mapping.h"
#include "ov6/ring_config.h"
#include "userspace/wire/record.h"

namespace ov6 {

struct DhtConfig {
  Domain domain;
  std::string engine;  // "chord"
  Endpoint listen;
  std::vector<Endpoint> bootstrap;  // empty: found a new ring
  RingConfig ring;
  std::vector<Prefix> registrations;
  std::vector<Prefix> awaited;  // of them, those that are not here yet: another place still serves them
  std::vector<Locator> locators;
  PublicKey public_key{};
  Modifier modifier{};
  std::chrono::seconds registration{600};             // how long a record of ours holds; renewed at half
  std::vector<DelegationToken> delegations;           // to this key, in this domain
  Duration lifetime = std::chrono::seconds(300);      // of a mapping, at most
  Duration stale_limit = std::chrono::seconds(3600);  // past it, while the DHT can't be asked

  // Where other nodes reach this one: the address listened on, or the first locator's if that is any.
  Endpoint Self() const;
  bool operator==(const DhtConfig&) const = default;
};

// Whether they are the same but for registrations, delegations and locators, which may change while the slave
// runs.
bool OnlyPlacesDiffer(const DhtConfig& a, const DhtConfig& b);
absl::StatusOr<DhtConfig> ParseDhtConfig(const boost::json::object& config);
boost::json::array LocatorsJson(const std::vector<Locator>& locators);

}  // namespace ov6

#endif
