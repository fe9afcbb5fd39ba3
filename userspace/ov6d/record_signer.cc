// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/record_signer.h"

#include <algorithm>

namespace ov6 {
namespace {

template <typename T>
bool Contains(const std::vector<T>& list, const T& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

absl::Status Denied(std::string sentence) { return absl::PermissionDeniedError(std::move(sentence)); }

absl::Status CheckOwner(const SlavePlan& plan, const NodeKey& key, const Record& record) {
  if (record.domain != plan.domain) {
    return Denied("the record is of the domain \"" + record.domain + "\"; this slave serves \"" +
                  plan.domain + "\"");
  }
  const bool inside = std::any_of(plan.own.begin(), plan.own.end(),
                                  [&](const Prefix& own) { return own.Contains(record.prefix); });
  const bool revokes = record.locators.empty() && inside;
  if (!Contains(plan.registrations, record.prefix) && !revokes)
    return Denied(record.prefix.ToString() + " is not registered by this router");
  if (record.public_key != key.key.public_key()) return Denied("the record's key is not this router's");
  return absl::OkStatus();
}

// No chain but those that were handed to this router; without one it speaks as the owner.
absl::Status CheckChain(const SlavePlan& plan, const NodeKey& key, const Record& record) {
  if (record.chain.empty()) {
    if (record.modifier == key.modifier && record.security == key.security()) return absl::OkStatus();
    return Denied("the record's modifier or security is not this router's");
  }
  const DelegationToken token{record.domain, record.root, record.modifier, record.security, record.chain};
  if (Contains(plan.delegations, token)) return absl::OkStatus();
  return Denied("the record's chain is none of the delegations to this router");
}

absl::Status CheckLocators(const SlavePlan& plan, const Record& record) {
  for (const Locator& locator : record.locators) {
    const bool own = std::any_of(plan.locators.begin(), plan.locators.end(), [&](const Locator& mine) {
      return mine.address == locator.address && mine.encapsulation == locator.encapsulation &&
             mine.port == locator.port;
    });
    if (!own) return Denied("the locator " + locator.ToString() + " is not this router's");
  }
  return absl::OkStatus();
}

// Sequences are Unix milliseconds: one far ahead would block every later record.
absl::Status CheckTimes(const Record& record, UnixTime now) {
  const auto latest =
      std::chrono::duration_cast<std::chrono::milliseconds>((now + kClockSkew).time_since_epoch());
  if (record.not_before < now - kClockSkew || record.not_before > now + kClockSkew)
    return Denied("the record's life does not begin now");
  if (record.expiry <= record.not_before || record.expiry > now + kMaxRecordLifetime)
    return Denied("the record is to live longer than a day, or not at all");
  if (record.sequence > static_cast<uint64_t>(latest.count()))
    return Denied("the record's sequence " + std::to_string(record.sequence) + " is ahead of the clock");
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckSignable(const SlavePlan& plan, const NodeKey& key,
                           std::span<const uint8_t> unsigned_record, UnixTime now) {
  const auto record = DecodeRecord(unsigned_record);
  if (!record.ok()) return record.status();
  absl::Status status = CheckOwner(plan, key, *record);
  status.Update(CheckChain(plan, key, *record));
  status.Update(CheckLocators(plan, *record));
  status.Update(CheckTimes(*record, now));
  const Bytes encoded = EncodeRecord(*record);
  if (!std::equal(encoded.begin(), encoded.end(), unsigned_record.begin(), unsigned_record.end()))
    status.Update(Denied("the record has fields that this router does not know"));
  return status;
}

}  // namespace ov6
