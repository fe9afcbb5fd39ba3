// SPDX-License-Identifier: Apache-2.0
#include "userspace/base/netlink.h"

#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/ethtool.h>
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <memory>

#include "userspace/base/netlink_request.h"

namespace ov6::netlink {
namespace {

// The "netdev" family (linux/netdev.h, kernels from 6.3 on; not in Debian 12's headers).
constexpr uint8_t kNetdevDevGet = 1;
constexpr uint16_t kNetdevIfindex = 1;
constexpr uint16_t kNetdevXdpFeatures = 3;
constexpr uint64_t kXdpBasic = 1, kXdpRedirect = 2, kXdpNdoXmit = 4;

std::string KindOf(const nlattr* linkinfo) {
  std::string kind;
  const char* begin = static_cast<const char*>(mnl_attr_get_payload(linkinfo));
  EachAttribute(begin, begin + mnl_attr_get_payload_len(linkinfo), [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND) kind = mnl_attr_get_str(attribute);
  });
  return kind;
}

Link ParseLink(const nlmsghdr* message) {
  const auto* info = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(message));
  Link link;
  link.ifindex = static_cast<uint32_t>(info->ifi_index);
  link.hardware_type = info->ifi_type;
  link.up = (info->ifi_flags & IFF_UP) != 0;
  link.carrier = link.up && (info->ifi_flags & IFF_RUNNING) != 0;
  bool elsewhere = false;
  EachAttribute(message, sizeof(*info), [&](const nlattr* attribute) {
    switch (mnl_attr_get_type(attribute)) {
      case IFLA_LINK:
        link.parent = mnl_attr_get_u32(attribute);
        break;
      case IFLA_LINK_NETNSID:
        elsewhere = true;
        break;
      case IFLA_IFNAME:
        link.name = mnl_attr_get_str(attribute);
        break;
      case IFLA_MTU:
        link.mtu = mnl_attr_get_u32(attribute);
        break;
      case IFLA_ADDRESS:
        std::memcpy(link.mac.data(), mnl_attr_get_payload(attribute),
                    std::min<size_t>(mnl_attr_get_payload_len(attribute), link.mac.size()));
        break;
      case IFLA_LINKINFO:
        link.kind = KindOf(attribute);
        break;
    }
  });
  if (elsewhere) link.parent = 0;
  return link;
}

absl::StatusOr<Link> AskLink(Request& request, const std::string& what) {
  Link link;
  const int error = request.Send(NETLINK_ROUTE, [&](const nlmsghdr* message) {
    if (message->nlmsg_type == RTM_NEWLINK) link = ParseLink(message);
  });
  if (error == ENODEV) return absl::NotFoundError("there is no interface " + what);
  if (error != 0) return Errno(error, "asking for interface " + what);
  return link;
}

absl::Status ChangeLink(uint32_t ifindex, const std::string& what,
                        const std::function<void(Request&, ifinfomsg*)>& fill) {
  Request request(RTM_NEWLINK, NLM_F_ACK);
  auto* info = request.Extra<ifinfomsg>();
  info->ifi_index = static_cast<int>(ifindex);
  fill(request, info);
  return Ask(request, what + " of interface " + std::to_string(ifindex));
}

void PutAddress(nlmsghdr* message, const std::array<uint8_t, 6>& mac) {
  mnl_attr_put(message, IFLA_ADDRESS, mac.size(), mac.data());
}

// rtnetlink's attributes of one end of a veth pair.
void PutEnd(nlmsghdr* message, const std::string& name, const VethSpec& spec) {
  mnl_attr_put_strz(message, IFLA_IFNAME, name.c_str());
  mnl_attr_put_u32(message, IFLA_MTU, spec.mtu);
  mnl_attr_put_u32(message, IFLA_NUM_TX_QUEUES, spec.queues);
  mnl_attr_put_u32(message, IFLA_NUM_RX_QUEUES, spec.queues);
  if (spec.mac) PutAddress(message, *spec.mac);
}

// Addresses of one family on one device; the kernel may filter or not, so we do.
absl::Status EachAddress(uint32_t ifindex, uint8_t family,
                         const std::function<void(const ifaddrmsg&, const void*)>& visit) {
  Request request(RTM_GETADDR, NLM_F_DUMP);
  request.Extra<ifaddrmsg>()->ifa_family = family;
  return Ask(request, "listing addresses", [&](const nlmsghdr* message) {
    const auto* info = static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(message));
    if (info->ifa_index != ifindex || info->ifa_family != family) return;
    const void* address = nullptr;
    EachAttribute(message, sizeof(*info), [&](const nlattr* attribute) {
      const uint16_t type = mnl_attr_get_type(attribute);
      if (type == IFA_LOCAL || (type == IFA_ADDRESS && address == nullptr)) {
        address = mnl_attr_get_payload(attribute);
      }
    });
    if (address != nullptr) visit(*info, address);
  });
}

absl::Status ChangeAddress(uint16_t type, uint16_t flags, uint32_t ifindex, uint8_t family,
                           const void* address, size_t size, int length, uint8_t scope = RT_SCOPE_UNIVERSE) {
  Request request(type, NLM_F_ACK | flags);
  auto* info = request.Extra<ifaddrmsg>();
  info->ifa_family = family;
  info->ifa_prefixlen = static_cast<uint8_t>(length);
  info->ifa_index = ifindex;
  info->ifa_scope = scope;
  if (family == AF_INET6) info->ifa_flags = IFA_F_NODAD;
  mnl_attr_put(request.get(), IFA_LOCAL, size, address);
  mnl_attr_put(request.get(), IFA_ADDRESS, size, address);
  return Ask(request, std::string(type == RTM_NEWADDR ? "adding" : "removing") + " an address of interface " +
                          std::to_string(ifindex));
}

absl::Status Ethtool(const std::string& name, void* command, const std::string& what) {
  ifreq request{};
  if (name.size() >= sizeof(request.ifr_name))
    return absl::InvalidArgumentError(name + " is no interface name");
  std::memcpy(request.ifr_name, name.data(), name.size());
  request.ifr_data = static_cast<char*>(command);
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return Errno(errno, "opening a socket");
  const int error = ioctl(fd, SIOCETHTOOL, &request) == 0 ? 0 : errno;
  close(fd);
  return error == 0 ? absl::OkStatus() : Errno(error, what + " of " + name);
}

absl::Status SetEthtool(const std::string& name, uint32_t command, bool on, const std::string& what) {
  ethtool_value value{command, on ? 1u : 0u};
  return Ethtool(name, &value, what);
}

bool StripsTags(const std::string& name) {
  ethtool_value flags{ETHTOOL_GFLAGS, 0};
  return Ethtool(name, &flags, "asking for the flags").ok() && (flags.data & ETH_FLAG_RXVLAN) != 0;
}

bool HasVlans(uint32_t ifindex) {
  const auto links = Links();
  return links.ok() && std::any_of(links->begin(), links->end(), [&](const Link& link) {
           return link.kind == "vlan" && link.parent == ifindex;
         });
}

void PutGenl(Request& request, uint8_t command) {
  auto* header = request.Extra<genlmsghdr>();
  header->cmd = command;
  header->version = 1;
}

std::optional<uint16_t> NetdevFamily() {
  Request request(GENL_ID_CTRL, NLM_F_ACK);
  PutGenl(request, CTRL_CMD_GETFAMILY);
  mnl_attr_put_strz(request.get(), CTRL_ATTR_FAMILY_NAME, "netdev");
  std::optional<uint16_t> family;
  const int error = request.Send(NETLINK_GENERIC, [&](const nlmsghdr* message) {
    EachAttribute(message, sizeof(genlmsghdr), [&](const nlattr* attribute) {
      if (mnl_attr_get_type(attribute) == CTRL_ATTR_FAMILY_ID) family = mnl_attr_get_u16(attribute);
    });
  });
  return error == 0 ? family : std::nullopt;
}

absl::StatusOr<bool> HasFiltersAt(uint32_t ifindex, uint32_t minor) {
  Request request(RTM_GETTFILTER, NLM_F_DUMP);
  auto* tc = request.Extra<tcmsg>();
  tc->tcm_family = AF_UNSPEC;
  tc->tcm_ifindex = static_cast<int>(ifindex);
  tc->tcm_parent = TC_H_MAKE(TC_H_CLSACT, minor);
  bool found = false;
  const int error = request.Send(NETLINK_ROUTE, [&](const nlmsghdr* message) {
    if (message->nlmsg_type == RTM_NEWTFILTER) found = true;
  });
  if (error != 0 && error != ENOENT && error != EINVAL) {
    return Errno(error, "listing filters of interface " + std::to_string(ifindex));
  }
  return found;
}

}  // namespace

absl::StatusOr<Link> GetLink(const std::string& name) {
  if (name.empty() || name.size() >= IFNAMSIZ) return absl::NotFoundError("there is no interface " + name);
  Request request(RTM_GETLINK, NLM_F_ACK);
  request.Extra<ifinfomsg>();
  mnl_attr_put_strz(request.get(), IFLA_IFNAME, name.c_str());
  return AskLink(request, name);
}

absl::StatusOr<Link> GetLink(uint32_t ifindex) {
  if (ifindex == 0) return absl::NotFoundError("there is no interface 0");
  Request request(RTM_GETLINK, NLM_F_ACK);
  request.Extra<ifinfomsg>()->ifi_index = static_cast<int>(ifindex);
  return AskLink(request, std::to_string(ifindex));
}

absl::StatusOr<std::vector<Link>> Links() {
  Request request(RTM_GETLINK, NLM_F_DUMP);
  request.Extra<ifinfomsg>();
  std::vector<Link> links;
  auto status = Ask(request, "listing interfaces", [&](const nlmsghdr* message) {
    if (message->nlmsg_type == RTM_NEWLINK) links.push_back(ParseLink(message));
  });
  if (!status.ok()) return status;
  return links;
}

absl::Status CreateVeth(const VethSpec& spec) {
  Request request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK);
  request.Extra<ifinfomsg>();
  nlmsghdr* message = request.get();
  PutEnd(message, spec.name, spec);
  nlattr* info = mnl_attr_nest_start(message, IFLA_LINKINFO);
  mnl_attr_put_strz(message, IFLA_INFO_KIND, "veth");
  nlattr* data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
  nlattr* peer = mnl_attr_nest_start(message, VETH_INFO_PEER);
  request.Extra<ifinfomsg>();
  PutEnd(message, spec.peer, spec);
  if (spec.peer_netns_fd >= 0) {
    mnl_attr_put_u32(message, IFLA_NET_NS_FD, static_cast<uint32_t>(spec.peer_netns_fd));
  }
  mnl_attr_nest_end(message, peer);
  mnl_attr_nest_end(message, data);
  mnl_attr_nest_end(message, info);
  return Ask(request, "making the veth pair " + spec.name + " and " + spec.peer);
}

absl::Status DeleteLink(const std::string& name) {
  auto link = GetLink(name);
  if (!link.ok()) return link.status();
  Request request(RTM_DELLINK, NLM_F_ACK);
  request.Extra<ifinfomsg>()->ifi_index = static_cast<int>(link->ifindex);
  const int error = request.Send(NETLINK_ROUTE);
  if (error == ENODEV) return absl::NotFoundError("there is no interface " + name);
  return error == 0 ? absl::OkStatus() : Errno(error, "removing interface " + name);
}

absl::Status SetLinkUp(uint32_t ifindex, bool up) {
  return ChangeLink(ifindex, up ? "setting up" : "setting down", [up](Request&, ifinfomsg* info) {
    info->ifi_change = IFF_UP;
    info->ifi_flags = up ? IFF_UP : 0;
  });
}

absl::Status SetLinkMtu(uint32_t ifindex, uint32_t mtu) {
  return ChangeLink(ifindex, "setting the MTU " + std::to_string(mtu),
                    [mtu](Request& request, ifinfomsg*) { mnl_attr_put_u32(request.get(), IFLA_MTU, mtu); });
}

absl::Status SetLinkMac(uint32_t ifindex, const std::array<uint8_t, 6>& mac) {
  return ChangeLink(ifindex, "setting the MAC address",
                    [&mac](Request& request, ifinfomsg*) { PutAddress(request.get(), mac); });
}

absl::Status SetLinkNoArp(uint32_t ifindex) {
  return ChangeLink(ifindex, "turning neighbour resolution off", [](Request&, ifinfomsg* info) {
    info->ifi_flags = IFF_NOARP;
    info->ifi_change = IFF_NOARP;
  });
}

absl::StatusOr<std::vector<Ipv4>> Ipv4Addresses(uint32_t ifindex) {
  std::vector<Ipv4> addresses;
  auto status = EachAddress(ifindex, AF_INET, [&](const ifaddrmsg&, const void* address) {
    uint32_t be;
    std::memcpy(&be, address, sizeof(be));
    addresses.push_back(Ipv4::FromBe(be));
  });
  if (!status.ok()) return status;
  return addresses;
}

absl::StatusOr<std::vector<InterfaceAddress6>> Ipv6Addresses(uint32_t ifindex) {
  std::vector<InterfaceAddress6> addresses;
  auto status = EachAddress(ifindex, AF_INET6, [&](const ifaddrmsg& info, const void* address) {
    InterfaceAddress6 found{{}, info.ifa_prefixlen};
    std::memcpy(found.address.bytes.data(), address, found.address.bytes.size());
    addresses.push_back(found);
  });
  if (!status.ok()) return status;
  return addresses;
}

absl::Status AddAddress(uint32_t ifindex, const Ipv6& address, int length) {
  return ChangeAddress(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, ifindex, AF_INET6, address.bytes.data(),
                       address.bytes.size(), length);
}

absl::Status DeleteAddress(uint32_t ifindex, const Ipv6& address, int length) {
  auto status =
      ChangeAddress(RTM_DELADDR, 0, ifindex, AF_INET6, address.bytes.data(), address.bytes.size(), length);
  // EADDRNOTAVAIL, which absl calls "already exists".
  if (absl::IsAlreadyExists(status)) return absl::NotFoundError("there is no address " + address.ToString());
  return status;
}

absl::Status AddHostAddress(uint32_t ifindex, const Ipv4& address) {
  const uint32_t be = address.ToBe();
  return ChangeAddress(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, ifindex, AF_INET, &be, sizeof(be), 32,
                       RT_SCOPE_HOST);
}

absl::StatusOr<std::string> Driver(const std::string& name) {
  ethtool_drvinfo info{};
  info.cmd = ETHTOOL_GDRVINFO;
  if (auto status = Ethtool(name, &info, "asking for the driver"); !status.ok()) return status;
  return std::string(info.driver, strnlen(info.driver, sizeof(info.driver)));
}

absl::Status SetTxChecksum(const std::string& name, bool on) {
  return SetEthtool(name, ETHTOOL_STXCSUM, on, "setting the transmit checksum offload");
}

absl::Status SetGro(const std::string& name, bool on) {
  return SetEthtool(name, ETHTOOL_SGRO, on, "setting generic receive offload");
}

std::optional<XdpFeatures> GetXdpFeatures(uint32_t ifindex) {
  const std::optional<uint16_t> family = NetdevFamily();
  if (!family) return std::nullopt;
  Request request(*family, NLM_F_ACK);
  PutGenl(request, kNetdevDevGet);
  mnl_attr_put_u32(request.get(), kNetdevIfindex, ifindex);
  std::optional<XdpFeatures> features;
  const int error = request.Send(NETLINK_GENERIC, [&](const nlmsghdr* message) {
    EachAttribute(message, sizeof(genlmsghdr), [&](const nlattr* attribute) {
      if (mnl_attr_get_type(attribute) != kNetdevXdpFeatures) return;
      const uint64_t bits = mnl_attr_get_u64(attribute);
      features = {(bits & (kXdpBasic | kXdpRedirect)) == (kXdpBasic | kXdpRedirect),
                  (bits & kXdpNdoXmit) != 0};
    });
  });
  return error == 0 ? features : std::nullopt;
}

XdpFacts GetXdpFacts(const Link& link) {
  return {GetXdpFeatures(link.ifindex), link.kind.empty() && StripsTags(link.name) && HasVlans(link.ifindex)};
}

absl::StatusOr<bool> HasTcFilters(uint32_t ifindex) {
  auto ingress = HasFiltersAt(ifindex, TC_H_MIN_INGRESS);
  if (!ingress.ok() || *ingress) return ingress;
  return HasFiltersAt(ifindex, TC_H_MIN_EGRESS);
}

absl::Status WriteSysctl(const std::string& path, const std::string& value) {
  const int fd = open(("/proc/sys/" + path).c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return Errno(errno, "opening /proc/sys/" + path);
  const int error = write(fd, value.data(), value.size()) < 0 ? errno : 0;
  close(fd);
  return error == 0 ? absl::OkStatus() : Errno(error, "writing " + value + " to /proc/sys/" + path);
}

absl::StatusOr<std::string> ReadSysctl(const std::string& path) {
  const int fd = open(("/proc/sys/" + path).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Errno(errno, "opening /proc/sys/" + path);
  char buffer[4096];
  const ssize_t size = read(fd, buffer, sizeof(buffer));
  const int error = errno;
  close(fd);
  if (size < 0) return Errno(error, "reading /proc/sys/" + path);
  std::string value(buffer, static_cast<size_t>(size));
  while (!value.empty() && (value.back() == '\n' || value.back() == ' ')) value.pop_back();
  return value;
}

}  // namespace ov6::netlink
