// SPDX-License-Identifier: Apache-2.0
// A BPF map of known key and value over its descriptor. A write that the kernel refuses for
// the moment (ENOMEM, EBUSY) is repeated for some milliseconds. Errors name the map;
// ResourceExhausted: it is full; NotFound: no such entry.
#ifndef OV6_USERSPACE_DATAPATH_TYPED_MAP_H
#define OV6_USERSPACE_DATAPATH_TYPED_MAP_H

#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/base/unique_fd.h"

namespace ov6 {

// Processors that there may be, each with a value of its own in a per-CPU map.
uint32_t PossibleCpus();

// Zeroes of such a map's value, as the system call wants them: 8 bytes at least for each.
template <typename Value>
std::vector<Value> ForEachCpu() {
  return std::vector<Value>(PossibleCpus());
}

class RawMap {
 public:
  RawMap() = default;
  RawMap(std::string name, UniqueFd fd) : name_(std::move(name)), fd_(std::move(fd)) {}

  const std::string& name() const { return name_; }
  int fd() const { return fd_.get(); }

  absl::Status Set(const void* key, const void* value) const;
  absl::Status Delete(const void* key) const;
  absl::Status Get(const void* key, void* value) const;
  // Every entry, once, in no order; entries that come and go meanwhile may be missing.
  absl::Status Each(size_t key_size, size_t value_size,
                    const std::function<void(const void* key, const void* value)>& visit) const;

 private:
  absl::Status Error(int error, const std::string& what) const;

  std::string name_;
  UniqueFd fd_;
};

template <typename Key, typename Value>
class TypedMap {
 public:
  TypedMap() = default;
  explicit TypedMap(RawMap map) : map_(std::move(map)) {}

  const RawMap& raw() const { return map_; }
  absl::Status Set(const Key& key, const Value& value) const { return map_.Set(&key, &value); }
  absl::Status Delete(const Key& key) const { return map_.Delete(&key); }
  absl::StatusOr<Value> Get(const Key& key) const {
    Value value{};
    if (auto status = map_.Get(&key, &value); !status.ok()) return status;
    return value;
  }
  absl::StatusOr<std::vector<std::pair<Key, Value>>> All() const {
    std::vector<std::pair<Key, Value>> entries;
    auto status = map_.Each(sizeof(Key), sizeof(Value), [&](const void* key, const void* value) {
      auto& entry = entries.emplace_back();
      std::memcpy(&entry.first, key, sizeof(Key));
      std::memcpy(&entry.second, value, sizeof(Value));
    });
    if (!status.ok()) return status;
    return entries;
  }

 private:
  RawMap map_;
};

}  // namespace ov6

#endif
