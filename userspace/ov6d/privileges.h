// SPDX-License-Identifier: Apache-2.0
// Linux capabilities: what the start needs, what stays afterwards. They are a
// thread's own; threads made after DropPrivileges() have what is left.
#ifndef OV6_USERSPACE_OV6D_PRIVILEGES_H
#define OV6_USERSPACE_OV6D_PRIVILEGES_H

#include <sys/types.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace ov6 {

// PermissionDenied: a sentence that names what is missing.
absl::Status CheckPrivileges();
// Keeps NET_ADMIN, NET_RAW, BPF, PERFMON, IPC_LOCK, KILL, SETUID and SETGID in the calling thread.
absl::Status DropPrivileges();
// As many as slaves from elsewhere may take, if the hard limit lets it.
void AllowDescriptors();
// The group of this name or number.
absl::StatusOr<gid_t> FindGroup(const std::string& group);

}  // namespace ov6

#endif
