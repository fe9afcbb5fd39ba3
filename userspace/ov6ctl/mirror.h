// SPDX-License-Identifier: Apache-2.0
// The daemon's tables as its control API gives them (userspace/ov6d/mirror_json.h), as values.
#ifndef OV6_USERSPACE_OV6CTL_MIRROR_H
#define OV6_USERSPACE_OV6CTL_MIRROR_H

#include <map>

#include "absl/status/statusor.h"
#include "ov6/mapping.h"
#include "userspace/ov6ctl/daemon_client.h"

namespace ov6::ctl {

struct MirrorTables {
  std::map<Prefix, Route> routes;
  std::map<Prefix, Mapping> mappings;
  std::map<Prefix, Negative> negatives;
};

// Unavailable: there is no daemon.
absl::StatusOr<MirrorTables> ReadMirror(Daemon& daemon);

}  // namespace ov6::ctl

#endif
