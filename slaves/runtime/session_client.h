// SPDX-License-Identifier: Apache-2.0
// A slave's end of its session with the master, over an inherited socket or a connection, plain or TLS: the
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
#include "userspace/base/ping_timer.h"
#include "userspace/base/stream.h"
#include "userspace/wire/capsule_codec.h"
#include "userspace/wire/upgrade.h"

namespace ov6 {

struct SessionOptions {
  Duration call_timeout = std::chrono::seconds(10);
  Duration upgrade_timeout = std::chrono::seconds(10);
  size_t max_queued = 4 << 20;     // bytes waiting to be sent
  size_t max_packets = 512 << 10;  // bytes waiting past which a DATAGRAM is dropped
  std::string host = "ov6";        // of the request's Host field
  Duration heartbeat = {};         // PING so often; three in silence end the session. 0: never
};

struct SessionCounters {
  uint64_t capsules_in = 0, capsules_out = 0;
  uint64_t send_queue_full = 0;  // not sent: the master does not read
  uint64_t calls_timed_out = 0;
  uint64_t unexpected_returns = 0;  // a RETURN or MAPPINGS_ACK nobody waits for (any more)
  uint64_t unknown_capsules = 0;
  uint64_t datagrams_in = 0, datagrams_out = 0,
           datagrams_dropped = 0;  // dropped: the master reads too slowly
};

// What a slave does when something comes; functions that stay empty are not called.
struct SessionHandlers {
  using Respond = std::function<void(absl::StatusOr<std::string>)>;
  std::function<void()> opened;  // the 101 has been read
  std::function<void(const PortCapsule&)> port;
  std::function<void(const RefreshCapsule&)> refresh;
  std::function<void(const AddressAssignCapsule&)> assigned;
  std::function<void(const DatagramView&)> datagram;
  std::function<void()> caught_up;                        // all that had come has been handed out
  std::function<void()> drained;                          // it takes packets again
  std::function<void(const CallCapsule&, Respond)> call;  // respond once, now or later
  std::function<void(absl::Status)> closed;               // last; OK: the master closed the stream
};

class SessionClient : public Session {
 public:
  SessionClient(Loop& loop, std::unique_ptr<Stream> stream, SessionHandlers handlers,
                SessionOptions options = {});
  ~SessionClient() override;

  void Open(const UpgradeRequest& request);
  // The stream carries capsules and nothing else: the request has been answered.
  void StartOpen();
  const Stream& stream() const { return *stream_; }

  void Call(const std::string& method, const std::string& argument, Result result) override;
  void SendMappings(std::vector<MappingChange> changes, Acknowledged acknowledged) override;
  void Advertise(const std::vector<Prefix>& prefixes) override;
  void SendStatus(std::string json);
  // Queued until Push(), so that many go at once. False: dropped, the master reads too slowly.
  bool SendDatagram(uint64_t context, std::span<const uint8_t> payload);
  // The same without a copy: bytes [skip, skip + size) of what was written to PacketRoom() just before.
  std::span<uint8_t> PacketRoom(size_t most) { return DatagramRoom(most, &out_); }
  bool SendPacket(uint64_t context, size_t skip, size_t size);
  void Push() { Write(); }
  // Whether the queue is short; if not, `drained` is called when it is. Whoever asks before it reads a packet
  // has none dropped.
  bool TakesPackets();
  // Calls `done` when all that was queued has been handed to the kernel, or by polls to the master.
  void Flush(Callback done);

  bool open() const { return state_ == State::kOpen; }
  size_t queued() const { return out_.size(); }  // bytes
  std::optional<Duration> round_trip() const { return ping_timer_.last(); }
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

  void OnReady();
  void WaitToRead();
  void Read();
  void OnEnd();
  void OnRead(std::span<const uint8_t> bytes);
  void IngestHead(std::span<const uint8_t> bytes);
  void OnOpened();
  void DecodeAll();
  void Dispatch(const Capsule& capsule);
  void OnCall(const CallCapsule& call);
  void OnReturn(const ReturnCapsule& answer);
  void OnAck(const MappingsAckCapsule& ack);
  void OnPing(const PingCapsule& ping);
  void Beat();

  bool HasRoom();
  bool MaySend();
  void Enqueue(const Capsule& capsule);
  void Write();
  void WaitToWrite();
  void TellDrained();
  void ArmCallTimer();
  void ExpireCalls();
  void Close(absl::Status status);

  Loop& loop_;
  const std::unique_ptr<Stream> stream_;
  bool shaken_ = false;                     // the handshake is over
  std::unique_ptr<Descriptor> descriptor_;  // null: the stream has none, and calls OnReady()
  SessionHandlers handlers_;
  const SessionOptions options_;
  State state_ = State::kNew;
  std::string head_;
  CapsuleDecoder decoder_;
  ByteQueue out_;
  bool held_back_ = false;                  // somebody has packets and waits for room
  bool reading_ = false, writing_ = false;  // what is waited for
  Callback flushed_;
  uint64_t next_call_ = 1;
  uint64_t next_sequence_ = 1;
  std::map<uint64_t, PendingCall> calls_;      // by id, so by deadline too
  std::map<uint64_t, MappingsPart> mappings_;  // by sequence
  Timer call_timer_;
  Timer upgrade_timer_;
  Timer heartbeat_timer_;
  PingTimer ping_timer_;
  int pings_in_silence_ = 0;  // since anything came
  SessionCounters counters_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace ov6

#endif
