// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/own_veth.h"

#include <array>
#include <string>

#include "userspace/base/netlink.h"

namespace ov6 {
namespace {

// Both ends have one MAC address: without neighbour resolution a frame carries the sender's own.
constexpr std::array<uint8_t, 6> kMac = {0x02, 'o', 'v', '6', 0x00, 0x01};

// RFC 7600 section 4.8's dummy: the source of nothing, the destination of nothing.
constexpr Ipv4 kDummy{0xc0000008};  // 192.0.0.8

absl::Status Set(const std::string& family, const char* device, const char* key, const char* value) {
  return netlink::WriteSysctl("net/" + family + "/conf/" + device + "/" + key, value);
}

// Before it is up: nothing of IPv6's own is to be said there, and nobody is listened to.
absl::Status SetUpSelf() {
  absl::Status status = Set("ipv6", kSelfDevice, "addr_gen_mode", "1");
  status.Update(Set("ipv6", kSelfDevice, "accept_ra", "0"));
  status.Update(Set("ipv6", kSelfDevice, "accept_redirects", "0"));
  status.Update(Set("ipv6", kSelfDevice, "router_solicitations", "0"));
  status.Update(Set("ipv6", kSelfDevice, "dad_transmits", "0"));
  status.Update(Set("ipv6", kSelfDevice, "disable_ipv6", "0"));
  status.Update(Set("ipv6", kSelfDevice, "forwarding", "1"));
  return status;
}

absl::Status SetUpLink(const netlink::Link& link) {
  absl::Status status = netlink::SetLinkNoArp(link.ifindex);
  if (link.mac != kMac) status.Update(netlink::SetLinkMac(link.ifindex, kMac));
  status.Update(netlink::SetLinkUp(link.ifindex, true));
  return status;
}

}  // namespace

absl::StatusOr<uint32_t> EnsureOwnVeth() {
  netlink::VethSpec spec;
  spec.name = kSelfDevice;
  spec.peer = kSelfPeer;
  spec.mac = kMac;
  if (auto status = netlink::CreateVeth(spec); !status.ok() && !absl::IsAlreadyExists(status)) return status;
  auto self = netlink::GetLink(kSelfDevice);
  auto peer = netlink::GetLink(kSelfPeer);
  if (!self.ok()) return self.status();
  if (!peer.ok()) return peer.status();
  absl::Status status = SetUpSelf();
  status.Update(LetSelfForward());
  // Where the reverse path is looked at, loosely too, a device without any address may receive nothing.
  const auto addressed = netlink::AddHostAddress(self->ifindex, kDummy);
  if (!absl::IsAlreadyExists(addressed)) status.Update(addressed);
  // What the door there leaves to the stack ends there.
  status.Update(Set("ipv6", kSelfPeer, "disable_ipv6", "1"));
  status.Update(SetUpLink(*self));
  status.Update(SetUpLink(*peer));
  if (!status.ok()) return status;
  return self->ifindex;
}

// Tunnel packets that the kernel is to fragment come by it, with an address of ours as their source. The
// greater of rp_filter here and for "all" counts, and 2 is the greatest: loose, whatever the operator's other
// devices have.
absl::Status LetSelfForward() {
  absl::Status status = Set("ipv4", kSelfDevice, "forwarding", "1");
  status.Update(Set("ipv4", kSelfDevice, "accept_local", "1"));
  status.Update(Set("ipv4", kSelfDevice, "rp_filter", "2"));
  return status;
}

absl::Status RemoveOwnVeth() {
  auto status = netlink::DeleteLink(kSelfDevice);
  return absl::IsNotFound(status) ? absl::OkStatus() : status;
}

}  // namespace ov6
