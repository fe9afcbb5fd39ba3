// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/map_info.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "ov6/abi/maps.h"
#include "userspace/datapath/front.h"
#include "userspace/datapath/pins.h"
#include "userspace/datapath/typed_map.h"

namespace ov6 {
namespace {

constexpr const char* kNames[] = {
#define OV6_MAP_NAME(name, size, text) #name,
    OV6_MAPS(OV6_MAP_NAME)
#undef OV6_MAP_NAME
};

bool Countable(uint32_t type) {
  switch (type) {
    case BPF_MAP_TYPE_HASH:
    case BPF_MAP_TYPE_LRU_HASH:
    case BPF_MAP_TYPE_LPM_TRIE:
    case BPF_MAP_TYPE_DEVMAP_HASH:
      return true;
    default:
      return false;
  }
}

// By keys alone. The bound ends a walk that keeps starting over, its places being deleted under it.
uint32_t CountKeys(int fd, const bpf_map_info& info) {
  std::vector<uint8_t> key(info.key_size), next(info.key_size);
  uint32_t count = 0;
  while (count < info.max_entries &&
         bpf_map_get_next_key(fd, count == 0 ? nullptr : key.data(), next.data()) == 0) {
    key.swap(next);
    ++count;
  }
  return count;
}

absl::StatusOr<MapSummary> Summarize(const std::string& name, int fd) {
  const auto info = MapInfo(fd);
  if (!info.ok()) return info.status();
  MapSummary summary{
      .name = name, .type = "unknown", .entries = std::nullopt, .max_entries = info->max_entries};
  if (const char* type = libbpf_bpf_map_type_str(static_cast<bpf_map_type>(info->type))) summary.type = type;
  if (Countable(info->type)) summary.entries = CountKeys(fd, *info);
  return summary;
}

}  // namespace

absl::StatusOr<std::vector<MapSummary>> SummarizePinnedMaps(const std::filesystem::path& bpffs) {
  std::vector<MapSummary> summaries;
  for (const char* name : kNames) {
    const auto fd = OpenPin(MapsFolder(bpffs) / name, true);
    if (absl::IsNotFound(fd.status())) continue;
    if (!fd.ok()) return fd.status();
    auto summary = Summarize(name, fd->get());
    if (!summary.ok()) return summary.status();
    summaries.push_back(*std::move(summary));
  }
  if (summaries.empty()) return absl::NotFoundError("there is no datapath at " + bpffs.string());
  return summaries;
}

namespace {

// The pinned map, if its keys and values are as here.
template <typename Key, typename Value>
absl::StatusOr<TypedMap<Key, Value>> OpenMap(const std::filesystem::path& bpffs, const char* name,
                                             bool read_only) {
  auto fd = OpenPin(MapsFolder(bpffs) / name, read_only);
  if (!fd.ok()) return fd.status();
  const auto info = MapInfo(fd->get());
  if (!info.ok()) return info.status();
  if (info->key_size != sizeof(Key) || info->value_size != sizeof(Value)) {
    return absl::FailedPreconditionError("the map \"" + std::string(name) + "\" in " + bpffs.string() +
                                         " is of another version of ov6");
  }
  return TypedMap<Key, Value>(RawMap(name, *std::move(fd)));
}

}  // namespace

absl::StatusOr<std::vector<std::pair<uint32_t, ov6_device>>> ReadPinnedDevices(
    const std::filesystem::path& bpffs) {
  const auto map = OpenMap<uint32_t, ov6_device>(bpffs, "devices", true);
  if (!map.ok()) return map.status();
  return map->All();
}

absl::StatusOr<std::vector<std::pair<Ipv4, ov6_path>>> ReadPinnedPaths(const std::filesystem::path& bpffs) {
  const auto map = OpenMap<uint32_t, ov6_path>(bpffs, "locators", true);
  if (!map.ok()) return map.status();
  const auto entries = map->All();
  if (!entries.ok()) return entries.status();
  std::vector<std::pair<Ipv4, ov6_path>> paths;
  for (const auto& [address, path] : *entries) paths.emplace_back(Ipv4::FromBe(address), path);
  return paths;
}

absl::Status DeletePinnedPath(const std::filesystem::path& bpffs, const Ipv4& address) {
  const auto map = OpenMap<uint32_t, ov6_path>(bpffs, "locators", false);
  if (!map.ok()) return map.status();
  const auto front = PinnedFront(bpffs);
  if (!front.ok()) return front.status();
  absl::Status status = map->Delete(address.ToBe());
  front->PathChanged(address.ToBe());
  return status;
}

}  // namespace ov6
