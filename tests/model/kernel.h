// SPDX-License-Identifier: Apache-2.0
// A small model of the kernel's routes and neighbours: what bpf_fib_lookup answers.
#ifndef OV6_TESTS_MODEL_KERNEL_H
#define OV6_TESTS_MODEL_KERNEL_H

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "ov6/address.h"

namespace ov6::model {

using Mac = std::array<uint8_t, 6>;

// IPv4 stands in the same tables as IPv6, v4-mapped (RFC 4291 section 2.5.5.2).
Ipv6 Mapped(const Ipv4& address);
Prefix Mapped(const Ipv4& address, int length);

struct KernelRoute {
  enum Kind { kUnicast, kLocal, kBlackhole } kind = kUnicast;
  Prefix prefix;
  uint32_t device = 0;
  std::optional<Ipv6> gateway{};  // none: on the link
  uint32_t mtu = 0;               // of the route or its device
};

struct NextHop {
  uint32_t device;
  uint32_t mtu;           // of the route; while the neighbour is unknown the kernel does not say: 65535
  Mac from;               // of the device
  std::optional<Mac> to;  // none: the neighbour is not known yet
};

struct FibAnswer {
  enum Kind { kForward, kNotForwarded, kRefused } kind;  // not forwarded: ours, or no route
  NextHop hop{};
};

class Kernel {
 public:
  void Add(const KernelRoute& route) { routes_.push_back(route); }
  void AddDevice(uint32_t device, const Mac& mac) { devices_[device] = mac; }
  void AddNeighbour(uint32_t device, const Ipv6& address, const Mac& mac) {
    neighbours_[{device, address}] = mac;
  }

  FibAnswer Lookup(const Ipv6& destination) const;
  FibAnswer Lookup(const Ipv4& destination) const { return Lookup(Mapped(destination)); }

 private:
  std::vector<KernelRoute> routes_;
  std::map<uint32_t, Mac> devices_;
  std::map<std::pair<uint32_t, Ipv6>, Mac> neighbours_;
};

}  // namespace ov6::model

#endif
