// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/pins.h"

#include <bpf/bpf.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>

#include "ov6/abi/config.h"

namespace ov6 {
namespace {

namespace fs = std::filesystem;

absl::Status Own(const fs::path& path, mode_t mode, gid_t group) {
  if (chown(path.c_str(), static_cast<uid_t>(-1), group) != 0 || chmod(path.c_str(), mode) != 0) {
    return absl::ErrnoToStatus(errno, "giving " + path.string() + " to group " + std::to_string(group));
  }
  return absl::OkStatus();
}

}  // namespace

fs::path MapsFolder(const fs::path& bpffs) { return bpffs / "maps"; }
fs::path LinksFolder(const fs::path& bpffs) { return bpffs / "links"; }
fs::path ProgramsFolder(const fs::path& bpffs) { return bpffs / "programs"; }

fs::path XdpPin(const fs::path& bpffs, const std::string& interface) {
  std::string name = "xdp-";
  for (const char c : interface) name += c == '.' ? std::string("%2e") : std::string(1, c);
  return LinksFolder(bpffs) / name;
}

absl::Status CheckBpffs(const fs::path& bpffs) {
  struct statfs info {};
  if (statfs(bpffs.c_str(), &info) != 0) {
    if (errno == ENOENT) return absl::NotFoundError("there is no folder " + bpffs.string());
    return absl::ErrnoToStatus(errno, bpffs.string());
  }
  if (static_cast<uint64_t>(info.f_type) != BPF_FS_MAGIC) {
    return absl::FailedPreconditionError(
        bpffs.string() + " is no BPF file system: mount one there first, \"mount -t bpf bpf " +
        bpffs.string() + "\"");
  }
  return absl::OkStatus();
}

absl::Status MakePinFolders(const fs::path& bpffs, gid_t group) {
  if (auto status = Own(bpffs, 0750, group); !status.ok()) return status;
  for (const fs::path& folder : {MapsFolder(bpffs), LinksFolder(bpffs), ProgramsFolder(bpffs)}) {
    if (mkdir(folder.c_str(), 0750) != 0 && errno != EEXIST) {
      return absl::ErrnoToStatus(errno, "making " + folder.string());
    }
    if (auto status = Own(folder, 0750, group); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status ShareMapPins(const fs::path& bpffs, gid_t group) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(MapsFolder(bpffs), error)) {
    if (auto status = Own(entry.path(), 0440, group); !status.ok()) return status;
  }
  return error ? absl::ErrnoToStatus(error.value(), MapsFolder(bpffs).string()) : absl::OkStatus();
}

absl::StatusOr<UniqueFd> OpenPin(const fs::path& pin, bool read_only) {
  LIBBPF_OPTS(bpf_obj_get_opts, options);
  options.file_flags = read_only ? BPF_F_RDONLY : 0;
  UniqueFd fd(bpf_obj_get_opts(pin.c_str(), &options));
  if (fd.ok()) return fd;
  const int error = errno;
  if (error == ENOENT) return absl::NotFoundError(pin.string() + " is not there");
  if (error == EACCES || error == EPERM) {
    return absl::PermissionDeniedError(
        "no permission to open " + pin.string() +
        (read_only ? ": only root and members of its group may read it" : " for writing: only root may"));
  }
  return absl::ErrnoToStatus(error, "opening " + pin.string());
}

absl::StatusOr<bpf_map_info> MapInfo(int fd) {
  bpf_map_info info{};
  uint32_t size = sizeof(info);
  const int result = bpf_obj_get_info_by_fd(fd, &info, &size);
  if (result < 0) return absl::ErrnoToStatus(-result, "asking what a pinned map is");
  return info;
}

absl::Status CheckAbiVersion(int config_map_fd, const fs::path& bpffs) {
  auto info = MapInfo(config_map_fd);
  if (!info.ok()) return info.status();
  const std::string advice =
      "; take that datapath away (\"ov6ctl datapath detach\" of the version that made it, or unmount " +
      bpffs.string() + ") or run that version";
  if (info->value_size != sizeof(ov6_config)) {
    return absl::FailedPreconditionError("the tables in " + bpffs.string() +
                                         " are of another version of ov6 (their configuration has " +
                                         std::to_string(info->value_size) + " bytes, this version's " +
                                         std::to_string(sizeof(ov6_config)) + ")" + advice);
  }
  ov6_config config{};
  const uint32_t key = 0;
  const int result = bpf_map_lookup_elem(config_map_fd, &key, &config);
  if (result < 0) return absl::ErrnoToStatus(-result, "reading the configuration in " + bpffs.string());
  if (config.abi_version != 0 && config.abi_version != OV6_ABI_VERSION) {
    return absl::FailedPreconditionError("the tables in " + bpffs.string() + " speak version " +
                                         std::to_string(config.abi_version) + ", this program version " +
                                         std::to_string(OV6_ABI_VERSION) + advice);
  }
  return absl::OkStatus();
}

}  // namespace ov6
