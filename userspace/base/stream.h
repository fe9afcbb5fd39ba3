// SPDX-License-Identifier: Apache-2.0
// A byte stream over a socket that never blocks, plain or TLS: what a slave session runs over. Whoever uses
// it waits for the descriptor, in the direction that the last result asks for. One thread.
#ifndef OV6_USERSPACE_BASE_STREAM_H
#define OV6_USERSPACE_BASE_STREAM_H

#include <cstdint>
#include <memory>
#include <span>
#include <string>

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

class Stream {
 public:
  virtual ~Stream() = default;
  virtual int fd() const = 0;
  // Until it is done nothing can be read or written. Of a plain stream it is done at once.
  virtual IoResult Handshake() = 0;
  virtual IoResult Read(std::span<uint8_t> out) = 0;
  virtual IoResult Write(std::span<const uint8_t> bytes) = 0;
  virtual const char* Name() const = 0;  // "plain" or "tls"
  // Says goodbye as far as the protocol has one, and closes the descriptor. Nothing else may be called then.
  virtual void Close() = 0;
  virtual const std::string& error() const = 0;
  // The subject's common name of a verified client certificate; empty: there was none.
  virtual std::string PeerName() const { return {}; }
};

// For a TCP connection that packets go over: nothing waits for company, and little waits unsent, where it
// could not be dropped any more and a packet would stand behind seconds of others.
void SendPromptly(int fd);

// Makes the socket non-blocking.
std::unique_ptr<Stream> PlainStream(UniqueFd fd);

}  // namespace ov6

#endif
