// SPDX-License-Identifier: Apache-2.0
// IPv6 neighbours (RFC 4861) as the kernel knows them.
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "userspace/base/netlink.h"
#include "userspace/base/netlink_request.h"

namespace ov6::netlink {
namespace {

void PutNeighbour(Request& request, uint32_t ifindex, const Ipv6& address, uint8_t flags) {
  auto* message = request.Extra<ndmsg>();
  message->ndm_family = AF_INET6;
  message->ndm_ifindex = static_cast<int>(ifindex);
  message->ndm_flags = flags;
  mnl_attr_put(request.get(), NDA_DST, address.bytes.size(), address.bytes.data());
}

}  // namespace

absl::Status SolicitNeighbour(uint32_t ifindex, const Ipv6& address) {
  Request forget(RTM_DELNEIGH, NLM_F_ACK);
  PutNeighbour(forget, ifindex, address, 0);
  forget.Send(NETLINK_ROUTE);  // mostly there is none
  Request request(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_ACK);
  PutNeighbour(request, ifindex, address, NTF_USE);
  return Ask(request, "soliciting the neighbour " + address.ToString());
}

bool KnowsNeighbour(uint32_t ifindex, const Ipv6& address) {
  Request request(RTM_GETNEIGH, NLM_F_ACK);
  PutNeighbour(request, ifindex, address, 0);
  bool known = false;
  const int error = request.Send(NETLINK_ROUTE, [&](const nlmsghdr* message) {
    if (message->nlmsg_type != RTM_NEWNEIGH) return;
    known = static_cast<const ndmsg*>(mnl_nlmsg_get_payload(message))->ndm_state & kUsable;
  });
  return error == 0 && known;
}

}  // namespace ov6::netlink
