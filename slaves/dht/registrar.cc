// SPDX-License-Identifier: Apache-2.0
#include "slaves/dht/registrar.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "userspace/wire/ownership.h"
#include "userspace/wire/storage_key.h"

namespace ov6 {

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
  for (auto& [prefix, registration] : registrations_) {
    if (registration.signing) continue;
    if (registration.next <= now) {
      Sign(prefix, &registration);
    } else if (registration.again <= now) {
      PutAgain(prefix, &registration);
    }
  }
}

void Registrar::SetLocators(const std::vector<Locator>& locators) {
  if (locators == config_.locators || locators.empty()) return;
  config_.locators = locators;
  for (auto& [prefix, registration] : registrations_) {
    registration.next = clock_.boot();
    registration.outdated = registration.signing;
  }
  OnTimer();
}

Record Registrar::MakeRecord(const Prefix& prefix) {
  const auto now = clock_.wall();
  last_sequence_ = std::max(last_sequence_ + 1, static_cast<uint64_t>(now.time_since_epoch().count()));
  Record record;
  record.domain = config_.domain.name;
  record.prefix = prefix;
  record.sequence = last_sequence_;
  record.not_before = clock_.Wall();
  record.expiry = record.not_before + config_.registration;
  record.locators = config_.locators;
  record.public_key = config_.public_key;
  record.modifier = config_.modifier;
  record.security = SecurityOf(config_.public_key, config_.modifier);
  return record;
}

void Registrar::Sign(const Prefix& prefix, Registration* registration) {
  const Bytes unsigned_record = EncodeRecord(MakeRecord(prefix));
  registration->signing = true;
  registration->next = clock_.boot() + config_.registration / 2;
  session_.Call("sign", std::string(unsigned_record.begin(), unsigned_record.end()),
                [this, prefix, unsigned_record](const absl::StatusOr<std::string>& result) {
                  OnSigned(prefix, unsigned_record, result);
                });
}

void Registrar::OnSigned(const Prefix& prefix, const Bytes& unsigned_record,
                         const absl::StatusOr<std::string>& result) {
  Registration& registration = registrations_.at(prefix);
  registration.signing = false;
  Signature signature;
  if (!result.ok() || result->size() != signature.size()) {
    ++counters_.sign_refused;
    spdlog::warn("the record for {} was not signed: {}", prefix.ToString(),
                 result.ok() ? "the signature has another size" : std::string(result.status().message()));
    return Retry(&registration);
  }
  ++counters_.signed_records;
  if (std::exchange(registration.outdated, false)) return Sign(prefix, &registration);
  std::copy(result->begin(), result->end(), signature.begin());
  registration.record = EncodeSigned(unsigned_record, signature);
  registration.retry = kFirstRetry;
  if (joined_) Put(prefix, &registration);
}

void Registrar::OnJoined() {
  joined_ = true;
  for (auto& [prefix, registration] : registrations_) {
    registration.again_delay = kFirstAgain;
    registration.again = clock_.boot() + kFirstAgain;
    if (!registration.record.empty()) Put(prefix, &registration);
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
  if (!registration->record.empty()) Put(prefix, registration);
}

void Registrar::OnPut(const PutOutput& output) {
  for (auto& [prefix, registration] : registrations_) {
    if (registration.put != output.id) continue;
    registration.put = 0;
    const bool news = !std::exchange(registration.stored, output.stored);
    ++(output.stored ? counters_.stored : counters_.store_failed);
    if (!output.stored) {
      spdlog::warn("{} was not stored, trying again", prefix.ToString());
      return Retry(&registration);
    }
    registration.retry = kFirstRetry;
    if (news) spdlog::info("{} registered at {} nodes", prefix.ToString(), output.replicas);
    return;
  }
}

// A new record too: one refused for its age would be refused again.
void Registrar::Retry(Registration* registration) {
  registration->next = clock_.boot() + registration->retry;
  registration->retry = std::min<Duration>(registration->retry * 2, kLongestRetry);
}

size_t Registrar::registered() const {
  return static_cast<size_t>(std::count_if(registrations_.begin(), registrations_.end(),
                                           [](const auto& r) { return r.second.stored; }));
}

}  // namespace ov6
