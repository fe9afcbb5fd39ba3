// SPDX-License-Identifier: Apache-2.0
// Chains of delegations: their bytes, who may use them, and every way in which one is refused.
#include "userspace/wire/delegation.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <functional>

#include "userspace/base/bytes.h"
#include "userspace/wire/ownership.h"

namespace ov6 {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

const UnixTime kNow{seconds(1'800'000'000)};

PrivateKey TestKey(uint8_t fill) { return *PrivateKey::FromSeed(std::vector<uint8_t>(32, fill)); }
Prefix P(const char* text) { return *Prefix::Parse(text); }

// Keys 1 (the anchor), 2, 3, .. as they follow in a chain.
Domain AnchoredDomain() {
  Domain domain{"corp", P("2001:db8::/32"), 48, Domain::Trust::kAnchors};
  domain.anchors = {TestKey(9).public_key(), TestKey(1).public_key()};
  return domain;
}

Delegation Link(const Prefix& prefix, int max_length, uint8_t subject) {
  return {prefix, max_length, TestKey(subject).public_key(), kNow - hours(1), kNow + hours(48), {}};
}

void SignLinks(std::string_view domain, std::vector<Delegation>* chain) {
  for (size_t i = 0; i < chain->size(); ++i) {
    const PrivateKey issuer = TestKey(static_cast<uint8_t>(i + 1));
    (*chain)[i].signature = issuer.Sign(DelegationBytes(domain, issuer.public_key(), (*chain)[i]));
  }
}

// Of key 4, by three links from the anchor.
Record ChainedRecord() {
  Record record;
  record.domain = "corp";
  record.prefix = P("2001:db8:1:203::/64");
  record.sequence = 1;
  record.not_before = kNow;
  record.expiry = kNow + hours(1);
  record.locators = {{.address = *Ipv4::Parse("198.51.100.1")}};
  record.public_key = TestKey(4).public_key();
  record.root = TestKey(1).public_key();
  record.chain = {Link(P("2001:db8:1::/48"), 64, 2), Link(P("2001:db8:1:200::/56"), 64, 3),
                  Link(P("2001:db8:1:203::/64"), 64, 4)};
  SignLinks("corp", &record.chain);
  return record;
}

Bytes Signed(const Record& record, const PrivateKey& key) {
  const Bytes bytes = EncodeRecord(record);
  return EncodeSigned(bytes, key.Sign(SignedBytes(bytes)));
}

absl::Status Verdict(const Record& record, uint8_t signer, const Domain& domain = AnchoredDomain()) {
  return VerifySigned(Signed(record, TestKey(signer)), domain, kNow).status();
}

DelegationToken TokenOf(const Record& record) {
  return {record.domain, record.root, record.modifier, record.security, record.chain};
}

// --- bytes -----------------------------------------------------------------------

TEST(Delegation, BytesBothWays) {
  std::vector<Delegation> chain = {Link(P("2001:db8:1:200::/56"), 64, 2)};
  SignLinks("corp", &chain);
  const Delegation& link = chain[0];
  const std::string head =
      "38"
      "40"              // length 56, greatest length 64
      "20010db8000102"  // the prefix up to its length
      "6b49c3f0"
      "6b4c7500"                                                           // from, until
      "8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394";  // key 2
  const std::string encoded = EncodeLink(link, Prefix{}, true);
  const std::string hex = ToHex({reinterpret_cast<const uint8_t*>(encoded.data()), encoded.size()});
  EXPECT_EQ(hex, head + ToHex(link.signature));
  EXPECT_EQ(ToHex(link.signature),
            "0d70fe5a3e852ca476d30db5fb09a417a3a09db80541036aa6f9bac71e5a4609"
            "4c33009cab717dac9f9398b78ab98e485c6fbbdde300eb40919134a5a418bc03");
  const auto decoded = DecodeLink(*FromHex(hex), Prefix{}, true);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(*decoded, link);
  // Inside 2001:db8:1::/48 only the byte behind it is written.
  EXPECT_EQ(EncodeLink(link, P("2001:db8:1::/48"), false).size(), encoded.size() - 6 - 32);
}

TEST(Delegation, WhatIsSigned) {
  const Delegation link = Link(P("2001:db8:1:200::/56"), 64, 2);
  const PublicKey issuer = TestKey(1).public_key();
  ByteWriter expected;
  expected.Raw("ov6 delegation 1").U8(4).Raw("corp").Raw(issuer);
  expected.Raw(link.prefix.address.bytes)
      .U8(56)
      .U8(64)
      .U32(1'799'996'400)
      .U32(1'800'172'800)
      .Raw(link.subject);
  EXPECT_EQ(DelegationBytes("corp", issuer, link), expected.bytes());
}

TEST(Delegation, TokenBothWays) {
  const DelegationToken token = TokenOf(ChainedRecord());
  const std::string text = EncodeToken(token);
  EXPECT_TRUE(text.starts_with("ov6-delegation-1:"));
  EXPECT_LT(text.size(), kMaxTokenSize);
  const auto again = DecodeToken(text);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(*again, token);
  for (size_t size = 0; size < text.size(); ++size) {
    const auto part = DecodeToken(std::string_view(text).substr(0, size));
    EXPECT_FALSE(part.ok() && *part == token) << size;
  }
}

// The dearest a record can get: three links that end at a /128, four locators over UDP with all they can say.
TEST(Delegation, TheLargestRecordFits) {
  Record record = ChainedRecord();
  record.domain = "abcdefghijk";
  record.prefix = P("2001:db8:1:203:4:5:6:7/128");
  record.chain.back() = Link(record.prefix, 128, 4);
  record.chain[0].max_length = record.chain[1].max_length = 128;
  record.sequence = 1'800'000'000'000;
  record.locators.assign(4, {*Ipv4::Parse("203.0.113.9"), Encapsulation::kUdp, 65535, 255, 65535});
  record.control_port = 65535;
  record.security = 3;
  record.flags = kRecordHasMoreSpecifics;
  record.modifier.fill(255);
  SignLinks(record.domain, &record.chain);
  const Bytes bytes = Signed(record, TestKey(4));
  EXPECT_LE(bytes.size(), kMaxRecordSize);
  EXPECT_EQ(bytes.size(), 588u);
  Domain domain = AnchoredDomain();
  domain.name = record.domain;
  EXPECT_TRUE(VerifySigned(bytes, domain, kNow).ok()) << VerifySigned(bytes, domain, kNow).status();
}

// --- chains ------------------------------------------------------------------------

TEST(Chain, ThreeLinksFromAnAnchor) {
  const Bytes bytes = Signed(ChainedRecord(), TestKey(4));
  const auto record = VerifySigned(bytes, AnchoredDomain(), kNow);
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(*record, ChainedRecord());
}

TEST(Chain, AnAnchorNeedsNone) {
  Record record = ChainedRecord();
  record.chain.clear();
  record.root = {};
  record.public_key = TestKey(1).public_key();
  EXPECT_TRUE(Verdict(record, 1).ok()) << Verdict(record, 1);
}

// In a `self` domain an owner hands a part of its own to another router.
TEST(Chain, FromTheKeyThatOwnsThePrefix) {
  Domain domain{"chord", P("fd00::/8"), 48, Domain::Trust::kSelf};
  domain.security = 1;
  Record record = ChainedRecord();
  record.domain = domain.name;
  record.modifier = FindModifier(record.root, 1, {});
  record.security = 1;
  const Prefix owned = OwnedPrefix(domain, record.root, record.modifier, 1);
  record.prefix = Prefix::Of(owned.address, 128);
  record.chain = {Link(record.prefix, 128, 4)};
  SignLinks(domain.name, &record.chain);
  EXPECT_TRUE(Verdict(record, 4, domain).ok()) << Verdict(record, 4, domain);
  record.chain[0].prefix = record.prefix = P("fd00::/128");
  SignLinks(domain.name, &record.chain);
  EXPECT_EQ(Verdict(record, 4, domain).code(), absl::StatusCode::kPermissionDenied);
}

// One thing wrong in each row, and everything signed by whose it is to sign.
TEST(Chain, RefusedByName) {
  const struct {
    const char* name;
    std::function<void(Record&)> spoil;
    absl::StatusCode code;
    const char* sentence;
  } rows[] = {
      {"a key that is no anchor begins it",
       [](Record& r) { r.chain.erase(r.chain.begin()), r.root = TestKey(2).public_key(); },
       absl::StatusCode::kPermissionDenied, "which is no anchor of 'corp'"},
      {"longer than allowed", [](Record& r) { r.prefix = P("2001:db8:1:203:4::/80"); },
       absl::StatusCode::kPermissionDenied, "80 of 2001:db8:1:203:4::/80 is longer than the 64"},
      {"a link widens the greatest length", [](Record& r) { r.chain[1].max_length = 65; },
       absl::StatusCode::kPermissionDenied, "65 of 2001:db8:1:200::/56 is longer than the 64"},
      {"a link outside the one before", [](Record& r) { r.chain[0].prefix = P("2001:db8:1:1000::/52"); },
       absl::StatusCode::kInvalidArgument, "is outside 2001:db8:1:1000::/52"},
      {"a link wider than the one before", [](Record& r) { r.chain[1].prefix = P("2001:db8::/40"); },
       absl::StatusCode::kInvalidArgument, "is outside 2001:db8:1::/48"},
      {"wider than its link", [](Record& r) { r.prefix = P("2001:db8:1:200::/60"); },
       absl::StatusCode::kInvalidArgument, "is outside 2001:db8:1:203::/64"},
      {"a delegation outside the domain", [](Record& r) { r.chain[0].prefix = P("2000::/3"); },
       absl::StatusCode::kPermissionDenied, "reaches outside the domain's 2001:db8::/32"},
      {"a link that expired", [](Record& r) { r.chain[1].expiry = kNow - kClockSkew; },
       absl::StatusCode::kFailedPrecondition, "the delegation of 2001:db8:1:200::/56 expired 300 s ago"},
      {"a link of the future", [](Record& r) { r.chain[0].not_before = kNow + kClockSkew + seconds(1); },
       absl::StatusCode::kFailedPrecondition, "is not valid for another 301 s"},
      {"a link that ends before it begins", [](Record& r) { r.chain[0].expiry = r.chain[0].not_before; },
       absl::StatusCode::kInvalidArgument, "ends before it begins"},
      {"a record that outlives its delegation", [](Record& r) { r.chain[2].expiry = r.expiry - seconds(7); },
       absl::StatusCode::kInvalidArgument, "7 s longer than the delegation of 2001:db8:1:203::/64"},
      {"four links", [](Record& r) { r.chain.push_back(r.chain.back()); }, absl::StatusCode::kInvalidArgument,
       "4 links; at most 3"},
  };
  for (const auto& row : rows) {
    Record record = ChainedRecord();
    row.spoil(record);
    SignLinks("corp", &record.chain);
    const absl::Status status = Verdict(record, 4);
    EXPECT_EQ(status.code(), row.code) << row.name << ": " << status;
    EXPECT_NE(status.ToString().find(row.sentence), std::string::npos) << row.name << ": " << status;
  }
}

// Signatures: of another key, of another domain, of another field's value.
TEST(Chain, ForgedLinks) {
  const std::function<void(Record&)> rows[] = {
      [](Record& r) {
        r.chain[2].signature = TestKey(2).Sign(DelegationBytes("corp", TestKey(2).public_key(), r.chain[2]));
      },
      [](Record& r) { SignLinks("corp2", &r.chain); },
      [](Record& r) { r.chain[1].expiry += seconds(1); },
      [](Record& r) { r.chain[1].not_before -= seconds(1); },
      [](Record& r) { r.chain[1].subject[0] ^= 1; },
      [](Record& r) { r.chain[0].max_length = 65; },
      [](Record& r) { r.root = TestKey(9).public_key(); },  // an anchor, but not the one that signed
  };
  for (const auto& spoil : rows) {
    Record record = ChainedRecord();
    spoil(record);
    EXPECT_EQ(Verdict(record, 4).code(), absl::StatusCode::kUnauthenticated) << &spoil - rows;
  }
  // The chain is somebody's who does not have the record's key.
  EXPECT_EQ(Verdict(ChainedRecord(), 3).code(), absl::StatusCode::kUnauthenticated);
}

TEST(Chain, SignaturesAreTriedFromTheRecordsOwn) {
  uint64_t count = 0;
  const auto good = DecodeSigned(Signed(ChainedRecord(), TestKey(4)));
  EXPECT_TRUE(CheckSignatures(*good, &count).ok());
  EXPECT_EQ(count, 4u);
  const auto forged = DecodeSigned(Signed(ChainedRecord(), TestKey(3)));
  EXPECT_FALSE(CheckSignatures(*forged, &count).ok());
  EXPECT_EQ(count, 5u);
}

// Also where anybody may claim anything a chain must be right: the claim is its root's.
TEST(Chain, AnOpenDomainChecksIt) {
  Domain domain = AnchoredDomain();
  domain.trust = Domain::Trust::kOpen;
  Record record = ChainedRecord();
  EXPECT_TRUE(Verdict(record, 4, domain).ok());
  record.root = TestKey(8).public_key();
  EXPECT_FALSE(Verdict(record, 4, domain).ok());
}

TEST(Chain, AClaimIsItsRootsWhoeverSigns) {
  const Record delegates = ChainedRecord();
  Record own = delegates;
  own.chain.clear();
  own.root = {};
  own.public_key = TestKey(1).public_key();
  EXPECT_EQ(ClaimOf(own), ClaimOf(delegates));
  own.prefix.length = 63;
  EXPECT_NE(ClaimOf(own), ClaimOf(delegates));
  own = delegates;
  own.root = TestKey(9).public_key();
  EXPECT_NE(ClaimOf(own), ClaimOf(delegates));
}

TEST(Chain, EveryCheckIsSpelledOut) {
  Record record = ChainedRecord();
  record.chain[1].signature[0] ^= 1;
  record.locators[0].port = 1;
  std::string text;
  for (const RecordCheck& check : JudgeSigned(Signed(record, TestKey(4)), AnchoredDomain(), kNow))
    text += check.name + (check.verdict.ok() ? "+ " : "- ");
  EXPECT_EQ(text,
            "shape+ domain+ window+ sequence+ locators- chain+ right+ signature+ link 1+ link 2- link 3+ ");
}

// Any chain that narrows step by step is right; with one bit changed anywhere it is not, as the record's own
// signature covers it.
RC_GTEST_PROP(Chain, OneMutationIsRefused, ()) {
  Record record = ChainedRecord();
  const size_t links = *rc::gen::inRange<size_t>(1, 4);
  record.chain.resize(links);
  int length = 32;
  for (size_t i = 0; i < links; ++i) {
    length = *rc::gen::inRange(length, 65);
    record.chain[i] = Link(Prefix::Of(record.prefix.address, length), *rc::gen::inRange(64, 129),
                           static_cast<uint8_t>(i + 2));
    if (i > 0)
      record.chain[i].max_length = std::min(record.chain[i].max_length, record.chain[i - 1].max_length);
  }
  SignLinks("corp", &record.chain);
  const auto signer = static_cast<uint8_t>(links + 1);
  record.public_key = TestKey(signer).public_key();
  const Bytes right = Signed(record, TestKey(signer));
  RC_ASSERT(VerifySigned(right, AnchoredDomain(), kNow).ok());
  Bytes wrong = right;
  wrong[*rc::gen::inRange<size_t>(0, wrong.size())] ^= static_cast<uint8_t>(1 << *rc::gen::inRange(0, 8));
  RC_ASSERT(!VerifySigned(wrong, AnchoredDomain(), kNow).ok());
  // The same in a link, and the record signed anew by who has its key.
  std::string link = EncodeLink(record.chain[0], Prefix{}, true);
  link[*rc::gen::inRange<size_t>(0, link.size())] ^= static_cast<char>(1 << *rc::gen::inRange(0, 8));
  const auto changed = DecodeLink(link, Prefix{}, true);
  if (!changed.ok()) return;
  record.chain[0] = *changed;
  if (links == 1) record.public_key = changed->subject;
  RC_ASSERT(!VerifySigned(Signed(record, TestKey(signer)), AnchoredDomain(), kNow).ok());
}

// --- tokens ------------------------------------------------------------------------

TEST(Token, IsForOneKeyInOneDomain) {
  const DelegationToken token = TokenOf(ChainedRecord());
  const auto check = [&](const DelegationToken& t, uint8_t subject, const Domain& domain) {
    return CheckToken(t, TestKey(subject).public_key(), domain, kNow);
  };
  EXPECT_TRUE(check(token, 4, AnchoredDomain()).ok()) << check(token, 4, AnchoredDomain());
  EXPECT_EQ(check(token, 3, AnchoredDomain()).message(),
            "the delegation is not for the key " + ToHex(TestKey(3).public_key()));
  Domain other = AnchoredDomain();
  other.name = "other";
  EXPECT_FALSE(check(token, 4, other).ok());
  DelegationToken forged = token;
  forged.chain[0].signature[0] ^= 1;
  EXPECT_EQ(check(forged, 4, AnchoredDomain()).code(), absl::StatusCode::kUnauthenticated);
}

// --- the hash extension ------------------------------------------------------------

TEST(Security, IsFoundAndCounted) {
  const PublicKey key = TestKey(1).public_key();
  EXPECT_EQ(SecurityOf(key, Modifier{}), 0u);
  const Modifier found = FindModifier(key, 1, Modifier{});
  EXPECT_EQ(ToHex(found), "000000000000000000000000000031d4");
  EXPECT_EQ(SecurityOf(key, found), 1u);
  EXPECT_EQ(FindModifier(key, 1, found), found);
  Modifier last;
  last.fill(255);
  EXPECT_EQ(SecurityOf(key, FindModifier(key, 1, last)), 1u);  // counts past its end
}

TEST(Security, IsBoundIntoThePrefix) {
  const Domain domain{"chord", P("fd00::/8"), 48, Domain::Trust::kSelf};
  const PublicKey key = TestKey(1).public_key();
  const Modifier modifier = FindModifier(key, 1, Modifier{});
  EXPECT_NE(OwnedPrefix(domain, key, modifier, 1), OwnedPrefix(domain, key, modifier, 0));
  EXPECT_EQ(OwnedPrefix(domain, key, modifier, 1).ToString(), "fd4d:509e:ed19::/48");
  EXPECT_EQ(OwnedPrefix(domain, key, modifier, 0).ToString(), "fd29:474:2030::/48");
}

TEST(Security, TheDomainSaysTheLeast) {
  Domain domain{"chord", P("fd00::/8"), 48, Domain::Trust::kSelf};
  Record record = ChainedRecord();
  record.domain = domain.name;
  record.chain.clear();
  record.root = {};
  record.public_key = TestKey(1).public_key();
  record.prefix = OwnedPrefix(domain, record.public_key, record.modifier, 0);
  EXPECT_TRUE(Verdict(record, 1, domain).ok());
  domain.security = 1;
  EXPECT_EQ(Verdict(record, 1, domain).message(),
            "the record's security is 0; the domain 'chord' takes 1 to 3");
  record.security = 1;
  record.prefix = OwnedPrefix(domain, record.public_key, record.modifier, 1);
  EXPECT_EQ(Verdict(record, 1, domain).message(),
            "the modifier has not the security 1 that the record states");
  record.modifier = FindModifier(record.public_key, 1, {});
  record.prefix = OwnedPrefix(domain, record.public_key, record.modifier, 1);
  EXPECT_TRUE(Verdict(record, 1, domain).ok());
  record.security = 4;
  EXPECT_EQ(Verdict(record, 1, domain).code(), absl::StatusCode::kPermissionDenied);
}

}  // namespace
}  // namespace ov6
