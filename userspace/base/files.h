// SPDX-License-Identifier: Apache-2.0
// Small files: read whole, replaced atomically.
#ifndef OV6_USERSPACE_BASE_FILES_H
#define OV6_USERSPACE_BASE_FILES_H

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace ov6 {

// "PATH: DOING failed: the system's words"; NotFound and PermissionDenied keep their codes.
absl::Status FileError(const std::filesystem::path& path, const std::string& doing);
absl::StatusOr<std::string> ReadFile(const std::filesystem::path& path);
// The file is either the old or the new one, whatever happens in between.
absl::Status WriteFileAtomically(const std::filesystem::path& path, std::string_view text, mode_t mode);
absl::Status MakeDirectory(const std::filesystem::path& path, mode_t mode);

}  // namespace ov6

#endif
