// SPDX-License-Identifier: Apache-2.0
#include "userspace/base/stream.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace ov6 {
namespace {

// Linux's tcp_info goes on behind glibc's; <linux/tcp.h> can't stand beside <netinet/tcp.h>.
struct LongTcpInfo {
  tcp_info info;
  uint64_t pacing_rate, max_pacing_rate;
  uint64_t bytes_acked;
};
static_assert(sizeof(tcp_info) == 104);

class Plain : public Stream {
 public:
  explicit Plain(UniqueFd fd) : fd_(std::move(fd)) {}

  int fd() const override { return fd_.get(); }
  const char* Name() const override { return "plain"; }
  IoResult Handshake() override { return {}; }
  IoResult Read(std::span<uint8_t> out) override {
    return Result(::recv(fd_.get(), out.data(), out.size(), 0), IoState::kWantRead);
  }
  IoResult Write(std::span<const uint8_t> bytes) override {
    return Result(::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), IoState::kWantWrite);
  }
  void Close() override { fd_ = UniqueFd(); }
  const std::string& error() const override { return error_; }
  std::optional<Delivery> delivery() const override { return TcpDelivery(fd_.get()); }

 private:
  IoResult Result(ssize_t size, IoState wait) {
    if (size > 0) return {IoState::kDone, static_cast<size_t>(size)};
    if (size == 0) return {IoState::kEnd};
    if (errno == EAGAIN || errno == EINTR) return {wait};
    error_ = std::generic_category().message(errno);
    return {errno == ECONNRESET || errno == EPIPE ? IoState::kEnd : IoState::kFailed};
  }

  UniqueFd fd_;
  std::string error_;
};

}  // namespace

std::optional<Delivery> TcpDelivery(int fd) {
  int outstanding = 0;
  LongTcpInfo tcp{};
  socklen_t size = sizeof(tcp);
  if (::ioctl(fd, SIOCOUTQ, &outstanding) != 0 || ::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &tcp, &size) != 0)
    return std::nullopt;
  Delivery delivery{static_cast<size_t>(outstanding), tcp.bytes_acked};
  if (tcp.info.tcpi_unacked != 0) delivery.waited = std::chrono::milliseconds(tcp.info.tcpi_last_ack_recv);
  return delivery;
}

void SendPromptly(int fd) {
  constexpr int kOn = 1, kUnsent = 128 << 10;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &kOn, sizeof(kOn));
  ::setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &kUnsent, sizeof(kUnsent));
}

void AcknowledgeAtOnce(int fd) {
  constexpr int kOn = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &kOn, sizeof(kOn));
}

std::unique_ptr<Stream> PlainStream(UniqueFd fd) {
  ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
  return std::make_unique<Plain>(std::move(fd));
}

}  // namespace ov6
