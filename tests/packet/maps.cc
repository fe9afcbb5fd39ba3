// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "tests/packet/programs.h"

namespace ov6::packet {

void ClearMap(const std::string& name) {
  const int fd = Programs::Get().Map(name);
  std::vector<char> key(512);
  while (bpf_map_get_next_key(fd, nullptr, key.data()) == 0)
    if (bpf_map_delete_elem(fd, key.data()) != 0) break;
}

std::array<ov6_count, OV6_VERDICT_MAX> Verdicts() {
  std::array<ov6_count, OV6_VERDICT_MAX> sums{};
  std::vector<ov6_count> cpus(libbpf_num_possible_cpus());
  for (uint32_t verdict = 0; verdict < sums.size(); verdict++) {
    if (bpf_map_lookup_elem(Programs::Get().Map("verdicts"), &verdict, cpus.data()) != 0) continue;
    for (const ov6_count& cpu : cpus) {
      sums[verdict].packets += cpu.packets;
      sums[verdict].bytes += cpu.bytes;
      sums[verdict].front += cpu.front;
    }
  }
  return sums;
}

}  // namespace ov6::packet
