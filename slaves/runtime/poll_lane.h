// SPDX-License-Identifier: Apache-2.0
// Requests of a long poll to a master, one after the other, on a connection that is kept for as long as it
// lasts and made anew when it does not: straight, by CONNECT, or, where the master's URL is http://, as a
// forward proxy takes them (RFC 9112 section 3.2.2).
#ifndef OV6_SLAVES_RUNTIME_POLL_LANE_H
#define OV6_SLAVES_RUNTIME_POLL_LANE_H

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "slaves/runtime/connector.h"
#include "slaves/runtime/loop.h"
#include "userspace/wire/poll_answer.h"
#include "userspace/wire/poll_request.h"

namespace ov6 {

class PollLane {
 public:
  // Until an answer has come. One to a request for what comes may be late by as long as a master keeps it
  // when there is nothing to say (docs/slave-protocol.md section 9).
  static constexpr Duration kPatience = std::chrono::seconds(5), kLongPatience = std::chrono::seconds(15);
  struct Way {
    MasterUrl master;
    std::optional<ProxyUrl> proxy;
  };
  // An answer of any status; Unavailable or PermissionDenied: there was none.
  using Done = std::function<void(absl::StatusOr<PollAnswer>)>;

  PollLane(Loop& loop, std::optional<TlsContext> tls, Way way);
  ~PollLane();

  // One at a time. `done` is called from the loop; it may ask anew, or destroy this.
  void Ask(const PollRequest& request, std::span<const uint8_t> body, Done done);
  void Close();
  bool busy() const { return done_ != nullptr; }
  const Way& way() const { return way_; }

 private:
  bool Absolute() const { return way_.proxy && !way_.master.tls; }
  void Connect();
  void Begin();
  void Write();
  void WaitToRead();
  void WaitToWrite();
  void Read();
  void OnEnd();
  void Hang();
  void Fail(const std::string& why);
  void Finish(absl::StatusOr<PollAnswer> answer);

  Loop& loop_;
  const Way way_;
  Connector connector_;
  std::unique_ptr<Stream> stream_;
  std::unique_ptr<Descriptor> descriptor_;
  bool reading_ = false, writing_ = false;  // what is waited for
  bool kept_ = false;                       // the connection has served before
  bool any_ = false;                        // some of the answer has come
  Bytes out_;                               // the request, until it is answered
  size_t sent_ = 0;
  std::optional<PollAnswerReader> reader_;
  Done done_;
  Timer patience_timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace ov6

#endif
