// SPDX-License-Identifier: Apache-2.0
// The slave's end of a session by long polls, as a stream (docs/slave-protocol.md section 9): one request at
// a time that fetches, one that brings. What is not answered is asked again under the same number, so that
// bytes neither vanish nor come twice; how long that may go on the session's heartbeat says.
#ifndef OV6_SLAVES_RUNTIME_POLL_STREAM_H
#define OV6_SLAVES_RUNTIME_POLL_STREAM_H

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "slaves/runtime/loop.h"
#include "slaves/runtime/poll_lane.h"
#include "userspace/base/byte_queue.h"
#include "userspace/base/stream.h"

namespace ov6 {

class PollStream : public Stream {
 public:
  static constexpr Duration kFirstPause = std::chrono::milliseconds(50);  // before it is asked again
  static constexpr Duration kLongestPause = std::chrono::seconds(1);

  // `session`: the number that the master gave. `lane`: by which it was opened.
  PollStream(Loop& loop, std::optional<TlsContext> tls, std::unique_ptr<PollLane> lane, std::string session,
             std::string token);
  ~PollStream() override { Close(); }

  int fd() const override { return -1; }
  void OnReady(std::function<void()> ready) override { ready_ = std::move(ready); }
  const char* Name() const override { return tls_ ? "poll-tls" : "poll"; }
  IoResult Handshake() override { return {}; }
  IoResult Read(std::span<uint8_t> out) override;
  IoResult Write(std::span<const uint8_t> bytes) override;
  bool Sent() const override { return !up_.busy; }
  void Close() override;
  const std::string& error() const override { return error_; }
  std::optional<Delivery> delivery() const override { return std::nullopt; }

 private:
  struct Direction {
    Direction(Loop& loop, PollRequest::Kind which) : kind(which), timer(loop) {}
    const PollRequest::Kind kind;
    std::unique_ptr<PollLane> lane;
    uint64_t number = 1;  // of the request under way, or of the next
    Bytes body = {};
    Timer timer;
    Duration pause = kFirstPause;
    bool busy = false;  // until it is answered
  };

  void Ask(Direction& direction);
  void OnAnswer(Direction& direction, absl::StatusOr<PollAnswer> answer);
  void OnTaken(Direction& direction, PollAnswer answer);
  void AskAgain(Direction& direction, const std::string& why);
  void End(IoState state, std::string why);
  void CloseLanes();

  Loop& loop_;
  const bool tls_;
  const std::string session_, token_;
  Direction down_, up_;
  ByteQueue in_;
  IoState state_ = IoState::kWantRead;  // what a read gives when nothing is left: that, the end, or an error
  std::string error_;
  std::function<void()> ready_;
};

// Opens sessions by long polls.
class PollConnector {
 public:
  PollConnector(Loop& loop, std::optional<TlsContext> tls) : loop_(loop), tls_(std::move(tls)) {}

  // `done` as a Connector's, with the refusals of an Upgrade besides.
  void Open(PollLane::Way way, const UpgradeRequest& request, Connector::Done done);
  void Cancel() { lane_.reset(); }

 private:
  absl::StatusOr<std::unique_ptr<Stream>> StreamOf(const absl::StatusOr<PollAnswer>& answer,
                                                   const std::string& token);

  Loop& loop_;
  const std::optional<TlsContext> tls_;
  std::unique_ptr<PollLane> lane_;
};

}  // namespace ov6

#endif
