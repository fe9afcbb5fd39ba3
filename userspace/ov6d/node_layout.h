// SPDX-License-Identifier: Apache-2.0
// What the configuration comes to on this node with this key: the prefixes of each
// site and domain, and the slaves that serve them. Pure.
#ifndef OV6_USERSPACE_OV6D_NODE_LAYOUT_H
#define OV6_USERSPACE_OV6D_NODE_LAYOUT_H

#include <sys/types.h>

#include <boost/json/object.hpp>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "userspace/master/slave_registry.h"
#include "userspace/ov6d/config.h"
#include "userspace/wire/node_key.h"

namespace ov6 {

struct SitePlace {
  Prefix prefix;  // a /64, or a part of one that was moved here
  std::string domain;
  bool IsSubnet() const { return prefix.length == 64; }  // hosts take addresses in it, and so does the router
  Ipv6 RouterAddress() const;                            // ::1 in it
};

// The router itself as a site: what its processes send from into a domain.
struct SelfPlace {
  std::string domain;
  Ipv6 address;
  bool own = false;  // held by the router alone (ov6-self has it); else it is that of a site's device
};

struct NodeLayout {
  std::vector<std::vector<SitePlace>> sites;  // as [[site]], without what has moved away
  std::vector<Ipv6>
      site_addresses;  // of the router at each site: its first prefix's, moved or not; "::" while it has none
  // domain -> what this router holds whole: the key's aggregate, or the widest that is delegated to it where
  // there are anchors; no entry: nothing.
  std::map<std::string, Prefix> own;
  std::map<std::string, std::vector<Prefix>> registrations;  // domain -> what its DHT slave registers
  std::set<Prefix> awaited;       // of them, those that are still on their way here
  std::vector<Prefix> rejects;    // aggregates whose unassigned rest is rejected
  std::vector<SelfPlace> selves;  // one for each domain with a slave; see LayOut
};

// Subnet `number` of an aggregate: the bits between it and /64.
Prefix Subnet(const Prefix& aggregate, size_t number);
// Whether the key may have the prefix there: its own, an anchor's, anybody's, a delegated one, or an uplink's
// master says.
bool MayClaim(const Config& config, const Domain& domain, const NodeKey& key, const Prefix& prefix);

// An error names the line of a prefix that this key may not claim. Where no domain has a slave, mappings are
// sent to from the first site.
absl::StatusOr<NodeLayout> LayOut(const Config& config, const NodeKey& key);

// What the node's modifier must have: the greatest that a domain asks for.
uint32_t LeastSecurity(const Config& config);

// The biggest IPv6 packet that fits through every underlay; 1280 at least.
int OverlayMtu(const std::vector<DeviceState>& devices);

struct SlavePlan {
  std::string name;
  SlaveKind kind = SlaveKind::kDht;
  std::vector<Prefix> prefixes;
  uid_t uid = 0;
  bool port = false;
  bool remote = false;                       // elsewhere: no process here
  bool claims = false;                       // remote: a session has of the prefixes what it has claimed
  std::string interface;                     // gateway: the site's device
  uint32_t ifindex = 0;                      // gateway
  std::string domain;                        // dht
  std::vector<Prefix> registrations;         // dht: what its records may name ...
  std::vector<Locator> locators;             // dht: ... and where they may lead
  std::vector<Prefix> own;                   // dht: inside these it may revoke what others claim by its right
  std::vector<DelegationToken> delegations;  // dht: to this router's key; its records may carry these chains
  std::vector<Prefix> others;                // prefixes of the other plans
  boost::json::object config;                // what CALL config returns, but for id and prefixes

  Permission ToPermission() const { return {{kind}, name, prefixes, port, others}; }
  std::string Executable() const;  // "ov6-dht"
};

// Management first, then gateways, then the configured ones; uids in this order.
std::vector<SlavePlan> PlanSlaves(const Config& config, const NodeLayout& layout, const NodeKey& key,
                                  const std::vector<DeviceState>& devices);

}  // namespace ov6

#endif
