// SPDX-License-Identifier: Apache-2.0
// The kernel's map types that the programs use, in memory.
#ifndef OV6_TESTS_HOST_MAPS_H
#define OV6_TESTS_HOST_MAPS_H

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ov6::host {

using Bytes = std::vector<uint8_t>;

struct Map {
  std::string name;
  int type;  // enum bpf_map_type; per-CPU ones have one CPU
  size_t key_size, value_size, entries;
  std::map<Bytes, Bytes> values{};
  std::vector<Bytes> records{};  // of a ring buffer

  void* Lookup(const void* key);                                   // longest prefix in a trie
  int Update(const void* key, const void* value, uint64_t flags);  // 0 or a negative errno
  int Delete(const void* key);
  bool IsArray() const;

 private:
  void* LookupPrefix(const Bytes& key);
};

// Known by name, by the addresses of the programs' variables, and by numbers that stand for descriptors.
Map* FindMap(const std::string& name);
Map* FindMap(const void* variable);
Map* FindMap(int descriptor);
int DescriptorOf(const std::string& name);  // aborts if there is none

}  // namespace ov6::host

#endif
