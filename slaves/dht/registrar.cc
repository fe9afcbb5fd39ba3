// SPDX-License-Identifier: Apache-2.0
#include "slaves/dht/registrar.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "userspace/wire/ownership.h"
#include "userspace/wire/storage_key.h"

namespace ov6 {
namespace {

std::string StoredJson(int replicas) { return "{\"replicas\": " + std::to_string(replicas) + "}"; }

}  // namespace

Registrar::Registrar(const DhtConfig& config, Session& session, SubmitRequest submit, DhtClock clock)
    : config_(config), session_(session), submit_(std::move(submit)), clock_(std::move(clock)) {
  for (const Prefix& prefix : config_.registrations) registrations_[prefix].next = clock_.boot();
}

BootTime Registrar::NextDeadline() const {
  BootTime deadline = BootTime::max();
  for (const auto& [prefix, registration] : registrations_) {
    if (!registration.signing) deadline = std::min({deadline, registration.next, registration.again});
  }
  return deadline;
}

void Registrar::OnTimer() {
  const BootTime now = clock_.boot();
  std::vector<Prefix> due;
  for (auto& [prefix, registration] : registrations_) {
    if (registration.signing) continue;
    if (registration.next <= now) {
      if (HoldsBack(registration))
        due.push_back(prefix);
      else
        Sign(prefix, &registration);
    } else if (registration.again <= now) {
      PutAgain(prefix, &registration);
    }
  }
  for (const Prefix& prefix : due) Hold(prefix);
}

bool Registrar::HoldsBack(const Registration& registration) const {
  return on_due_ && !registration.record.empty() && !registration.revoked && !registration.at_once;
}

void Registrar::Hold(const Prefix& prefix) {
  Registration& registration = registrations_.at(prefix);
  registration.held = registration.due = true;
  registration.next = clock_.boot() + kLongestRetry;
  on_due_(prefix);
}

void Registrar::Reconfigure(const DhtConfig& config) {
  const bool elsewhere = config.locators != config_.locators && !config.locators.empty();
  if (elsewhere) config_.locators = config.locators;
  config_.delegations = config.delegations;
  config_.registrations = config.registrations;
  const auto wanted = [&](const Prefix& prefix) {
    return std::find(config.registrations.begin(), config.registrations.end(), prefix) !=
           config.registrations.end();
  };
  for (auto& [prefix, registration] : registrations_) {
    if (wanted(prefix) || registration.revoked) continue;
    Answer(prefix, &registration, absl::AbortedError(prefix.ToString() + " is registered here no more"));
  }
  std::erase_if(registrations_, [&](const auto& r) { return !wanted(r.first) && !r.second.revoked; });
  for (const Prefix& prefix : config.registrations) {
    if (registrations_.contains(prefix)) continue;
    registrations_[prefix].next = clock_.boot();
    registrations_[prefix].held = on_due_ != nullptr;
  }
  for (auto& [prefix, registration] : registrations_) {
    if (elsewhere) SignAnew(&registration);
  }
  OnTimer();
}

void Registrar::SignAnew(Registration* registration) {
  registration->outdated = registration->signing;
  registration->at_once = true;
  registration->next = clock_.boot();
}

void Registrar::HoldBack(std::function<void(const Prefix&)> due) {
  on_due_ = std::move(due);
  for (auto& [prefix, registration] : registrations_) registration.held = true;
}

void Registrar::Raise(const Prefix& prefix, uint64_t above) {
  Resume(above);
  const auto found = registrations_.find(prefix);
  if (found == registrations_.end() || found->second.sequence > above) return;
  SignAnew(&found->second);
  OnTimer();
}

void Registrar::Release(const Prefix& prefix, uint64_t above) {
  Resume(above);
  const auto found = registrations_.find(prefix);
  if (found == registrations_.end() || !std::exchange(found->second.held, false)) return;
  Registration& registration = found->second;
  if (std::exchange(registration.due, false) || registration.sequence <= above) {
    SignAnew(&registration);
    return OnTimer();
  }
  if (joined_ && !registration.signing && !registration.record.empty()) Put(prefix, &registration);
}

std::vector<Prefix> Registrar::Held() const {
  std::vector<Prefix> held;
  for (const auto& [prefix, registration] : registrations_) {
    if (registration.held && !registration.due) held.push_back(prefix);
  }
  return held;
}

bool Registrar::Settled(const Prefix& prefix) const {
  const auto found = registrations_.find(prefix);
  return found != registrations_.end() && found->second.settled;
}

void Registrar::AwaitStored(const Prefix& prefix, Respond respond) {
  const auto found = registrations_.find(prefix);
  if (found == registrations_.end()) {
    return respond(absl::NotFoundError(prefix.ToString() + " is not registered here"));
  }
  found->second.waiting.push_back(std::move(respond));
  if (found->second.stored) Answer(prefix, &found->second, StoredJson(found->second.replicas));
}

void Registrar::Revoke(const Prefix& prefix, Respond respond) {
  Registration& registration = registrations_[prefix];
  registration.revoked = true;
  registration.stored = false;
  registration.put = 0;  // what is under way answers for what was before
  registration.held = registration.due = false;
  SignAnew(&registration);
  registration.waiting.push_back(std::move(respond));
  OnTimer();
}

void Registrar::Renew(const Prefix& prefix, Respond respond) {
  const auto found = registrations_.find(prefix);
  if (found == registrations_.end() || !found->second.revoked) {
    return respond(absl::NotFoundError(prefix.ToString() + " is not revoked here"));
  }
  Registration& registration = found->second;
  const auto& own = config_.registrations;
  if (std::find(own.begin(), own.end(), prefix) == own.end()) {
    Answer(prefix, &registration,
           absl::AbortedError("the revocation of " + prefix.ToString() + " was ended"));
    registrations_.erase(found);  // another's: what it signs from now on holds again
    return respond("{}");
  }
  registration.revoked = registration.stored = false;
  registration.put = 0;
  SignAnew(&registration);
  registration.waiting.push_back(std::move(respond));
  OnTimer();
}

void Registrar::Answer(const Prefix& prefix, Registration* registration,
                       const absl::StatusOr<std::string>& answer) {
  for (const Respond& respond : std::exchange(registration->waiting, {})) respond(answer);
  if (!answer.ok()) spdlog::debug("{}: {}", prefix.ToString(), std::string(answer.status().message()));
}

// By whose right: the key's own, an anchor's, anybody's, or that of a delegation.
const DelegationToken* Registrar::TokenFor(const Prefix& prefix) const {
  const Domain& domain = config_.domain;
  const uint32_t security = SecurityOf(config_.public_key, config_.modifier);
  const bool cut = domain.trust == Domain::Trust::kSelf &&
                   OwnedPrefix(domain, config_.public_key, config_.modifier, security).Contains(prefix);
  const bool anchor =
      std::find(domain.anchors.begin(), domain.anchors.end(), config_.public_key) != domain.anchors.end();
  if (cut || anchor || domain.trust == Domain::Trust::kOpen) return nullptr;
  return FindToken(config_.delegations, domain.name, config_.public_key, prefix);
}

Record Registrar::MakeRecord(const Prefix& prefix, bool revoked) {
  const auto now = clock_.wall();
  last_sequence_ = std::max(last_sequence_ + 1, static_cast<uint64_t>(now.time_since_epoch().count()));
  Record record;
  record.domain = config_.domain.name;
  record.prefix = prefix;
  record.sequence = last_sequence_;
  record.not_before = clock_.Wall();
  record.expiry = record.not_before + config_.registration;
  if (!revoked) record.locators = config_.locators;
  record.control_port = config_.listen.port;
  record.public_key = config_.public_key;
  record.modifier = config_.modifier;
  record.security = SecurityOf(config_.public_key, config_.modifier);
  const DelegationToken* token = TokenFor(prefix);
  if (token == nullptr) return record;
  record.root = token->root;
  record.modifier = token->modifier;
  record.security = token->security;
  record.chain = token->chain;
  record.expiry = std::min(record.expiry, ExpiryOf(*token));
  return record;
}

void Registrar::Sign(const Prefix& prefix, Registration* registration) {
  const Bytes unsigned_record = EncodeRecord(MakeRecord(prefix, registration->revoked));
  registration->signing = true;
  registration->at_once = false;
  registration->sequence = last_sequence_;
  registration->next = clock_.boot() + config_.registration / 2;
  session_.Call("sign", std::string(unsigned_record.begin(), unsigned_record.end()),
                [this, prefix, unsigned_record](const absl::StatusOr<std::string>& result) {
                  OnSigned(prefix, unsigned_record, result);
                });
}

void Registrar::OnSigned(const Prefix& prefix, const Bytes& unsigned_record,
                         const absl::StatusOr<std::string>& result) {
  const auto found = registrations_.find(prefix);
  if (found == registrations_.end()) return;  // a revocation that was ended meanwhile
  Registration& registration = found->second;
  registration.signing = false;
  Signature signature;
  if (!result.ok() || result->size() != signature.size()) {
    ++counters_.sign_refused;
    spdlog::warn("the record for {} was not signed: {}", prefix.ToString(),
                 result.ok() ? "the signature has another size" : std::string(result.status().message()));
    Answer(prefix, &registration,
           result.ok() ? absl::InternalError("the signature has another size") : result);
    return Retry(&registration);
  }
  ++counters_.signed_records;
  if (std::exchange(registration.outdated, false)) return Sign(prefix, &registration);
  std::copy(result->begin(), result->end(), signature.begin());
  registration.record = EncodeSigned(unsigned_record, signature);
  registration.retry = kFirstRetry;
  const std::vector<Locator> locators = registration.revoked ? std::vector<Locator>() : config_.locators;
  const bool elsewhere = std::exchange(registration.locators, locators) != locators;
  on_signed_(prefix, elsewhere);
  if (joined_ && !registration.held) Put(prefix, &registration);
}

void Registrar::OnJoined() {
  joined_ = true;
  for (auto& [prefix, registration] : registrations_) {
    registration.again_delay = kFirstAgain;
    registration.again = clock_.boot() + kFirstAgain;
    if (!registration.held && !registration.record.empty()) Put(prefix, &registration);
  }
}

void Registrar::Put(const Prefix& prefix, Registration* registration) {
  registration->put = next_request_++;
  submit_(PutRequest{registration->put, StorageKey(config_.domain, prefix), registration->record});
}

void Registrar::PutAgain(const Prefix& prefix, Registration* registration) {
  registration->again_delay *= 2;
  const bool more = registration->again_delay <= kLastAgain;
  registration->again = more ? clock_.boot() + registration->again_delay : BootTime::max();
  if (!registration->held && !registration->record.empty()) Put(prefix, registration);
}

void Registrar::OnPut(const PutOutput& output) {
  for (auto& [prefix, registration] : registrations_) {
    if (registration.put != output.id) continue;
    registration.put = 0;
    const bool news = !std::exchange(registration.stored, output.stored);
    ++(output.stored ? counters_.stored : counters_.store_failed);
    if (!output.stored) {
      spdlog::warn("{} was not stored, trying again", prefix.ToString());
      Answer(prefix, &registration, absl::UnavailableError("no node of the DHT took the record"));
      return Retry(&registration);
    }
    if (!std::exchange(registration.settled, true) && on_due_)
      registration.next = std::min(registration.next, clock_.boot() + kFirstRenewal);
    registration.retry = kFirstRetry;
    registration.replicas = output.replicas;
    Answer(prefix, &registration, StoredJson(output.replicas));
    if (news) spdlog::info("{} registered at {} nodes", prefix.ToString(), output.replicas);
    return;
  }
}

// A new record too: one refused for its age would be refused again.
void Registrar::Retry(Registration* registration) {
  registration->next = clock_.boot() + registration->retry;
  registration->retry = std::min<Duration>(registration->retry * 2, kLongestRetry);
}

size_t Registrar::revoked() const {
  return static_cast<size_t>(std::count_if(registrations_.begin(), registrations_.end(),
                                           [](const auto& r) { return r.second.revoked; }));
}

bool Registrar::Serves(const Prefix& prefix) const {
  const auto found = registrations_.find(prefix);
  return found != registrations_.end() && !found->second.revoked;
}

std::optional<Prefix> Registrar::ServesAround(const Prefix& prefix) const {
  std::optional<Prefix> longest;
  for (const auto& [own, registration] : registrations_) {
    const bool better = !longest || own.length > longest->length;
    if (own.Contains(prefix) && !registration.revoked && better) longest = own;
  }
  return longest;
}

const Bytes* Registrar::RecordOf(const Prefix& prefix) const {
  const auto found = registrations_.find(prefix);
  return found == registrations_.end() || found->second.record.empty() ? nullptr : &found->second.record;
}

size_t Registrar::registered() const {
  return static_cast<size_t>(std::count_if(registrations_.begin(), registrations_.end(),
                                           [](const auto& r) { return r.second.stored; }));
}

}  // namespace ov6
