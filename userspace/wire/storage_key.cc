// SPDX-License-Identifier: Apache-2.0
#include "userspace/wire/storage_key.h"

#include <algorithm>

#include "userspace/base/bytes.h"

namespace ov6 {
namespace {

// From `storage_length` on in steps of kSplitBits, through `last`.
std::vector<Place> Chain(int storage_length, int last, const Ipv6& address) {
  std::vector<Place> places{Prefix::Of(address, storage_length)};
  for (int length = storage_length + kSplitBits; length <= last; length += kSplitBits) {
    const Place next = Prefix::Of(address, length);
    if (next.address != places.back().address) places.push_back(next);
  }
  return places;
}

bool ShorterThanTheAggregate(const Domain& domain) { return domain.trust != Domain::Trust::kSelf; }

}  // namespace

std::vector<int> StorageLengths(const Domain& domain) {
  const int shortest = ShorterThanTheAggregate(domain) ? domain.prefix.length
                                                       : std::max(domain.aggregate, domain.prefix.length);
  std::vector<int> lengths{shortest};
  for (const int length : domain.aggregates) {
    if (length > shortest) lengths.push_back(length);
  }
  if (domain.aggregate > shortest) lengths.push_back(domain.aggregate);
  std::sort(lengths.begin(), lengths.end());
  lengths.erase(std::unique(lengths.begin(), lengths.end()), lengths.end());
  return lengths;
}

std::vector<Place> Places(const Domain& domain, int storage_length, const Ipv6& address) {
  const std::vector<int> lengths = StorageLengths(domain);
  const auto next = std::upper_bound(lengths.begin(), lengths.end(), storage_length);
  return Chain(storage_length, next == lengths.end() ? 128 : *next - 1, address);
}

std::vector<Place> PlacesOf(const Domain& domain, const Prefix& prefix) {
  int storage_length = std::min(StorageLengths(domain).front(), prefix.length);
  for (const int length : StorageLengths(domain)) {
    if (length <= prefix.length) storage_length = length;
  }
  return Chain(storage_length, prefix.length, prefix.address);
}

Key KeyOf(const Domain& domain, const Ipv6& network) {
  ByteWriter out;
  out.String(domain.name).Raw(network.bytes);
  return Sha1(out.bytes());
}

Key StorageKey(const Domain& domain, const Prefix& prefix) {
  return KeyOf(domain, PlacesOf(domain, prefix).front().address);
}

std::optional<size_t> PlaceIndex(const Domain& domain, const Prefix& prefix, const Key& key) {
  const std::vector<Place> places = PlacesOf(domain, prefix);
  for (size_t i = 0; i < places.size(); ++i) {
    if (KeyOf(domain, places[i].address) == key) return i;
  }
  return std::nullopt;
}

}  // namespace ov6
