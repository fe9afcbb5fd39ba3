// SPDX-License-Identifier: Apache-2.0
// Tells that links or addresses changed in the network namespace of whoever opened it, not what
// changed: whoever is told asks anew.
#ifndef OV6_USERSPACE_BASE_NETLINK_MONITOR_H
#define OV6_USERSPACE_BASE_NETLINK_MONITOR_H

#include "absl/status/statusor.h"
#include "userspace/base/unique_fd.h"

namespace ov6::netlink {

class Monitor {
 public:
  static absl::StatusOr<Monitor> Open();

  int fd() const { return fd_.get(); }  // readable when something changed
  // Reads all that waits, lost messages included. False: nothing waited.
  bool Drain() const;

 private:
  explicit Monitor(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace ov6::netlink

#endif
