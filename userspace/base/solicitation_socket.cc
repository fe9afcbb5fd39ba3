// SPDX-License-Identifier: Apache-2.0
#include "userspace/base/solicitation_socket.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace ov6 {
namespace {

constexpr in6_addr kAllRouters{{{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}}};

template <typename T>
bool Set(int fd, int level, int option, const T& value) {
  return ::setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

bool Prepare(int fd, const std::string& interface, uint32_t ifindex) {
  icmp6_filter filter;
  ICMP6_FILTER_SETBLOCKALL(&filter);
  ICMP6_FILTER_SETPASS(ND_ROUTER_SOLICIT, &filter);
  const ipv6_mreq group{kAllRouters, ifindex};
  const int index = static_cast<int>(ifindex);
  // The filter first: nothing else ever waits in the socket.
  return Set(fd, IPPROTO_ICMPV6, ICMP6_FILTER, filter) &&
         ::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface.c_str(),
                      static_cast<socklen_t>(interface.size())) == 0 &&
         Set(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, group) &&
         Set(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, index) && Set(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 255) &&
         Set(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 255) && Set(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0) &&
         Set(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1) && Set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
}

}  // namespace

absl::StatusOr<int> OpenSolicitationSocket(const std::string& interface, uint32_t ifindex) {
  const int fd = ::socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6);
  if (fd >= 0 && Prepare(fd, interface, ifindex)) return fd;
  const absl::Status status =
      absl::ErrnoToStatus(errno, "opening an ICMPv6 socket on " + interface + " failed");
  if (fd >= 0) ::close(fd);
  return status;
}

}  // namespace ov6
