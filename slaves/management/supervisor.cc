// SPDX-License-Identifier: Apache-2.0
#include "slaves/management/supervisor.h"

#include <algorithm>
#include <utility>

namespace ov6 {

std::string_view ToString(Supervisor::State state) {
  switch (state) {
    case Supervisor::State::kRunning:
      return "running";
    case Supervisor::State::kWaiting:
      return "waiting";
    case Supervisor::State::kDown:
      return "down";
  }
  return "unknown";
}

void Supervisor::Report(BootTime now, const std::string& name, SlaveKind kind, bool running) {
  const auto [entry, is_new] = slaves_.try_emplace(name);
  Slave& slave = entry->second;
  if (is_new) {
    slave.kind = kind;
    slave.state = running ? State::kRunning : State::kWaiting;
    slave.since = slave.next_try = now;
  } else if (slave.state == State::kRunning && !running && now - slave.since >= kSettled) {
    Wait(now, &slave);
  } else if (slave.state != State::kRunning && running) {
    slave.state = State::kRunning;
    slave.since = now;
  }
}

void Supervisor::Keep(const std::set<std::string>& names) {
  std::erase_if(slaves_, [&](const auto& entry) { return !names.contains(entry.first); });
}

void Supervisor::OnExited(BootTime now, const std::string& name, int status) {
  const auto found = slaves_.find(name);
  if (found == slaves_.end() || found->second.state != State::kRunning) return;
  if (status == 0) {
    found->second.state = State::kDown;
    return;
  }
  Wait(now, &found->second);
}

void Supervisor::OnStartFailed(BootTime now, const std::string& name) {
  const auto found = slaves_.find(name);
  if (found != slaves_.end() && found->second.state == State::kRunning) Wait(now, &found->second);
}

bool Supervisor::Want(BootTime now, const std::string& name) {
  const auto found = slaves_.find(name);
  if (found == slaves_.end()) return false;
  if (found->second.state == State::kRunning) return true;
  found->second.state = State::kWaiting;
  found->second.next_try = now;
  return true;
}

void Supervisor::Wait(BootTime now, Slave* slave) {
  if (now - slave->since >= kGoodLife) slave->delay = kFirstDelay;
  slave->state = State::kWaiting;
  slave->next_try = now + slave->delay;
  slave->delay = std::min(slave->delay * 2, kLongestDelay);
  ++slave->restarts;
}

std::vector<std::string> Supervisor::TakeDue(BootTime now) {
  std::vector<std::pair<bool, std::string>> due;  // gateways sort first
  for (auto& [name, slave] : slaves_) {
    if (slave.state != State::kWaiting || slave.next_try > now) continue;
    slave.state = State::kRunning;
    slave.since = now;
    due.emplace_back(slave.kind != SlaveKind::kGateway, name);
  }
  std::sort(due.begin(), due.end());
  std::vector<std::string> names;
  for (auto& [later, name] : due) names.push_back(std::move(name));
  return names;
}

std::optional<BootTime> Supervisor::NextDeadline() const {
  std::optional<BootTime> deadline;
  for (const auto& [name, slave] : slaves_) {
    if (slave.state == State::kWaiting && (!deadline || slave.next_try < *deadline))
      deadline = slave.next_try;
  }
  return deadline;
}

}  // namespace ov6
