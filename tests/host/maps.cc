// SPDX-License-Identifier: Apache-2.0
#include "tests/host/maps.h"

#include <linux/bpf.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "tests/host/register.h"

namespace ov6::host {
namespace {

std::vector<std::unique_ptr<Map>>& Maps() {
  static auto* maps = new std::vector<std::unique_ptr<Map>>;
  return *maps;
}

std::map<const void*, Map*>& Variables() {
  static auto* variables = new std::map<const void*, Map*>;
  return *variables;
}

Bytes Copy(const void* from, size_t size) {
  const auto* bytes = static_cast<const uint8_t*>(from);
  return {bytes, bytes + size};
}

uint32_t PrefixLength(const Bytes& key) {
  uint32_t length;
  std::memcpy(&length, key.data(), sizeof(length));
  return length;
}

bool Covers(const Bytes& prefix, const Bytes& key) {
  const uint32_t length = PrefixLength(prefix);
  for (uint32_t bit = 0; bit < length; bit++)
    if ((prefix[4 + bit / 8] ^ key[4 + bit / 8]) >> (7 - bit % 8) & 1) return false;
  return true;
}

}  // namespace

bool Map::IsArray() const { return type == BPF_MAP_TYPE_ARRAY || type == BPF_MAP_TYPE_PERCPU_ARRAY; }

void* Map::Lookup(const void* key) {
  const Bytes bytes = Copy(key, key_size);
  if (type == BPF_MAP_TYPE_LPM_TRIE) return LookupPrefix(bytes);
  const auto it = values.find(bytes);
  return it == values.end() ? nullptr : it->second.data();
}

void* Map::LookupPrefix(const Bytes& key) {
  std::pair<const Bytes, Bytes>* best = nullptr;
  for (auto& entry : values) {
    if (best != nullptr && PrefixLength(entry.first) <= PrefixLength(best->first)) continue;
    if (PrefixLength(entry.first) <= PrefixLength(key) && Covers(entry.first, key)) best = &entry;
  }
  return best == nullptr ? nullptr : best->second.data();
}

int Map::Update(const void* key, const void* value, uint64_t flags) {
  const Bytes bytes = Copy(key, key_size);
  const auto it = values.find(bytes);
  if (it != values.end() && flags == BPF_NOEXIST) return -EEXIST;
  if (it == values.end() && (values.size() >= entries || IsArray())) return -E2BIG;
  // In place, since a program may hold a pointer to it.
  if (it != values.end())
    std::memcpy(it->second.data(), value, value_size);
  else
    values[bytes] = Copy(value, value_size);
  return 0;
}

int Map::Delete(const void* key) {
  if (IsArray()) return -EINVAL;
  return values.erase(Copy(key, key_size)) != 0 ? 0 : -ENOENT;
}

Map* FindMap(const std::string& name) {
  for (const auto& map : Maps())
    if (map->name == name) return map.get();
  return nullptr;
}

Map* FindMap(const void* variable) { return Variables().at(variable); }

Map* FindMap(int descriptor) { return Maps().at(size_t(descriptor)).get(); }

int DescriptorOf(const std::string& name) {
  for (size_t i = 0; i < Maps().size(); i++)
    if (Maps()[i]->name == name) return int(i);
  std::fprintf(stderr, "no map %s\n", name.c_str());
  std::abort();
}

}  // namespace ov6::host

void host_register_map(const char* name, void* variable, int type, int key_size, int value_size,
                       int entries) {
  using namespace ov6::host;
  Map* map = FindMap(std::string(name));
  if (map == nullptr) {
    Maps().push_back(
        std::make_unique<Map>(Map{name, type, size_t(key_size), size_t(value_size), size_t(entries)}));
    map = Maps().back().get();
    for (uint32_t key = 0; map->IsArray() && key < uint32_t(entries); key++)
      map->values[Copy(&key, sizeof(key))] = Bytes(map->value_size);
  }
  Variables()[variable] = map;
}
