// SPDX-License-Identifier: Apache-2.0
// The requests of a slave session by long polls (docs/slave-protocol.md section 9): one that opens it, GETs
// that fetch what the master says, POSTs that bring what the slave says. No sockets: bytes in, bytes out.
#ifndef OV6_USERSPACE_WIRE_POLL_REQUEST_H
#define OV6_USERSPACE_WIRE_POLL_REQUEST_H

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "userspace/wire/upgrade.h"

namespace ov6 {

inline constexpr size_t kMaxPollBody = 512 << 10;  // bytes of capsules in one request or answer
inline constexpr size_t kPollSessionSize = 32;     // hexadecimal digits

struct PollRequest {
  enum class Kind { kOpen, kDown, kUp };
  Kind kind = Kind::kOpen;
  UpgradeRequest slave = {};  // kOpen
  std::string session = {};   // kDown, kUp
  uint64_t sequence = 0;      // likewise, from 1
  std::string token = {};     // Authorization: Bearer; empty: none
  size_t body = 0;            // bytes that follow the head; kUp alone has any
  bool keep_alive = true;     // another request may follow on this connection
  bool operator==(const PollRequest&) const = default;
};

bool IsPollSession(std::string_view text);

// Whether the request, a whole head, is a long poll's at all, well formed or not.
bool IsPollRequest(std::string_view bytes);

// `origin`: http://HOST[:PORT] for the absolute form (RFC 9112 section 3.2.2), else empty. `fields`: more of
// them, each with its line end.
std::string FormatPollRequest(const PollRequest& request, std::string_view host, std::string_view origin = {},
                              std::string_view fields = {});

// Parses the head that `bytes` begins with. nullopt: incomplete.
struct ParsedPoll {
  std::optional<PollRequest> request;
  Refusal refusal = {};  // if there is no request
  size_t head = 0;       // bytes of it, if there is one
};
std::optional<ParsedPoll> ParsePollRequest(std::string_view bytes);

// The numbers of one direction's requests, as the master sees them. Each comes once, or again for as long as
// nothing says that its answer has come: a request or an answer may be lost on the way, or be repeated there.
class PollSequence {
 public:
  enum class Place {
    kNext,   // not seen yet; it says that the answer of the one before has come
    kAgain,  // the last one, repeated
    kWrong,  // older, or ahead
  };
  Place Of(uint64_t number) const {
    if (number == last_ + 1) return Place::kNext;
    return number == last_ && number != 0 ? Place::kAgain : Place::kWrong;
  }
  void Take() { ++last_; }
  uint64_t last() const { return last_; }

 private:
  uint64_t last_ = 0;
};

}  // namespace ov6

#endif
