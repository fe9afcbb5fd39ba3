// SPDX-License-Identifier: Apache-2.0
// A byte stream over a socket that never blocks, plain or TLS: what a slave session runs over. Whoever uses
// it waits for the descriptor, in the direction that the last result asks for. One thread.
#ifndef OV6_USERSPACE_BASE_STREAM_H
#define OV6_USERSPACE_BASE_STREAM_H

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "ov6/time.h"
#include "userspace/base/unique_fd.h"

namespace ov6 {

enum class IoState {
  kDone,       // `size` bytes were read or written, at least one; or the handshake is over
  kWantRead,   // again when the descriptor is readable; until a Read says so, bytes may wait inside
  kWantWrite,  // again when it is writable
  kEnd,        // the other side ended its half in good order
  kFailed,     // error() says why
};

struct IoResult {
  IoState state = IoState::kDone;
  size_t size = 0;
};

// What became of the bytes written, as far as this end knows.
struct Delivery {
  size_t on_their_way = 0;  // bytes
  uint64_t arrived = 0;     // grows whenever the other end has some more
  Duration waited{};        // how long nothing has arrived of those on their way
  bool by_process = false;  // it is the other end's process that says so, not its kernel
};

class Stream {
 public:
  virtual ~Stream() = default;
  // -1: it has none, and calls what OnReady() was given whenever a call that had to wait may do more.
  virtual int fd() const = 0;
  virtual void OnReady(std::function<void()>) {}
  // Until it is done nothing can be read or written. Of a plain stream it is done at once.
  virtual IoResult Handshake() = 0;
  virtual IoResult Read(std::span<uint8_t> out) = 0;
  virtual IoResult Write(std::span<const uint8_t> bytes) = 0;
  virtual const char* Name() const = 0;  // "plain" or "tls"; of long polls "poll" or "poll-tls"
  // All that was written will arrive though the stream is closed now, if anything does.
  virtual bool Sent() const { return true; }
  // Says goodbye as far as the protocol has one, and closes the descriptor. Nothing else may be called then.
  virtual void Close() = 0;
  virtual const std::string& error() const = 0;
  // nullopt: not known.
  virtual std::optional<Delivery> delivery() const = 0;
  // The subject's common name of a verified client certificate; empty: there was none.
  virtual std::string PeerName() const { return {}; }
};

// Of a TCP connection; nullopt of other sockets.
std::optional<Delivery> TcpDelivery(int fd);

// For a TCP connection that packets go over: nothing waits for company, and little waits unsent, where it
// could not be dropped any more and a packet would stand behind seconds of others.
void SendPromptly(int fd);

// What comes next is acknowledged at once. Good for one wait: some send an answer in many small pieces and,
// by Nagle's algorithm, wait with each for the one before to be acknowledged.
void AcknowledgeAtOnce(int fd);

// Makes the socket non-blocking.
std::unique_ptr<Stream> PlainStream(UniqueFd fd);

}  // namespace ov6

#endif
