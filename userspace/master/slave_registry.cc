// SPDX-License-Identifier: Apache-2.0
#include "userspace/master/slave_registry.h"

#include <algorithm>
#include <set>

namespace ov6 {
namespace {

constexpr SlaveId kFirstId = 1;
constexpr uint16_t kFirstSlot = OV6_PORT_DAEMON + 1;

template <typename T>
bool Contains(const std::vector<T>& list, const T& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

// The first prefix of `theirs` that stands against `prefix`.
const Prefix* Conflict(const Prefix& prefix, const std::vector<Prefix>& theirs,
                       const Permission& permission) {
  for (const Prefix& other : theirs) {
    const bool inside = other.Contains(prefix) && !Contains(permission.prefixes, prefix);
    if (other == prefix || inside) return &other;
  }
  return nullptr;
}

}  // namespace

absl::Status SlaveRegistry::Adopt(BootTime now) {
  auto all = tables_.Slaves();
  if (!all.ok()) return all.status();
  slaves_.clear();
  for (auto& [id, entry] : *all) {
    slaves_[id] = {entry, std::nullopt};
    MarkStale(now, id);
  }
  return absl::OkStatus();
}

std::variant<SlaveId, Refusal> SlaveRegistry::Register(const UpgradeRequest& request,
                                                       const Permission& permission) {
  if (auto refusal = CheckPermission(request, permission)) return *refusal;
  const auto known = FindByName(request.name);
  if (known && !slaves_[*known].stale_since) {
    return Refusal{409, "The name \"" + request.name + "\" belongs to a slave that is up."};
  }
  if (auto refusal = CheckPrefixes(request.name, request.prefixes, permission)) return *refusal;

  RegisteredSlave slave{{request.name, request.kind, false, std::nullopt, request.prefixes}, {}};
  if (permission.port) {
    slave.entry.port = known ? slaves_[*known].entry.port : std::nullopt;
    if (!slave.entry.port) slave.entry.port = FreeSlot();
    if (!slave.entry.port) return Refusal{409, "All port slots are taken."};
  }
  const auto id = NextId();
  absl::Status status = id.ok() ? tables_.SetSlave(*id, slave.entry) : id.status();
  if (!status.ok()) {
    return Refusal{409, "The slave can't be entered: " + std::string(status.message()) + "."};
  }
  slaves_[*id] = std::move(slave);
  return *id;
}

std::optional<Refusal> SlaveRegistry::CheckPermission(const UpgradeRequest& request,
                                                      const Permission& permission) const {
  if (!Contains(permission.kinds, request.kind)) {
    return Refusal{403,
                   "This session may not register the kind " + std::string(ToString(request.kind)) + "."};
  }
  if (!permission.name.empty() && request.name != permission.name) {
    return Refusal{
        403, "This session may register the name \"" + permission.name + "\", not \"" + request.name + "\"."};
  }
  return std::nullopt;
}

std::optional<Refusal> SlaveRegistry::CheckPrefixes(const std::string& name,
                                                    const std::vector<Prefix>& prefixes,
                                                    const Permission& permission) const {
  if (prefixes.size() > OV6_SLAVE_MAX_PREFIXES) {
    return Refusal{403, "A slave has at most " + std::to_string(OV6_SLAVE_MAX_PREFIXES) + " prefixes, not " +
                            std::to_string(prefixes.size()) + "."};
  }
  for (const Prefix& prefix : prefixes) {
    const bool allowed = std::any_of(permission.prefixes.begin(), permission.prefixes.end(),
                                     [&](const Prefix& p) { return p.Contains(prefix); });
    if (!allowed) return Refusal{403, "This session may not register " + prefix.ToString() + "."};
    if (const Prefix* other = Conflict(prefix, permission.others, permission)) {
      return Refusal{403, prefix.ToString() + " lies in " + other->ToString() +
                              ", which the configuration gives to another slave."};
    }
    for (const auto& [id, slave] : slaves_) {
      if (slave.entry.name == name) continue;
      if (const Prefix* other = Conflict(prefix, slave.entry.prefixes, permission)) {
        return Refusal{409, prefix.ToString() + " overlaps " + other->ToString() + " of the slave \"" +
                                slave.entry.name + "\"."};
      }
    }
  }
  return std::nullopt;
}

absl::Status SlaveRegistry::SetPrefixes(SlaveId id, const std::vector<Prefix>& prefixes) {
  const auto found = slaves_.find(id);
  if (found == slaves_.end()) return absl::NotFoundError("there is no slave " + std::to_string(id));
  found->second.entry.prefixes = prefixes;
  return tables_.SetSlave(id, found->second.entry);
}

void SlaveRegistry::MarkStale(BootTime now, SlaveId id) {
  const auto found = slaves_.find(id);
  if (found == slaves_.end() || found->second.stale_since) return;
  found->second.stale_since = now;
  found->second.entry.stale = true;
  tables_.SetSlave(id, found->second.entry).IgnoreError();  // the reconciler's, if it failed
}

void SlaveRegistry::Remove(SlaveId id) {
  slaves_.erase(id);
  tables_.DeleteSlave(id).IgnoreError();  // the reconciler's, if it failed
}

std::vector<SlaveId> SlaveRegistry::StaleNamed(const std::string& name) const {
  std::vector<SlaveId> found;
  for (const auto& [id, slave] : slaves_) {
    if (slave.stale_since && slave.entry.name == name) found.push_back(id);
  }
  return found;
}

const RegisteredSlave* SlaveRegistry::Find(SlaveId id) const {
  const auto found = slaves_.find(id);
  return found == slaves_.end() ? nullptr : &found->second;
}

std::optional<SlaveId> SlaveRegistry::FindByName(const std::string& name) const {
  std::optional<SlaveId> stale;
  for (const auto& [id, slave] : slaves_) {
    if (slave.entry.name != name) continue;
    if (!slave.stale_since) return id;
    stale = id;
  }
  return stale;
}

std::vector<SlaveId> SlaveRegistry::StaleLongerThan(BootTime now, Duration hold) const {
  std::vector<SlaveId> found;
  for (const auto& [id, slave] : slaves_) {
    if (slave.stale_since && *slave.stale_since + hold <= now) found.push_back(id);
  }
  return found;
}

absl::StatusOr<size_t> SlaveRegistry::Reconcile() {
  auto all = tables_.Slaves();
  if (!all.ok()) return all.status();
  const std::map<SlaveId, SlaveEntry> kernel(all->begin(), all->end());
  size_t differences = 0;
  for (const auto& [id, slave] : slaves_) {
    const auto found = kernel.find(id);
    if (found != kernel.end() && found->second == slave.entry) continue;
    ++differences;
    if (absl::Status status = tables_.SetSlave(id, slave.entry); !status.ok()) return status;
  }
  for (const auto& [id, entry] : kernel) {
    if (slaves_.contains(id)) continue;
    ++differences;
    if (absl::Status status = tables_.DeleteSlave(id); !status.ok()) return status;
  }
  return differences;
}

// The kernel's counter is moved before the id is used: a daemon killed in between wastes one, never
// gives it out twice.
absl::StatusOr<SlaveId> SlaveRegistry::NextId() {
  auto config = tables_.Config();
  if (!config.ok()) return config.status();
  SlaveId id = std::max(config->next_slave, kFirstId);
  if (!slaves_.empty()) id = std::max(id, slaves_.rbegin()->first + 1);
  config->next_slave = id + 1;
  if (absl::Status status = tables_.SetConfig(*config); !status.ok()) return status;
  return id;
}

std::optional<uint16_t> SlaveRegistry::FreeSlot() const {
  std::set<uint16_t> taken;
  for (const auto& [id, slave] : slaves_) {
    if (slave.entry.port) taken.insert(*slave.entry.port);
  }
  for (uint16_t slot = kFirstSlot; slot < OV6_MAX_PORTS; ++slot) {
    if (!taken.contains(slot)) return slot;
  }
  return std::nullopt;
}

}  // namespace ov6
