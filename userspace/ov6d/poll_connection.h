// SPDX-License-Identifier: Apache-2.0
// A TCP connection on which a long poll's requests come one after the other, each whole before it counts and
// answered before the next. Knows nothing of sessions. Lives until it is closed, by either side or for being
// slow. One thread.
#ifndef OV6_USERSPACE_OV6D_POLL_CONNECTION_H
#define OV6_USERSPACE_OV6D_POLL_CONNECTION_H

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "ov6/capsule.h"
#include "userspace/base/byte_queue.h"
#include "userspace/base/stream.h"
#include "userspace/ov6d/crowd.h"
#include "userspace/wire/poll_request.h"

namespace ov6 {

class PollConnection : public std::enable_shared_from_this<PollConnection> {
 public:
  struct Handlers {
    // A head has come; the session of one that opens one is filled in. What is refused is not read on.
    std::function<std::optional<Refusal>(PollConnection&, PollRequest&)> head;
    // The body has come; to be answered now or later.
    std::function<void(PollConnection&, const PollRequest&, std::span<const uint8_t> body)> whole;
    std::function<void(PollConnection&)> idle;    // answered: another request may come
    std::function<void(PollConnection&)> closed;  // once
  };
  static constexpr auto kHeadTime = std::chrono::seconds(5);     // for a head whose first byte has come
  static constexpr auto kStandstill = std::chrono::seconds(10);  // of a body, or of an answer
  static constexpr auto kIdleTime = std::chrono::seconds(30);    // between an answer and the next request

  PollConnection(boost::asio::io_context& io, std::unique_ptr<Stream> stream, const Endpoint& from);
  ~PollConnection();

  // `read`: what has been read of it already.
  void Start(Handlers handlers, std::string read);
  void Answer(std::string head, std::span<const uint8_t> body);
  void Refuse(const Refusal& refusal);  // and closes, once that is written
  void Close();

  const Endpoint& from() const { return from_; }
  const Stream& stream() const { return *stream_; }
  // Where it is counted while it is nobody's, or idle.
  std::shared_ptr<Crowd::Place> place;

 private:
  enum class State { kHead, kBody, kAnswer, kLinger, kClosed };

  void Wait(IoState direction);
  void Serve();
  bool ReadSome();  // false: nothing more for now
  void Advance();
  void OnHead();
  void Write();
  void OnWritten();
  void CloseAfter(std::chrono::steady_clock::duration time);

  std::unique_ptr<Stream> stream_;
  const Endpoint from_;
  boost::asio::posix::stream_descriptor descriptor_;
  boost::asio::steady_timer timer_;
  Handlers handlers_;
  State state_ = State::kHead;
  bool reading_ = false, writing_ = false;  // what is waited for
  PollRequest request_;
  ByteQueue in_, out_;
};

}  // namespace ov6

#endif
