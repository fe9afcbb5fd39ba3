// SPDX-License-Identifier: Apache-2.0
// What ov6-dht knows again after a restart (the calls `save` and `saved`): members of the ring to ask, and
// the sequence it signed last.
#ifndef OV6_SLAVES_DHT_DHT_MEMORY_H
#define OV6_SLAVES_DHT_DHT_MEMORY_H

#include <cstdint>
#include <string>
#include <vector>

#include "ov6/address.h"

namespace ov6 {

struct DhtMemory {
  static constexpr size_t kMaxPeers = 32;

  std::vector<Endpoint> peers;
  uint64_t sequence = 0;
  bool operator==(const DhtMemory&) const = default;
};

// {"peers": ["198.51.100.2:4646", ..], "sequence": N}
std::string ToJson(const DhtMemory& memory);
// What can't be read of it is left out: nothing that is remembered is needed.
DhtMemory ParseDhtMemory(const std::string& text);

}  // namespace ov6

#endif
