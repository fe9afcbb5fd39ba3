// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/instance_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "userspace/ov6d/files.h"

namespace ov6 {
namespace {

std::string PidIn(int fd) {
  char text[32] = {};
  const ssize_t size = ::pread(fd, text, sizeof(text) - 1, 0);
  std::string pid(text, size > 0 ? static_cast<size_t>(size) : 0);
  return pid.substr(0, pid.find('\n'));
}

}  // namespace

absl::StatusOr<InstanceLock> InstanceLock::Take(const std::filesystem::path& run) {
  const std::filesystem::path path = run / "ov6d.lock";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd < 0) return FileError(path, "opening it");
  InstanceLock lock(fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    return absl::AlreadyExistsError("another ov6d (pid " + PidIn(fd) + ") runs in " + run.string() +
                                    " already; stop it, or give this one a run directory of its own");
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, pid.data(), pid.size(), 0) < 0)
    return FileError(path, "writing the pid");
  return lock;
}

InstanceLock::InstanceLock(InstanceLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

InstanceLock::~InstanceLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace ov6
