// SPDX-License-Identifier: Apache-2.0
#include "slaves/gateway/ra_socket.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace ov6 {
namespace {

constexpr Ipv6 kAllRouters{{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}};

std::string ErrorText(int error) { return std::generic_category().message(error); }

in6_addr ToIn6(const Ipv6& address) {
  in6_addr out;
  std::memcpy(&out, address.bytes.data(), sizeof(out));
  return out;
}

Ipv6 FromIn6(const in6_addr& address) {
  Ipv6 out;
  std::memcpy(out.bytes.data(), &address, sizeof(address));
  return out;
}

std::optional<Ipv6> LinkLocalOf(const std::string& interface) {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return std::nullopt;
  std::optional<Ipv6> found;
  for (const ifaddrs* entry = list; entry != nullptr && !found; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || entry->ifa_addr->sa_family != AF_INET6 || interface != entry->ifa_name)
      continue;
    const in6_addr& address = reinterpret_cast<const sockaddr_in6*>(entry->ifa_addr)->sin6_addr;
    if (IN6_IS_ADDR_LINKLOCAL(&address)) found = FromIn6(address);
  }
  ::freeifaddrs(list);
  return found;
}

absl::Status SetOption(int fd, int option, const char* name, const void* value, socklen_t size) {
  if (::setsockopt(fd, IPPROTO_IPV6, option, value, size) == 0) return absl::OkStatus();
  return absl::InternalError("setting " + std::string(name) +
                             " on the ICMPv6 socket failed: " + ErrorText(errno));
}

absl::Status SetOption(int fd, int option, const char* name, int value) {
  return SetOption(fd, option, name, &value, sizeof(value));
}

int HopLimitOf(msghdr* message) {
  for (cmsghdr* part = CMSG_FIRSTHDR(message); part != nullptr; part = CMSG_NXTHDR(message, part)) {
    if (part->cmsg_level != IPPROTO_IPV6 || part->cmsg_type != IPV6_HOPLIMIT) continue;
    int hop_limit;
    std::memcpy(&hop_limit, CMSG_DATA(part), sizeof(hop_limit));
    return hop_limit;
  }
  return -1;
}

}  // namespace

RaSocket::RaSocket(int fd, std::string interface, unsigned ifindex)
    : fd_(fd), interface_(std::move(interface)), ifindex_(ifindex) {}

absl::Status RaSocket::Prepare() {
  absl::Status status;
  status.Update(SetOption(fd_, IPV6_MULTICAST_HOPS, "IPV6_MULTICAST_HOPS", 255));
  status.Update(SetOption(fd_, IPV6_UNICAST_HOPS, "IPV6_UNICAST_HOPS", 255));
  status.Update(SetOption(fd_, IPV6_MULTICAST_LOOP, "IPV6_MULTICAST_LOOP", 0));
  status.Update(SetOption(fd_, IPV6_RECVHOPLIMIT, "IPV6_RECVHOPLIMIT", 1));
  if (!status.ok()) return status;
  // A predecessor that shared this socket may have joined already.
  const ipv6_mreq group{ToIn6(kAllRouters), ifindex_};
  if (::setsockopt(fd_, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &group, sizeof(group)) == 0 ||
      errno == EADDRINUSE) {
    return absl::OkStatus();
  }
  return absl::InternalError("joining ff02::2 on " + interface_ + " failed: " + ErrorText(errno));
}

absl::StatusOr<Mac> RaSocket::InterfaceMac() const {
  ifreq request{};
  interface_.copy(request.ifr_name, IFNAMSIZ - 1);
  if (::ioctl(fd_, SIOCGIFHWADDR, &request) != 0) {
    return absl::UnavailableError("asking for the MAC address of " + interface_ +
                                  " failed: " + ErrorText(errno));
  }
  Mac mac;
  std::memcpy(mac.data(), request.ifr_hwaddr.sa_data, mac.size());
  return mac;
}

std::optional<ReceivedMessage> RaSocket::Receive() {
  ReceivedMessage received;
  received.bytes.resize(2048);
  sockaddr_in6 from{};
  iovec data{received.bytes.data(), received.bytes.size()};
  alignas(cmsghdr) char control[256];
  msghdr message{};
  message.msg_name = &from;
  message.msg_namelen = sizeof(from);
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  const ssize_t size = ::recvmsg(fd_, &message, MSG_DONTWAIT);
  if (size < 0) return std::nullopt;
  received.bytes.resize(static_cast<size_t>(size));
  received.source = FromIn6(from.sin6_addr);
  received.hop_limit = HopLimitOf(&message);
  return received;
}

absl::Status RaSocket::Send(const Ipv6& to, std::span<const uint8_t> bytes) {
  const auto source = LinkLocalOf(interface_);
  if (!source) return absl::FailedPreconditionError(interface_ + " has no link-local address yet");
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = ToIn6(to);
  address.sin6_scope_id = ifindex_;
  iovec data{const_cast<uint8_t*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(in6_pktinfo))] = {};
  msghdr message{};
  message.msg_name = &address;
  message.msg_namelen = sizeof(address);
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  cmsghdr* part = CMSG_FIRSTHDR(&message);
  part->cmsg_level = IPPROTO_IPV6;
  part->cmsg_type = IPV6_PKTINFO;
  part->cmsg_len = CMSG_LEN(sizeof(in6_pktinfo));
  const in6_pktinfo info{ToIn6(*source), ifindex_};
  std::memcpy(CMSG_DATA(part), &info, sizeof(info));
  if (::sendmsg(fd_, &message, MSG_DONTWAIT) >= 0) return absl::OkStatus();
  if (errno == EINVAL) {
    return absl::FailedPreconditionError(source->ToString() + " on " + interface_ +
                                         " is still checked for duplicates (RFC 4862)");
  }
  return absl::UnavailableError("sending from " + source->ToString() + " on " + interface_ +
                                " failed: " + ErrorText(errno));
}

}  // namespace ov6
