// SPDX-License-Identifier: Apache-2.0
// The doors, loaded once with one set of maps among them: those built into the test, or, if the
// environment's OV6_BPF_OBJECTS names a folder, those in it (another compiler's).
#ifndef OV6_TESTS_PACKET_PROGRAMS_H
#define OV6_TESTS_PACKET_PROGRAMS_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <array>
#include <string>

#include "ov6/abi/maps.h"
#include "ov6/abi/verdict.h"

namespace ov6::packet {

class Programs {
 public:
  static constexpr uint32_t kFrontSets = 64;  // of each CPU; tests/host/register.h

  // Aborts the test program if the kernel refuses.
  Programs();
  Programs(const Programs&) = delete;
  ~Programs();

  // The set that all helpers speak of; one for the whole test if nobody called Use().
  static Programs& Get();
  static void Use(Programs* programs);

  int Program(const std::string& name) const;  // "xdp_site", ..., "xdp_far"
  int Map(const std::string& name) const;
  const bpf_object* Object(const std::string& name) const;

 private:
  static constexpr size_t kObjects = 7;
  std::array<bpf_object*, kObjects> objects_{};
};

// Empties hash-like maps, zeroes arrays.
void ClearMap(const std::string& name);

template <typename Key, typename Value>
void SetEntry(const std::string& map, const Key& key, const Value& value) {
  bpf_map_update_elem(Programs::Get().Map(map), &key, &value, BPF_ANY);
}

std::array<ov6_count, OV6_VERDICT_MAX> Verdicts();

}  // namespace ov6::packet

#endif
