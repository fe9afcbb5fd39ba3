// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/tunnel_socket.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <iterator>
#include <utility>

#include "userspace/wire/stun.h"

namespace ov6 {
namespace {

constexpr uint32_t kAll = 0xffffffff;
constexpr uint32_t kIpv6Nibble = 0x60;
constexpr uint32_t kNoStun = 0x40;  // and above: the first two bits of STUN are 0
constexpr uint32_t kCookieOffset = 4;

// From the UDP header on. Protocol 41 needs none: what is no IPv6 packet there is malformed, and the datapath
// says so.
constexpr sock_filter kUdpFilter[] = {
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, sizeof(udphdr)),
    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xf0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kIpv6Nibble, 3, 0),
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kNoStun, 3, 0),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, sizeof(udphdr) + kCookieOffset),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kStunCookie, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, kAll),
    BPF_STMT(BPF_RET | BPF_K, 0),
};

bool FilterUdp(int fd) {
  const sock_fprog program{static_cast<unsigned short>(std::size(kUdpFilter)),
                           const_cast<sock_filter*>(kUdpFilter)};
  return ::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0;
}

bool Switch(int fd, int option) {
  const int on = 1;
  return ::setsockopt(fd, IPPROTO_IP, option, &on, sizeof(on)) == 0;
}

bool Bind(int fd, const Endpoint& local) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = local.address.ToBe();
  address.sin_port = htons(local.port);
  return ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

// The filter before the address, so that nothing else is ever in the queue.
bool Prepare(int fd, bool udp, const std::string& interface, const Endpoint& local) {
  return (!udp || FilterUdp(fd)) &&
         ::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface.data(),
                      static_cast<socklen_t>(interface.size())) == 0 &&
         Switch(fd, IP_RECVFRAGSIZE) && (!udp || Switch(fd, IP_RECVTOS)) && Bind(fd, local);
}

absl::Status OpenError(bool udp, const std::string& interface, const Endpoint& local) {
  const int error = errno;
  if (error == EADDRINUSE) {
    return absl::AlreadyExistsError("the UDP port " + local.ToString() + " belongs to another process");
  }
  const std::string what =
      udp ? "UDP port " + local.ToString() : "IPv4 protocol 41 at " + local.address.ToString();
  return absl::ErrnoToStatus(error, "opening " + what + " on " + interface);
}

void ReadControl(msghdr* message, TunnelDatagram* out) {
  for (cmsghdr* part = CMSG_FIRSTHDR(message); part != nullptr; part = CMSG_NXTHDR(message, part)) {
    if (part->cmsg_level != IPPROTO_IP) continue;
    // Its value is the biggest fragment's size; the kernel tells it of what came in fragments only.
    if (part->cmsg_type == IP_RECVFRAGSIZE) out->reassembled = true;
    if (part->cmsg_type == IP_TOS) out->outer.tos = *CMSG_DATA(part);
  }
}

}  // namespace

absl::StatusOr<TunnelSocket> TunnelSocket::Open(Encapsulation encapsulation, const std::string& interface,
                                                const Endpoint& local) {
  const bool udp = encapsulation == Encapsulation::kUdp;
  const Endpoint end{local.address, udp ? local.port : uint16_t{0}};
  UniqueFd fd(udp ? ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)
                  : ::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_IPV6));
  if (!fd.ok() || !Prepare(fd.get(), udp, interface, end)) return OpenError(udp, interface, end);
  return TunnelSocket(std::move(fd), encapsulation, end);
}

TunnelSocket::Result TunnelSocket::Receive(std::span<uint8_t> buffer, TunnelDatagram* out) const {
  sockaddr_in from{};
  iovec data{buffer.data(), buffer.size()};
  alignas(cmsghdr) char control[128];
  msghdr message{};
  message.msg_name = &from;
  message.msg_namelen = sizeof(from);
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  const ssize_t size = ::recvmsg(fd_.get(), &message, MSG_DONTWAIT);
  // Any other error is the answer to something that was never sent: it is read and forgotten.
  if (size < 0) return errno == EAGAIN ? Result::kNothing : Result::kMalformed;
  *out = {};
  const auto received = buffer.first(static_cast<size_t>(size));
  if (encapsulation_ == Encapsulation::kUdp) {
    out->outer = {{Ipv4::FromBe(from.sin_addr.s_addr), ntohs(from.sin_port)}, local_, 0};
    out->payload = received;
  } else {
    const auto outer = ParseOuter6in4(received, &out->payload);
    if (!outer) return Result::kMalformed;
    out->outer = *outer;
  }
  ReadControl(&message, out);
  return Result::kDatagram;
}

bool TunnelSocket::Send(const Endpoint& to, std::span<const uint8_t> payload) const {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = to.address.ToBe();
  address.sin_port = htons(to.port);
  return ::sendto(fd_.get(), payload.data(), payload.size(), MSG_DONTWAIT,
                  reinterpret_cast<const sockaddr*>(&address), sizeof(address)) >= 0;
}

uint64_t TunnelSocket::Dropped() const {
  uint32_t numbers[SK_MEMINFO_VARS] = {};
  socklen_t size = sizeof(numbers);
  if (::getsockopt(fd_.get(), SOL_SOCKET, SO_MEMINFO, numbers, &size) != 0) return 0;
  return numbers[SK_MEMINFO_DROPS];
}

}  // namespace ov6
