// SPDX-License-Identifier: Apache-2.0
// The map-cache and the negatives: which changes a slave may make, what is written,
// when it expires. Changes are applied in order; a change that is refused changes
// nothing else. Expiry comes from the mirror, never by walking the kernel's tables.
#ifndef OV6_USERSPACE_MASTER_MAPPING_CONTROL_H
#define OV6_USERSPACE_MASTER_MAPPING_CONTROL_H

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "ov6/datapath.h"
#include "userspace/master/mirror.h"
#include "userspace/master/route_control.h"

namespace ov6 {

inline constexpr Duration kMaxLifetime = std::chrono::hours(24);

struct MappingLimits {
  size_t negatives = 65536;  // the one that expires first makes room for the next
};

// Who asks for a change.
struct MappingSource {
  SlaveId id = OV6_SLAVE_OPERATOR;
  SlaveKind kind = SlaveKind::kDht;
  std::vector<Prefix> prefixes;
};

class MappingControl {
 public:
  MappingControl(Tables& tables, const RouteControl& routes, MasterCounters& counters, MappingLimits limits);

  // Addresses of this router: never a locator of a mapping.
  void SetOwnAddresses(std::set<Ipv4> addresses) { own_ = std::move(addresses); }

  absl::Status Adopt();
  MappingsAckCapsule Apply(BootTime now, const MappingSource& source, const MappingsCapsule& capsule);

  // Of the operator; no lifetime: static.
  absl::Status AddOperator(BootTime now, const Prefix& prefix, std::vector<Locator> locators,
                           std::optional<Duration> lifetime);
  absl::Status DeleteOperator(const Prefix& prefix);

  // Where a prefix has gone that was a site's here, for its slave to keep up from then on.
  absl::Status AddMoved(BootTime now, SlaveId slave, const Prefix& prefix, std::vector<Locator> locators,
                        Duration lifetime);
  // Who may bring what is for a prefix that is here now: the places where it was.
  absl::Status AddFormer(BootTime now, SlaveId slave, const Prefix& prefix, const std::vector<Ipv4>& places,
                         Duration lifetime);

  // Checked paths to a prefix, the one sent to first unless none is; see OV6_MAPPING_DIRECT. `send_until` is
  // not later than `accept_until`.
  absl::Status AddDirect(BootTime now, SlaveId slave, const Prefix& prefix, std::vector<Locator> locators,
                         BootTime send_until, BootTime accept_until);
  // A checked path to a part of what the slave has mapped to `via` among others: it is sent to until
  // `send_until`, and then, as before, to where the slave said. NotFound: the slave has said nothing of the
  // kind, or knows of the part itself.
  absl::Status AddShortcut(BootTime now, SlaveId slave, const Prefix& prefix, std::vector<Locator> places,
                           BootTime send_until, Ipv4 via);
  // The mapping of the slave's that is sent by for all of the prefix, and leads to `via`; null: none.
  const Mapping* LeadingTo(BootTime now, SlaveId slave, const Prefix& prefix, Ipv4 via) const;
  // Whether all of the prefix is sent to `via` by what the slave said, be it of just this prefix.
  bool IsAt(BootTime now, SlaveId slave, const Prefix& prefix, Ipv4 via) const;
  // If it is a direct path of this slave's.
  void EndDirect(SlaveId slave, const Prefix& prefix);

  void Withdraw(SlaveId slave);
  void MarkStale(SlaveId slave);
  // What is outside the successor's prefixes goes, the rest is its own from here on.
  void TakeOver(SlaveId from, const MappingSource& to);
  // Negatives of other slaves that would answer for what is this slave's to resolve.
  void DropForeignNegatives(const MappingSource& source);
  void KeepInside(SlaveId slave, const std::vector<Prefix>& prefixes);

  void Expire(BootTime now);
  void Retry(BootTime now);
  absl::Status Reconcile(BootTime now);

  // The longest mapping around the whole prefix, itself included; null: none.
  const std::pair<const Prefix, Mapping>* Around(const Prefix& prefix) const;
  // The same, but for a direct path to a part of what a slave has said.
  const std::pair<const Prefix, Mapping>* SaidAround(const Prefix& prefix) const;
  bool IsNegative(BootTime now, const Ipv6& address) const;
  const std::map<Prefix, Mapping>& mappings() const { return mappings_.entries(); }
  const std::map<Prefix, Negative>& negatives() const { return negatives_.entries(); }
  size_t pending() const { return mappings_.pending() + negatives_.pending(); }

 private:
  using Deadlines = std::set<std::pair<BootTime, Prefix>>;

  absl::Status CheckPlace(const MappingSource& source, const Prefix& prefix, bool negative) const;
  absl::Status CheckLocators(const std::vector<Locator>& locators) const;
  absl::Status ApplyOne(BootTime now, const MappingSource& source, const MappingAdd& add);
  absl::Status ApplyOne(BootTime now, const MappingSource& source, const MappingNegative& negative);
  absl::Status ApplyOne(BootTime now, const MappingSource& source, const MappingWithdraw& withdraw);

  absl::Status PutMapping(BootTime now, const Prefix& prefix, const Mapping& mapping);
  absl::Status PutNegative(BootTime now, const Prefix& prefix, const Negative& negative);
  absl::Status EraseMapping(const Prefix& prefix);
  absl::Status EraseNegative(const Prefix& prefix);

  const RouteControl& routes_;
  MasterCounters& counters_;
  MappingLimits limits_;
  std::set<Ipv4> own_;
  Mirror<Mapping> mappings_;
  Mirror<Negative> negatives_;
  Deadlines mapping_deadlines_;
  Deadlines negative_deadlines_;
};

}  // namespace ov6

#endif
