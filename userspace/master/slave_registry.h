// SPDX-License-Identifier: Apache-2.0
// Who the slaves are: ids that are never reused (config.next_slave in the kernel
// survives the daemon), names, prefixes, port slots, whether they live. A slave that
// vanished is stale until its successor of the same name takes over or the hold ends.
#ifndef OV6_USERSPACE_MASTER_SLAVE_REGISTRY_H
#define OV6_USERSPACE_MASTER_SLAVE_REGISTRY_H

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ov6/datapath.h"
#include "userspace/wire/upgrade.h"

namespace ov6 {

inline constexpr Duration kStaleHold = std::chrono::seconds(30);

// What a session may register. A prefix named here exactly may lie inside another slave's; a prefix
// that is merely inside one named here may not.
struct Permission {
  std::vector<SlaveKind> kinds;
  std::string name;  // empty: any
  std::vector<Prefix> prefixes;
  bool port = false;           // gets a slave port
  std::vector<Prefix> others;  // what the configuration gives to other slaves, up or not
};

struct RegisteredSlave {
  SlaveEntry entry;
  std::optional<BootTime> stale_since;
};

class SlaveRegistry {
 public:
  explicit SlaveRegistry(Tables& tables) : tables_(tables) {}

  // Every slave of the kernel's table is stale from now on.
  absl::Status Adopt(BootTime now);

  // 403 or 409 with a sentence, or the new id, written to the kernel.
  std::variant<SlaveId, Refusal> Register(const UpgradeRequest& request, const Permission& permission);
  // Whether `id` may have these prefixes: nullopt, or why not.
  std::optional<Refusal> CheckPrefixes(const std::string& name, const std::vector<Prefix>& prefixes,
                                       const Permission& permission) const;
  absl::Status SetPrefixes(SlaveId id, const std::vector<Prefix>& prefixes);
  void MarkStale(BootTime now, SlaveId id);
  void Remove(SlaveId id);
  // Stale ones; several if a daemon was killed between a registration and its takeover.
  std::vector<SlaveId> StaleNamed(const std::string& name) const;

  const RegisteredSlave* Find(SlaveId id) const;
  // The live one if there is one, else the stale one.
  std::optional<SlaveId> FindByName(const std::string& name) const;
  const std::map<SlaveId, RegisteredSlave>& slaves() const { return slaves_; }
  // Stale since before now - hold.
  std::vector<SlaveId> StaleLongerThan(BootTime now, Duration hold) const;
  // Writes the entries that differ in the kernel; returns how many did.
  absl::StatusOr<size_t> Reconcile();

 private:
  absl::StatusOr<SlaveId> NextId();
  std::optional<uint16_t> FreeSlot() const;
  std::optional<Refusal> CheckPermission(const UpgradeRequest& request, const Permission& permission) const;

  Tables& tables_;
  std::map<SlaveId, RegisteredSlave> slaves_;
};

}  // namespace ov6

#endif
