// SPDX-License-Identifier: Apache-2.0
#include "userspace/wire/record.h"

#include <gtest/gtest.h>

#include <functional>

#include "userspace/base/bytes.h"
#include "userspace/wire/ownership.h"

namespace ov6 {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

const UnixTime kNow{seconds(1'800'000'000)};

Domain SelfDomain() { return {"chord", *Prefix::Parse("fd00::/8"), 48, Domain::Trust::kSelf}; }
Domain OpenDomain() { return {"chord", *Prefix::Parse("fd00::/8"), 48, Domain::Trust::kOpen}; }

PrivateKey TestKey(uint8_t fill = 1) { return *PrivateKey::FromSeed(std::vector<uint8_t>(32, fill)); }

Record GoodRecord(const PrivateKey& key) {
  Record record;
  record.domain = "chord";
  record.modifier.fill(7);
  record.public_key = key.public_key();
  record.prefix = OwnedPrefix(SelfDomain(), record.public_key, record.modifier, 0);
  record.sequence = 1;
  record.not_before = kNow;
  record.expiry = kNow + hours(1);
  record.locators = {{.address = *Ipv4::Parse("198.51.100.1")}};
  return record;
}

Bytes Signed(const Record& record, const PrivateKey& key) {
  const Bytes bytes = EncodeRecord(record);
  return EncodeSigned(bytes, key.Sign(SignedBytes(bytes)));
}

TEST(Record, RoundTripOfEveryField) {
  Record record = GoodRecord(TestKey());
  record.flags = kRecordHasMoreSpecifics;
  record.security = 2;
  record.control_port = 4646;
  record.root.fill(9);
  record.chain.resize(2);
  record.chain[0] = {
      Prefix::Of(record.prefix.address, 48), 128, TestKey(2).public_key(), kNow, kNow + hours(2), {}};
  record.chain[1] = {Prefix::Of(record.prefix.address, 52), 64, record.public_key, kNow, kNow + hours(1), {}};
  record.prefix.length = 60;
  record.locators.push_back({*Ipv4::Parse("203.0.113.9"), Encapsulation::kUdp, 6080, 255, 1400});
  const auto decoded = DecodeRecord(EncodeRecord(record));
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(*decoded, record);
}

TEST(Record, AGoodOneVerifies) {
  const PrivateKey key = TestKey();
  const Bytes bytes = Signed(GoodRecord(key), key);
  EXPECT_LT(bytes.size(), kMaxRecordSize);
  const auto record = VerifySigned(bytes, SelfDomain(), kNow);
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(*record, GoodRecord(key));
}

TEST(Record, RevokedHasNoLocators) {
  const PrivateKey key = TestKey();
  Record record = GoodRecord(key);
  record.locators.clear();
  EXPECT_TRUE(VerifySigned(Signed(record, key), SelfDomain(), kNow).ok());
}

// One thing wrong in each row, properly signed by the record's own key.
TEST(Record, RefusedByName) {
  const struct {
    const char* name;
    std::function<void(Record&)> spoil;
    absl::StatusCode code;
    const char* sentence;
  } rows[] = {
      {"version", [](Record& r) { r.version = 2; }, absl::StatusCode::kInvalidArgument, "version 2"},
      {"wrong domain", [](Record& r) { r.domain = "other"; }, absl::StatusCode::kInvalidArgument, "'other'"},
      {"a domain that is no name", [](Record& r) { r.domain = "\xff\n"; }, absl::StatusCode::kInvalidArgument,
       "no name"},
      {"prefix outside", [](Record& r) { r.prefix = *Prefix::Parse("2001:db8::/48"); },
       absl::StatusCode::kInvalidArgument, "outside the domain"},
      {"prefix shorter than the domain's", [](Record& r) { r.prefix = *Prefix::Parse("fc00::/7"); },
       absl::StatusCode::kInvalidArgument, "outside the domain"},
      {"expired", [](Record& r) { r.not_before = kNow - hours(2), r.expiry = kNow - kClockSkew; },
       absl::StatusCode::kFailedPrecondition, "expired 300 s ago"},
      {"not yet valid",
       [](Record& r) { r.not_before = kNow + kClockSkew + seconds(1), r.expiry = r.not_before + hours(1); },
       absl::StatusCode::kFailedPrecondition, "not valid for another 301 s"},
      {"expires before it starts", [](Record& r) { r.expiry = r.not_before; },
       absl::StatusCode::kInvalidArgument, "to live 0 s"},
      {"lives too long", [](Record& r) { r.expiry = r.not_before + kMaxRecordLifetime + seconds(1); },
       absl::StatusCode::kInvalidArgument, "to live 86401 s"},
      {"a time that overflows", [](Record& r) { r.expiry = UnixTime(seconds(int64_t{1} << 62)); },
       absl::StatusCode::kInvalidArgument, "no time"},
      {"a time before 1970", [](Record& r) { r.not_before = UnixTime(seconds(-1)); },
       absl::StatusCode::kInvalidArgument, "no time"},
      {"no sequence", [](Record& r) { r.sequence = 0; }, absl::StatusCode::kInvalidArgument, "sequence"},
      {"loopback locator", [](Record& r) { r.locators[0].address = *Ipv4::Parse("127.0.0.1"); },
       absl::StatusCode::kInvalidArgument, "127.0.0.1"},
      {"multicast locator", [](Record& r) { r.locators[0].address = *Ipv4::Parse("224.0.0.1"); },
       absl::StatusCode::kInvalidArgument, "224.0.0.1"},
      {"UDP without port", [](Record& r) { r.locators[0].encapsulation = Encapsulation::kUdp; },
       absl::StatusCode::kInvalidArgument, "needs a port"},
      {"6in4 with port", [](Record& r) { r.locators[0].port = 1; }, absl::StatusCode::kInvalidArgument,
       "6in4 has none"},
      {"five locators", [](Record& r) { r.locators.resize(5, r.locators[0]); },
       absl::StatusCode::kInvalidArgument, "5 locators"},
      {"somebody else's prefix", [](Record& r) { r.prefix = *Prefix::Parse("fd00::/48"); },
       absl::StatusCode::kPermissionDenied, "not cut from the key"},
      {"another modifier", [](Record& r) { r.modifier.fill(8); }, absl::StatusCode::kPermissionDenied,
       "not cut from the key"},
      {"wider than its own", [](Record& r) { r.prefix = Prefix::Of(r.prefix.address, 47); },
       absl::StatusCode::kPermissionDenied, "not cut from the key"},
      {"a sequence ahead of the clock",
       [](Record& r) {
         r.sequence = static_cast<uint64_t>((kNow + kClockSkew).time_since_epoch().count()) * 1000 + 1;
       },
       absl::StatusCode::kInvalidArgument, "ahead of the clock"},
      {"too big", [](Record& r) { r.domain.resize(600, 'x'); }, absl::StatusCode::kInvalidArgument,
       "at most 600"},
  };
  for (const auto& row : rows) {
    const PrivateKey key = TestKey();
    Record record = GoodRecord(key);
    row.spoil(record);
    const auto status = VerifySigned(Signed(record, key), SelfDomain(), kNow).status();
    EXPECT_EQ(status.code(), row.code) << row.name << ": " << status;
    EXPECT_NE(status.ToString().find(row.sentence), std::string::npos) << row.name << ": " << status;
  }
}

TEST(Record, ClockSkewIsForgiven) {
  const PrivateKey key = TestKey();
  const Bytes bytes = Signed(GoodRecord(key), key);
  EXPECT_TRUE(VerifySigned(bytes, SelfDomain(), kNow - kClockSkew).ok());
  EXPECT_FALSE(VerifySigned(bytes, SelfDomain(), kNow - kClockSkew - seconds(1)).ok());
  EXPECT_TRUE(VerifySigned(bytes, SelfDomain(), kNow + hours(1) + kClockSkew - seconds(1)).ok());
  EXPECT_FALSE(VerifySigned(bytes, SelfDomain(), kNow + hours(1) + kClockSkew).ok());
}

TEST(Record, AMoreSpecificOfOnesOwnIsOnesOwn) {
  const PrivateKey key = TestKey();
  Record record = GoodRecord(key);
  record.prefix.length = 64;
  EXPECT_TRUE(VerifySigned(Signed(record, key), SelfDomain(), kNow).ok());
}

TEST(Record, ForgedSignatures) {
  const PrivateKey key = TestKey(), other = TestKey(2);
  const Record record = GoodRecord(key);
  const Bytes bytes = EncodeRecord(record);
  EXPECT_EQ(VerifySigned(Signed(record, other), SelfDomain(), kNow).status().code(),
            absl::StatusCode::kUnauthenticated);
  // The signature of the bytes without their context is none.
  EXPECT_EQ(VerifySigned(EncodeSigned(bytes, key.Sign(bytes)), SelfDomain(), kNow).status().code(),
            absl::StatusCode::kUnauthenticated);
}

TEST(Record, NoSingleChangedByteVerifies) {
  const PrivateKey key = TestKey();
  const Bytes right = Signed(GoodRecord(key), key);
  for (size_t i = 0; i < right.size(); ++i) {
    Bytes wrong = right;
    wrong[i] ^= 1;
    const auto record = VerifySigned(wrong, SelfDomain(), kNow);
    EXPECT_FALSE(record.ok()) << "byte " << i;
  }
}

TEST(Record, NoTruncationVerifies) {
  const PrivateKey key = TestKey();
  const Bytes right = Signed(GoodRecord(key), key);
  for (size_t size = 0; size < right.size(); ++size) {
    EXPECT_FALSE(VerifySigned(std::span<const uint8_t>(right).first(size), SelfDomain(), kNow).ok()) << size;
  }
}

TEST(Record, AnOpenDomainTakesAnyClaimInsideIt) {
  const PrivateKey key = TestKey();
  Record record = GoodRecord(key);
  record.prefix = *Prefix::Parse("fd00:1::/32");
  EXPECT_TRUE(VerifySigned(Signed(record, key), OpenDomain(), kNow).ok());
  EXPECT_FALSE(VerifySigned(Signed(record, TestKey(2)), OpenDomain(), kNow).ok());
  record.prefix = *Prefix::Parse("2001:db8::/32");
  EXPECT_FALSE(VerifySigned(Signed(record, key), OpenDomain(), kNow).ok());
}

// A record of a later program: fields that are not known are skipped, and stay signed.
TEST(Record, UnknownFieldsAreSkipped) {
  const PrivateKey key = TestKey();
  Bytes bytes = EncodeRecord(GoodRecord(key));
  const Bytes later = {0xf8, 0x07, 0x01};  // field 127, varint 1
  bytes.insert(bytes.end(), later.begin(), later.end());
  EXPECT_TRUE(VerifySigned(EncodeSigned(bytes, key.Sign(SignedBytes(bytes))), SelfDomain(), kNow).ok());
}

TEST(OwnedPrefix, FillsTheDomainUpToItsAggregate) {
  const PublicKey key = TestKey().public_key();
  const Modifier modifier{};
  ByteWriter hashed;
  hashed.Raw(modifier).U8(8).Raw(Ipv6::Parse("fd00::")->bytes).Raw(key);
  const auto hash = Sha256(hashed.bytes());
  const Prefix owned = OwnedPrefix(SelfDomain(), key, modifier, 0);
  EXPECT_EQ(owned.length, 48);
  EXPECT_EQ(owned.address.bytes[0], 0xfd);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(owned.address.bytes[1 + i], hash[i]);
  for (int i = 6; i < 16; ++i) EXPECT_EQ(owned.address.bytes[i], 0);

  Domain odd = SelfDomain();
  odd.prefix = *Prefix::Parse("2001:db8::/33");
  odd.aggregate = 50;
  EXPECT_TRUE(odd.prefix.Contains(OwnedPrefix(odd, key, modifier, 0)));
  EXPECT_EQ(OwnedPrefix(odd, key, modifier, 0).address.Masked(50),
            OwnedPrefix(odd, key, modifier, 0).address);
}

}  // namespace
}  // namespace ov6
