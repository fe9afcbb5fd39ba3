// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/device_keeper.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>

#include "userspace/base/text.h"
#include "userspace/datapath/own_veth.h"
#include "userspace/ov6d/self_site.h"

namespace ov6 {
namespace {

absl::StatusOr<Ipv4> AddressOf(const UnderlayConfig& underlay, uint32_t ifindex) {
  if (underlay.address) return *underlay.address;
  const auto addresses = netlink::Ipv4Addresses(ifindex);
  if (!addresses.ok()) return addresses.status();
  if (!addresses->empty()) return addresses->front();
  return absl::FailedPreconditionError("[[underlay]] interface \"" + underlay.interface +
                                       "\" has no IPv4 address; give it one, or set the key \"address\"");
}

absl::StatusOr<netlink::Link> LinkOf(const char* table, const std::string& interface) {
  auto link = netlink::GetLink(interface);
  if (link.ok()) return link;
  return absl::NotFoundError(std::string(table) + " interface \"" + interface +
                             "\": " + Message(link.status()));
}

DeviceSpec SpecOf(const UnderlayConfig& underlay) {
  DeviceSpec spec;
  spec.interface = underlay.interface;
  spec.role = OV6_DEVICE_UNDERLAY;
  spec.attach = underlay.attach;
  spec.address = underlay.address.value_or(Ipv4{});
  spec.encapsulation = underlay.encapsulation;
  spec.udp_port = underlay.udp_port;
  return spec;
}

DeviceSpec SiteSpec(const std::string& interface, Attach attach, const Ipv6& source, bool elsewhere) {
  DeviceSpec spec;
  spec.interface = interface;
  spec.role = OV6_DEVICE_SITE;
  spec.attach = attach;
  spec.icmp_source = source;
  spec.elsewhere = elsewhere;
  return spec;
}

bool SameLink(const netlink::Link& a, const netlink::Link& b) {
  return a.ifindex == b.ifindex && a.mtu == b.mtu && a.mac == b.mac;
}

}  // namespace

std::optional<std::string> TooSmall(const UnderlayConfig& underlay, uint32_t mtu) {
  if (mtu >= kMinUnderlayMtu) return std::nullopt;
  return "[[underlay]] interface \"" + underlay.interface + "\" has an MTU of " + std::to_string(mtu) +
         "; it should be " + std::to_string(kMinUnderlayMtu) + " or more (RFC 791), and is best " +
         std::to_string(OV6_MIN_MTU + Overhead(underlay.encapsulation)) +
         " or more, so that nothing has to be fragmented";
}

absl::Status ResolveInterfaces(Config* config) {
  for (const SiteConfig& site : config->sites) {
    if (!site.remote.empty()) continue;  // ov6d makes it
    if (const auto link = LinkOf("[[site]]", site.interface); !link.ok()) return link.status();
  }
  for (UnderlayConfig& underlay : config->underlays) {
    const auto link = LinkOf("[[underlay]]", underlay.interface);
    if (!link.ok()) return link.status();
    const auto address = AddressOf(underlay, link->ifindex);
    if (!address.ok()) return address.status();
    underlay.address = *address;
    if (const auto why = TooSmall(underlay, link->mtu)) return absl::FailedPreconditionError(*why);
  }
  return CheckOwnLocators(*config);
}

void DeviceKeeper::Add(const DeviceSpec& spec, bool own_address) {
  Kept& kept = kept_.emplace_back();
  kept.spec = spec;
  kept.own_address = own_address;
}

absl::Status DeviceKeeper::AttachAll(const NodeLayout& layout) {
  for (const UnderlayConfig& underlay : config_.underlays) Add(SpecOf(underlay), !underlay.address);
  for (size_t i = 0; i < config_.sites.size(); ++i) {
    const SiteConfig& site = config_.sites[i];
    Add(SiteSpec(site.interface, site.attach, layout.site_addresses[i], !site.remote.empty()), false);
  }
  if (!layout.selves.empty())
    Add(SiteSpec(kSelfPeer, Attach::kAuto, layout.selves.front().address, false), false);
  for (const DeviceState& old : datapath_.Devices()) {
    const bool wanted = std::any_of(kept_.begin(), kept_.end(),
                                    [&](const Kept& kept) { return kept.spec.interface == old.interface; });
    if (wanted) continue;
    if (absl::Status status = datapath_.DetachDevice(old.interface); !status.ok()) return status;
  }
  for (Kept& kept : kept_) {
    if (kept.spec.interface == kSelfPeer) {
      // The last one: its MTU follows from the underlays'.
      const absl::Status status = SetSelfMtu(static_cast<uint32_t>(OverlayMtu(datapath_.Devices())));
      if (!status.ok()) return status;
    }
    const auto link = netlink::GetLink(kept.spec.interface);
    if (!link.ok()) return link.status();
    FollowAddress(kept, link->ifindex);
    if (absl::Status status = Attach(kept, *link); !status.ok()) return status;
  }
  return absl::OkStatus();
}

void DeviceKeeper::AddSite(const SiteConfig& site, const Ipv6& source) {
  Add(SiteSpec(site.interface, site.attach, source, !site.remote.empty()), false);
}

absl::Status DeviceKeeper::RemoveSite(const std::string& interface) {
  std::erase_if(kept_, [&](const Kept& kept) { return kept.spec.interface == interface; });
  return datapath_.DetachDevice(interface);
}

void DeviceKeeper::SetSource(const std::string& interface, const Ipv6& source) {
  for (Kept& kept : kept_) {
    if (kept.spec.interface != interface || kept.spec.icmp_source == source) continue;
    kept.spec.icmp_source = source;
    if (kept.link.ifindex != 0) AttachAgain(kept);
  }
}

absl::Status DeviceKeeper::Attach(Kept& kept, const netlink::Link& link) {
  const auto state = datapath_.AttachDevice(kept.spec);
  if (!state.ok()) return state.status();
  kept.link = link;
  kept.facts = netlink::GetXdpFacts(link);  // with its programs
  spdlog::info("{}: door {} ({})", state->interface, state->door, state->reason);
  return absl::OkStatus();
}

void DeviceKeeper::AttachAgain(Kept& kept) {
  if (const absl::Status status = Attach(kept, kept.link); !status.ok())
    Complain(kept, Message(status));
  else
    kept.trouble.clear();
}

bool DeviceKeeper::Follow() {
  bool changed = false;
  for (Kept& kept : kept_) changed = FollowOne(kept) || changed;
  FollowDoors();
  return changed;
}

bool DeviceKeeper::FollowOne(Kept& kept) {
  const auto link = netlink::GetLink(kept.spec.interface);
  if (absl::IsNotFound(link.status())) return Lose(kept);
  if (!link.ok()) return false;
  const Ipv4 before = kept.spec.address;
  FollowAddress(kept, link->ifindex);
  if (SameLink(*link, kept.link) && before == kept.spec.address) return false;
  const uint32_t old_mtu = kept.link.mtu;
  if (absl::Status status = Attach(kept, *link); !status.ok()) {
    kept.spec.address = before;  // so that the next event finds a difference again
    Complain(kept, Message(status));
    return false;
  }
  if (before != kept.spec.address) {
    spdlog::info("{}: the address is {} now, it was {}", kept.spec.interface, kept.spec.address.ToString(),
                 before.ToString());
  }
  if (link->mtu != old_mtu) {
    spdlog::info("{}: the MTU is {} now", kept.spec.interface, link->mtu);
    CheckMtu(kept, link->mtu);
  }
  kept.trouble.clear();
  return true;
}

void DeviceKeeper::FollowDoors() {
  for (Kept& kept : kept_) {
    if (kept.link.ifindex != 0 && netlink::GetXdpFacts(kept.link) != kept.facts) AttachAgain(kept);
  }
}

bool DeviceKeeper::Lose(Kept& kept) {
  if (kept.link.ifindex == 0) return false;
  spdlog::warn("{} is gone; its door will be there when it comes back", kept.spec.interface);
  const absl::Status status = datapath_.DetachDevice(kept.spec.interface);
  if (!status.ok()) Complain(kept, Message(status));
  kept.link = {};
  return true;
}

// Once, not with every event.
void DeviceKeeper::Complain(Kept& kept, const std::string& sentence) {
  if (kept.trouble == sentence) return;
  spdlog::warn("{}: {}", kept.spec.interface, sentence);
  kept.trouble = sentence;
}

// An address that is still there stays, whatever came before it.
void DeviceKeeper::FollowAddress(Kept& kept, uint32_t ifindex) {
  if (!kept.own_address) return;
  const auto addresses = netlink::Ipv4Addresses(ifindex);
  if (!addresses.ok()) return Complain(kept, Message(addresses.status()));
  if (addresses->empty()) {
    return Complain(kept,
                    "it has no IPv4 address any more; tunnels that end there stand still until it has one");
  }
  if (std::find(addresses->begin(), addresses->end(), kept.spec.address) == addresses->end())
    kept.spec.address = addresses->front();
}

void DeviceKeeper::CheckMtu(Kept& kept, uint32_t mtu) {
  for (const UnderlayConfig& underlay : config_.underlays) {
    if (underlay.interface != kept.spec.interface) continue;
    if (const auto why = TooSmall(underlay, mtu)) spdlog::warn("{}", *why);
  }
}

std::set<Ipv4> DeviceKeeper::addresses() const {
  std::set<Ipv4> own;
  for (const Kept& kept : kept_) {
    if (kept.spec.role == OV6_DEVICE_UNDERLAY) own.insert(kept.spec.address);
  }
  return own;
}

std::vector<TunnelEnd> DeviceKeeper::ends() const {
  std::vector<TunnelEnd> ends;
  for (const Kept& kept : kept_) {
    if (kept.spec.role != OV6_DEVICE_UNDERLAY || kept.link.ifindex == 0) continue;
    ends.push_back({kept.spec.interface, kept.link.ifindex, kept.spec.address, kept.spec.udp_port});
  }
  return ends;
}

std::vector<std::string> DeviceKeeper::missing() const {
  std::vector<std::string> missing;
  for (const Kept& kept : kept_) {
    if (kept.link.ifindex == 0) missing.push_back(kept.spec.interface);
  }
  return missing;
}

}  // namespace ov6
