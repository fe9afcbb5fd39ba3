// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/path_check.h"

#include <algorithm>

namespace ov6 {
namespace {

constexpr size_t kRemembered = 8;  // probes of a pair that may still be answered

}  // namespace

void PathCheck::Start(BootTime now, StunCredentials remote, std::span<const Endpoint> candidates, Told by) {
  remote_ = std::move(remote);
  for (const Endpoint& candidate : candidates) {
    Pair* pair = Find(candidate);
    if (pair == nullptr) pair = Add(candidate, true);
    const auto told = std::count_if(pairs_.begin(), pairs_.end(), [](const Pair& p) { return p.told; });
    if (static_cast<size_t>(told) < kMaxCandidates) pair->told = true;
    pair->strange = by == Told::kByRing;
    pair->tried = 0;
  }
  if (state_ != State::kUp) Probing(now);
}

void PathCheck::Probing(BootTime now) {
  state_ = State::kProbing;
  since_ = now;
  for (Pair& pair : pairs_) pair.next = now;
}

PathCheck::Pair* PathCheck::Find(const Endpoint& at) {
  const auto found = std::find_if(pairs_.begin(), pairs_.end(), [&](const Pair& p) { return p.at == at; });
  return found == pairs_.end() ? nullptr : &*found;
}

// Of too many of a kind the one that was heard longest ago makes room, unless it is the path.
PathCheck::Pair* PathCheck::Add(const Endpoint& at, bool told) {
  const auto alike = [&](const Pair& pair) { return pair.told == told; };
  const size_t most = told ? kMaxCandidates : kMaxReflexive;
  if (static_cast<size_t>(std::count_if(pairs_.begin(), pairs_.end(), alike)) < most)
    return &pairs_.emplace_back(Pair{.at = at, .told = told});
  Pair* oldest = nullptr;
  for (Pair& pair : pairs_) {
    const bool used = state_ == State::kUp && &pair == &pairs_[path_];
    if (alike(pair) && !used && (oldest == nullptr || pair.heard < oldest->heard)) oldest = &pair;
  }
  *oldest = Pair{.at = at, .told = told};
  return oldest;
}

void PathCheck::OnRequest(BootTime now, const Endpoint& from) {
  Pair* pair = Find(from);
  if (pair == nullptr) pair = Add(from, false);
  // RFC 8445 section 7.3.1.4: what it has opened on the way is tried at once.
  if (!pair->heard) pair->next = now;
  pair->heard = now;
  pair->owed = true;
}

bool PathCheck::Expects(const Endpoint& from, const StunTransaction& transaction) const {
  return std::any_of(pairs_.begin(), pairs_.end(), [&](const Pair& pair) {
    return pair.at == from && std::any_of(pair.sent.begin(), pair.sent.end(),
                                          [&](const auto& probe) { return probe.first == transaction; });
  });
}

void PathCheck::OnAnswer(BootTime now, const Endpoint& from, const StunTransaction& transaction) {
  if (!Expects(from, transaction)) return;
  Pair* pair = Find(from);
  const auto sent = std::find_if(pair->sent.begin(), pair->sent.end(),
                                 [&](const auto& probe) { return probe.first == transaction; });
  const BootTime until = sent->second + kConsent;
  pair->sent.erase(sent);
  const auto index = static_cast<size_t>(pair - pairs_.data());
  pair->answered = true;
  if (until <= now || (state_ == State::kUp && index != path_)) return;
  if (state_ != State::kUp) pair->next = now + kRefresh;
  consent_ = state_ == State::kUp ? std::max(consent_, until) : until;
  state_ = State::kUp;
  path_ = index;
}

PathCheck::Probe PathCheck::MakeProbe(BootTime now, Pair& pair) {
  Probe probe{pair.at, {}, pair.strange && !pair.answered && !pair.owed};
  pair.owed = false;
  ++pair.tried;
  random_(probe.transaction);
  pair.sent.emplace_back(probe.transaction, now);
  if (pair.sent.size() > kRemembered) pair.sent.pop_front();
  return probe;
}

bool PathCheck::MayProbe(const Pair& pair) {
  return pair.answered || pair.owed || (pair.told && (!pair.strange || pair.tried < kFewProbes));
}

Duration PathCheck::Pause(BootTime now, const Pair& pair) const {
  if (pair.strange && !pair.answered && !pair.heard)
    return kHurry * (1 << std::min(pair.tried - 1, kFewProbes));
  return now < since_ + kHurryFor ? kHurry : kPatient;
}

std::vector<PathCheck::Probe> PathCheck::OnTimer(BootTime now) {
  std::vector<Probe> probes;
  if (state_ == State::kUp && now >= consent_) Probing(now);
  if (state_ == State::kProbing && now >= since_ + kProbeFor) state_ = State::kFailed;
  if (state_ == State::kUp && now >= pairs_[path_].next) {
    probes.push_back(MakeProbe(now, pairs_[path_]));
    pairs_[path_].next = now + kRefresh;
  }
  if (state_ != State::kProbing) return probes;
  for (Pair& pair : pairs_) {
    if (now < pair.next || !MayProbe(pair)) continue;
    probes.push_back(MakeProbe(now, pair));
    pair.next = now + Pause(now, pair);
  }
  return probes;
}

std::optional<BootTime> PathCheck::NextDeadline() const {
  if (state_ == State::kUp) return std::min(pairs_[path_].next, consent_);
  if (state_ != State::kProbing) return std::nullopt;
  BootTime next = since_ + kProbeFor;
  for (const Pair& pair : pairs_) {
    if (MayProbe(pair)) next = std::min(next, pair.next);
  }
  return next;
}

std::optional<Endpoint> PathCheck::path() const {
  return state_ == State::kUp ? std::optional(pairs_[path_].at) : std::nullopt;
}

std::vector<Endpoint> PathCheck::Heard(BootTime now) const {
  std::vector<const Pair*> heard;
  for (const Pair& pair : pairs_) {
    if (pair.heard && now < *pair.heard + kAccept && pair.at != path()) heard.push_back(&pair);
  }
  std::sort(heard.begin(), heard.end(), [](const Pair* a, const Pair* b) { return *a->heard > *b->heard; });
  std::vector<Endpoint> places;
  for (const Pair* pair : heard) places.push_back(pair->at);
  return places;
}

}  // namespace ov6
