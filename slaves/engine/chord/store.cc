// SPDX-License-Identifier: Apache-2.0
#include "slaves/engine/chord/store.h"

#include "slaves/engine/chord/ring.h"

namespace ov6::chord {

Store::Result Store::Put(const Key& key, const Bytes& bytes, const ValueInfo& info, BootTime now) {
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
  if (old == nullptr && set != sets_.end() && set->second.size() >= limits_.values_per_key)
    return Result::kKeyFull;
  if (old == nullptr && size_ >= limits_.values) return Result::kFull;
  if (bytes_ - (old == nullptr ? 0 : old->bytes.size()) + bytes.size() > limits_.bytes) return Result::kFull;
  if (old != nullptr) Drop(key, info.owner);
  const BootTime expiry = now + info.lifetime;
  sets_[key][info.owner] = {bytes, info.sequence, expiry};
  expiries_.insert({expiry, {key, info.owner}});
  ++size_;
  bytes_ += bytes.size();
  return Result::kStored;
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
