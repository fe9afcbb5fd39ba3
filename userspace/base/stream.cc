// SPDX-License-Identifier: Apache-2.0
#include "userspace/base/stream.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace ov6 {
namespace {

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

void SendPromptly(int fd) {
  constexpr int kOn = 1, kUnsent = 128 << 10;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &kOn, sizeof(kOn));
  ::setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &kUnsent, sizeof(kUnsent));
}

std::unique_ptr<Stream> PlainStream(UniqueFd fd) {
  ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
  return std::make_unique<Plain>(std::move(fd));
}

}  // namespace ov6
