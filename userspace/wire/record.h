// SPDX-License-Identifier: Apache-2.0
// The mapping record a DHT stores: prefix -> locators, signed by its owner; and who may
// claim a prefix (docs/architecture.md, "Ownership"). Encoded with protobuf
// (record.proto); the signature covers kRecordContext and the record's bytes as sent,
// never a re-encoding. Under kMaxRecordSize bytes.
#ifndef OV6_USERSPACE_WIRE_RECORD_H
#define OV6_USERSPACE_WIRE_RECORD_H

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "ov6/capsule.h"
#include "ov6/engine.h"
#include "ov6/mapping.h"
#include "ov6/time.h"
#include "userspace/base/crypto.h"

namespace ov6 {

inline constexpr size_t kMaxRecordSize = 600;  // signed, bytes
inline constexpr std::string_view kRecordContext = "ov6 mapping record 1";
inline constexpr auto kMaxRecordLifetime = std::chrono::hours(24);
inline constexpr auto kClockSkew = std::chrono::minutes(5);

using Modifier = std::array<uint8_t, 16>;  // RFC 3972 section 2; random

enum RecordFlags : uint32_t {
  kRecordHasMoreSpecifics = 1,  // longer prefixes are registered beneath it
};

struct Delegation {  // reserved for chains from a trust anchor; carried, not judged yet
  Bytes bytes;
  bool operator==(const Delegation&) const = default;
};

struct Record {
  uint32_t version = 1;
  std::string domain;
  Prefix prefix;
  uint64_t sequence = 0;
  UnixTime not_before{};
  UnixTime expiry{};
  uint32_t flags = 0;             // enum RecordFlags
  std::vector<Locator> locators;  // empty: revoked
  PublicKey public_key{};
  Modifier modifier{};
  uint32_t security = 0;  // RFC 3972's sec parameter, hash extension
  std::vector<Delegation> chain;
  bool operator==(const Record&) const = default;
};

struct Domain {
  enum class Trust { kSelf, kOpen };
  enum class Resolving { kAggregates, kZeroing };
  std::string name;
  Prefix prefix;
  int aggregate = 48;
  Trust trust = Trust::kSelf;
  std::vector<int> aggregates = {};  // further lengths at which records are stored together (storage_key.h)
  Resolving resolving = Resolving::kAggregates;
  bool operator==(const Domain&) const = default;
};

Bytes EncodeRecord(const Record& record);  // unsigned
absl::StatusOr<Record> DecodeRecord(std::span<const uint8_t> unsigned_record);
Bytes SignedBytes(std::span<const uint8_t> unsigned_record);  // what the signature covers
Bytes EncodeSigned(std::span<const uint8_t> unsigned_record, const Signature& signature);

// Decodes and checks everything: size, version, domain, prefix inside the domain, window (with
// skew), sequence, locators (no martians), ownership, signature; cheap checks first.
absl::StatusOr<Record> VerifySigned(std::span<const uint8_t> signed_record, const Domain& domain,
                                    UnixTime now);

// The prefix a key owns in a domain: the domain's prefix filled up to its aggregate with bits of
// SHA-256(modifier, domain's prefix, public key). Only for aggregates shorter than 65 bits.
Prefix OwnedPrefix(const Domain& domain, const PublicKey& key, const Modifier& modifier);
// Whether this key may claim `prefix` in the domain.
bool MayClaim(const Domain& domain, const Prefix& prefix, const PublicKey& key, const Modifier& modifier);

}  // namespace ov6

#endif
