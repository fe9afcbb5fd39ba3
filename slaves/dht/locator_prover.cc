// SPDX-License-Identifier: Apache-2.0
#include "slaves/dht/locator_prover.h"

#include <algorithm>

namespace ov6 {
LocatorProver::State LocatorProver::Prove(BootTime now, const Record& record) {
  bool proven = false, asking = false;
  for (const Locator& locator : record.locators) {
    if (locator.priority == kAcceptOnly || record.control_port == 0) continue;
    const State state = Ask(now, {record.prefix, {locator.address, record.control_port}});
    proven |= state == State::kProven;
    asking |= state == State::kAsking;
  }
  return proven ? State::kProven : asking ? State::kAsking : State::kFailed;
}

LocatorProver::State LocatorProver::StateOf(BootTime now, const Place& place) const {
  const auto found = verdicts_.find(place);
  if (found != verdicts_.end() && found->second.until > now)
    return found->second.proven ? State::kProven : State::kFailed;
  return questions_.contains(place) ? State::kAsking : State::kFailed;
}

LocatorProver::State LocatorProver::Ask(BootTime now, const Place& place) {
  const auto found = verdicts_.find(place);
  const bool known = found != verdicts_.end() && found->second.until > now;
  const bool old = known && found->second.proven && found->second.until < now + kProofLifetime / 2;
  if ((!known || old) && !questions_.contains(place)) {
    if (questions_.size() < kMaxQuestions) {
      Question& question = questions_[place];
      question.nonce = nonce_();
      SendProbe(now, place, &question);
    } else {
      ++counters_.overflow;
    }
  }
  return StateOf(now, place);
}

bool LocatorProver::Asking(const Prefix& prefix) const {
  const auto found = questions_.lower_bound({prefix, Endpoint{}});
  return found != questions_.end() && found->first.first == prefix;
}

bool LocatorProver::Proven(BootTime now, const Prefix& prefix, Ipv4 address) const {
  for (auto it = verdicts_.lower_bound({prefix, {address, 0}});
       it != verdicts_.end() && it->first.first == prefix && it->first.second.address == address; ++it) {
    if (it->second.proven && it->second.until > now) return true;
  }
  return false;
}

void LocatorProver::Presume(BootTime now, const Prefix& prefix, const Endpoint& place) {
  std::erase_if(presumed_, [&](const auto& one) { return one.second.second + kPresumedAgain <= now; });
  if (presumed_.contains(prefix) || presumed_.size() >= kMaxPresumed) return;
  ++counters_.presumed;
  presumed_[prefix] = {place.address, now};
}

bool LocatorProver::Presumed(BootTime now, const Prefix& prefix, Ipv4 address) const {
  const auto found = presumed_.find(prefix);
  return found != presumed_.end() && found->second.first == address && now < found->second.second + kPresumed;
}

void LocatorProver::SendProbe(BootTime now, const Place& place, Question* question) {
  ++counters_.probes;
  question->next = now + kFirstWait * (1 << question->sent++);
  send_(place.second, EncodePeering({PeeringType::kProbe, false, question->nonce, place.first}));
}

void LocatorProver::OnProbed(BootTime now, const Endpoint& from, const PeeringMessage& message) {
  const Place place{message.prefix, from};
  const auto found = questions_.find(place);
  if (found == questions_.end() || found->second.nonce != message.nonce) {
    ++counters_.unexpected;
    return;
  }
  ++(message.yes ? counters_.proven : counters_.denied);
  if (message.yes) presumed_.erase(place.first);
  Settle(place, {message.yes, now + (message.yes ? kProofLifetime : kFailureLifetime)});
}

void LocatorProver::Settle(const Place& place, Verdict verdict) {
  questions_.erase(place);
  if (!verdicts_.contains(place) && verdicts_.size() >= kMaxProofs) {
    const auto oldest =
        std::min_element(verdicts_.begin(), verdicts_.end(),
                         [](const auto& a, const auto& b) { return a.second.until < b.second.until; });
    verdicts_.erase(oldest);
  }
  verdicts_[place] = verdict;
  settled_.push_back(place.first);
}

// A proof that silence met on its renewal holds until it ends.
void LocatorProver::OnTimer(BootTime now) {
  std::vector<Place> silent;
  for (auto& [place, question] : questions_) {
    if (question.next > now) continue;
    if (question.sent < kTries) {
      SendProbe(now, place, &question);
    } else {
      silent.push_back(place);
    }
  }
  for (const Place& place : silent) {
    ++counters_.unanswered;
    const bool proven = StateOf(now, place) == State::kProven;
    Settle(place, proven ? verdicts_.at(place) : Verdict{false, now + kFailureLifetime});
  }
}

BootTime LocatorProver::NextDeadline() const {
  BootTime deadline = BootTime::max();
  for (const auto& [place, question] : questions_) deadline = std::min(deadline, question.next);
  return deadline;
}

}  // namespace ov6
