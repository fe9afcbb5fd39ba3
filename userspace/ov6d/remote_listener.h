// SPDX-License-Identifier: Apache-2.0
// Where slaves from elsewhere connect: one TCP address, plain or TLS. A connection costs little until it has
// sent a byte. Those that have not are one crowd, those that have but are no slaves yet another: who comes to
// one that is full takes the place of somebody who waits there for longer.
#ifndef OV6_USERSPACE_OV6D_REMOTE_LISTENER_H
#define OV6_USERSPACE_OV6D_REMOTE_LISTENER_H

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "userspace/base/tls.h"
#include "userspace/base/token_bucket.h"
#include "userspace/ov6d/config.h"
#include "userspace/ov6d/crowd.h"

namespace ov6 {

struct ListenerCounters {
  uint64_t accepted = 0;
  uint64_t refused_source = 0;  // too many of one address
  uint64_t refused_full = 0;    // too many in all
  uint64_t silent = 0;          // sent nothing in time
  uint64_t waited = 0;          // times that a TLS handshake had to wait for others
  uint64_t no_descriptor = 0;   // times that the kernel had none, and accepting paused
};

class RemoteListener {
 public:
  static constexpr size_t kMostSilent = 256;    // that have sent nothing yet
  static constexpr size_t kMostUpgrading = 64;  // that have, and are no slaves yet
  static constexpr size_t kMostOfOne = 16;      // in each of the two, of one address
  static constexpr auto kSilence = std::chrono::seconds(10);
  // TLS handshakes begun in a second, and at once: each takes a signature, up to a millisecond of RSA. Who
  // comes too soon waits among the silent ones. Addresses with few connections there don't wait for those
  // with many.
  static constexpr double kHandshakes = 200, kHandshakesAtOnce = 64;
  static constexpr size_t kFew = 2;
  static constexpr auto kHandshakeWait = std::chrono::milliseconds(50);
  static constexpr auto kPause = std::chrono::milliseconds(100);  // when there is no descriptor

  // Among those that are no slaves yet.
  using Place = std::shared_ptr<Crowd::Place>;
  using Handler = std::function<void(std::unique_ptr<Stream>, Endpoint from, Place)>;

  // Binds and listens; files are read. Connections wait until Start.
  static absl::StatusOr<std::unique_ptr<RemoteListener>> Listen(boost::asio::io_context& io,
                                                                const ListenConfig& config);
  void Start(Handler handler);

  const ListenConfig& config() const { return config_; }
  Endpoint address() const;  // as bound
  ListenerCounters counters() const;

 private:
  struct Silent;

  RemoteListener(boost::asio::io_context& io, const ListenConfig& config, UniqueFd fd,
                 std::optional<TlsContext> tls);
  void Accept();
  bool TakeAll();  // false: the kernel has no descriptor or no memory for more
  void Take(UniqueFd fd, const Endpoint& from);
  void Begin(const std::shared_ptr<Silent>& silent);
  void BeginLater(const std::shared_ptr<Silent>& silent);

  boost::asio::io_context& io_;
  ListenConfig config_;
  std::optional<TlsContext> tls_;
  boost::asio::posix::stream_descriptor acceptor_;
  boost::asio::steady_timer pause_;
  Handler handler_;
  TokenBucket of_few_{kHandshakes, kHandshakesAtOnce}, of_many_{kHandshakes, kHandshakesAtOnce};
  Crowd silent_{kMostSilent, kMostOfOne}, upgrading_{kMostUpgrading, kMostOfOne};
  std::shared_ptr<ListenerCounters> counters_ = std::make_shared<ListenerCounters>();
};

}  // namespace ov6

#endif
