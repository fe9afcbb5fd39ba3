// SPDX-License-Identifier: Apache-2.0
// Slaves whose plans change while the daemon runs, that come and go, and that are sent away for a while
// without a loss (docs/slave-protocol.md section 7).
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "userspace/base/text.h"
#include "userspace/ov6d/slave_service.h"

namespace ov6 {
namespace {

namespace json = boost::json;

const char* const kManagement = "management";

}  // namespace

// --- who the slaves are ------------------------------------------------------------

void SlaveService::Replan(std::vector<SlavePlan> plans) {
  ReplanRemote(plans);
  ReplanLocal(&plans);
  std::vector<std::string> changed, elsewhere;
  for (SlavePlan& plan : plans) {
    Slave* slave = Find(plan.name);
    if (slave == nullptr || slave->forgotten) continue;
    if (plan.config != slave->plan.config || plan.ifindex != slave->plan.ifindex)
      changed.push_back(plan.name);
    if (plan.prefixes != slave->plan.prefixes) elsewhere.push_back(plan.name);
    slave->plan = std::move(plan);
  }
  Readvertise(elsewhere);
  for (const std::string& name : elsewhere) {
    Slave& slave = *Find(name);
    if (!slave.session || !slave.plan.remote) continue;
    slave.request.prefixes = PrefixesOf(slave);
    AssignAll(slave);
  }
  for (const std::string& name : changed) {
    Slave& slave = *Find(name);
    if (slave.plan.remote) ReconfigureRemote(slave);
    if (!slave.process || ending_) continue;
    Call(name, "reconfigure", ConfigOf(slave), [this, name](const absl::StatusOr<std::string>& result) {
      if (result.ok() || ending_) return;
      spdlog::info("slave {} is started anew, since what it works with has changed ({})", name,
                   Message(result.status()));
      Restart(*Find(name));
    });
  }
}

// What one gives up and another gets changes hands before either list is another: there is always a route.
void SlaveService::Readvertise(const std::vector<std::string>& names) {
  const auto note = [](const std::string& name, const absl::Status& status) {
    if (!status.ok()) spdlog::warn("routes of slave {}: {}", name, Message(status));
  };
  for (const std::string& name : names) {
    const Slave& slave = *Find(name);
    if (!slave.id) continue;
    const std::vector<Prefix> before = env_.master.slaves().Find(*slave.id)->entry.prefixes;
    const std::vector<Prefix> after = PrefixesOf(slave);
    note(name, env_.master.Reassign(*slave.id, after));
    std::vector<Prefix> kept;
    for (const Prefix& prefix : after) {
      if (std::find(before.begin(), before.end(), prefix) != before.end()) kept.push_back(prefix);
    }
    if (kept != before) note(name, env_.master.slaves().SetPrefixes(*slave.id, kept));
  }
  for (const std::string& name : names) {
    const Slave& slave = *Find(name);
    if (slave.id) note(name, env_.master.Advertise(*slave.id, PrefixesOf(slave), PermissionOf(slave)));
  }
}

// Those here; the ones elsewhere are ReplanRemote's. One that runs keeps its uid, and nobody else gets it.
void SlaveService::ReplanLocal(std::vector<SlavePlan>* plans) {
  bool changed = false;
  for (SlavePlan& plan : *plans) {
    if (plan.remote) continue;
    const auto [entry, is_new] = slaves_.try_emplace(plan.name);
    changed |= is_new;
    if (!is_new) {
      plan.uid = entry->second.plan.uid;
      continue;
    }
    const auto taken = [&](uid_t uid) {
      return std::any_of(slaves_.begin(), slaves_.end(), [&](const auto& other) {
        return other.first != plan.name && !other.second.plan.remote && other.second.plan.uid == uid;
      });
    };
    while (taken(plan.uid)) ++plan.uid;
    entry->second.plan = plan;
  }
  std::vector<std::string> gone;
  for (auto& [name, slave] : slaves_) {
    const bool planned = std::any_of(plans->begin(), plans->end(),
                                     [&, &key = name](const SlavePlan& plan) { return plan.name == key; });
    if (planned || slave.plan.remote || slave.forgotten) continue;
    slave.forgotten = changed = true;
    slave.process ? Stop(name, [] {}) : gone.push_back(name);
  }
  for (const std::string& name : gone) Erase(name);
  if (changed) Call(kManagement, "slaves", "", [](const absl::StatusOr<std::string>&) {});
}

void SlaveService::Erase(const std::string& name) {
  Slave& slave = slaves_.at(name);
  if (const auto session = slave.session) session->Close(absl::NotFoundError("it was deleted"));
  slave.port.reset();
  if (const auto id = env_.master.slaves().FindByName(name)) {
    const SlaveEntry entry = env_.master.slaves().Find(*id)->entry;
    env_.master.Goodbye(*id);
    DropPort(entry);
  }
  memory_.Forget(name);
  slaves_.erase(name);
}

// --- who is sent away for a while ----------------------------------------------------

absl::StatusOr<SlaveService::Slave*> SlaveService::Operable(const std::string& name) {
  Slave* slave = Find(name);
  if (slave == nullptr || slave->forgotten)
    return absl::NotFoundError("no slave named \"" + name + "\" is configured");
  if (slave->plan.kind != SlaveKind::kManagement) return slave;
  return absl::FailedPreconditionError("the management slave starts all others and ends with ov6d");
}

void SlaveService::Drain(const std::string& name, Duration away, Result result) {
  const auto slave = Operable(name);
  if (!slave.ok()) return result(slave.status());
  if ((*slave)->drained)
    return result(absl::FailedPreconditionError("\"" + name + "\" is on its way already"));
  if (!(*slave)->session || !(*slave)->session->open())
    return result(absl::FailedPreconditionError("the slave \"" + name + "\" is not up"));
  spdlog::info("slave {} is drained", name);
  (*slave)->away_until = env_.clock() + away;
  (*slave)->drained = std::move(result);
  if (!(*slave)->plan.remote) return Stop(name, [] {});
  DrainRemote(**slave, away);
}

// Who does not know the call, or does not go, is shown out.
void SlaveService::DrainRemote(Slave& slave, Duration away) {
  const std::weak_ptr<SlaveSession> weak = slave.session;
  const auto end = [weak](const std::string& why) {
    if (const auto session = weak.lock()) session->Close(absl::UnavailableError(why));
  };
  if (slave.request.plain) return end("it is drained");
  const json::object argument{{"away_s", std::chrono::duration_cast<std::chrono::seconds>(away).count()}};
  slave.session->Call("drain", json::serialize(argument), [end](const absl::StatusOr<std::string>& answer) {
    if (!answer.ok()) end("it is drained: " + Message(answer.status()));
  });
  After(kDrainTime, [end] { end("it was drained and did not go"); });
}

// Whoever has gone says so to who waits for it.
void SlaveService::TellDrained(Slave& slave) {
  if (slave.drained) std::exchange(slave.drained, nullptr)(std::string("{}"));
}

int64_t SlaveService::AwaySeconds(const Slave& slave) const {
  if (!slave.away_until) return 0;
  return std::chrono::ceil<std::chrono::seconds>(std::max(*slave.away_until - env_.clock(), Duration{}))
      .count();
}

std::optional<std::string> SlaveService::WhyAway(const Slave& slave) const {
  const int64_t seconds = AwaySeconds(slave);
  if (seconds == 0) return std::nullopt;
  return "\"" + slave.plan.name + "\" is drained for " + std::to_string(seconds) + " s more";
}

void SlaveService::StartAgain(const std::string& name, Result result) {
  const auto slave = Operable(name);
  if (!slave.ok()) return result(slave.status());
  (*slave)->away_until.reset();
  if ((*slave)->plan.remote) return result(std::string("{}"));
  Call(kManagement, "start", json::serialize(json::object{{"name", name}}), std::move(result));
}

// Those whose time away is over; one elsewhere comes by itself.
void SlaveService::EndAway() {
  for (auto& [name, slave] : slaves_) {
    if (!slave.away_until || WhyAway(slave) || slave.drained) continue;
    StartAgain(name, [key = name](const absl::StatusOr<std::string>& result) {
      if (!result.ok()) spdlog::warn("slave {} was not started again: {}", key, Message(result.status()));
    });
  }
}

}  // namespace ov6
