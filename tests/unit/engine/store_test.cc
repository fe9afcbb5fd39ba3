// SPDX-License-Identifier: Apache-2.0
#include "slaves/engine/chord/store.h"

#include <gtest/gtest.h>

#include <set>
#include <utility>

namespace ov6::chord {
namespace {

using namespace std::chrono_literals;
using Result = Store::Result;

BootTime At(Duration d) { return BootTime(d); }
ValueInfo Of(uint8_t owner, uint64_t sequence, Duration lifetime = 60s) {
  return {{owner}, sequence, lifetime};
}
const Key kKey{1};

TEST(Sets, OneValueAnOwnerTheHighestSequence) {
  Store store({});
  EXPECT_EQ(store.Put(kKey, {1}, Of(1, 5), At(0s)), Result::kStored);
  EXPECT_EQ(store.Put(kKey, {2}, Of(2, 1), At(0s)), Result::kStored) << "another owner, its own sequence";
  EXPECT_EQ(store.Put(kKey, {1}, Of(1, 5), At(0s)), Result::kKnown);
  EXPECT_EQ(store.Put(kKey, {9}, Of(1, 5), At(0s)), Result::kConflict);
  EXPECT_EQ(store.Put(kKey, {9}, Of(1, 4), At(0s)), Result::kOlder);
  EXPECT_EQ(store.Put(kKey, {8, 8}, Of(1, 6), At(0s)), Result::kStored);
  EXPECT_EQ(store.Get(kKey), (std::vector<Bytes>{{8, 8}, {2}}));
  EXPECT_EQ(store.size(), 2u);
  EXPECT_EQ(store.bytes(), 3u);
}

// Whatever came first: all holders come to keep the same one, and have both as proof.
TEST(Sets, OfTwoWithOneSequenceTheGreaterStays) {
  for (const bool greater_first : {false, true}) {
    Store store({});
    store.Put(kKey, {greater_first ? uint8_t{9} : uint8_t{1}}, Of(1, 5), At(0s));
    EXPECT_EQ(store.Put(kKey, {greater_first ? uint8_t{1} : uint8_t{9}}, Of(1, 5), At(0s)),
              Result::kConflict);
    EXPECT_EQ(store.Get(kKey), (std::vector<Bytes>{{9}}));
    store.Put(kKey, {7}, Of(1, 5), At(0s));
    ASSERT_EQ(store.equivocations().size(), 1u) << "once an owner and key";
    const auto& [where, proof] = *store.equivocations().begin();
    EXPECT_EQ(where, (std::pair(kKey, Bytes{1})));
    EXPECT_EQ(proof.sequence, 5u);
    EXPECT_EQ((std::set<Bytes>{proof.first, proof.second}), (std::set<Bytes>{{1}, {9}}));
  }
}

TEST(Digests, TellWhichPartsOfAnArcDiffer) {
  Store a({}), b({});
  for (uint8_t i = 0; i < 100; ++i) {
    Key key{i};
    key.back() = i;
    a.Put(key, {i}, Of(1, 1), At(0s));
    if (i != 70) b.Put(key, {i}, Of(1, 1), At(0s));
  }
  EXPECT_EQ(a.DigestsOf(Key{10}, Key{60}), b.DigestsOf(Key{10}, Key{60}));
  const auto of_a = a.DigestsOf(Key{60}, Key{10}), of_b = b.DigestsOf(Key{60}, Key{10});
  for (size_t part = 0; part < Store::kParts; ++part) EXPECT_EQ(of_a[part] != of_b[part], part == 70 % 32);
  size_t seen = 0;
  a.Walk(Key{60}, Key{10}, std::nullopt, uint32_t{1} << 70 % 32, [&](const Key& key, const Bytes&) {
    seen += key.back() % 32 == 70 % 32 ? 1 : 100;
    return true;
  });
  EXPECT_EQ(seen, 2u);  // 70 and 6; 38 is not of the arc
}

TEST(Bounds, AKeyTheNumberAndTheBytes) {
  Store by_key({2, 100, 100});
  by_key.Put(kKey, {1}, Of(1, 1), At(0s));
  by_key.Put(kKey, {1}, Of(2, 1), At(0s));
  EXPECT_EQ(by_key.Put(kKey, {1}, Of(3, 1), At(0s)), Result::kKeyFull);
  EXPECT_EQ(by_key.Put(kKey, {1, 2}, Of(2, 2), At(0s)), Result::kStored)
      << "a newer one takes the older's place";
  Store by_number({64, 1, 100});
  by_number.Put(kKey, {1}, Of(1, 1), At(0s));
  EXPECT_EQ(by_number.Put(Key{2}, {1}, Of(1, 1), At(0s)), Result::kFull);
  Store by_bytes({64, 100, 3});
  by_bytes.Put(kKey, {1, 1}, Of(1, 1), At(0s));
  EXPECT_EQ(by_bytes.Put(Key{2}, {1, 1}, Of(1, 1), At(0s)), Result::kFull);
  EXPECT_EQ(by_bytes.Put(kKey, {1, 1, 1}, Of(1, 2), At(0s)), Result::kStored);
}

// Shorter prefixes stay: the same ones, in whatever order they come.
TEST(Overflow, TheHighestRankGivesWay) {
  for (const std::vector<uint8_t>& order : {std::vector<uint8_t>{1, 2, 3, 4}, {4, 3, 2, 1}, {3, 1, 4, 2}}) {
    Store store({2, 100, 100});
    std::vector<Bytes> bounced;
    for (const uint8_t rank : order) {
      ValueInfo info = Of(rank, 1, Duration(rank * 10s));
      info.rank = rank;
      std::optional<Bytes> out;
      const Result result = store.Put(kKey, {rank}, info, At(0s), &out);
      if (out) bounced.push_back(*out);
      if (result == Result::kKeyFull) bounced.push_back({rank});
    }
    EXPECT_EQ(store.Get(kKey), (std::vector<Bytes>{{1}, {2}}));
    EXPECT_EQ(std::set<Bytes>(bounced.begin(), bounced.end()), (std::set<Bytes>{{3}, {4}}));
    store.Expire(At(25s));  // both that it had
    EXPECT_TRUE(store.Overflowed(kKey)) << "what it turned away may lie elsewhere until it expires";
    store.Expire(At(40s));
    EXPECT_FALSE(store.Overflowed(kKey));
  }
}

TEST(Overflow, AFullKeyCountsAsOverflowed) {
  Store store({1, 100, 100});
  EXPECT_FALSE(store.Overflowed(kKey));
  store.Put(kKey, {1}, Of(1, 1), At(0s));
  EXPECT_TRUE(store.Overflowed(kKey));
}

TEST(Expiry, IsTheValuesOwn) {
  Store store({});
  store.Put(kKey, {1}, Of(1, 1, 10s), At(0s));
  store.Put(kKey, {2}, Of(2, 1, 20s), At(0s));
  EXPECT_EQ(store.NextExpiry(), At(10s));
  store.Expire(At(10s));
  EXPECT_EQ(store.Get(kKey), (std::vector<Bytes>{{2}}));
  store.Expire(At(20s));
  EXPECT_EQ(store.size() + store.bytes(), 0u);
  EXPECT_EQ(store.NextExpiry(), std::nullopt);
}

TEST(Walk, TakesAnArcInPortions) {
  Store store({});
  for (uint8_t i = 0; i < 10; ++i) {
    store.Put(Key{i}, {i}, Of(1, 1), At(0s));
    store.Put(Key{i}, {i, i}, Of(2, 1), At(0s));
  }
  size_t seen = 0, portions = 0;
  std::optional<Store::Cursor> from;
  do {
    int room = 3;
    from = store.Walk(Key{7}, Key{3}, from, Store::kAllParts, [&](const Key& key, const Bytes&) {
      EXPECT_TRUE(key[0] > 7 || key[0] <= 3);
      if (room-- == 0) return false;
      ++seen;
      return true;
    });
    ++portions;
  } while (from);
  EXPECT_EQ(seen, 12u);  // 8 9 0 1 2 3, two each
  EXPECT_GE(portions, 4u);
}

}  // namespace
}  // namespace ov6::chord
