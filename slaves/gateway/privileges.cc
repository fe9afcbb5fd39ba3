// SPDX-License-Identifier: Apache-2.0
#include "slaves/gateway/privileges.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace ov6 {

absl::Status KeepNetAdmin() {
  // Before CAP_SETPCAP goes; who has not got it has no capabilities that matter either.
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability) >= 0; ++capability) {
    if (capability != CAP_NET_ADMIN) ::prctl(PR_CAPBSET_DROP, capability);
  }
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  sets[0].effective = sets[0].permitted = sets[0].inheritable = 1u << CAP_NET_ADMIN;
  if (::syscall(SYS_capset, &header, sets.data()) != 0)
    return absl::PermissionDeniedError(
        "ov6-gateway lacks CAP_NET_ADMIN (and CAP_NET_RAW for its start); run it as root or by its systemd "
        "unit");
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_ADMIN, 0, 0) != 0 ||
      ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return absl::ErrnoToStatus(errno, "giving up capabilities failed");
  return absl::OkStatus();
}

}  // namespace ov6
