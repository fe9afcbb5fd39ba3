// SPDX-License-Identifier: Apache-2.0
// What a node keeps for the ring: a set of values under each key, one an owner, the
// highest sequence of each. Bounded a key and in all; expires by the values' lifetimes.
#ifndef OV6_SLAVES_ENGINE_CHORD_STORE_H
#define OV6_SLAVES_ENGINE_CHORD_STORE_H

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "ov6/engine.h"
#include "slaves/engine/chord/digests.h"

namespace ov6::chord {

struct StoreLimits {
  size_t values_per_key = 8;
  size_t values = 65536;
  size_t bytes = size_t{32} << 20;
  size_t overflows = 4096;  // keys remembered to have turned something away
  size_t equivocations = 64;
};

class Store {
 public:
  enum class Result { kStored, kKnown, kOlder, kConflict, kKeyFull, kFull };

  // The keys of an arc fall into as many parts, by their last bits: what two stores hold of it is compared
  // part by part.
  static constexpr size_t kParts = kDigestParts;
  static constexpr uint32_t kAllParts = 0xffffffff;  // a bit for each

  // An owner that signed two values with one sequence: both, as proof.
  struct Equivocation {
    uint64_t sequence = 0;
    Bytes first, second;
  };
  using Equivocations = std::map<std::pair<Key, Bytes>, Equivocation>;  // by key and owner, the first of each

  explicit Store(StoreLimits limits) : limits_(limits) {}

  // kConflict: the same owner and sequence with other bytes. Of two such the greater stays, so that all
  // holders come to have the same. kKeyFull: those there have no higher rank. `bounced`, if given, takes the
  // value that had to make room.
  Result Put(const Key& key, const Bytes& value, const ValueInfo& info, BootTime now,
             std::optional<Bytes>* bounced = nullptr);
  // Whether more belongs under this key than it has room for, as far as this store has seen.
  bool Overflowed(const Key& key) const;
  std::vector<Bytes> Get(const Key& key) const;
  bool Has(const Key& key, const Bytes& value) const;  // these very bytes
  void Expire(BootTime now);
  std::optional<BootTime> NextExpiry() const;

  Digests DigestsOf(const Key& start, const Key& end) const;
  const Equivocations& equivocations() const { return equivocations_; }

  // Every (key, value) of these parts of the arc (start, end] (start == end: the whole ring) in the order of
  // keys, beginning `skip` values into the set of `from`; `take` returns false to stop. Returns where it
  // stopped, nullopt at the end.
  struct Cursor {
    Key key{};
    uint32_t skip = 0;
  };
  template <typename Take>
  std::optional<Cursor> Walk(const Key& start, const Key& end, std::optional<Cursor> from, uint32_t parts,
                             Take take) const;

  size_t size() const { return size_; }
  size_t bytes() const { return bytes_; }

 private:
  struct Value {
    Bytes bytes;
    uint64_t sequence = 0;
    BootTime expiry{};
    uint32_t rank = 0;
    uint64_t digest = 0;
  };
  using Set = std::map<Bytes, Value>;  // by owner
  using Range = std::pair<std::map<Key, Set>::const_iterator, std::map<Key, Set>::const_iterator>;

  static size_t PartOf(const Key& key) { return key.back() % kParts; }
  std::array<Range, 2> RangesOf(const Key& start, const Key& end, const std::optional<Cursor>& from) const;
  Result Conflict(const Key& key, const Bytes& owner, const Bytes& bytes);
  void Drop(const Key& key, const Bytes& owner);
  bool MakeRoom(const Key& key, const ValueInfo& info, BootTime now, std::optional<Bytes>* bounced);
  void NoteOverflow(const Key& key, BootTime until);

  StoreLimits limits_;
  std::map<Key, Set> sets_;
  std::set<std::pair<BootTime, std::pair<Key, Bytes>>> expiries_;
  Equivocations equivocations_;
  std::map<Key, BootTime> overflows_;  // until when what was turned away may lie elsewhere
  size_t size_ = 0;
  size_t bytes_ = 0;
};

template <typename Take>
std::optional<Store::Cursor> Store::Walk(const Key& start, const Key& end, std::optional<Cursor> from,
                                         uint32_t parts, Take take) const {
  for (auto [it, last] : RangesOf(start, end, from)) {
    for (; it != last; ++it) {
      const auto& [key, set] = *it;
      if ((parts >> PartOf(key) & 1) == 0) continue;
      uint32_t index = 0;
      const uint32_t skip = from && key == from->key ? from->skip : 0;
      for (const auto& [owner, value] : set) {
        if (index++ < skip) continue;
        if (!take(key, value.bytes)) return Cursor{key, index - 1};
      }
    }
  }
  return std::nullopt;
}

}  // namespace ov6::chord

#endif
