// SPDX-License-Identifier: Apache-2.0
#include "slaves/runtime/udp_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace ov6 {
namespace {

constexpr int kDatagramsPerTurn = 64;

sockaddr_in ToSockaddr(const Endpoint& endpoint) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(endpoint.port);
  address.sin_addr.s_addr = endpoint.address.ToBe();
  return address;
}

Endpoint FromSockaddr(const sockaddr_in& address) {
  return {Ipv4::FromBe(address.sin_addr.s_addr), ntohs(address.sin_port)};
}

// A datagram's other end, and in its ancillary data this one (ip(7), IP_PKTINFO).
class Envelope {
 public:
  Envelope(const sockaddr_in& other, const void* bytes, size_t size) : other_(other) {
    part_ = {const_cast<void*>(bytes), size};
    message_.msg_name = &other_;
    message_.msg_namelen = sizeof(other_);
    message_.msg_iov = &part_;
    message_.msg_iovlen = 1;
  }
  Envelope(const Envelope&) = delete;

  void SetSource(Ipv4 source) {
    in_pktinfo info{};
    info.ipi_spec_dst.s_addr = source.ToBe();
    ExpectInfo();
    cmsghdr* header = CMSG_FIRSTHDR(&message_);
    header->cmsg_level = IPPROTO_IP;
    header->cmsg_type = IP_PKTINFO;
    header->cmsg_len = CMSG_LEN(sizeof(info));
    std::memcpy(CMSG_DATA(header), &info, sizeof(info));
  }
  void ExpectInfo() {
    message_.msg_control = control_.data();
    message_.msg_controllen = control_.size();
  }
  Ipv4 Local() {
    for (cmsghdr* header = CMSG_FIRSTHDR(&message_); header != nullptr;
         header = CMSG_NXTHDR(&message_, header)) {
      if (header->cmsg_level != IPPROTO_IP || header->cmsg_type != IP_PKTINFO) continue;
      in_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(header), sizeof(info));
      return Ipv4::FromBe(info.ipi_spec_dst.s_addr);
    }
    return {};
  }
  Endpoint Other() const { return FromSockaddr(other_); }
  msghdr* message() { return &message_; }

 private:
  sockaddr_in other_;
  iovec part_{};
  msghdr message_{};
  alignas(cmsghdr) std::array<uint8_t, CMSG_SPACE(sizeof(in_pktinfo))> control_{};
};

}  // namespace

absl::StatusOr<std::unique_ptr<UdpSocket>> UdpSocket::Bind(Loop& loop, const Endpoint& listen) {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in address = ToSockaddr(listen);
  const int on = 1;
  if (fd < 0 || ::setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) != 0 ||
      ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    const int error = errno;
    if (fd >= 0) ::close(fd);
    return absl::UnavailableError("listening on UDP " + listen.ToString() +
                                  " failed: " + std::generic_category().message(error));
  }
  socklen_t size = sizeof(address);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return std::unique_ptr<UdpSocket>(new UdpSocket(loop, fd, FromSockaddr(address)));
}

UdpSocket::UdpSocket(Loop& loop, int fd, const Endpoint& local)
    : fd_(fd), local_(local), descriptor_(std::make_unique<Descriptor>(loop, fd)) {}

UdpSocket::~UdpSocket() {
  descriptor_.reset();
  ::close(fd_);
}

void UdpSocket::Receive(Handler handler) {
  const bool first = !handler_;
  handler_ = std::move(handler);
  if (first) Wait();
}

void UdpSocket::Wait() {
  descriptor_->WhenReadable([this] {
    Drain();
    Wait();
  });
}

void UdpSocket::Drain() {
  std::array<uint8_t, 65536> buffer;
  for (int i = 0; i < kDatagramsPerTurn; ++i) {
    Envelope envelope({}, buffer.data(), buffer.size());
    envelope.ExpectInfo();
    const ssize_t size = ::recvmsg(fd_, envelope.message(), 0);
    if (size < 0 && errno == EAGAIN) return;
    if (size < 0) continue;  // an ICMP error of an earlier datagram
    ++counters_.received;
    asked_at_ = envelope.Local();
    handler_(envelope.Other(), std::span(buffer).first(static_cast<size_t>(size)));
  }
}

bool UdpSocket::Send(const Endpoint& to, std::span<const uint8_t> bytes, std::optional<Ipv4> source) {
  Envelope envelope(ToSockaddr(to), bytes.data(), bytes.size());
  if (source) envelope.SetSource(*source);
  const ssize_t size = ::sendmsg(fd_, envelope.message(), MSG_NOSIGNAL);
  ++(size < 0 ? counters_.send_failed : counters_.sent);
  return size >= 0;
}

}  // namespace ov6
