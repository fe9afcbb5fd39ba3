// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/privileges.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <utility>

namespace ov6 {
namespace {

struct Capability {
  int number;
  const char* name;
  bool kept;
};

constexpr Capability kCapabilities[] = {
    {CAP_NET_ADMIN, "CAP_NET_ADMIN", true},
    {CAP_NET_RAW, "CAP_NET_RAW", true},
    {CAP_BPF, "CAP_BPF", true},
    {CAP_PERFMON, "CAP_PERFMON", true},
    {CAP_IPC_LOCK, "CAP_IPC_LOCK", true},
    {CAP_KILL, "CAP_KILL", true},
    {CAP_SETUID, "CAP_SETUID", true},
    {CAP_SETGID, "CAP_SETGID", true},
    {CAP_SYS_ADMIN, "CAP_SYS_ADMIN", false},
    {CAP_CHOWN, "CAP_CHOWN", false},
};

using Sets = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

absl::StatusOr<Sets> Get() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  Sets sets{};
  if (::syscall(SYS_capget, &header, sets.data()) == 0) return sets;
  return absl::ErrnoToStatus(errno, "asking for the own capabilities failed");
}

}  // namespace

absl::Status CheckPrivileges() {
  const auto sets = Get();
  if (!sets.ok()) return sets.status();
  std::string missing;
  for (const Capability& capability : kCapabilities) {
    const auto& set = (*sets)[static_cast<size_t>(capability.number / 32)];
    if ((set.effective >> (capability.number % 32)) & 1) continue;
    missing += (missing.empty() ? "" : ", ") + std::string(capability.name);
  }
  if (missing.empty()) return absl::OkStatus();
  return absl::PermissionDeniedError("ov6d lacks the privilege to start (" + missing + "); run it as root");
}

absl::Status DropPrivileges() {
  Sets sets{};
  for (const Capability& capability : kCapabilities) {
    if (!capability.kept) continue;
    auto& set = sets[static_cast<size_t>(capability.number / 32)];
    set.effective |= 1u << (capability.number % 32);
    set.permitted = set.effective;
  }
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  if (::syscall(SYS_capset, &header, sets.data()) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, "giving up capabilities failed");
}

void AllowDescriptors() {
  constexpr rlim_t kDescriptors = 16384;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= kDescriptors) return;
  limit.rlim_cur = std::min(kDescriptors, limit.rlim_max);
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

absl::StatusOr<gid_t> FindGroup(const std::string& group) {
  gid_t number = 0;
  const char* end = group.data() + group.size();
  if (const auto [stop, error] = std::from_chars(group.data(), end, number);
      error == std::errc() && stop == end)
    return number;
  errno = 0;
  if (const struct group* found = ::getgrnam(group.c_str())) return found->gr_gid;
  return absl::NotFoundError("there is no group \"" + group +
                             "\" ([node] group); make it (groupadd --system " + group +
                             "), or name another one or a number");
}

}  // namespace ov6
