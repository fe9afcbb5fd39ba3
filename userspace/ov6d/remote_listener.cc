// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/remote_listener.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "userspace/base/stream.h"

namespace ov6 {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

sockaddr_in ToSockaddr(const Endpoint& endpoint) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(endpoint.port);
  address.sin_addr.s_addr = htonl(endpoint.address.value);
  return address;
}

Endpoint FromSockaddr(const sockaddr_in& address) {
  return {Ipv4{ntohl(address.sin_addr.s_addr)}, ntohs(address.sin_port)};
}

absl::Status Failed(const ListenConfig& config) {
  return absl::ErrnoToStatus(errno, "[[listen]] address \"" + config.address.ToString() + "\"");
}

absl::StatusOr<UniqueFd> Bind(const ListenConfig& config) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int one = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
  const sockaddr_in address = ToSockaddr(config.address);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      ::listen(fd.get(), SOMAXCONN) != 0)
    return Failed(config);
  return fd;
}

}  // namespace

// One that has been accepted and has not sent a byte.
struct RemoteListener::Silent {
  Silent(asio::io_context& io, UniqueFd connection, const Endpoint& peer)
      : fd(std::move(connection)), from(peer), descriptor(io, fd.get()), timer(io) {}
  ~Silent() {
    if (descriptor.is_open()) descriptor.release();
  }
  // Its wait ends with it.
  void Close() {
    if (descriptor.is_open()) descriptor.release();
    fd = UniqueFd();
    place.reset();
  }

  UniqueFd fd;
  Endpoint from;
  asio::posix::stream_descriptor descriptor;
  asio::steady_timer timer;
  Place place;
};

absl::StatusOr<std::unique_ptr<RemoteListener>> RemoteListener::Listen(asio::io_context& io,
                                                                       const ListenConfig& config) {
  std::optional<TlsContext> tls;
  if (!config.certificate.empty()) {
    auto context = TlsContext::Server({config.certificate, config.key, config.client_authorities});
    if (!context.ok()) return context.status();
    tls.emplace(*std::move(context));
  }
  auto fd = Bind(config);
  if (!fd.ok()) return fd.status();
  return std::unique_ptr<RemoteListener>(new RemoteListener(io, config, *std::move(fd), std::move(tls)));
}

RemoteListener::RemoteListener(asio::io_context& io, const ListenConfig& config, UniqueFd fd,
                               std::optional<TlsContext> tls)
    : io_(io), config_(config), tls_(std::move(tls)), acceptor_(io, fd.Release()), pause_(io) {}

Endpoint RemoteListener::address() const {
  sockaddr_in address{};
  socklen_t size = sizeof(address);
  auto& acceptor = const_cast<asio::posix::stream_descriptor&>(acceptor_);
  ::getsockname(acceptor.native_handle(), reinterpret_cast<sockaddr*>(&address), &size);
  return FromSockaddr(address);
}

void RemoteListener::Start(Handler handler) {
  handler_ = std::move(handler);
  Accept();
}

ListenerCounters RemoteListener::counters() const {
  ListenerCounters counters = *counters_;
  counters.refused_source = silent_.full_of_one() + upgrading_.full_of_one();
  counters.refused_full = silent_.full() + upgrading_.full();
  return counters;
}

void RemoteListener::Accept() {
  acceptor_.async_wait(asio::posix::descriptor_base::wait_read, [this](error_code error) {
    if (error) return;
    if (TakeAll()) return Accept();
    ++counters_->no_descriptor;
    pause_.expires_after(kPause);
    pause_.async_wait([this](error_code cancelled) {
      if (!cancelled) Accept();
    });
  });
}

bool RemoteListener::TakeAll() {
  for (size_t i = 0; i < kMostUpgrading; ++i) {
    sockaddr_in peer{};
    socklen_t size = sizeof(peer);
    UniqueFd fd(::accept4(acceptor_.native_handle(), reinterpret_cast<sockaddr*>(&peer), &size,
                          SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd.ok()) return errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM;
    Take(std::move(fd), FromSockaddr(peer));
  }
  return true;
}

void RemoteListener::Take(UniqueFd fd, const Endpoint& from) {
  ++counters_->accepted;
  SendPromptly(fd.get());
  const auto silent = std::make_shared<Silent>(io_, std::move(fd), from);
  silent->place = silent_.Enter(from.address);
  silent->place->make_way = [weak = std::weak_ptr(silent)] {
    if (const auto self = weak.lock()) self->Close();
  };
  silent->timer.expires_after(kSilence);
  silent->timer.async_wait([weak = std::weak_ptr(silent), counters = counters_](error_code error) {
    const auto self = weak.lock();
    if (error || !self) return;
    ++counters->silent;
    self->Close();
  });
  silent->descriptor.async_wait(asio::posix::descriptor_base::wait_read, [this, silent](error_code error) {
    if (!error && silent->fd.ok()) Begin(silent);
  });
}

void RemoteListener::BeginLater(const std::shared_ptr<Silent>& silent) {
  ++counters_->waited;
  silent->timer.expires_after(kHandshakeWait);
  silent->timer.async_wait([this, silent](error_code error) {
    if (!error && silent->fd.ok()) Begin(silent);
  });
}

void RemoteListener::Begin(const std::shared_ptr<Silent>& silent) {
  TokenBucket& handshakes = silent_.CountOf(silent->from.address) <= kFew ? of_few_ : of_many_;
  if (tls_ && !handshakes.Take(BootClock::now())) return BeginLater(silent);
  silent->timer.cancel();
  silent->descriptor.release();
  silent->place.reset();
  auto stream = tls_ ? tls_->Accept(std::move(silent->fd)) : PlainStream(std::move(silent->fd));
  handler_(std::move(stream), silent->from, upgrading_.Enter(silent->from.address));
}

}  // namespace ov6
