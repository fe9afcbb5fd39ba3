// SPDX-License-Identifier: Apache-2.0
// Verifying the programs takes the kernel more than a second. They are pinned under the
// hash of the object they came from, so that a successor of the same build takes them
// over and is there at once.
#ifndef OV6_USERSPACE_DATAPATH_PROGRAM_PINS_H
#define OV6_USERSPACE_DATAPATH_PROGRAM_PINS_H

#include <cstdint>
#include <filesystem>
#include <set>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/base/unique_fd.h"

namespace ov6 {

// NAME-HASH, with 64 bits of the object's SHA-256.
std::string ProgramPinName(const std::string& program, std::span<const uint8_t> object);

// NotFound: there is no such pin, or its program uses maps other than those in `map_ids`
// and `internal_maps` (.rodata and the like) of its own.
absl::StatusOr<UniqueFd> AdoptProgram(const std::filesystem::path& pin, const std::set<uint32_t>& map_ids,
                                      size_t internal_maps);

// Pins it, in place of all that earlier builds left under the program's name.
absl::Status PinProgram(int fd, const std::filesystem::path& folder, const std::string& program,
                        std::span<const uint8_t> object);

}  // namespace ov6

#endif
