// SPDX-License-Identifier: Apache-2.0
// The answers to a long poll's requests (docs/slave-protocol.md section 9), written by the master and read
// whole by the slave. What is on the way may have put it in chunks, and may cut it.
#ifndef OV6_USERSPACE_WIRE_POLL_ANSWER_H
#define OV6_USERSPACE_WIRE_POLL_ANSWER_H

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/vector_body.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "ov6/capsule.h"
#include "userspace/wire/poll_request.h"

namespace ov6 {

// The heads of a 200; the body follows.
std::string FormatPollOpened(std::string_view session, bool keep_alive);
std::string FormatPollAnswer(uint64_t sequence, size_t body, bool keep_alive);

struct PollAnswer {
  int status = 0;
  std::string reason;
  std::string session;    // of a 200 that opens; empty: it has none
  uint64_t sequence = 0;  // of the other 200s; 0: it has none, so somebody else answers
  Bytes body;
  bool keep_alive = false;  // the connection may be asked again
};

// Of one answer. One that ends where the connection does is not taken: nobody knows whether it is whole.
class PollAnswerReader {
 public:
  PollAnswerReader();
  // nullopt: more is needed. InvalidArgument: no answer, or too long.
  absl::StatusOr<std::optional<PollAnswer>> Ingest(std::span<const uint8_t> bytes);

 private:
  using Parser = boost::beast::http::response_parser<boost::beast::http::vector_body<uint8_t>>;
  absl::Status Put();
  PollAnswer Take();

  std::unique_ptr<Parser> parser_;
  Bytes unread_;
};

}  // namespace ov6

#endif
