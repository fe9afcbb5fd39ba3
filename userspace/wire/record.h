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
#include "userspace/wire/delegation.h"

namespace ov6 {

inline constexpr size_t kMaxRecordSize = 600;  // signed, bytes
inline constexpr std::string_view kRecordContext = "ov6 mapping record 1";
inline constexpr auto kMaxRecordLifetime = std::chrono::hours(24);
inline constexpr auto kClockSkew = std::chrono::minutes(5);

enum RecordFlags : uint32_t {
  kRecordHasMoreSpecifics = 1,  // longer prefixes are registered beneath it
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
  PublicKey public_key{};         // who signs the record
  // By what right: the modifier and RFC 3972's sec parameter by which the claim's root owns its prefix ...
  Modifier modifier{};
  uint32_t security = 0;
  // ... and the links from the root to `public_key`, which is the last one's subject. Empty: it is the root.
  std::vector<Delegation> chain;
  PublicKey root{};           // zero without a chain
  uint16_t control_port = 0;  // UDP port at each locator where the owner's DHT slave answers; 0: none
  bool operator==(const Record&) const = default;
};

struct Domain {
  enum class Resolving { kAggregates, kZeroing };
  enum class Trust { kSelf, kAnchors, kOpen };
  std::string name;
  Prefix prefix;
  int aggregate = 48;
  Trust trust = Trust::kSelf;
  std::vector<int> aggregates = {};  // further lengths at which records are stored together (storage_key.h)
  Resolving resolving = Resolving::kAggregates;
  uint32_t security = 0;             // self: the least that is accepted, see userspace/wire/ownership.h
  std::vector<PublicKey> anchors{};  // anchors: keys that may claim and delegate anything in the domain
  bool prove = true;                 // a locator must answer for its prefix before traffic goes to it
  bool operator==(const Domain&) const = default;
};

Bytes EncodeRecord(const Record& record);  // unsigned
absl::StatusOr<Record> DecodeRecord(std::span<const uint8_t> unsigned_record);
Bytes SignedBytes(std::span<const uint8_t> unsigned_record);  // what the signature covers
Bytes EncodeSigned(std::span<const uint8_t> unsigned_record, const Signature& signature);

struct SignedRecord {
  Record record;
  Bytes bytes;  // of the record, as signed
  Signature signature{};
};
// Size, shape and version.
absl::StatusOr<SignedRecord> DecodeSigned(std::span<const uint8_t> signed_record);
// Everything that costs no signature: domain, prefix inside it, window (with skew), sequence (Unix
// milliseconds, not ahead of the clock), locators (no martians), links of the chain, the right of its root.
absl::Status CheckContents(const Record& record, const Domain& domain, UnixTime now);
// The record's own signature, then its links' from the last to the first; each one tried adds to `count`.
absl::Status CheckSignatures(const SignedRecord& signed_record, uint64_t* count = nullptr);
// All three, in this order.
absl::StatusOr<Record> VerifySigned(std::span<const uint8_t> signed_record, const Domain& domain,
                                    UnixTime now);

// What somebody claims: records of one claim compare by sequence, whoever of a chain signed them, so that a
// prefix moves from its owner to a delegate and back. The claim's root and prefix, 49 bytes.
Bytes ClaimOf(const Record& record);
const PublicKey& RootOf(const Record& record);

std::string_view ToString(Domain::Trust trust);  // "self", "anchors", "open"

// Every check of a record by name, all of them made: what `ov6ctl record show` spells out. Checks that
// need what could not be decoded are left out.
struct RecordCheck {
  std::string name;  // "shape", "domain", .., "signature", "link 1", ..
  absl::Status verdict;
};
std::vector<RecordCheck> JudgeSigned(std::span<const uint8_t> signed_record, const Domain& domain,
                                     UnixTime now);

}  // namespace ov6

#endif
