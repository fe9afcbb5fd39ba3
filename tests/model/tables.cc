// SPDX-License-Identifier: Apache-2.0
#include "tests/model/tables.h"

#include <algorithm>

namespace ov6::model {
namespace {

ov6_mapping* Find(Tables& tables, const Ipv6& address, uint64_t now, bool former) {
  ov6_mapping* mapping = Longest(tables.mappings, address);
  if (mapping == nullptr || (mapping->hard_expiry != 0 && now >= mapping->hard_expiry)) return nullptr;
  return ((mapping->flags & OV6_MAPPING_FORMER) != 0) == former ? mapping : nullptr;
}

}  // namespace

ov6_mapping* FindMapping(Tables& tables, const Ipv6& address, uint64_t now) {
  return Find(tables, address, now, false);
}

ov6_mapping* FindFormer(Tables& tables, const Ipv6& address, uint64_t now) {
  return Find(tables, address, now, true);
}

ov6_negative* FindNegative(Tables& tables, const Ipv6& address, uint64_t now) {
  ov6_negative* negative = Longest(tables.negatives, address);
  const bool expired = negative != nullptr && negative->expiry != 0 && now >= negative->expiry;
  return expired ? nullptr : negative;
}

uint32_t PathMtu(const Tables& tables, const Ipv4& peer, uint64_t now) {
  const auto path = tables.paths.find(peer);
  return path == tables.paths.end() || now >= path->second.mtu_expiry ? 0 : path->second.mtu;
}

void LowerPathMtu(Tables& tables, const Ipv4& peer, uint16_t mtu, uint64_t now) {
  const uint32_t known = PathMtu(tables, peer, now);
  if (known != 0 && known < mtu) return;
  const uint64_t seconds =
      tables.config.path_mtu_lifetime != 0 ? tables.config.path_mtu_lifetime : OV6_DEFAULT_PATH_MTU_LIFETIME;
  tables.paths[peer] = {.mtu_expiry = now + seconds * 1'000'000'000, .mtu = mtu, .reserved = {}};
}

ov6_action ActionOf(const ov6_route* route) {
  return route == nullptr ? OV6_ACTION_NONE : ov6_action(route->action);
}

ov6_device* FindDevice(Tables& tables, uint32_t ifindex) {
  const auto it = tables.devices.find(ifindex);
  return it == tables.devices.end() ? nullptr : &it->second;
}

ov6_device* FindDevice(Tables& tables, uint32_t ifindex, ov6_device_role role) {
  ov6_device* device = FindDevice(tables, ifindex);
  return device != nullptr && device->role == role ? device : nullptr;
}

// Tokens are kept in thousandths, the time of the last look so that no fraction is lost. A bucket
// that was not looked at for a minute gained as much as it can.
bool Take(ov6_bucket& bucket, uint64_t now, uint32_t rate, uint32_t burst) {
  constexpr uint64_t kToken = 1000, kPart = 1000000, kLongest = 60'000'000'000;
  const uint64_t elapsed = now > bucket.updated ? std::min<uint64_t>(now - bucket.updated, kLongest) : 0;
  const uint64_t gained = elapsed * rate / kPart;
  if (gained > 0) {
    bucket.tokens = std::min<uint64_t>(bucket.tokens + gained, burst * kToken);
    bucket.updated = now - elapsed * rate % kPart / rate;
  }
  if (bucket.tokens < kToken) return false;
  bucket.tokens -= kToken;
  return true;
}

bool Take(Tables& tables, const BucketKey& key, uint64_t now, uint32_t rate, uint32_t burst) {
  const ov6_bucket full{now, burst * uint64_t{1000}};
  return Take(tables.buckets.try_emplace(key, full).first->second, now, rate, burst);
}

}  // namespace ov6::model
