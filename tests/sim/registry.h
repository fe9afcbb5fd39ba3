// SPDX-License-Identifier: Apache-2.0
// Signed records under their keys, as a DHT would hold them; the naive longest-prefix
// match over them; and a DHT that answers a Resolver at once.
#ifndef OV6_TESTS_SIM_REGISTRY_H
#define OV6_TESTS_SIM_REGISTRY_H

#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "slaves/engine/resolver/resolver.h"
#include "userspace/wire/record.h"
#include "userspace/wire/storage_key.h"

namespace ov6::sim {

inline constexpr UnixTime kWall{std::chrono::seconds(1'800'000'000)};

Domain OpenDomain(const char* prefix, int aggregate);
PrivateKey KeyPair(uint8_t number);
Prefix P(const char* text);
Ipv6 A(const char* text);
Locator At(const char* address);

// Valid for an hour from kWall unless `expiry` says otherwise.
Bytes Signed(const Domain& domain, const Prefix& prefix, uint64_t sequence, std::vector<Locator> locators,
             const PrivateKey& key, UnixTime expiry = kWall + std::chrono::hours(1));

class Registry {
 public:
  explicit Registry(Domain domain) : domain_(std::move(domain)) {}

  // Under the record's key, or where that one sends on what it has no room for.
  void Add(const Prefix& prefix, const char* locator = "198.51.100.7");
  void AddRaw(const Prefix& prefix, Bytes value) { Insert({prefix, std::move(value)}, 0); }
  void Clear();
  std::vector<Bytes> Values(const Key& key) const;
  std::optional<Prefix> Longest(const Ipv6& address) const;

  GetOutput Answer(const GetRequest& request) const;
  // Resolves with answers that take 1 ms each.
  ResolveOutput Resolve(Resolver* resolver, const Ipv6& address, ResolveOptions options = {});

  BootTime now = BootTime(std::chrono::seconds(1));
  UnixTime wall = kWall;
  bool reachable = true;
  std::set<Key> silent;  // keys that nobody answers
  size_t gets = 0;
  size_t capacity = 8;  // values of a key
  const Domain& domain() const { return domain_; }
  const std::set<Prefix>& prefixes() const { return prefixes_; }

 private:
  struct Held {
    Prefix prefix;
    Bytes value;
    // What gives way last comes first.
    auto operator<=>(const Held& other) const {
      return std::tie(prefix.length, value) <=> std::tie(other.prefix.length, other.value);
    }
    bool operator==(const Held&) const = default;
  };
  void Insert(Held held, size_t place);

  Domain domain_;
  std::map<Key, std::set<Held>> values_;
  std::set<Key> overflowed_;
  std::set<Prefix> prefixes_;
  PrivateKey key_ = KeyPair(1);
  uint64_t next_id_ = 1;
};

}  // namespace ov6::sim

#endif
