// SPDX-License-Identifier: Apache-2.0
// The way of a datagram from one host to another: how long it takes, whether it arrives, how often, and where
// it seems to come from. Groups that don't hear each other, hosts whose datagrams are held up, NATs.
// Everything random comes from the generator it was given.
#ifndef OV6_TESTS_SIM_NETWORK_H
#define OV6_TESTS_SIM_NETWORK_H

#include <map>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "ov6/address.h"
#include "ov6/time.h"

namespace ov6::sim {

using namespace std::chrono_literals;

struct Weather {
  Duration latency_min = 5ms;
  Duration latency_max = 40ms;  // drawn for each datagram: they overtake each other
  double loss = 0;
  double duplicates = 0;
  Duration distance_max = 0ms;  // drawn for each pair of hosts, the same both ways, on top of the above
};

// Endpoint-independent mapping (RFC 4787): an inside port is seen as that port and `shift`. Restricted: lets
// in only what comes from an address it has sent to within kNatMemory.
struct Nat {
  Ipv4 outside;
  uint16_t shift = 0;
  bool restricted = false;
};
inline constexpr Duration kNatMemory = 120s;

class Network {
 public:
  struct Copy {
    Duration after;
    Endpoint from, to;  // as who gets it sees them
  };

  Network(const Weather& weather, std::mt19937_64* random)
      : weather_(weather), random_(*random), salt_(random_()) {}

  // The copies that arrive: none, one or two.
  std::vector<Copy> Route(BootTime now, const Endpoint& from, const Endpoint& to);
  // Nodes of different groups don't hear each other; all are in group 0 at first.
  void SetGroup(Ipv4 host, int group) { groups_[host] = group; }
  // What goes to the host takes this much longer.
  void SetClog(Ipv4 host, Duration clog) { clogs_[host] = clog; }
  bool HasNat(Ipv4 inside) const { return nats_.contains(inside); }
  void SetNat(Ipv4 inside, const Nat& nat);
  void SetWeather(const Weather& weather) { weather_ = weather; }
  const Weather& weather() const { return weather_; }

  // In [0, 1) and [0, n): the same with every standard library.
  double Chance() { return static_cast<double>(random_() >> 11) / static_cast<double>(uint64_t{1} << 53); }
  uint64_t Below(uint64_t n) { return random_() % n; }

 private:
  Duration Latency(Ipv4 from, Ipv4 to);
  std::optional<Endpoint> Inside(BootTime now, const Endpoint& from, const Endpoint& to) const;
  int Group(Ipv4 host) const;

  Weather weather_;
  std::mt19937_64& random_;
  uint64_t salt_;
  absl::flat_hash_map<Ipv4, int> groups_;
  absl::flat_hash_map<Ipv4, Duration> clogs_;
  absl::flat_hash_map<Ipv4, Nat> nats_;                        // by inside
  absl::flat_hash_map<Ipv4, Ipv4> insides_;                    // by outside
  absl::flat_hash_map<std::pair<Ipv4, Ipv4>, BootTime> sent_;  // through restricted ones: inside, remote
};

}  // namespace ov6::sim

#endif
