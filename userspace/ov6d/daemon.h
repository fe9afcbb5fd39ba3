// SPDX-License-Identifier: Apache-2.0
// The order in which the daemon starts and ends. A start that fails leaves nothing
// behind but what an earlier instance had left; a stop keeps the datapath, a detach
// takes everything away.
#ifndef OV6_USERSPACE_OV6D_DAEMON_H
#define OV6_USERSPACE_OV6D_DAEMON_H

#include <filesystem>

#include "absl/status/status.h"
#include "userspace/ov6d/config.h"

namespace ov6 {

// Runs until SIGTERM, SIGINT or a detach. `executables`: where the slaves are unless the
// configuration says.
absl::Status RunDaemon(Config config, const std::filesystem::path& executables);

}  // namespace ov6

#endif
