// SPDX-License-Identifier: Apache-2.0
// What stands under <run>/bpf/maps besides the tables of ov6/datapath.h: how full each map is,
// the devices, and the paths to tunnel peers. Reading needs no capability, only membership in
// the group.
#ifndef OV6_USERSPACE_DATAPATH_MAP_INFO_H
#define OV6_USERSPACE_DATAPATH_MAP_INFO_H

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "ov6/abi/device.h"
#include "ov6/abi/mapping.h"
#include "ov6/address.h"

namespace ov6 {

struct MapSummary {
  std::string name;
  std::string type;                 // "lpm_trie", "hash", ... as bpftool says
  std::optional<uint32_t> entries;  // none: its places always exist (arrays), or can't be counted
  uint32_t max_entries = 0;         // ring buffers: bytes
};

// Every map of abi/maps.h that is pinned, in its order. NotFound: none is.
absl::StatusOr<std::vector<MapSummary>> SummarizePinnedMaps(const std::filesystem::path& bpffs);

// ifindex -> device, in no order.
absl::StatusOr<std::vector<std::pair<uint32_t, ov6_device>>> ReadPinnedDevices(
    const std::filesystem::path& bpffs);

// Tunnel peer -> what was learned of the way to it, in no order.
absl::StatusOr<std::vector<std::pair<Ipv4, ov6_path>>> ReadPinnedPaths(const std::filesystem::path& bpffs);
// What was learned is forgotten; needs root. NotFound: nothing was.
absl::Status DeletePinnedPath(const std::filesystem::path& bpffs, const Ipv4& address);

}  // namespace ov6

#endif
