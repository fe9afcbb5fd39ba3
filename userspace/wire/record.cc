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
  return CopyExactly(message.modifier(), "modifier", &record->modifier);
}

bool IsDomainName(const std::string& text) {
  return text.size() < OV6_SLAVE_NAME_SIZE &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
}

// The prefix around the record's own: the last link's, or ::/0.
Prefix Around(const Record& record) { return record.chain.empty() ? Prefix{} : record.chain.back().prefix; }

absl::Status ReadChain(const wire::RecordMessage& message, Record* record) {
  const auto links = static_cast<size_t>(message.chain_size());
  if (links > kMaxLinks) {
    return Malformed(fmt::format("the record's chain has {} links; at most {} are taken", links, kMaxLinks));
  }
  if (links == 0 && !message.root().empty()) return Malformed("the record has a root, but no chain from it");
  if (links == 0) return absl::OkStatus();
  for (size_t i = 0; i < links; ++i) {
    auto link = DecodeLink(message.chain(static_cast<int>(i)), Around(*record), i + 1 < links);
    if (!link.ok()) return link.status();
    record->chain.push_back(*std::move(link));
  }
  record->chain.back().subject = record->public_key;
  return CopyExactly(message.root(), "root", &record->root);
}

absl::Status ReadPrefix(const wire::RecordMessage& message, Record* record) {
  const auto prefix = DecodeInside(message.prefix_address(), message.prefix_length(), Around(*record));
  if (!prefix.ok()) return prefix.status();
  record->prefix = *prefix;
  return absl::OkStatus();
}

void FillChain(const Record& record, wire::RecordMessage* message) {
  if (record.chain.empty()) return;
  Prefix around;
  for (const Delegation& link : record.chain) {
    message->add_chain(EncodeLink(link, around, &link != &record.chain.back()));
    around = link.prefix;
  }
  message->set_root(ToText(record.root));
}

absl::Status ReadLocators(const wire::RecordMessage& message, Record* record) {
  for (const auto& part : message.locators()) {
    const auto locator = ReadLocator(part);
    if (!locator.ok()) return locator.status();
    record->locators.push_back(*locator);
  }
  return absl::OkStatus();
}

}  // namespace

Bytes EncodeRecord(const Record& record) {
  wire::RecordMessage message;
  message.set_version(record.version);
  message.set_domain(record.domain);
  message.set_prefix_address(EncodeInside(record.prefix, Around(record)));
  message.set_prefix_length(static_cast<uint32_t>(record.prefix.length));
  message.set_sequence(record.sequence);
  message.set_not_before(static_cast<uint64_t>(record.not_before.time_since_epoch().count()));
  message.set_expiry(static_cast<uint64_t>(record.expiry.time_since_epoch().count()));
  message.set_flags(record.flags);
  for (const Locator& locator : record.locators) FillLocator(locator, message.add_locators());
  message.set_public_key(ToText(record.public_key));
  message.set_modifier(ToText(record.modifier));
  message.set_security(record.security);
  FillChain(record, &message);
  message.set_control_port(record.control_port);
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
  if (!IsDomainName(message.domain())) return Malformed("the record's domain is no name");
  record.domain = message.domain();
  record.sequence = message.sequence();
  record.flags = message.flags();
  if (message.control_port() > 65535)
    return Malformed(fmt::format("the control port {} is over 65535", message.control_port()));
  record.control_port = static_cast<uint16_t>(message.control_port());
  for (const auto read : {ReadLifetime, ReadOwner, ReadChain, ReadPrefix, ReadLocators}) {
    if (auto status = read(message, &record); !status.ok()) return status;
  }
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

absl::StatusOr<SignedRecord> DecodeSigned(std::span<const uint8_t> signed_record) {
  if (signed_record.size() > kMaxRecordSize) {
    return Malformed(fmt::format("a signed record of {} bytes; at most {} are taken", signed_record.size(),
                                 kMaxRecordSize));
  }
  wire::SignedMessage message;
  if (!Parse(signed_record, &message)) {
    return Malformed(fmt::format("these {} bytes are no signed record", signed_record.size()));
  }
  SignedRecord out;
  if (auto status = CopyExactly(message.signature(), "signature", &out.signature); !status.ok())
    return status;
  out.bytes.assign(message.record().begin(), message.record().end());
  auto record = DecodeRecord(out.bytes);
  if (!record.ok()) return record.status();
  out.record = *std::move(record);
  return out;
}

const PublicKey& RootOf(const Record& record) {
  return record.chain.empty() ? record.public_key : record.root;
}

Bytes ClaimOf(const Record& record) {
  ByteWriter out;
  out.Raw(RootOf(record)).Raw(record.prefix.address.bytes).U8(static_cast<uint8_t>(record.prefix.length));
  return out.Take();
}

}  // namespace ov6
