// SPDX-License-Identifier: Apache-2.0
// Which programs really stand at a device, and which maps they use: what the pins say may be
// another story. Asked of the kernel, in the calling thread's network namespace; needs root.
#ifndef OV6_USERSPACE_DATAPATH_ATTACHED_PROGRAMS_H
#define OV6_USERSPACE_DATAPATH_ATTACHED_PROGRAMS_H

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace ov6 {

using MapIds = std::map<std::string, uint32_t>;  // by name, of abi/maps.h alone

struct AttachedProgram {
  std::string hook;  // "xdp" or "tc"
  std::string name;  // "tc_site"; the kernel keeps 15 characters
  uint32_t id = 0;
  MapIds maps;
};

// At XDP and clsact's ingress: those that use a map with a name of ours, whoever hung them there.
absl::StatusOr<std::vector<AttachedProgram>> ProgramsAt(uint32_t ifindex);

// NotFound: nothing is pinned.
absl::StatusOr<MapIds> PinnedMapIds(const std::filesystem::path& bpffs);

}  // namespace ov6

#endif
