// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/reflexive.h"

#include <algorithm>

namespace ov6 {

void Reflexive::SetServers(BootTime now, std::span<const Endpoint> servers) {
  servers_.clear();
  for (const Endpoint& server : servers.first(std::min(servers.size(), kMaxServers)))
    servers_[server].next = now;
  since_ = now;
}

std::vector<Reflexive::Question> Reflexive::OnTimer(BootTime now) {
  std::vector<Question> questions;
  for (auto& [at, server] : servers_) {
    if (now < server.next) continue;
    // Unanswered three times: whatever the NATs had opened may be closed.
    if (server.waits && server.pause > 4 * kRepeat) server.place.reset();
    random_(server.transaction);
    server.waits = true;
    server.next = now + server.pause;
    server.pause = std::min<Duration>(server.pause * 2, kRefresh);
    questions.push_back({at, server.transaction});
  }
  return questions;
}

std::optional<BootTime> Reflexive::NextDeadline() const {
  std::optional<BootTime> next;
  for (const auto& [at, server] : servers_) next = next ? std::min(*next, server.next) : server.next;
  return next;
}

bool Reflexive::OnAnswer(BootTime now, const Endpoint& from, const StunMessage& answer) {
  const auto found = servers_.find(from);
  if (found == servers_.end()) return false;
  Server& server = found->second;
  if (!server.waits || server.transaction != answer.transaction || !answer.mapped) return false;
  server.waits = false;
  server.place = answer.mapped;
  server.next = now + kRefresh;
  server.pause = kRepeat;
  return true;
}

std::vector<Endpoint> Reflexive::places() const {
  std::vector<Endpoint> places;
  for (const auto& [at, server] : servers_) {
    if (server.place && std::find(places.begin(), places.end(), *server.place) == places.end())
      places.push_back(*server.place);
  }
  return places;
}

bool Reflexive::settled(BootTime now) const { return !places().empty() || now >= since_ + kPatience; }

}  // namespace ov6
