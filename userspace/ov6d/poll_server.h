// SPDX-License-Identifier: Apache-2.0
// The slave sessions by long polls (docs/slave-protocol.md section 9): which requests belong to which, on
// whatever connections they come. Who a request is from is asked of each: a session's number is of no use to
// who lacks its token. One thread.
#ifndef OV6_USERSPACE_OV6D_POLL_SERVER_H
#define OV6_USERSPACE_OV6D_POLL_SERVER_H

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>

#include "userspace/ov6d/crowd.h"
#include "userspace/ov6d/poll_channel.h"
#include "userspace/ov6d/poll_connection.h"

namespace ov6 {

class PollServer {
 public:
  struct Handlers {
    // A slave opens a session: it is refused, or lives on the stream until that is closed.
    std::function<std::optional<Refusal>(const UpgradeRequest&, std::unique_ptr<Stream>,
                                         const Endpoint& from)>
        open;
    // Told of requests to no session of theirs; gives the refusal back.
    std::function<Refusal(const Endpoint& from, Refusal)> refused;
  };
  // A request for something to read is answered with nothing after so long: before what is on the way grows
  // tired of it.
  static constexpr auto kBeat = std::chrono::seconds(10);
  // Connections between two requests. One too many is closed, and opened again by whoever needs it.
  static constexpr size_t kMostIdle = 256, kMostIdleOfOne = 64;

  PollServer(boost::asio::io_context& io, Handlers handlers);
  ~PollServer();

  // A connection whose first request is a poll's; `read` has been read of it. `place` is held until the
  // request is known to be a slave's.
  void Accept(std::unique_ptr<Stream> stream, const Endpoint& from, std::shared_ptr<Crowd::Place> place,
              std::string read);

  size_t sessions() const { return sessions_.size(); }
  size_t connections() const { return connections_.size(); }

 private:
  struct Session;

  std::optional<Refusal> OnHead(PollConnection& connection, PollRequest& request);
  std::optional<Refusal> Open(PollConnection& connection, PollRequest& request);
  void OnWhole(PollConnection& connection, const PollRequest& request, std::span<const uint8_t> body);
  void OnDown(Session& session, PollConnection& connection, const PollRequest& request);
  void OnUp(Session& session, PollConnection& connection, const PollRequest& request,
            std::span<const uint8_t> body);
  void OnIdle(PollConnection& connection);
  void OnClosed(PollConnection& connection);
  void OnSessionClosed(const std::string& id);
  Session* Find(const PollConnection& connection, const PollRequest& request);

  boost::asio::io_context& io_;
  const Handlers handlers_;
  std::map<std::string, std::unique_ptr<Session>> sessions_;  // by their number
  std::set<std::shared_ptr<PollConnection>> connections_;
  Crowd idle_{kMostIdle, kMostIdleOfOne};
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace ov6

#endif
