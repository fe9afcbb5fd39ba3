// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/own_veth.h"

#include <string>

#include "userspace/base/netlink.h"

namespace ov6 {
namespace {

const char kSelf[] = "ov6-self";
const char kPeer[] = "ov6-selfp";

absl::Status Set(const std::string& family, const char* device, const char* key, const char* value) {
  return netlink::WriteSysctl("net/" + family + "/conf/" + device + "/" + key, value);
}

}  // namespace

absl::StatusOr<uint32_t> EnsureOwnVeth() {
  netlink::VethSpec spec;
  spec.name = kSelf;
  spec.peer = kPeer;
  if (auto status = netlink::CreateVeth(spec); !status.ok() && !absl::IsAlreadyExists(status)) return status;
  auto self = netlink::GetLink(kSelf);
  auto peer = netlink::GetLink(kPeer);
  if (!self.ok()) return self.status();
  if (!peer.ok()) return peer.status();
  absl::Status status;
  // No IPv6 of their own: the kernel still answers bpf_fib_lookup for such a device.
  status.Update(Set("ipv6", kSelf, "disable_ipv6", "1"));
  status.Update(Set("ipv6", kPeer, "disable_ipv6", "1"));
  status.Update(Set("ipv6", kSelf, "forwarding", "1"));
  status.Update(Set("ipv4", kSelf, "forwarding", "1"));
  status.Update(netlink::SetLinkUp(self->ifindex, true));
  status.Update(netlink::SetLinkUp(peer->ifindex, true));
  if (!status.ok()) return status;
  return self->ifindex;
}

absl::Status RemoveOwnVeth() {
  auto status = netlink::DeleteLink(kSelf);
  return absl::IsNotFound(status) ? absl::OkStatus() : status;
}

}  // namespace ov6
