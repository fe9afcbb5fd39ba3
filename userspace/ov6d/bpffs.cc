// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/bpffs.h"

#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "userspace/base/files.h"

namespace ov6 {
namespace {

bool IsBpffs(const std::filesystem::path& path) {
  struct statfs about {};
  return ::statfs(path.c_str(), &about) == 0 && static_cast<uint64_t>(about.f_type) == BPF_FS_MAGIC;
}

bool InHostsMountNamespace() {
  struct stat mine {
  }, first{};
  return ::stat("/proc/self/ns/mnt", &mine) == 0 && ::stat("/proc/1/ns/mnt", &first) == 0 &&
         mine.st_ino == first.st_ino && mine.st_dev == first.st_dev;
}

}  // namespace

absl::StatusOr<bool> EnsureBpffs(const std::filesystem::path& path, gid_t group) {
  if (absl::Status status = MakeDirectory(path, 0750); !status.ok()) return status;
  const bool mount_it = !IsBpffs(path);
  if (mount_it && !InHostsMountNamespace()) {
    return absl::FailedPreconditionError(
        path.string() +
        " is no bpffs, and ov6d is not in the host's mount namespace, where a mount would last; mount it "
        "there before: mount -t bpf bpf " +
        path.string());
  }
  if (mount_it && ::mount("bpf", path.c_str(), "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0750") != 0) {
    return FileError(path, "mounting a bpffs");
  }
  if (::chown(path.c_str(), 0, group) != 0 || ::chmod(path.c_str(), 0750) != 0) {
    return FileError(path, "giving it to the group");
  }
  return mount_it;
}

void UnmountBpffs(const std::filesystem::path& path) { ::umount2(path.c_str(), MNT_DETACH); }

}  // namespace ov6
