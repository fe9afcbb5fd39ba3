// SPDX-License-Identifier: Apache-2.0
#include "slaves/runtime/connector.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace ov6 {
namespace {

std::string ErrorText(int error) { return std::generic_category().message(error); }

// A peer that does not acknowledge for so long is gone.
void SetOptions(int fd) {
  constexpr int kOn = 1, kUserTimeoutMs = 15'000;
  SendPromptly(fd);
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &kOn, sizeof(kOn));
  ::setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &kUserTimeoutMs, sizeof(kUserTimeoutMs));
}

}  // namespace

Connector::Connector(Loop& loop, std::optional<TlsContext> tls, Duration step_timeout)
    : loop_(loop), tls_(std::move(tls)), step_timeout_(step_timeout), timer_(loop) {}

Connector::~Connector() { Cancel(); }

void Connector::Cancel() {
  timer_.Cancel();
  lookup_.reset();
  descriptor_.reset();
  stream_.reset();
  fd_ = UniqueFd();
  done_ = nullptr;
}

void Connector::Connect(MasterUrl master, std::optional<ProxyUrl> proxy, Done done) {
  Cancel();
  master_ = std::move(master);
  proxy_ = std::move(proxy);
  done_ = std::move(done);
  Step("the resolver did not answer when asked for " + FirstHost());
  lookup_.emplace(loop_, FirstHost(), [this](absl::StatusOr<std::vector<Ipv4>> addresses) {
    if (!addresses.ok()) return Finish(addresses.status());
    addresses_ = *std::move(addresses);
    next_address_ = 0;
    TryNextAddress();
  });
}

void Connector::Step(std::string what) {
  timer_.After(step_timeout_, [this, what = std::move(what)] { Fail(what + " in time"); });
}

void Connector::TryNextAddress() {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(FirstPort());
  to.sin_addr.s_addr = addresses_[next_address_++].ToBe();
  descriptor_.reset();
  fd_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd_.ok()) return Fail("no socket can be had: " + ErrorText(errno));
  SetOptions(fd_.get());
  if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0 && errno != EINPROGRESS)
    return OnConnected(errno);
  descriptor_ = std::make_unique<Descriptor>(loop_, fd_.get());
  timer_.After(step_timeout_, [this] { OnConnected(ETIMEDOUT); });
  descriptor_->WhenWritable([this] {
    int error = 0;
    socklen_t size = sizeof(error);
    ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    OnConnected(error);
  });
}

void Connector::OnConnected(int error) {
  if (error == 0) return proxy_ ? AskProxy() : StartTls();
  if (next_address_ < addresses_.size()) return TryNextAddress();
  const std::string who = proxy_ ? "the proxy " + proxy_->Authority() : master_.Authority();
  Fail("connecting to " + who + " (" + addresses_.back().ToString() + ") failed: " + ErrorText(error));
}

void Connector::AskProxy() {
  Step("the proxy " + proxy_->Authority() + " did not answer CONNECT");
  const std::string head = FormatConnect(master_, *proxy_);
  // A new socket has room for it.
  if (::send(fd_.get(), head.data(), head.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(head.size()))
    return Fail("asking the proxy " + proxy_->Authority() + " failed: " + ErrorText(errno));
  answer_.clear();
  descriptor_->WhenReadable([this] { ReadProxy(); });
}

void Connector::ReadProxy() {
  std::array<char, 4096> buffer;
  const ssize_t size = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
  if (size == 0) return Fail("the proxy " + proxy_->Authority() + " hung up instead of answering CONNECT");
  if (size < 0 && errno != EAGAIN)
    return Fail("the proxy " + proxy_->Authority() + " broke the connection: " + ErrorText(errno));
  if (size > 0) answer_.append(buffer.data(), static_cast<size_t>(size));
  const auto answer = ParseConnectAnswer(answer_, master_, *proxy_);
  if (!answer) return descriptor_->WhenReadable([this] { ReadProxy(); });
  if (!answer->ok()) return Finish(*answer);
  StartTls();
}

void Connector::StartTls() {
  if (!master_.tls) return Finish(PlainStream(std::move(fd_)));
  if (!tls_) return Fail("TLS has not been set up");
  Step(master_.Authority() + " did not finish the TLS handshake");
  stream_ = tls_->Connect(std::move(fd_), master_.host);
  Shake();
}

void Connector::Shake() {
  switch (stream_->Handshake().state) {
    case IoState::kDone:
      return Finish(std::move(stream_));
    case IoState::kWantRead:
      return descriptor_->WhenReadable([this] { Shake(); });
    case IoState::kWantWrite:
      return descriptor_->WhenWritable([this] { Shake(); });
    case IoState::kEnd:
      return Fail(master_.Authority() + " hung up during the TLS handshake");
    case IoState::kFailed:
      return Fail("TLS with " + master_.Authority() + " failed: " + stream_->error());
  }
}

void Connector::Finish(absl::StatusOr<std::unique_ptr<Stream>> result) {
  const Done done = std::exchange(done_, nullptr);
  Cancel();
  done(std::move(result));
}

}  // namespace ov6
