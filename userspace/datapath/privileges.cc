// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/privileges.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

namespace ov6 {

absl::Status CheckPrivileges() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct has[2]{};
  if (syscall(SYS_capget, &header, has) != 0) return absl::ErrnoToStatus(errno, "asking for capabilities");
  const std::pair<int, const char*> needed[] = {{CAP_NET_ADMIN, "CAP_NET_ADMIN"},
                                                {CAP_NET_RAW, "CAP_NET_RAW"},
                                                {CAP_BPF, "CAP_BPF"},
                                                {CAP_PERFMON, "CAP_PERFMON"},
                                                {CAP_SYS_ADMIN, "CAP_SYS_ADMIN (at start only)"}};
  std::string missing;
  for (const auto& [capability, name] : needed) {
    if ((has[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability)) != 0) continue;
    missing += (missing.empty() ? "" : ", ") + std::string(name);
  }
  if (missing.empty()) return absl::OkStatus();
  return absl::PermissionDeniedError("the datapath needs " + missing + ": start it as root");
}

}  // namespace ov6
