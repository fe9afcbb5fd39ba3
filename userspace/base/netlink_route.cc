// SPDX-License-Identifier: Apache-2.0
// IPv6 routes of the main table (RFC 3549's rtnetlink).
#include <linux/rtnetlink.h>

#include <cstring>

#include "userspace/base/netlink.h"
#include "userspace/base/netlink_request.h"

namespace ov6::netlink {
namespace {

void PutRoute(Request& request, const Route6& route, uint8_t protocol) {
  auto* info = request.Extra<rtmsg>();
  info->rtm_family = AF_INET6;
  info->rtm_dst_len = static_cast<uint8_t>(route.prefix.length);
  info->rtm_table = RT_TABLE_MAIN;
  info->rtm_protocol = protocol;
  info->rtm_scope = RT_SCOPE_UNIVERSE;
  info->rtm_type = route.unreachable ? RTN_UNREACHABLE : RTN_UNICAST;
  nlmsghdr* message = request.get();
  mnl_attr_put(message, RTA_DST, sizeof(route.prefix.address.bytes), route.prefix.address.bytes.data());
  mnl_attr_put_u32(message, RTA_PRIORITY, route.metric);
  if (!route.unreachable) mnl_attr_put_u32(message, RTA_OIF, route.ifindex);
  if (route.source) {
    mnl_attr_put(message, RTA_PREFSRC, sizeof(route.source->bytes), route.source->bytes.data());
  }
}

Ipv6 AddressIn(const nlattr* attribute) {
  Ipv6 address;
  std::memcpy(address.bytes.data(), mnl_attr_get_payload(attribute), address.bytes.size());
  return address;
}

Route6 ParseRoute(const nlmsghdr* message, const rtmsg& info) {
  Route6 route;
  route.prefix.length = info.rtm_dst_len;
  route.unreachable = info.rtm_type == RTN_UNREACHABLE;
  EachAttribute(message, sizeof(info), [&](const nlattr* attribute) {
    switch (mnl_attr_get_type(attribute)) {
      case RTA_DST:
        route.prefix.address = AddressIn(attribute);
        break;
      case RTA_PREFSRC:
        route.source = AddressIn(attribute);
        break;
      case RTA_PRIORITY:
        route.metric = mnl_attr_get_u32(attribute);
        break;
      case RTA_OIF:
        route.ifindex = mnl_attr_get_u32(attribute);
        break;
    }
  });
  if (route.unreachable) route.ifindex = 0;  // the kernel says lo
  return route;
}

}  // namespace

absl::StatusOr<std::vector<Route6>> Routes6(uint8_t protocol) {
  Request request(RTM_GETROUTE, NLM_F_DUMP);
  request.Extra<rtmsg>()->rtm_family = AF_INET6;
  std::vector<Route6> routes;
  auto status = Ask(request, "listing IPv6 routes", [&](const nlmsghdr* message) {
    const auto* info = static_cast<const rtmsg*>(mnl_nlmsg_get_payload(message));
    if (message->nlmsg_type != RTM_NEWROUTE || info->rtm_family != AF_INET6) return;
    if (info->rtm_protocol == protocol && info->rtm_table == RT_TABLE_MAIN) {
      routes.push_back(ParseRoute(message, *info));
    }
  });
  if (!status.ok()) return status;
  return routes;
}

absl::Status SetRoute6(const Route6& route, uint8_t protocol) {
  Request request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK);
  PutRoute(request, route, protocol);
  return Ask(request, "setting the route " + route.prefix.ToString());
}

absl::Status DeleteRoute6(const Route6& route, uint8_t protocol) {
  Request request(RTM_DELROUTE, NLM_F_ACK);
  PutRoute(request, route, protocol);
  const int error = request.Send(NETLINK_ROUTE);
  if (error == ESRCH) return absl::NotFoundError("there is no route " + route.prefix.ToString());
  return error == 0 ? absl::OkStatus() : Errno(error, "removing the route " + route.prefix.ToString());
}

}  // namespace ov6::netlink
