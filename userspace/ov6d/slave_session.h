// SPDX-License-Identifier: Apache-2.0
// One slave's session: HTTP Upgrade, then capsules, over any stream socket
// (docs/slave-protocol.md). Knows nothing of slaves; whoever accepts it decides in
// the handlers. Lives until its stream ends or Close(); `closed` is called once.
#ifndef OV6_USERSPACE_OV6D_SLAVE_SESSION_H
#define OV6_USERSPACE_OV6D_SLAVE_SESSION_H

#include <array>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "userspace/wire/capsule_codec.h"
#include "userspace/wire/upgrade.h"

namespace ov6 {

struct SessionCounters {
  uint64_t opened = 0, refused = 0, broken = 0;
  uint64_t capsules_in = 0, capsules_out = 0, unknown_capsules = 0;
  uint64_t refresh_dropped = 0;  // the slave read too slowly
  uint64_t calls_timed_out = 0, unexpected_returns = 0;
};

class SlaveSession : public std::enable_shared_from_this<SlaveSession> {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;
  using Result = std::function<void(absl::StatusOr<std::string>)>;

  struct Handlers {
    std::function<std::optional<Refusal>(const UpgradeRequest&)> request;
    std::function<void()> opened;          // the 101 is on its way
    std::function<void(Capsule)> capsule;  // ROUTE_ADVERTISEMENT, MAPPINGS, STATUS, CALL
    std::function<void(const absl::Status&)> closed;
  };
  static constexpr size_t kMaxQueued = 1 << 20;  // bytes
  static constexpr auto kCallTimeout = std::chrono::seconds(5);
  static constexpr auto kUpgradeTimeout = std::chrono::seconds(5);

  SlaveSession(Socket socket, SessionCounters& counters);

  void Start(Handlers handlers);
  bool open() const { return state_ == State::kOpen; }
  // Past kMaxQueued a REFRESH is dropped and anything else ends the session.
  void Send(const Capsule& capsule);
  void Call(const std::string& method, const std::string& argument, Result result);
  void Close(absl::Status why);

 private:
  enum class State { kUpgrading, kOpen, kRefused, kClosed };
  struct PendingCall {
    Result result;
    std::unique_ptr<boost::asio::steady_timer> timer;
  };

  void Read();
  void OnRead(size_t size);
  void OnHead();
  void Accept();
  void Refuse(const Refusal& refusal);
  void DecodeAll();
  void Dispatch(Capsule capsule);
  void OnReturn(const ReturnCapsule& answer);
  void FinishCall(uint64_t id, absl::StatusOr<std::string> result);
  void Enqueue(std::span<const uint8_t> bytes);
  void Write();

  Socket socket_;
  SessionCounters& counters_;
  Handlers handlers_;
  boost::asio::steady_timer upgrade_timer_;
  State state_ = State::kUpgrading;
  std::string head_;
  CapsuleDecoder decoder_;
  std::array<uint8_t, 65536> buffer_;
  Bytes queued_, writing_;
  uint64_t next_call_ = 1;
  std::map<uint64_t, PendingCall> calls_;
};

}  // namespace ov6

#endif
