// SPDX-License-Identifier: Apache-2.0
// The instance's own bpffs at <run>/bpf. A mount made outside the host's mount
// namespace dies with its last process, and the datapath with it; so ov6d mounts only
// where it can see that it is at home.
#ifndef OV6_USERSPACE_OV6D_BPFFS_H
#define OV6_USERSPACE_OV6D_BPFFS_H

#include <sys/types.h>

#include <filesystem>

#include "absl/status/statusor.h"

namespace ov6 {

// True: it was mounted here and now. Group and mode are set so that `group` can traverse and read.
absl::StatusOr<bool> EnsureBpffs(const std::filesystem::path& path, gid_t group);
void UnmountBpffs(const std::filesystem::path& path);

}  // namespace ov6

#endif
