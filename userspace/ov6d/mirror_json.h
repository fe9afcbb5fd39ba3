// SPDX-License-Identifier: Apache-2.0
// The master's tables as it believes them to be, in full, for whoever compares them with the kernel's
// (`ov6ctl map verify`): expiries are nanoseconds of CLOCK_BOOTTIME, absent where there is none.
#ifndef OV6_USERSPACE_OV6D_MIRROR_JSON_H
#define OV6_USERSPACE_OV6D_MIRROR_JSON_H

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "userspace/master/master.h"

namespace ov6 {

// `table`: routes, mappings or negatives. NotFound: another.
absl::StatusOr<std::string> MirrorJson(const Master& master, std::string_view table);

}  // namespace ov6

#endif
