// SPDX-License-Identifier: Apache-2.0
// What the process must be allowed to do to open the datapath.
#ifndef OV6_USERSPACE_DATAPATH_PRIVILEGES_H
#define OV6_USERSPACE_DATAPATH_PRIVILEGES_H

#include "absl/status/status.h"

namespace ov6 {

// PermissionDenied names every capability that is missing.
absl::Status CheckPrivileges();

}  // namespace ov6

#endif
