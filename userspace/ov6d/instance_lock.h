// SPDX-License-Identifier: Apache-2.0
// One daemon per run directory: a lock on <run>/ov6d.lock, which holds the pid. The
// kernel gives it up with the process.
#ifndef OV6_USERSPACE_OV6D_INSTANCE_LOCK_H
#define OV6_USERSPACE_OV6D_INSTANCE_LOCK_H

#include <filesystem>

#include "absl/status/statusor.h"

namespace ov6 {

class InstanceLock {
 public:
  // AlreadyExists: another daemon has it; the sentence names its pid.
  static absl::StatusOr<InstanceLock> Take(const std::filesystem::path& run);
  // One daemon per network namespace, too: names of devices and TC handles are the namespace's.
  static absl::StatusOr<InstanceLock> TakeNetwork();
  InstanceLock(InstanceLock&& other) noexcept;
  InstanceLock& operator=(InstanceLock&&) = delete;
  ~InstanceLock();

 private:
  explicit InstanceLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace ov6

#endif
