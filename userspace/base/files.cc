// SPDX-License-Identifier: Apache-2.0
#include "userspace/base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace ov6 {
namespace {

bool WriteAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<size_t>(written));
  }
  return ::fsync(fd) == 0;
}

}  // namespace

absl::Status FileError(const std::filesystem::path& path, const std::string& doing) {
  const int error = errno;
  const std::string sentence = path.string() + ": " + doing + " failed: " + std::strerror(error);
  return absl::Status(absl::ErrnoToStatusCode(error), sentence);
}

absl::StatusOr<std::string> ReadFile(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return FileError(path, "opening it");
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

// The new name is only safe on disk with its directory.
static absl::Status SyncDirectory(const std::filesystem::path& path) {
  const int fd = ::open(path.empty() ? "." : path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return FileError(path, "opening the directory");
  const absl::Status status = ::fsync(fd) == 0 ? absl::OkStatus() : FileError(path, "writing the directory");
  ::close(fd);
  return status;
}

absl::Status WriteFileAtomically(const std::filesystem::path& path, std::string_view text, mode_t mode) {
  const std::string part = path.string() + ".new";
  ::unlink(part.c_str());
  const int fd = ::open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
  if (fd < 0) return FileError(part, "creating it");
  const bool written = WriteAll(fd, text);
  const absl::Status status = written ? absl::OkStatus() : FileError(part, "writing it");
  ::close(fd);
  if (!status.ok()) return status;
  if (::rename(part.c_str(), path.c_str()) != 0) return FileError(path, "replacing it");
  return SyncDirectory(path.parent_path());
}

absl::Status MakeDirectory(const std::filesystem::path& path, mode_t mode) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return absl::OkStatus();
  std::filesystem::create_directories(path.parent_path(), error);
  if (::mkdir(path.c_str(), mode) != 0) return FileError(path, "creating the directory");
  return absl::OkStatus();
}

}  // namespace ov6
