// SPDX-License-Identifier: Apache-2.0
// An instance's bpffs: maps/NAME for every map of abi/maps.h, links/xdp-INTERFACE for
// every XDP door, programs/NAME-HASH for every program.
#ifndef OV6_USERSPACE_DATAPATH_PINS_H
#define OV6_USERSPACE_DATAPATH_PINS_H

#include <linux/bpf.h>
#include <sys/types.h>

#include <filesystem>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/base/unique_fd.h"

namespace ov6 {

std::filesystem::path MapsFolder(const std::filesystem::path& bpffs);
std::filesystem::path LinksFolder(const std::filesystem::path& bpffs);
std::filesystem::path ProgramsFolder(const std::filesystem::path& bpffs);
// bpffs allows no dot in a name.
std::filesystem::path XdpPin(const std::filesystem::path& bpffs, const std::string& interface);

// Refuses what is no mounted bpffs.
absl::Status CheckBpffs(const std::filesystem::path& bpffs);
// Makes the three folders, 0750 and the group's, and lets the group read the maps.
absl::Status MakePinFolders(const std::filesystem::path& bpffs, gid_t group);
absl::Status ShareMapPins(const std::filesystem::path& bpffs, gid_t group);

// NotFound: there is no such pin.
absl::StatusOr<UniqueFd> OpenPin(const std::filesystem::path& pin, bool read_only);
absl::StatusOr<bpf_map_info> MapInfo(int fd);

// Refuses a pinned config map that another ABI version wrote; zeros are nobody's.
absl::Status CheckAbiVersion(int config_map_fd, const std::filesystem::path& bpffs);

}  // namespace ov6

#endif
