// SPDX-License-Identifier: Apache-2.0
#include "slaves/engine/chord/store.h"

#include <algorithm>
#include <tuple>

#include "slaves/engine/chord/ring.h"

namespace ov6::chord {
namespace {

// FNV-1a, with a last stir: sums of these are compared.
uint64_t DigestOf(const Key& key, const Bytes& bytes) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const uint8_t byte : key) hash = (hash ^ byte) * 0x100000001b3;
  for (const uint8_t byte : bytes) hash = (hash ^ byte) * 0x100000001b3;
  return (hash ^ hash >> 32) * 0x9e3779b97f4a7c15;
}

}  // namespace

Store::Result Store::Put(const Key& key, const Bytes& bytes, const ValueInfo& info, BootTime now,
                         std::optional<Bytes>* bounced) {
  const auto set = sets_.find(key);
  const Value* old = nullptr;
  if (set != sets_.end()) {
    const auto it = set->second.find(info.owner);
    if (it != set->second.end()) old = &it->second;
  }
  if (old != nullptr && old->sequence > info.sequence) return Result::kOlder;
  if (old != nullptr && old->sequence == info.sequence) {
    return old->bytes == bytes ? Result::kKnown : Conflict(key, info.owner, bytes);
  }
  if (old == nullptr && set != sets_.end() && set->second.size() >= limits_.values_per_key) {
    if (!MakeRoom(key, info, now, bounced)) return Result::kKeyFull;
  }
  if (old == nullptr && size_ >= limits_.values) return Result::kFull;
  if (bytes_ - (old == nullptr ? 0 : old->bytes.size()) + bytes.size() > limits_.bytes) return Result::kFull;
  if (old != nullptr) Drop(key, info.owner);
  const BootTime expiry = now + info.lifetime;
  sets_[key][info.owner] = {bytes, info.sequence, expiry, info.rank, DigestOf(key, bytes)};
  expiries_.insert({expiry, {key, info.owner}});
  ++size_;
  bytes_ += bytes.size();
  return Result::kStored;
}

Store::Result Store::Conflict(const Key& key, const Bytes& owner, const Bytes& bytes) {
  Value& value = sets_.at(key).at(owner);
  if (equivocations_.size() < limits_.equivocations) {
    equivocations_.try_emplace({key, owner}, Equivocation{value.sequence, value.bytes, bytes});
  }
  if (bytes < value.bytes || bytes_ - value.bytes.size() + bytes.size() > limits_.bytes)
    return Result::kConflict;
  bytes_ += bytes.size() - value.bytes.size();
  value.bytes = bytes;
  value.digest = DigestOf(key, bytes);
  return Result::kConflict;
}

// Whoever comes first: the same ones stay at every holder, in whatever order they came.
bool Store::MakeRoom(const Key& key, const ValueInfo& info, BootTime now, std::optional<Bytes>* bounced) {
  const auto place = [](const auto& entry) { return std::tie(entry.second.rank, entry.first); };
  const Set& set = sets_.at(key);
  const auto last = std::max_element(set.begin(), set.end(),
                                     [&](const auto& a, const auto& b) { return place(a) < place(b); });
  const bool gives_way = std::tie(info.rank, info.owner) < place(*last);
  NoteOverflow(key, gives_way ? last->second.expiry : now + info.lifetime);
  if (!gives_way) return false;
  if (bounced != nullptr) *bounced = last->second.bytes;
  Drop(key, Bytes(last->first));
  return true;
}

void Store::NoteOverflow(const Key& key, BootTime until) {
  const auto [it, fresh] = overflows_.try_emplace(key, until);
  it->second = std::max(it->second, until);
  if (!fresh || overflows_.size() <= limits_.overflows) return;
  overflows_.erase(std::min_element(overflows_.begin(), overflows_.end(),
                                    [](const auto& a, const auto& b) { return a.second < b.second; }));
}

// A full one counts, as what it has turned away may have been turned away by its predecessor.
bool Store::Overflowed(const Key& key) const {
  const auto set = sets_.find(key);
  return overflows_.contains(key) || (set != sets_.end() && set->second.size() >= limits_.values_per_key);
}

std::vector<Bytes> Store::Get(const Key& key) const {
  std::vector<Bytes> out;
  const auto set = sets_.find(key);
  if (set == sets_.end()) return out;
  for (const auto& [owner, value] : set->second) out.push_back(value.bytes);
  return out;
}

bool Store::Has(const Key& key, const Bytes& value) const {
  const auto set = sets_.find(key);
  return set != sets_.end() && std::any_of(set->second.begin(), set->second.end(),
                                           [&](const auto& v) { return v.second.bytes == value; });
}

void Store::Expire(BootTime now) {
  while (!expiries_.empty() && expiries_.begin()->first <= now) {
    const auto [key, owner] = expiries_.begin()->second;
    Drop(key, owner);
  }
  std::erase_if(overflows_, [&](const auto& overflow) { return overflow.second <= now; });
}

std::optional<BootTime> Store::NextExpiry() const {
  if (expiries_.empty()) return std::nullopt;
  return expiries_.begin()->first;
}

Digests Store::DigestsOf(const Key& start, const Key& end) const {
  Digests digests{};
  for (auto [it, last] : RangesOf(start, end, std::nullopt)) {
    for (; it != last; ++it) {
      for (const auto& [owner, value] : it->second) digests[PartOf(it->first)] += value.digest;
    }
  }
  return digests;
}

// An arc that goes over zero is two ranges, the lower keys first.
std::array<Store::Range, 2> Store::RangesOf(const Key& start, const Key& end,
                                            const std::optional<Cursor>& from) const {
  const auto behind_start = sets_.upper_bound(start);
  const auto behind_end = sets_.upper_bound(end);
  const Range none{sets_.end(), sets_.end()};
  std::array<Range, 2> ranges{Range{behind_start, behind_end}, none};
  if (start >= end) ranges = {Range{sets_.begin(), behind_end}, Range{behind_start, sets_.end()}};
  if (!from) return ranges;
  for (auto& [first, last] : ranges) {
    if (last != sets_.end() && last->first <= from->key) {
      first = last;
    } else if (first != last && first->first < from->key) {
      first = sets_.lower_bound(from->key);
    }
  }
  return ranges;
}

void Store::Drop(const Key& key, const Bytes& owner) {
  const auto set = sets_.find(key);
  const auto it = set->second.find(owner);
  expiries_.erase({it->second.expiry, {key, owner}});
  --size_;
  bytes_ -= it->second.bytes.size();
  set->second.erase(it);
  if (set->second.empty()) sets_.erase(set);
}

}  // namespace ov6::chord
