// SPDX-License-Identifier: Apache-2.0
#include "userspace/base/netlink_monitor.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>

namespace ov6::netlink {

absl::StatusOr<Monitor> Monitor::Open() {
  UniqueFd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
  if (!fd.ok() || bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return absl::ErrnoToStatus(errno, "listening for changes of links and addresses");
  }
  return Monitor(std::move(fd));
}

bool Monitor::Drain() const {
  char buffer[8192];
  bool any = false;
  for (;;) {
    const ssize_t size = recv(fd_.get(), buffer, sizeof(buffer), MSG_DONTWAIT | MSG_TRUNC);
    // ENOBUFS: the kernel had more to say than there was room for.
    if (size < 0 && errno != ENOBUFS && errno != EINTR) return any;
    any = true;
  }
}

}  // namespace ov6::netlink
