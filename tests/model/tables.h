// SPDX-License-Identifier: Apache-2.0
// The maps as plain containers, and how they are asked: longest prefix first, expired means absent.
#ifndef OV6_TESTS_MODEL_TABLES_H
#define OV6_TESTS_MODEL_TABLES_H

#include <array>
#include <compare>
#include <cstdint>
#include <map>

#include "ov6/abi/config.h"
#include "ov6/abi/device.h"
#include "ov6/abi/mapping.h"
#include "ov6/abi/maps.h"
#include "ov6/abi/route.h"
#include "ov6/abi/slave.h"
#include "ov6/address.h"

namespace ov6::model {

struct BucketKey {
  Ipv6 source;
  uint32_t purpose = 0;  // enum ov6_bucket_purpose
  auto operator<=>(const BucketKey&) const = default;
};

template <typename Value>
using Trie = std::map<Prefix, Value>;

struct Tables {
  ov6_config config{};
  Trie<ov6_route> routes;
  Trie<ov6_mapping> mappings;
  Trie<ov6_negative> negatives;
  std::map<Ipv4, ov6_path> paths;
  std::map<uint32_t, ov6_device> devices;     // by ifindex
  std::map<uint32_t, ov6_slave> slaves;       // by id
  std::map<uint32_t, uint32_t> port_devices;  // slot -> ifindex
  std::map<BucketKey, ov6_bucket> buckets;
  std::array<ov6_bucket, 4> punt_budgets{};  // by enum ov6_punt_reason
};

template <typename Value>
Value* Longest(Trie<Value>& trie, const Ipv6& address) {
  Value* best = nullptr;
  int length = -1;
  for (auto& [prefix, value] : trie)
    if (prefix.length > length && prefix.Contains(address)) best = &value, length = prefix.length;
  return best;
}

// Those that count at this time, or null. The mapping that says where the address is; or if what is known are
// the places that it moved from, those.
ov6_mapping* FindMapping(Tables& tables, const Ipv6& address, uint64_t now);
ov6_mapping* FindFormer(Tables& tables, const Ipv6& address, uint64_t now);
ov6_negative* FindNegative(Tables& tables, const Ipv6& address, uint64_t now);
// What routers said of the way there: the biggest outer packet; 0 if nothing that still counts.
uint32_t PathMtu(const Tables& tables, const Ipv4& peer, uint64_t now);
// Remembers what they say: an error never raises it, only time does (RFC 1191 section 6.3).
void LowerPathMtu(Tables& tables, const Ipv4& peer, uint16_t mtu, uint64_t now);
ov6_action ActionOf(const ov6_route* route);  // OV6_ACTION_NONE if there is none
ov6_device* FindDevice(Tables& tables, uint32_t ifindex);
ov6_device* FindDevice(Tables& tables, uint32_t ifindex, ov6_device_role role);

// A token bucket: `rate` tokens a second, at most `burst`. False if none was left to take.
bool Take(ov6_bucket& bucket, uint64_t now, uint32_t rate, uint32_t burst);
// The same of the bucket under a key; one not seen before is full.
bool Take(Tables& tables, const BucketKey& key, uint64_t now, uint32_t rate, uint32_t burst);

}  // namespace ov6::model

#endif
