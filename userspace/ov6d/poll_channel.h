// SPDX-License-Identifier: Apache-2.0
// The bytes of one slave session by long polls (docs/slave-protocol.md section 9), between the requests that
// carry them and the stream that the session reads and writes. Nothing is lost and nothing comes twice: an
// answer is kept until the next request says that it has come, and a body counts once. Bounded by one answer
// and the bodies not read yet; what is not asked for stays in the session's queue. No sockets.
#ifndef OV6_USERSPACE_OV6D_POLL_CHANNEL_H
#define OV6_USERSPACE_OV6D_POLL_CHANNEL_H

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "ov6/capsule.h"
#include "ov6/time.h"
#include "userspace/base/byte_queue.h"
#include "userspace/base/stream.h"
#include "userspace/wire/poll_request.h"

namespace ov6 {

class PollChannel : public std::enable_shared_from_this<PollChannel> {
 public:
  using Clock = std::function<BootTime()>;
  // The body of the answer; good during the call alone.
  using Answer = std::function<void(std::span<const uint8_t>)>;
  // Called once the session has closed its stream.
  using Closed = std::function<void()>;

  // `peer`: PeerName() of the connection that opened the session; `tls`: it came by TLS.
  PollChannel(Clock clock, std::string peer, bool tls, Closed closed);

  // The session's end of it; once.
  std::unique_ptr<Stream> MakeStream();

  // The numbers of requests for what the session writes, and of those that bring what it reads.
  const PollSequence& down() const { return down_; }
  const PollSequence& up() const { return up_; }

  // A request for what the session writes, of a number that is not wrong. It is answered now or later; one
  // that waited before is not answered any more. Whether the answer reaches anybody is not asked: it is kept.
  void Ask(uint64_t number, Answer answer);
  // Answers a request that waits, with nothing.
  void Beat();

  // The body of the next request that brings what the session reads.
  void Take(std::span<const uint8_t> body);

 private:
  class End;

  IoResult Read(std::span<uint8_t> out);
  IoResult Write(std::span<const uint8_t> bytes);
  Delivery GetDelivery() const;
  void Close();
  void Ready();

  const Clock clock_;
  const std::string peer_;
  const bool tls_;
  Closed closed_;
  std::function<void()> ready_;
  PollSequence down_, up_;
  Answer waiting_;      // to the last request for what is written
  bool given_ = false;  // kept_ is the answer to that request
  Bytes kept_;
  BootTime given_at_{};
  uint64_t arrived_ = 0;  // answers
  ByteQueue in_;
};

}  // namespace ov6

#endif
