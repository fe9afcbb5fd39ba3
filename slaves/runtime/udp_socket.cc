// SPDX-License-Identifier: Apache-2.0
#include "slaves/runtime/udp_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
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

}  // namespace

absl::StatusOr<std::unique_ptr<UdpSocket>> UdpSocket::Bind(Loop& loop, const Endpoint& listen) {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in address = ToSockaddr(listen);
  if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
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
    sockaddr_in from{};
    socklen_t from_size = sizeof(from);
    const ssize_t size =
        ::recvfrom(fd_, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &from_size);
    if (size < 0 && errno == EAGAIN) return;
    if (size < 0) continue;  // an ICMP error of an earlier datagram
    ++counters_.received;
    handler_(FromSockaddr(from), std::span(buffer).first(static_cast<size_t>(size)));
  }
}

void UdpSocket::Send(const Endpoint& to, std::span<const uint8_t> bytes) {
  const sockaddr_in address = ToSockaddr(to);
  const ssize_t size = ::sendto(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL,
                                reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  ++(size < 0 ? counters_.send_failed : counters_.sent);
}

}  // namespace ov6
