// SPDX-License-Identifier: Apache-2.0
// The paper's master: a slave's life (register, advertise, goodbye, vanish, take
// over) put together from the registry, the routes and the mappings. Pure; the caller
// brings time, tables and sessions. A slave's life here:
//   Register -> (the caller makes its port) -> Activate -> Advertise, Apply ...
//   -> Goodbye (all of it goes) or Vanish (all of it is stale for kStaleHold).
#ifndef OV6_USERSPACE_MASTER_MASTER_H
#define OV6_USERSPACE_MASTER_MASTER_H

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "userspace/master/revalidator.h"

namespace ov6 {

class Master {
 public:
  explicit Master(Tables& tables, MappingLimits limits = {});
  Master(const Master&) = delete;
  Master& operator=(const Master&) = delete;

  // Takes over what a predecessor left; its slaves are stale from now on.
  absl::Status Adopt(BootTime now);

  std::variant<SlaveId, Refusal> Register(const UpgradeRequest& request, const Permission& permission);
  // Routes to the slave, entries of its predecessor become its own.
  absl::Status Activate(SlaveId id);
  // The full list of prefixes, not empty. PermissionDenied: nothing changed.
  absl::Status Advertise(SlaveId id, const std::vector<Prefix>& prefixes, const Permission& permission);
  MappingsAckCapsule Apply(BootTime now, SlaveId id, const MappingsCapsule& capsule);
  // A prefix that was a site's here is elsewhere now: the slave resolves it from then on, and what still
  // comes for it through the tunnel is relayed for kMoveTime.
  absl::Status HandOver(BootTime now, SlaveId id, const Prefix& prefix, const std::vector<Locator>& locators);
  // What comes for the prefix from where it was before is accepted for kMoveTime.
  absl::Status AcceptFormer(BootTime now, SlaveId id, const Prefix& prefix, const std::vector<Ipv4>& places);
  // Checked paths to a prefix inside one that the slave carries in its own way (MappingControl::AddDirect).
  absl::Status SetDirect(BootTime now, SlaveId id, const Prefix& prefix, std::vector<Locator> locators,
                         BootTime send_until, BootTime accept_until);
  // One to a part of what the slave resolves, which leads to `via` otherwise (MappingControl::AddShortcut).
  absl::Status SetShortcut(BootTime now, SlaveId id, const Prefix& prefix, std::vector<Locator> places,
                           BootTime send_until, Ipv4 via);
  void EndDirect(SlaveId id, const Prefix& prefix) { mappings_.EndDirect(id, prefix); }
  // Routes of exactly these prefixes that are another slave's become this one's; without a gap.
  absl::Status Reassign(SlaveId id, const std::vector<Prefix>& prefixes);
  void Goodbye(SlaveId id);
  void Vanish(BootTime now, SlaveId id);

  // Call it about once a second. `withdrawn` is called for each slave whose hold ended, before it goes.
  void Sweep(
      BootTime now, const std::function<void(const SlaveEntry&)>& withdrawn = [](const SlaveEntry&) {});

  RouteControl& routes() { return routes_; }
  MappingControl& mappings() { return mappings_; }
  SlaveRegistry& slaves() { return slaves_; }
  const RouteControl& routes() const { return routes_; }
  const MappingControl& mappings() const { return mappings_; }
  const SlaveRegistry& slaves() const { return slaves_; }
  const MasterCounters& counters() const { return counters_; }

 private:
  void Withdraw(SlaveId id);
  MappingSource SourceOf(SlaveId id) const;
  void EndRelays(BootTime now);

  MasterCounters counters_;
  RouteControl routes_;
  MappingControl mappings_;
  SlaveRegistry slaves_;
  Revalidator revalidator_;
  std::map<Prefix, BootTime> relays_;  // until when
};

}  // namespace ov6

#endif
