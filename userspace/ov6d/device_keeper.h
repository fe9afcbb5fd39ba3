// SPDX-License-Identifier: Apache-2.0
// The configuration's devices in the datapath, and kept there while the world changes: a device
// that goes and comes, whose MTU or MAC address changes, an underlay whose address changes.
#ifndef OV6_USERSPACE_OV6D_DEVICE_KEEPER_H
#define OV6_USERSPACE_OV6D_DEVICE_KEEPER_H

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ov6/datapath.h"
#include "userspace/base/netlink.h"
#include "userspace/ov6d/node_layout.h"
#include "userspace/ov6d/reassembly.h"

namespace ov6 {

// Before anything is touched: every interface is there, every underlay has an address (which is
// written into `config` where it names none) and an MTU that IPv4 can live with.
absl::Status ResolveInterfaces(Config* config);
// Below 1280 bytes and the outer header the kernel fragments what it must; less than this no host need
// reassemble.
inline constexpr uint32_t kMinUnderlayMtu = 576;
// nullopt, or why an underlay's MTU is too small.
std::optional<std::string> TooSmall(const UnderlayConfig& underlay, uint32_t mtu);

class DeviceKeeper {
 public:
  // `config` as it was before ResolveInterfaces: an address it does not name follows the interface's.
  DeviceKeeper(Config config, Datapath& datapath) : config_(std::move(config)), datapath_(datapath) {}

  // Attaches all of them, and `self` for the router's own packets; others go.
  absl::Status AttachAll(const NodeLayout& layout);
  // A site that came while the daemon runs, and is attached when Follow() finds its device; and goes again.
  void AddSite(const SiteConfig& site, const Ipv6& source);
  absl::Status RemoveSite(const std::string& interface);
  // From where errors to its hosts come, when that has changed.
  void SetSource(const std::string& interface, const Ipv6& source);
  // After links or addresses have changed. True: a device, an MTU or an address is another now.
  bool Follow();
  // After a while: what the kernel does not tell us of when it changes, as whether a veth's peer takes XDP
  // frames.
  void FollowDoors();

  std::set<Ipv4> addresses() const;          // of the underlays
  std::vector<TunnelEnd> ends() const;       // underlays that are there
  std::vector<std::string> missing() const;  // interfaces that are not there now

 private:
  struct Kept {
    DeviceSpec spec;
    bool own_address = false;  // the address follows the interface's first
    netlink::Link link;        // as attached; ifindex 0: it is not there
    netlink::XdpFacts facts;   // as it was chosen by
    std::string trouble;       // what was said last
  };

  void Add(const DeviceSpec& spec, bool own_address);
  absl::Status Attach(Kept& kept, const netlink::Link& link);
  void AttachAgain(Kept& kept);
  bool FollowOne(Kept& kept);
  bool Lose(Kept& kept);
  void Complain(Kept& kept, const std::string& sentence);
  void FollowAddress(Kept& kept, uint32_t ifindex);
  void CheckMtu(Kept& kept, uint32_t mtu);

  Config config_;
  Datapath& datapath_;
  std::vector<Kept> kept_;
};

}  // namespace ov6

#endif
