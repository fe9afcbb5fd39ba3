// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/typed_map.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>
#include <unordered_set>

namespace ov6 {
namespace {

constexpr uint32_t kBatch = 4096;
constexpr int kAttempts = 5;

// `call` returns 0 or an errno.
int Repeat(const std::function<int()>& call) {
  auto pause = std::chrono::milliseconds(1);
  for (int attempt = 1;; ++attempt, pause *= 2) {
    const int error = call();
    if ((error != ENOMEM && error != EBUSY && error != EAGAIN) || attempt == kAttempts) return error;
    std::this_thread::sleep_for(pause);
  }
}

// libbpf returns the negative errno.
int Positive(int result) { return result < 0 ? -result : 0; }

}  // namespace

uint32_t PossibleCpus() { return static_cast<uint32_t>(std::max(libbpf_num_possible_cpus(), 1)); }

absl::Status RawMap::Error(int error, const std::string& what) const {
  const std::string map = "the map \"" + name_ + "\"";
  switch (error) {
    case ENOENT:
      return absl::NotFoundError("no such entry in " + map);
    case E2BIG:
    case ENOSPC:
      return absl::ResourceExhaustedError(map + " is full");
    case ENOMEM:  // not a full map: worth another try
      return absl::UnavailableError("no memory for " + what + " " + map);
    case EPERM:
    case EACCES:
      return absl::PermissionDeniedError("no permission for " + what + " " + map);
    default:
      return absl::ErrnoToStatus(error, what + " " + map);
  }
}

absl::Status RawMap::Set(const void* key, const void* value) const {
  const int error = Repeat([&] { return Positive(bpf_map_update_elem(fd(), key, value, BPF_ANY)); });
  return error == 0 ? absl::OkStatus() : Error(error, "writing");
}

absl::Status RawMap::Delete(const void* key) const {
  const int error = Repeat([&] { return Positive(bpf_map_delete_elem(fd(), key)); });
  return error == 0 ? absl::OkStatus() : Error(error, "deleting from");
}

absl::Status RawMap::Get(const void* key, void* value) const {
  const int error = Positive(bpf_map_lookup_elem(fd(), key, value));
  return error == 0 ? absl::OkStatus() : Error(error, "reading");
}

absl::Status RawMap::Each(size_t key_size, size_t value_size,
                          const std::function<void(const void*, const void*)>& visit) const {
  std::vector<char> keys(kBatch * key_size), values(kBatch * value_size);
  std::vector<char> token(std::max(key_size, sizeof(uint32_t)));
  // A walk whose place was deleted under it begins again, hence the memory.
  std::unordered_set<std::string> seen;
  for (bool first = true;; first = false) {
    uint32_t count = kBatch;
    const int error = Repeat([&] {
      count = kBatch;
      return Positive(bpf_map_lookup_batch(fd(), first ? nullptr : token.data(), token.data(), keys.data(),
                                           values.data(), &count, nullptr));
    });
    if (error != 0 && error != ENOENT) return Error(error, "reading");
    for (uint32_t i = 0; i < count; ++i) {
      const char* key = &keys[i * key_size];
      if (seen.emplace(key, key_size).second) visit(key, &values[i * value_size]);
    }
    if (error == ENOENT) return absl::OkStatus();
  }
}

}  // namespace ov6
