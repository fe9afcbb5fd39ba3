// SPDX-License-Identifier: Apache-2.0
// Where records lie: storage lengths, the keys behind a full one, and that bit zeroing
// comes by every one of them.
#include "userspace/wire/storage_key.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace ov6 {
namespace {

Domain Self() { return {"chord", *Prefix::Parse("fd00::/8"), 48, Domain::Trust::kSelf}; }
Domain Open() { return {"chord", *Prefix::Parse("fd00::/8"), 48, Domain::Trust::kOpen}; }
Prefix P(const char* text) { return *Prefix::Parse(text); }

TEST(StorageKey, IsTheAggregates) {
  const Prefix aggregate = P("fd12:3456:789a::/48");
  EXPECT_EQ(StorageKey(Self(), P("fd12:3456:789a:1::/64")), StorageKey(Self(), aggregate));
  EXPECT_EQ(LookupKey(Self(), aggregate.address), StorageKey(Self(), aggregate));
  EXPECT_NE(StorageKey(Self(), P("fd12:3456:789b::/48")), StorageKey(Self(), aggregate));
  Domain other = Self();
  other.name = "chor";
  EXPECT_NE(StorageKey(other, aggregate), StorageKey(Self(), aggregate));
}

TEST(StorageKey, OfARecordShorterThanTheAggregateIsTheDomains) {
  EXPECT_EQ(StorageKey(Open(), P("fd12:3456::/32")), LookupKey(Open(), P("fd00::/8").address));
  EXPECT_EQ(StorageKey(Open(), P("fd00::/8")), LookupKey(Open(), P("fd00::/8").address));
}

TEST(StorageLengths, AreTheDomainsItsAggregateAndItsOthers) {
  EXPECT_EQ(StorageLengths(Self()), std::vector<int>{48});
  EXPECT_EQ(StorageLengths(Open()), (std::vector<int>{8, 48}));
  Domain domain = Open();
  domain.aggregates = {64, 32, 48, 4};
  EXPECT_EQ(StorageLengths(domain), (std::vector<int>{8, 32, 48, 64}));
  domain.trust = Domain::Trust::kSelf;
  EXPECT_EQ(StorageLengths(domain), (std::vector<int>{48, 64}));
}

TEST(Places, StepByStepAndNoKeyTwice) {
  const Ipv6 host = P("fd00:0:1:200::7").address;
  const std::vector<Place> expected{P("fd00:0:1::/48"), P("fd00:0:1:200::/56"), P("fd00:0:1:200::7/128")};
  EXPECT_EQ(Places(Self(), 48, host), expected);
  EXPECT_EQ(PlacesOf(Self(), Prefix::Of(host, 128)), expected);
  EXPECT_EQ(PlacesOf(Self(), Prefix::Of(host, 64)), std::vector<Place>(expected.begin(), expected.end() - 1));
  EXPECT_EQ(PlaceIndex(Self(), Prefix::Of(host, 64), LookupKey(Self(), expected[1].address)), 1u);
  EXPECT_EQ(PlaceIndex(Self(), Prefix::Of(host, 64), LookupKey(Self(), host)), std::nullopt);
  // Those of the domain's key end before the aggregate, where the next begin.
  EXPECT_EQ(Places(Open(), 8, P("fd12:3456:789a::").address).back().length, 40);
}

// Whatever the record and the destination in it: zeroing visits each of its places, and a lookup of the
// storage lengths finds the same ones.
TEST(Places, AreOnTheWayOfEveryLookup) {
  std::mt19937_64 random(5);
  Domain domain = Open();
  domain.aggregates = {64};
  for (int round = 0; round < 2000; ++round) {
    Ipv6 address = domain.prefix.address;
    for (int i = 1; i < 16; ++i) address.bytes[i] = static_cast<uint8_t>(random() & random());
    const Prefix record = Prefix::Of(address, 8 + static_cast<int>(random() % 121));
    std::set<Ipv6> zeroed{address};
    for (Ipv6 at = address; at != domain.prefix.address;) zeroed.insert(at = at.WithLastSetBitCleared());
    std::set<Place> asked;
    for (const int length : StorageLengths(domain)) {
      for (const Place& place : Places(domain, length, address)) asked.insert(place);
    }
    for (const Place& place : PlacesOf(domain, record)) {
      EXPECT_TRUE(zeroed.contains(place.address)) << record.ToString();
      EXPECT_TRUE(asked.contains(place)) << record.ToString();
    }
  }
}

}  // namespace
}  // namespace ov6
