// SPDX-License-Identifier: Apache-2.0
// The delegations that the configuration names by their files: read when it is loaded, judged when the
// node's key is known.
#ifndef OV6_USERSPACE_OV6D_DELEGATION_FILES_H
#define OV6_USERSPACE_OV6D_DELEGATION_FILES_H

#include "absl/status/status.h"
#include "userspace/ov6d/config.h"

namespace ov6 {

// Appends what the files hold to config->delegations; an error names file and line.
absl::Status ReadDelegations(Config* config);

// Each is of a domain of the configuration, and those to `subject` are good. One that is only expired, or
// not valid yet, costs a warning: a router that restarts must not stay down for it.
absl::Status CheckDelegations(const Config& config, const PublicKey& subject, UnixTime now);

}  // namespace ov6

#endif
