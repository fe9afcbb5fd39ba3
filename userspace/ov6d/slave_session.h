// SPDX-License-Identifier: Apache-2.0
// One slave's session: HTTP Upgrade, then capsules, over any stream, plain or TLS
// (docs/slave-protocol.md). Knows nothing of slaves; whoever accepts it decides in
// the handlers. Lives until its stream ends or Close(); `closed` is called once.
#ifndef OV6_USERSPACE_OV6D_SLAVE_SESSION_H
#define OV6_USERSPACE_OV6D_SLAVE_SESSION_H

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "ov6/time.h"
#include "userspace/base/ping_timer.h"
#include "userspace/base/stream.h"
#include "userspace/wire/capsule_codec.h"
#include "userspace/wire/poll_request.h"
#include "userspace/wire/upgrade.h"

namespace ov6 {

struct SessionCounters {
  uint64_t opened = 0, refused = 0, broken = 0;
  uint64_t capsules_in = 0, capsules_out = 0, unknown_capsules = 0;
  uint64_t refresh_dropped = 0;    // the slave read too slowly
  uint64_t datagrams_dropped = 0;  // as well
  uint64_t calls_timed_out = 0, unexpected_returns = 0;
};

class SlaveSession : public std::enable_shared_from_this<SlaveSession> {
 public:
  using Result = std::function<void(absl::StatusOr<std::string>)>;

  struct Handlers {
    std::function<std::optional<Refusal>(const UpgradeRequest&)> request;
    std::function<void()> opened;          // the 101 is on its way
    std::function<void(Capsule)> capsule;  // ROUTE_ADVERTISEMENT, ADDRESS_REQUEST, MAPPINGS, STATUS, CALL
    std::function<void(const absl::Status&)> closed;
    std::function<void(const DatagramView&)> datagram = nullptr;  // empty: none are expected
    std::function<void()> drained = nullptr;                      // it takes packets again
    // The request was no Upgrade but a long poll's: the stream and what has been read of it, and nothing more
    // is called. Empty: there are none.
    std::function<void(std::unique_ptr<Stream>, std::string)> poll = nullptr;
  };
  static constexpr size_t kMaxQueued = 1 << 20;             // bytes
  static constexpr size_t kMaxPackets = 512 << 10;          // bytes queued past which a DATAGRAM is dropped
  static constexpr size_t kBacklog = 4096;                  // bytes on their way that are more than PINGs
  static constexpr auto kLinger = std::chrono::seconds(1);  // for the other side to read why it is refused
  static constexpr auto kCallTimeout = std::chrono::seconds(5);
  static constexpr auto kUpgradeTimeout = std::chrono::seconds(5);

  SlaveSession(boost::asio::io_context& io, std::unique_ptr<Stream> stream, SessionCounters& counters);

  ~SlaveSession();

  void Start(Handlers handlers);
  // Of a request that has come by another way: the stream carries capsules and nothing else.
  std::optional<Refusal> StartOpen(Handlers handlers, const UpgradeRequest& request);
  bool open() const { return state_ == State::kOpen; }
  // Past kMaxQueued a REFRESH is dropped and anything else ends the session.
  void Send(const Capsule& capsule);
  // Queued until Flush(), so that many go at once. False: dropped, the slave reads too slowly.
  bool SendDatagram(uint64_t context, std::span<const uint8_t> payload);
  // The same without a copy: bytes [skip, skip + size) of what was written to PacketRoom() just before.
  std::span<uint8_t> PacketRoom(size_t most) { return DatagramRoom(most, &queued_); }
  bool SendPacket(uint64_t context, size_t skip, size_t size);
  void Flush();
  // Whether the queue is short; if not, `drained` is called when it is. Whoever asks before it reads a packet
  // has none dropped.
  bool TakesPackets();
  void Call(const std::string& method, const std::string& argument, Result result);
  // A PING; what it took is round_trip() once it is answered.
  void Ping();
  // How long nothing has been heard of the other side: no bytes, and where many are on their way to it, none
  // of which its TCP says that they have come. Its answer to a PING waits behind those.
  Duration Silence();
  // How long what was sent has gone unacknowledged by the other side's TCP, or process: all there is to tell
  // of one that answers no PING.
  Duration Unacknowledged() const;
  std::optional<Duration> round_trip() const { return ping_timer_.last(); }
  size_t queued() const { return queued_.size(); }  // bytes
  const Stream& stream() const { return *stream_; }
  bool polled() const { return stream_->fd() < 0; }
  void Close(absl::Status why);

 private:
  enum class State { kUpgrading, kOpen, kRefused, kClosed };
  struct PendingCall {
    Result result;
    std::unique_ptr<boost::asio::steady_timer> timer;
  };

  void OnReady();
  void Wait(IoState direction);
  void Serve();
  void Read();
  void OnBytes(std::span<const uint8_t> bytes);
  void OnEnd();
  void OnHead();
  void Accept();
  void Open();
  void HandOver();
  void Refuse(const Refusal& refusal);
  void DecodeAll();
  void Dispatch(Capsule capsule);
  void Linger();
  void Report(const absl::Status& why);
  void OnReturn(const ReturnCapsule& answer);
  void FinishCall(uint64_t id, absl::StatusOr<std::string> result);
  bool MaySend();
  void Enqueue(std::span<const uint8_t> bytes);
  void Write();

  boost::asio::io_context& io_;
  std::unique_ptr<Stream> stream_;
  boost::asio::posix::stream_descriptor descriptor_;  // the stream's own, for waiting; closed if it has none
  bool reading_ = false, writing_ = false;            // what is waited for
  bool shaken_ = false;                               // the handshake is over
  bool lingering_ = false;
  bool held_back_ = false;  // somebody has packets and waits for room
  bool serving_ = false;    // what is to be written waits until all that came has been read
  SessionCounters& counters_;
  Handlers handlers_;
  boost::asio::steady_timer upgrade_timer_;
  State state_ = State::kUpgrading;
  std::string head_;
  CapsuleDecoder decoder_;
  std::array<uint8_t, 4096> buffer_;  // of what comes in front of capsules
  ByteQueue queued_;
  BootTime heard_ = BootClock::now();
  uint64_t arrived_ = 0;  // as the stream said last
  PingTimer ping_timer_;
  uint64_t next_call_ = 1;
  std::map<uint64_t, PendingCall> calls_;
};

}  // namespace ov6

#endif
