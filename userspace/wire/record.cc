// SPDX-License-Identifier: Apache-2.0
#include "userspace/wire/record.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "userspace/base/bytes.h"
#include "userspace/wire/record.pb.h"

namespace ov6 {
namespace {

constexpr uint32_t kVersion = 1;
// Seconds; far beyond any date that means something, and far from overflowing a duration.
constexpr uint64_t kLastTime = uint64_t{1} << 40;

absl::Status Malformed(std::string sentence) { return absl::InvalidArgumentError(std::move(sentence)); }

std::string ToText(std::span<const uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }

template <typename Message>
bool Parse(std::span<const uint8_t> bytes, Message* message) {
  return message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

template <typename Message>
Bytes Serialize(const Message& message) {
  Bytes bytes(message.ByteSizeLong());
  message.SerializeToArray(bytes.data(), static_cast<int>(bytes.size()));
  return bytes;
}

template <size_t N>
absl::Status CopyExactly(const std::string& from, std::string_view what, std::array<uint8_t, N>* to) {
  if (from.size() != N)
    return Malformed(fmt::format("the record's {} has {} bytes, not {}", what, from.size(), N));
  std::copy(from.begin(), from.end(), to->begin());
  return absl::OkStatus();
}

// --- message <-> value -------------------------------------------------------

void FillLocator(const Locator& locator, wire::LocatorMessage* message) {
  message->set_address(locator.address.value);
  message->set_encapsulation(static_cast<uint32_t>(locator.encapsulation));
  message->set_port(locator.port);
  message->set_priority(locator.priority);
  message->set_mtu(locator.mtu);
}

absl::StatusOr<Locator> ReadLocator(const wire::LocatorMessage& message) {
  if (message.encapsulation() > OV6_ENCAPSULATION_UDP) {
    return Malformed(
        fmt::format("encapsulation {} is not known; 0 is 6in4, 1 is UDP", message.encapsulation()));
  }
  if (message.port() > 65535 || message.mtu() > 65535 || message.priority() > 255) {
    return Malformed(fmt::format("locator with port {}, MTU {}, priority {}: at most 65535, 65535, 255",
                                 message.port(), message.mtu(), message.priority()));
  }
  return Locator{.address = {message.address()},
                 .encapsulation = static_cast<Encapsulation>(message.encapsulation()),
                 .port = static_cast<uint16_t>(message.port()),
                 .priority = static_cast<uint8_t>(message.priority()),
                 .mtu = static_cast<uint16_t>(message.mtu())};
}

absl::StatusOr<Prefix> ReadPrefix(const wire::RecordMessage& message) {
  Ipv6 address;
  const auto status = CopyExactly(message.prefix_address(), "prefix", &address.bytes);
  if (!status.ok()) return status;
  if (message.prefix_length() > 128) {
    return Malformed(fmt::format("the record's prefix length {} is over 128", message.prefix_length()));
  }
  const int length = static_cast<int>(message.prefix_length());
  if (address.Masked(length) != address) {
    return Malformed(fmt::format("{}/{} has bits set past its length", address.ToString(), length));
  }
  return Prefix{address, length};
}

absl::StatusOr<UnixTime> ReadTime(uint64_t seconds) {
  if (seconds > kLastTime) return Malformed(fmt::format("{} is no time in seconds since 1970", seconds));
  return UnixTime(std::chrono::seconds(seconds));
}

absl::Status ReadLifetime(const wire::RecordMessage& message, Record* record) {
  const auto not_before = ReadTime(message.not_before());
  if (!not_before.ok()) return not_before.status();
  const auto expiry = ReadTime(message.expiry());
  if (!expiry.ok()) return expiry.status();
  record->not_before = *not_before;
  record->expiry = *expiry;
  return absl::OkStatus();
}

absl::Status ReadOwner(const wire::RecordMessage& message, Record* record) {
  const auto status = CopyExactly(message.public_key(), "public key", &record->public_key);
  if (!status.ok()) return status;
  record->security = message.security();
  for (const std::string& link : message.chain()) record->chain.push_back({Bytes(link.begin(), link.end())});
  return CopyExactly(message.modifier(), "modifier", &record->modifier);
}

absl::Status ReadLocators(const wire::RecordMessage& message, Record* record) {
  for (const auto& part : message.locators()) {
    const auto locator = ReadLocator(part);
    if (!locator.ok()) return locator.status();
    record->locators.push_back(*locator);
  }
  return absl::OkStatus();
}

// --- checks --------------------------------------------------------------------

absl::Status CheckDomain(const Record& record, const Domain& domain) {
  if (record.domain != domain.name) {
    return Malformed(fmt::format("a record of the domain '{}', this is '{}'", record.domain, domain.name));
  }
  if (!domain.prefix.Contains(record.prefix)) {
    return Malformed(fmt::format("{} is outside the domain {}, which is {}", record.prefix.ToString(),
                                 domain.name, domain.prefix.ToString()));
  }
  return absl::OkStatus();
}

absl::Status CheckWindow(const Record& record, UnixTime now) {
  using std::chrono::seconds;
  const auto count = [](auto time) { return std::chrono::duration_cast<seconds>(time).count(); };
  if (record.expiry <= record.not_before || record.expiry - record.not_before > kMaxRecordLifetime) {
    return Malformed(fmt::format("the record of {} is to live {} s; 1 to {} are taken",
                                 record.prefix.ToString(), count(record.expiry - record.not_before),
                                 count(seconds(kMaxRecordLifetime))));
  }
  if (now + kClockSkew < record.not_before) {
    return absl::FailedPreconditionError(fmt::format("the record of {} is not valid for another {} s",
                                                     record.prefix.ToString(),
                                                     count(record.not_before - now)));
  }
  if (now >= record.expiry + kClockSkew) {
    return absl::FailedPreconditionError(fmt::format("the record of {} expired {} s ago",
                                                     record.prefix.ToString(), count(now - record.expiry)));
  }
  return absl::OkStatus();
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

absl::Status CheckLocators(const Record& record) {
  if (record.locators.size() > OV6_MAX_LOCATORS) {
    return Malformed(fmt::format("the record of {} has {} locators; at most {} are taken",
                                 record.prefix.ToString(), record.locators.size(), OV6_MAX_LOCATORS));
  }
  for (const Locator& locator : record.locators) {
    const auto status = CheckLocator(locator);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status CheckOwner(const Record& record, const Domain& domain) {
  if (MayClaim(domain, record.prefix, record.public_key, record.modifier)) return absl::OkStatus();
  return absl::PermissionDeniedError(
      fmt::format("{} is not cut from the key that claims it, which owns {}", record.prefix.ToString(),
                  OwnedPrefix(domain, record.public_key, record.modifier).ToString()));
}

absl::Status CheckContents(const Record& record, const Domain& domain, UnixTime now) {
  if (auto status = CheckDomain(record, domain); !status.ok()) return status;
  if (auto status = CheckWindow(record, now); !status.ok()) return status;
  if (record.sequence == 0) return Malformed("the record has no sequence number; the first is 1");
  if (auto status = CheckLocators(record); !status.ok()) return status;
  return CheckOwner(record, domain);
}

}  // namespace

Bytes EncodeRecord(const Record& record) {
  wire::RecordMessage message;
  message.set_version(record.version);
  message.set_domain(record.domain);
  message.set_prefix_address(ToText(record.prefix.address.bytes));
  message.set_prefix_length(static_cast<uint32_t>(record.prefix.length));
  message.set_sequence(record.sequence);
  message.set_not_before(static_cast<uint64_t>(record.not_before.time_since_epoch().count()));
  message.set_expiry(static_cast<uint64_t>(record.expiry.time_since_epoch().count()));
  message.set_flags(record.flags);
  for (const Locator& locator : record.locators) FillLocator(locator, message.add_locators());
  message.set_public_key(ToText(record.public_key));
  message.set_modifier(ToText(record.modifier));
  message.set_security(record.security);
  for (const Delegation& link : record.chain) message.add_chain(ToText(link.bytes));
  return Serialize(message);
}

absl::StatusOr<Record> DecodeRecord(std::span<const uint8_t> unsigned_record) {
  wire::RecordMessage message;
  if (unsigned_record.size() > kMaxRecordSize || !Parse(unsigned_record, &message)) {
    return Malformed(fmt::format("these {} bytes are no mapping record", unsigned_record.size()));
  }
  Record record;
  record.version = message.version();
  if (record.version != kVersion) {
    return Malformed(fmt::format("a record of version {}; this program reads {}", record.version, kVersion));
  }
  record.domain = message.domain();
  record.sequence = message.sequence();
  record.flags = message.flags();
  const auto prefix = ReadPrefix(message);
  if (!prefix.ok()) return prefix.status();
  record.prefix = *prefix;
  if (auto status = ReadLifetime(message, &record); !status.ok()) return status;
  if (auto status = ReadOwner(message, &record); !status.ok()) return status;
  if (auto status = ReadLocators(message, &record); !status.ok()) return status;
  return record;
}

Bytes SignedBytes(std::span<const uint8_t> unsigned_record) {
  ByteWriter out;
  out.Raw(kRecordContext).Raw(unsigned_record);
  return out.Take();
}

Bytes EncodeSigned(std::span<const uint8_t> unsigned_record, const Signature& signature) {
  wire::SignedMessage message;
  message.set_record(ToText(unsigned_record));
  message.set_signature(ToText(signature));
  return Serialize(message);
}

absl::StatusOr<Record> VerifySigned(std::span<const uint8_t> signed_record, const Domain& domain,
                                    UnixTime now) {
  if (signed_record.size() > kMaxRecordSize) {
    return Malformed(fmt::format("a signed record of {} bytes; at most {} are taken", signed_record.size(),
                                 kMaxRecordSize));
  }
  wire::SignedMessage message;
  if (!Parse(signed_record, &message)) {
    return Malformed(fmt::format("these {} bytes are no signed record", signed_record.size()));
  }
  Signature signature;
  if (auto status = CopyExactly(message.signature(), "signature", &signature); !status.ok()) return status;
  const Bytes unsigned_record(message.record().begin(), message.record().end());
  auto record = DecodeRecord(unsigned_record);
  if (!record.ok()) return record.status();
  if (auto status = CheckContents(*record, domain, now); !status.ok()) return status;
  if (!VerifySignature(record->public_key, SignedBytes(unsigned_record), signature)) {
    return absl::UnauthenticatedError(
        fmt::format("the signature of the record of {} is wrong", record->prefix.ToString()));
  }
  return record;
}

Prefix OwnedPrefix(const Domain& domain, const PublicKey& key, const Modifier& modifier) {
  ByteWriter out;
  out.Raw(modifier).U8(static_cast<uint8_t>(domain.prefix.length)).Raw(domain.prefix.address.bytes).Raw(key);
  const auto hash = Sha256(out.bytes());
  Ipv6 address = domain.prefix.address;
  for (int i = domain.prefix.length; i < domain.aggregate; ++i) {
    const int from = i - domain.prefix.length;
    const int bit = hash[from / 8] >> (7 - from % 8) & 1;
    address.bytes[i / 8] |= static_cast<uint8_t>(bit << (7 - i % 8));
  }
  return {address, domain.aggregate};
}

bool MayClaim(const Domain& domain, const Prefix& prefix, const PublicKey& key, const Modifier& modifier) {
  if (domain.trust == Domain::Trust::kOpen) return domain.prefix.Contains(prefix);
  return OwnedPrefix(domain, key, modifier).Contains(prefix);
}

}  // namespace ov6
