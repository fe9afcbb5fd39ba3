// SPDX-License-Identifier: Apache-2.0
#include "userspace/base/netlink_ways.h"

#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <vector>

#include "userspace/base/netlink_request.h"

namespace ov6::netlink {
namespace {

constexpr int kGroups[] = {RTNLGRP_LINK,       RTNLGRP_NEIGH,        RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
                           RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,   RTNLGRP_IPV4_RULE,   RTNLGRP_IPV6_RULE,
                           RTNLGRP_NEXTHOP,    RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF};
constexpr int kRoom = 4 << 20;  // bytes of news; what is lost counts as a change of everything

std::string Bytes(const nlattr* attribute) {
  return {static_cast<const char*>(mnl_attr_get_payload(attribute)), mnl_attr_get_payload_len(attribute)};
}

}  // namespace

absl::StatusOr<Ways> Ways::Open() {
  UniqueFd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  const std::string what = "listening for changes of routes and neighbours";
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  if (!fd.ok() || bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    return Errno(errno, what);
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kRoom, sizeof(kRoom));
  for (const int group : kGroups) {
    if (setsockopt(fd.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) != 0)
      return Errno(errno, what);
  }
  Ways ways(std::move(fd));
  if (auto status = ways.ListNeighbours(); !status.ok()) return status;
  return ways;
}

absl::Status Ways::ListNeighbours() {
  neighbours_.clear();
  Request request(RTM_GETNEIGH, NLM_F_DUMP);
  request.Extra<ndmsg>();
  return Ask(request, "listing neighbours", [this](const nlmsghdr* message) { TakeNeighbour(message); });
}

bool Ways::Drain() {
  std::vector<char> buffer(1 << 16);
  bool changed = false;
  for (;;) {
    const ssize_t size = recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == ENOBUFS) {
      changed = true;
      ListNeighbours().IgnoreError();  // those that are missing now count as new ones, which change nothing
      continue;
    }
    if (size <= 0) return changed;
    int left = static_cast<int>(size);
    for (const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(message, left);
         message = mnl_nlmsg_next(message, &left))
      changed = Take(message) || changed;
  }
}

bool Ways::Take(const nlmsghdr* message) {
  if (message->nlmsg_type == RTM_NEWNEIGH || message->nlmsg_type == RTM_DELNEIGH)
    return TakeNeighbour(message);
  return true;
}

// A neighbour that was not usable before was nobody's way.
bool Ways::TakeNeighbour(const nlmsghdr* message) {
  const auto* neighbour = static_cast<const ndmsg*>(mnl_nlmsg_get_payload(message));
  if (neighbour->ndm_family != AF_INET && neighbour->ndm_family != AF_INET6) return false;
  std::string address, mac;
  EachAttribute(message, sizeof(ndmsg), [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) == NDA_DST) address = Bytes(attribute);
    if (mnl_attr_get_type(attribute) == NDA_LLADDR) mac = Bytes(attribute);
  });
  const std::pair key{neighbour->ndm_ifindex, address};
  if (message->nlmsg_type == RTM_DELNEIGH || (neighbour->ndm_state & kUsable) == 0)
    return neighbours_.erase(key) != 0;
  const auto [known, fresh] = neighbours_.emplace(key, mac);
  if (fresh || known->second == mac) return false;
  known->second = mac;
  return true;
}

}  // namespace ov6::netlink
