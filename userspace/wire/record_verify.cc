// SPDX-License-Identifier: Apache-2.0
// What makes a record good, from the cheapest check to the dearest: a signature costs as much as a
// hundred of the others.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "userspace/wire/ownership.h"
#include "userspace/wire/record.h"

namespace ov6 {
namespace {

using std::chrono::seconds;

absl::Status Malformed(std::string sentence) { return absl::InvalidArgumentError(std::move(sentence)); }
absl::Status Untimely(std::string sentence) { return absl::FailedPreconditionError(std::move(sentence)); }
absl::Status Denied(std::string sentence) { return absl::PermissionDeniedError(std::move(sentence)); }

auto Count(auto time) { return std::chrono::duration_cast<seconds>(time).count(); }

absl::Status CheckDomain(const Record& record, const Domain& domain, UnixTime) {
  if (record.domain != domain.name) {
    return Malformed(fmt::format("a record of the domain '{}', this is '{}'", record.domain, domain.name));
  }
  if (!domain.prefix.Contains(record.prefix)) {
    return Malformed(fmt::format("{} is outside the domain {}, which is {}", record.prefix.ToString(),
                                 domain.name, domain.prefix.ToString()));
  }
  return absl::OkStatus();
}

absl::Status CheckWindow(const Record& record, const Domain&, UnixTime now) {
  if (record.expiry <= record.not_before || record.expiry - record.not_before > kMaxRecordLifetime) {
    return Malformed(fmt::format("the record of {} is to live {} s; 1 to {} are taken",
                                 record.prefix.ToString(), Count(record.expiry - record.not_before),
                                 Count(kMaxRecordLifetime)));
  }
  if (now + kClockSkew < record.not_before) {
    return Untimely(fmt::format("the record of {} is not valid for another {} s", record.prefix.ToString(),
                                Count(record.not_before - now)));
  }
  if (now >= record.expiry + kClockSkew) {
    return Untimely(fmt::format("the record of {} expired {} s ago", record.prefix.ToString(),
                                Count(now - record.expiry)));
  }
  return absl::OkStatus();
}

// One far ahead of the clock could never be overtaken: not by its owner, not after a move.
absl::Status CheckSequence(const Record& record, const Domain&, UnixTime now) {
  if (record.sequence == 0) return Malformed("the record has no sequence number; the first is 1");
  const auto latest = std::chrono::milliseconds((now + kClockSkew).time_since_epoch()).count();
  if (record.sequence <= static_cast<uint64_t>(std::max<int64_t>(latest, 0))) return absl::OkStatus();
  return Malformed(fmt::format("the sequence {} of the record of {} is ahead of the clock", record.sequence,
                               record.prefix.ToString()));
}

absl::Status CheckLocator(const Locator& locator) {
  if (locator.address.IsMartian()) {
    return Malformed(fmt::format("{} can't be a locator: no packet reaches it", locator.address.ToString()));
  }
  if ((locator.encapsulation == Encapsulation::kUdp) != (locator.port != 0)) {
    return Malformed(fmt::format("locator {} with port {}: UDP needs a port, 6in4 has none",
                                 locator.address.ToString(), locator.port));
  }
  return absl::OkStatus();
}

absl::Status CheckLocators(const Record& record, const Domain&, UnixTime) {
  if (record.locators.size() > OV6_MAX_LOCATORS) {
    return Malformed(fmt::format("the record of {} has {} locators; at most {} are taken",
                                 record.prefix.ToString(), record.locators.size(), OV6_MAX_LOCATORS));
  }
  for (const Locator& locator : record.locators) {
    if (absl::Status status = CheckLocator(locator); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// --- the chain -----------------------------------------------------------------

absl::Status CheckInside(const Prefix& prefix, int max_length, const Delegation& link) {
  if (!link.prefix.Contains(prefix)) {
    return Denied(
        fmt::format("{} is outside {}, which is delegated", prefix.ToString(), link.prefix.ToString()));
  }
  if (max_length <= link.max_length) return absl::OkStatus();
  return Denied(fmt::format("{} of {} is longer than the {} up to which {} is delegated", max_length,
                            prefix.ToString(), link.max_length, link.prefix.ToString()));
}

absl::Status CheckTimes(const Delegation& link, UnixTime record_expiry, UnixTime now) {
  const std::string prefix = link.prefix.ToString();
  if (link.expiry <= link.not_before)
    return Malformed(fmt::format("the delegation of {} ends before it begins", prefix));
  if (now + kClockSkew < link.not_before) {
    return Untimely(fmt::format("the delegation of {} is not valid for another {} s", prefix,
                                Count(link.not_before - now)));
  }
  if (now >= link.expiry + kClockSkew)
    return Untimely(fmt::format("the delegation of {} expired {} s ago", prefix, Count(now - link.expiry)));
  if (record_expiry <= link.expiry) return absl::OkStatus();
  return Malformed(fmt::format("the record is to live {} s longer than the delegation of {}",
                               Count(record_expiry - link.expiry), prefix));
}

absl::Status CheckChain(const Record& record, const Domain& domain, UnixTime now) {
  const Delegation* before = nullptr;
  for (const Delegation& link : record.chain) {
    if (!domain.prefix.Contains(link.prefix)) {
      return Denied(fmt::format("the delegation of {} reaches outside the domain's {}",
                                link.prefix.ToString(), domain.prefix.ToString()));
    }
    absl::Status status = CheckTimes(link, record.expiry, now);
    if (before != nullptr) status.Update(CheckInside(link.prefix, link.max_length, *before));
    if (!status.ok()) return status;
    before = &link;
  }
  return before == nullptr ? absl::OkStatus() : CheckInside(record.prefix, record.prefix.length, *before);
}

absl::Status CheckRight(const Record& record, const Domain& domain, UnixTime) {
  return CheckRoot(record, domain);
}

constexpr struct {
  const char* name;
  absl::Status (*check)(const Record& record, const Domain& domain, UnixTime now);
} kChecks[] = {{"domain", CheckDomain},     {"window", CheckWindow}, {"sequence", CheckSequence},
               {"locators", CheckLocators}, {"chain", CheckChain},   {"right", CheckRight}};

// --- signatures ----------------------------------------------------------------

absl::Status CheckOwnSignature(const SignedRecord& value) {
  if (VerifySignature(value.record.public_key, SignedBytes(value.bytes), value.signature))
    return absl::OkStatus();
  return absl::UnauthenticatedError(
      fmt::format("the signature of the record of {} is wrong", value.record.prefix.ToString()));
}

absl::Status CheckLinkSignature(const Record& record, size_t i) {
  const PublicKey& issuer = i == 0 ? record.root : record.chain[i - 1].subject;
  if (IsSignedBy(record.chain[i], record.domain, issuer)) return absl::OkStatus();
  return absl::UnauthenticatedError(
      fmt::format("the signature of the delegation of {} is wrong", record.chain[i].prefix.ToString()));
}

}  // namespace

absl::Status CheckContents(const Record& record, const Domain& domain, UnixTime now) {
  for (const auto& [name, check] : kChecks) {
    if (absl::Status status = check(record, domain, now); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status CheckSignatures(const SignedRecord& value, uint64_t* count) {
  uint64_t tried = 1;
  absl::Status status = CheckOwnSignature(value);
  for (size_t i = value.record.chain.size(); i-- > 0 && status.ok(); ++tried) {
    status = CheckLinkSignature(value.record, i);
  }
  if (count != nullptr) *count += tried;
  return status;
}

absl::StatusOr<Record> VerifySigned(std::span<const uint8_t> signed_record, const Domain& domain,
                                    UnixTime now) {
  auto value = DecodeSigned(signed_record);
  if (!value.ok()) return value.status();
  absl::Status status = CheckContents(value->record, domain, now);
  if (status.ok()) status = CheckSignatures(*value);
  if (!status.ok()) return status;
  return std::move(value->record);
}

std::vector<RecordCheck> JudgeSigned(std::span<const uint8_t> signed_record, const Domain& domain,
                                     UnixTime now) {
  const auto value = DecodeSigned(signed_record);
  std::vector<RecordCheck> out = {{"shape", value.status()}};
  if (!value.ok()) return out;
  for (const auto& [name, check] : kChecks) out.push_back({name, check(value->record, domain, now)});
  out.push_back({"signature", CheckOwnSignature(*value)});
  for (size_t i = 0; i < value->record.chain.size(); ++i) {
    out.push_back({fmt::format("link {}", i + 1), CheckLinkSignature(value->record, i)});
  }
  return out;
}

}  // namespace ov6
