// SPDX-License-Identifier: Apache-2.0
#include "slaves/gateway/site_network.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "userspace/base/files.h"
#include "userspace/base/netlink.h"

namespace ov6 {
namespace {

constexpr uint8_t kRouteProtocol = 111;  // as ov6d's: "ip -6 route show proto 111"
constexpr uint32_t kMetric = 1024, kLastMetric = 2147483647;
constexpr unsigned long kReject = 0x200;  // include/uapi/linux/route.h
constexpr const char* kAllForwarding = "net/ipv6/conf/all/forwarding";

std::string Conf(const std::string& device, const char* key) { return "net/ipv6/conf/" + device + "/" + key; }

Ipv6 FirstOf(const Prefix& subnet) {
  Ipv6 address = subnet.address;
  address.bytes[15] |= 1;
  return address;
}

template <typename T>
bool Contains(const std::vector<T>& list, const T& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

// What is gone already was to go.
void Warn(const absl::Status& status) {
  if (!status.ok() && !absl::IsNotFound(status)) spdlog::warn("{}", std::string(status.message()));
}

std::vector<std::string> NativeDevices() {
  const auto text = ReadFile("/proc/net/ipv6_route");
  return text.ok() ? DefaultRouteDevices(*text) : std::vector<std::string>();
}

netlink::Route6 Into(const Prefix& prefix, uint32_t tun) {
  return {prefix, tun, std::nullopt, kMetric, false};
}
netlink::Route6 Behind(const Prefix& prefix) { return {prefix, 0, std::nullopt, kLastMetric, true}; }

}  // namespace

std::vector<std::string> DefaultRouteDevices(std::string_view text) {
  std::vector<std::string> devices;
  std::istringstream lines{std::string(text)};
  std::string destination, length, source, source_length, hop, metric, references, uses, flags, device;
  while (lines >> destination >> length >> source >> source_length >> hop >> metric >> references >> uses >>
         flags >> device) {
    const bool rejects = (std::strtoul(flags.c_str(), nullptr, 16) & kReject) != 0;
    if (length == "00" && !rejects && !Contains(devices, device)) devices.push_back(device);
  }
  return devices;
}

bool HasNativeIpv6(const std::string& tun) {
  const auto devices = NativeDevices();
  return std::any_of(devices.begin(), devices.end(),
                     [&](const std::string& device) { return device != tun && device != "lo"; });
}

absl::Status SiteNetwork::Change(const std::string& path, const std::string& value) {
  const auto before = netlink::ReadSysctl(path);
  if (!before.ok()) return before.status();
  if (*before == value) return absl::OkStatus();
  sysctls_.emplace_back(path, *before);
  return netlink::WriteSysctl(path, value);
}

// To write "all" writes every device's, on the way back too: those that forwarded before are put right after
// it.
absl::Status SiteNetwork::EnableForwarding() {
  absl::Status status;
  for (const std::string& device : NativeDevices()) {
    const auto listens = netlink::ReadSysctl(Conf(device, "accept_ra"));
    if (listens.ok() && *listens == "1") status.Update(Change(Conf(device, "accept_ra"), "2"));
  }
  const auto links = netlink::Links();
  if (!links.ok()) return links.status();
  std::vector<std::string> forwarding;
  for (const netlink::Link& link : *links) {
    const auto before = netlink::ReadSysctl(Conf(link.name, "forwarding"));
    if (before.ok() && *before == "1") forwarding.push_back(Conf(link.name, "forwarding"));
  }
  const auto all = netlink::ReadSysctl(kAllForwarding);
  if (!all.ok()) return all.status();
  status.Update(Change(kAllForwarding, "1"));
  if (*all != "1") {
    for (const std::string& path : forwarding) sysctls_.emplace_back(path, "1");
  }
  status.Update(Change(Conf(lan_, "forwarding"), "1"));
  return status;
}

absl::Status SiteNetwork::SetAddresses(const std::vector<Prefix>& subnets) {
  std::vector<Ipv6> wanted;
  for (const Prefix& subnet : subnets) wanted.push_back(FirstOf(subnet));
  std::erase_if(addresses_, [&](const Ipv6& address) {
    if (Contains(wanted, address)) return false;
    Warn(netlink::DeleteAddress(lan_ifindex_, address, 64));
    return true;
  });
  for (const Ipv6& address : wanted) {
    if (Contains(addresses_, address)) continue;
    const absl::Status status = netlink::AddAddress(lan_ifindex_, address, 64);
    // It was there: one that was killed has left it.
    if (!status.ok() && !absl::IsAlreadyExists(status)) return status;
    addresses_.push_back(address);
  }
  return absl::OkStatus();
}

absl::Status SiteNetwork::SetRoutes(uint32_t tun_ifindex, const std::vector<Prefix>& prefixes) {
  for (const Prefix& old : routes_) {
    if (Contains(prefixes, old)) continue;
    Warn(netlink::DeleteRoute6(Into(old, tun_ifindex_), kRouteProtocol));
    Warn(netlink::DeleteRoute6(Behind(old), kRouteProtocol));
  }
  tun_ifindex_ = tun_ifindex;
  routes_ = prefixes;
  absl::Status status;
  for (const Prefix& prefix : prefixes) {
    status.Update(netlink::SetRoute6(Behind(prefix), kRouteProtocol));
    status.Update(netlink::SetRoute6(Into(prefix, tun_ifindex), kRouteProtocol));
  }
  return status;
}

absl::Status SiteNetwork::Restore() {
  const auto link = netlink::GetLink(lan_);
  if (!link.ok() || link->ifindex != lan_ifindex_)
    return absl::FailedPreconditionError(lan_ + ", the LAN's device, is gone");
  if (!link->up) return absl::OkStatus();
  for (const Ipv6& address : addresses_) {
    const absl::Status status = netlink::AddAddress(lan_ifindex_, address, 64);
    if (!status.ok() && !absl::IsAlreadyExists(status)) return status;
  }
  return absl::OkStatus();
}

void SiteNetwork::Undo() {
  for (const Prefix& prefix : routes_) {
    Warn(netlink::DeleteRoute6(Into(prefix, tun_ifindex_), kRouteProtocol));
    Warn(netlink::DeleteRoute6(Behind(prefix), kRouteProtocol));
  }
  for (const Ipv6& address : addresses_) Warn(netlink::DeleteAddress(lan_ifindex_, address, 64));
  for (const auto& [path, value] : sysctls_) Warn(netlink::WriteSysctl(path, value));
  routes_.clear();
  addresses_.clear();
  sysctls_.clear();
}

}  // namespace ov6
