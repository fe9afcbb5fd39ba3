// SPDX-License-Identifier: Apache-2.0
// The paper's routing table: IPv6 prefix -> slave, longest prefix first. A slave's
// prefixes become routes with the action of its kind; the operator's and ov6d's own
// stand under slave 0. One prefix has one owner.
#ifndef OV6_USERSPACE_MASTER_ROUTE_CONTROL_H
#define OV6_USERSPACE_MASTER_ROUTE_CONTROL_H

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "ov6/datapath.h"
#include "userspace/master/mirror.h"

namespace ov6 {

class RouteControl {
 public:
  RouteControl(Tables& tables, MasterCounters& counters);

  // What a prefix of a slave of that kind becomes.
  static Route RouteOf(SlaveId slave, SlaveKind kind);

  absl::Status Adopt() { return routes_.Load(); }
  // AlreadyExists: another slave holds exactly this prefix.
  absl::Status Set(const Prefix& prefix, const Route& route);
  // Whoever held it: who says so knows that he gives it up.
  absl::Status Replace(const Prefix& prefix, const Route& route) { return routes_.Put(prefix, route); }
  // NotFound: there is none, or it is not this slave's.
  absl::Status Remove(const Prefix& prefix, SlaveId slave);

  // The full list of a slave: what is not in it goes, and what is there keeps its flags. An error names the
  // first route that failed; the others stand.
  absl::Status SetAll(SlaveId slave, SlaveKind kind, const std::vector<Prefix>& prefixes);
  void WithdrawAll(SlaveId slave);
  // Routes of `from` become routes of `to`, without a gap.
  void TakeOver(SlaveId from, SlaveId to);

  std::optional<std::pair<Prefix, Route>> Lookup(const Ipv6& address) const;
  // The longest around the whole prefix.
  std::optional<std::pair<Prefix, Route>> Around(const Prefix& prefix) const;

  void Retry(BootTime now) { routes_.Retry(now); }
  absl::Status Reconcile(BootTime now) { return routes_.Reconcile(now); }
  const std::map<Prefix, Route>& routes() const { return routes_.entries(); }

 private:
  std::vector<Prefix> PrefixesOf(SlaveId slave) const;

  Mirror<Route> routes_;
};

}  // namespace ov6

#endif
