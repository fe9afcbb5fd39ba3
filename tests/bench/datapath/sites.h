// SPDX-License-Identifier: Apache-2.0
// The sites of flows.h as ov6 has them.
#ifndef OV6_TESTS_BENCH_DATAPATH_SITES_H
#define OV6_TESTS_BENCH_DATAPATH_SITES_H

#include <chrono>
#include <cstdint>

#include "ov6/abi/config.h"
#include "ov6/mapping.h"
#include "tests/bench/datapath/bpf/flows.h"

namespace ov6::bench {

inline Prefix Site(uint32_t index) {
  const uint64_t network = flow_network(FLOW_OVERLAY, index);
  Ipv6 address;
  for (int byte = 0; byte < 8; ++byte) address.bytes[byte] = static_cast<uint8_t>(network >> (56 - 8 * byte));
  return Prefix::Of(address, 48);
}

// As a slave has it, with lifetimes that the programs must look at.
inline Mapping To(uint32_t index, bool udp, SlaveId slave) {
  Locator locator{.address = Ipv4{flow_locator(index)}};
  if (udp) {
    locator.encapsulation = Encapsulation::kUdp;
    locator.port = OV6_UDP_PORT;
  }
  Mapping mapping;
  mapping.locators = {locator};
  mapping.slave = slave;
  mapping.soft_expiry = BootClock::now() + std::chrono::hours(1);
  mapping.hard_expiry = BootClock::now() + std::chrono::hours(2);
  return mapping;
}

}  // namespace ov6::bench

#endif
