// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/instance_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>
#include <utility>

#include "userspace/base/files.h"

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

// An abstract socket's name is taken within one network namespace and free again with its process.
absl::StatusOr<InstanceLock> InstanceLock::TakeNetwork() {
  InstanceLock lock(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  constexpr char kName[] = "\0ov6d";
  std::memcpy(address.sun_path, kName, sizeof(kName) - 1);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + sizeof(kName) - 1);
  if (lock.fd_ >= 0 && ::bind(lock.fd_, reinterpret_cast<sockaddr*>(&address), size) == 0) return lock;
  if (errno == EADDRINUSE) {
    return absl::AlreadyExistsError(
        "another ov6d, with another run directory, runs in this network namespace already; stop it, or start "
        "this one in a namespace of its own");
  }
  return absl::ErrnoToStatus(errno, "taking this network namespace for ov6d failed");
}

InstanceLock::InstanceLock(InstanceLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

InstanceLock::~InstanceLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace ov6
