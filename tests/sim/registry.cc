// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/registry.h"

namespace ov6::sim {

Domain OpenDomain(const char* prefix, int aggregate) {
  return {"lab", P(prefix), aggregate, Domain::Trust::kOpen};
}
PrivateKey KeyPair(uint8_t number) { return *PrivateKey::FromSeed(Bytes(32, number)); }
Prefix P(const char* text) { return *Prefix::Parse(text); }
Ipv6 A(const char* text) { return *Ipv6::Parse(text); }
Locator At(const char* address) { return {*Ipv4::Parse(address)}; }

Bytes Signed(const Domain& domain, const Prefix& prefix, uint64_t sequence, std::vector<Locator> locators,
             const PrivateKey& key, UnixTime expiry) {
  Record record;
  record.domain = domain.name;
  record.prefix = prefix;
  record.sequence = sequence;
  record.not_before = kWall;
  record.expiry = expiry;
  record.locators = std::move(locators);
  record.public_key = key.public_key();
  const Bytes unsigned_record = EncodeRecord(record);
  return EncodeSigned(unsigned_record, key.Sign(SignedBytes(unsigned_record)));
}

void Registry::Add(const Prefix& prefix, const char* locator) {
  if (!prefixes_.insert(prefix).second) return;
  AddRaw(prefix, Signed(domain_, prefix, 1, {At(locator)}, key_));
}

// As the DHT's nodes do it: the longest gives way.
void Registry::Insert(Held held, size_t place) {
  const std::vector<Place> places = PlacesOf(domain_, held.prefix);
  if (place >= places.size()) {
    prefixes_.erase(held.prefix);  // nowhere any more
    return;
  }
  const Key key = KeyOf(domain_, places[place].address);
  std::set<Held>& set = values_[key];
  set.insert(std::move(held));
  if (set.size() <= capacity) return;
  overflowed_.insert(key);
  Held last = std::move(set.extract(std::prev(set.end())).value());
  const size_t next = *PlaceIndex(domain_, last.prefix, key) + 1;
  Insert(std::move(last), next);
}

void Registry::Clear() {
  values_.clear();
  overflowed_.clear();
  prefixes_.clear();
}

std::vector<Bytes> Registry::Values(const Key& key) const {
  const auto it = values_.find(key);
  if (it == values_.end()) return {};
  std::vector<Bytes> values;
  for (const Held& held : it->second) values.push_back(held.value);
  return values;
}

std::optional<Prefix> Registry::Longest(const Ipv6& address) const {
  std::optional<Prefix> longest;
  for (const Prefix& prefix : prefixes_) {
    if (prefix.Contains(address) && (!longest || prefix.length > longest->length)) longest = prefix;
  }
  return longest;
}

GetOutput Registry::Answer(const GetRequest& request) const {
  GetOutput answer{request.id, GetOutcome::kUnreachable, {}, 2};
  if (!reachable || silent.contains(request.key)) return answer;
  answer.values = Values(request.key);
  answer.overflowed = overflowed_.contains(request.key);
  answer.messages = 8;
  answer.bytes = 8 * 400;
  answer.outcome = answer.values.empty() ? GetOutcome::kAbsent : GetOutcome::kFound;
  return answer;
}

ResolveOutput Registry::Resolve(Resolver* resolver, const Ipv6& address, ResolveOptions options) {
  const uint64_t id = next_id_++;
  resolver->Resolve(now, wall, id, address, options);
  while (std::optional<ResolverOutput> output = resolver->NextOutput()) {
    if (auto* done = std::get_if<ResolveOutput>(&*output)) return std::move(*done);
    ++gets;
    now += std::chrono::milliseconds(1);
    resolver->OnGet(now, wall, Answer(std::get<GetRequest>(*output)));
  }
  return {};
}

}  // namespace ov6::sim
