// SPDX-License-Identifier: Apache-2.0
// A file descriptor with one owner.
#ifndef OV6_USERSPACE_BASE_UNIQUE_FD_H
#define OV6_USERSPACE_BASE_UNIQUE_FD_H

#include <fcntl.h>
#include <unistd.h>

#include <utility>

namespace ov6 {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~UniqueFd() {
    if (fd_ >= 0) close(fd_);
  }

  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }
  int Release() { return std::exchange(fd_, -1); }
  // Another descriptor of the same thing, close-on-exec; not ok() if the kernel has none left.
  UniqueFd Duplicate() const { return UniqueFd(fcntl(fd_, F_DUPFD_CLOEXEC, 3)); }

 private:
  int fd_ = -1;
};

}  // namespace ov6

#endif
