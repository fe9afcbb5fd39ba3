// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/network.h"

#include <algorithm>

namespace ov6::sim {
namespace {

// SplitMix64's step.
uint64_t Mixed(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

}  // namespace

int Network::Group(Ipv4 host) const {
  const auto it = groups_.find(host);
  return it == groups_.end() ? 0 : it->second;
}

void Network::SetNat(Ipv4 inside, const Nat& nat) {
  nats_[inside] = nat;
  insides_[nat.outside] = inside;
}

Duration Network::Latency(Ipv4 from, Ipv4 to) {
  const auto spread = static_cast<uint64_t>((weather_.latency_max - weather_.latency_min).count()) + 1;
  Duration latency = weather_.latency_min + Duration(static_cast<int64_t>(Below(spread)));
  if (weather_.distance_max > Duration(0)) {
    const auto [low, high] = std::minmax(from.value, to.value);
    const uint64_t pair = Mixed(salt_ ^ (uint64_t{low} << 32 | high));
    latency += Duration(static_cast<int64_t>(pair % static_cast<uint64_t>(weather_.distance_max.count())));
  }
  const auto clog = clogs_.find(to);
  return clog == clogs_.end() ? latency : latency + clog->second;
}

// Behind the NAT that `to` may be.
std::optional<Endpoint> Network::Inside(BootTime now, const Endpoint& from, const Endpoint& to) const {
  const auto it = insides_.find(to.address);
  if (it == insides_.end()) return to;
  const Nat& nat = nats_.at(it->second);
  if (nat.restricted) {
    const auto sent = sent_.find(std::pair(it->second, from.address));
    if (sent == sent_.end() || now - sent->second > kNatMemory) return std::nullopt;
  }
  return Endpoint{it->second, static_cast<uint16_t>(to.port - nat.shift)};
}

std::vector<Network::Copy> Network::Route(BootTime now, const Endpoint& from, const Endpoint& to) {
  Endpoint seen = from;
  if (const auto nat = nats_.find(from.address); nat != nats_.end()) {
    seen = {nat->second.outside, static_cast<uint16_t>(from.port + nat->second.shift)};
    if (nat->second.restricted) sent_[std::pair(from.address, to.address)] = now;
  }
  const auto inside = Inside(now, seen, to);
  if (!inside || Group(from.address) != Group(inside->address) || Chance() < weather_.loss) return {};
  std::vector<Copy> copies;
  const int count = Chance() < weather_.duplicates ? 2 : 1;
  for (int i = 0; i < count; ++i) copies.push_back({Latency(from.address, inside->address), seen, *inside});
  return copies;
}

}  // namespace ov6::sim
