// SPDX-License-Identifier: Apache-2.0
#include "slaves/engine/chord/store.h"

#include <algorithm>
#include <tuple>

#include "slaves/engine/chord/ring.h"

namespace ov6::chord {

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
    return old->bytes == bytes ? Result::kKnown : Result::kConflict;
  }
  if (old == nullptr && set != sets_.end() && set->second.size() >= limits_.values_per_key) {
    if (!MakeRoom(key, info, now, bounced)) return Result::kKeyFull;
  }
  if (old == nullptr && size_ >= limits_.values) return Result::kFull;
  if (bytes_ - (old == nullptr ? 0 : old->bytes.size()) + bytes.size() > limits_.bytes) return Result::kFull;
  if (old != nullptr) Drop(key, info.owner);
  const BootTime expiry = now + info.lifetime;
  sets_[key][info.owner] = {bytes, info.sequence, expiry, info.rank};
  expiries_.insert({expiry, {key, info.owner}});
  ++size_;
  bytes_ += bytes.size();
  return Result::kStored;
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

std::vector<const Key*> Store::KeysIn(const Key& start, const Key& end) const {
  std::vector<const Key*> keys;
  for (const auto& [key, set] : sets_) {
    if (start == end || Owns(start, key, end)) keys.push_back(&key);
  }
  return keys;
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
