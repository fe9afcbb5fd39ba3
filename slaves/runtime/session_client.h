// SPDX-License-Identifier: Apache-2.0
// A slave's end of its session with the master over an inherited stream socket: the
// HTTP/1.1 Upgrade (nothing is sent before the 101 has been read), then capsules both
// ways. What waits to be sent is bounded: a master that does not read makes calls and
// mappings fail and status reports vanish, both counted.
#ifndef OV6_SLAVES_RUNTIME_SESSION_CLIENT_H
#define OV6_SLAVES_RUNTIME_SESSION_CLIENT_H

#include <map>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "slaves/runtime/loop.h"
#include "slaves/runtime/session.h"
#include "userspace/wire/capsule_codec.h"
#include "userspace/wire/upgrade.h"

namespace ov6 {

struct SessionOptions {
  Duration call_timeout = std::chrono::seconds(10);
  Duration upgrade_timeout = std::chrono::seconds(10);
  size_t max_queued = 4 << 20;  // bytes waiting to be sent
};

struct SessionCounters {
  uint64_t capsules_in = 0, capsules_out = 0;
  uint64_t send_queue_full = 0;  // not sent: the master does not read
  uint64_t calls_timed_out = 0;
  uint64_t unexpected_returns = 0;  // a RETURN or MAPPINGS_ACK nobody waits for (any more)
  uint64_t unknown_capsules = 0;
};

// What a slave does when something comes; functions that stay empty are not called.
struct SessionHandlers {
  using Respond = std::function<void(absl::StatusOr<std::string>)>;
  std::function<void()> opened;  // the 101 has been read
  std::function<void(const PortCapsule&)> port;
  std::function<void(const RefreshCapsule&)> refresh;
  std::function<void(const CallCapsule&, Respond)> call;  // respond once, now or later
  std::function<void(absl::Status)> closed;               // last; OK: the master closed the stream
};

class SessionClient : public Session {
 public:
  // Owns `fd`.
  SessionClient(Loop& loop, int fd, SessionHandlers handlers, SessionOptions options = {});
  ~SessionClient() override;

  void Open(const UpgradeRequest& request);

  void Call(const std::string& method, const std::string& argument, Result result) override;
  void SendMappings(std::vector<MappingChange> changes, Acknowledged acknowledged) override;
  void Advertise(const std::vector<Prefix>& prefixes) override;
  void SendStatus(std::string json);
  // Calls `done` when all that was queued has been handed to the kernel.
  void Flush(Callback done);

  bool open() const { return state_ == State::kOpen; }
  const SessionCounters& counters() const { return counters_; }

 private:
  enum class State { kNew, kUpgrading, kOpen, kClosed };
  struct PendingCall {
    BootTime deadline;
    Result result;
  };
  // One SendMappings, which may take several capsules.
  struct PendingMappings {
    Acknowledged acknowledged;
    Refusals refused;
    size_t outstanding = 0;  // capsules
  };
  struct MappingsPart {
    std::shared_ptr<PendingMappings> whole;
    size_t first_index = 0;
  };

  void Read();
  void Ingest(std::span<const uint8_t> bytes);
  void IngestHead(std::span<const uint8_t> bytes);
  void DecodeAll();
  void Dispatch(const Capsule& capsule);
  void OnCall(const CallCapsule& call);
  void OnReturn(const ReturnCapsule& answer);
  void OnAck(const MappingsAckCapsule& ack);
  void OnPing(const PingCapsule& ping);

  bool HasRoom();
  void Enqueue(const Capsule& capsule);
  void Write();
  void ArmCallTimer();
  void ExpireCalls();
  void Close(absl::Status status);

  Loop& loop_;
  const int fd_;
  std::unique_ptr<Descriptor> descriptor_;
  SessionHandlers handlers_;
  const SessionOptions options_;
  State state_ = State::kNew;
  std::string head_;
  CapsuleDecoder decoder_;
  Bytes out_;
  size_t out_sent_ = 0;
  bool writing_ = false;
  Callback flushed_;
  uint64_t next_call_ = 1;
  uint64_t next_sequence_ = 1;
  std::map<uint64_t, PendingCall> calls_;      // by id, so by deadline too
  std::map<uint64_t, MappingsPart> mappings_;  // by sequence
  Timer call_timer_;
  Timer upgrade_timer_;
  SessionCounters counters_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace ov6

#endif
