// SPDX-License-Identifier: Apache-2.0
// Where slaves from elsewhere connect: one TCP address, plain or TLS. A connection costs little until it has
// sent a byte, and of those that have not, and of those that have but are no slaves yet, there are only so
// many, in all and of one address: what is beyond that is closed at once.
#ifndef OV6_USERSPACE_OV6D_REMOTE_LISTENER_H
#define OV6_USERSPACE_OV6D_REMOTE_LISTENER_H

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "userspace/base/tls.h"
#include "userspace/ov6d/config.h"

namespace ov6 {

struct ListenerCounters {
  uint64_t accepted = 0;
  uint64_t refused_source = 0;  // too many of one address
  uint64_t refused_full = 0;    // too many in all
  uint64_t silent = 0;          // sent nothing in time
};

class RemoteListener {
 public:
  static constexpr int kMostSilent = 256;    // that have sent nothing yet
  static constexpr int kMostUpgrading = 64;  // that have, and are no slaves yet
  static constexpr int kMostOfOne = 16;      // both together, of one address
  static constexpr auto kSilence = std::chrono::seconds(10);

  // What counts a connection among those that are no slaves yet, as long as somebody holds it.
  using Place = std::shared_ptr<void>;
  using Handler = std::function<void(std::unique_ptr<Stream>, Endpoint from, Place)>;

  // Binds and listens; files are read. Connections wait until Start.
  static absl::StatusOr<std::unique_ptr<RemoteListener>> Listen(boost::asio::io_context& io,
                                                                const ListenConfig& config);
  void Start(Handler handler);

  const ListenConfig& config() const { return config_; }
  Endpoint address() const;  // as bound
  const ListenerCounters& counters() const { return *counters_; }

 private:
  struct Counts {
    int silent = 0, upgrading = 0;
    std::map<Ipv4, int> of_one;
  };
  struct Silent;

  RemoteListener(boost::asio::io_context& io, const ListenConfig& config, UniqueFd fd,
                 std::optional<TlsContext> tls);
  void Accept();
  void Take(UniqueFd fd, const Endpoint& from);
  void Begin(const std::shared_ptr<Silent>& silent);
  static Place Count(const std::shared_ptr<Counts>& counts, int Counts::*kind);

  boost::asio::io_context& io_;
  ListenConfig config_;
  std::optional<TlsContext> tls_;
  boost::asio::posix::stream_descriptor acceptor_;
  Handler handler_;
  std::shared_ptr<Counts> counts_ = std::make_shared<Counts>();
  std::shared_ptr<ListenerCounters> counters_ = std::make_shared<ListenerCounters>();
};

}  // namespace ov6

#endif
