// SPDX-License-Identifier: Apache-2.0
#include "userspace/wire/poll_answer.h"

#include <fmt/format.h>

#include <charconv>

#include "userspace/wire/request_head.h"

namespace ov6 {
namespace {

namespace http = boost::beast::http;

// no-transform: what is on the way has to leave the bytes alone (RFC 9111 section 5.2.2.6).
std::string FormatHead(std::string_view field, std::string_view value, size_t body, bool keep_alive) {
  return fmt::format(
      "HTTP/1.1 200 OK\r\n{}: {}\r\nContent-Type: application/octet-stream\r\nCache-Control: no-store, "
      "no-transform\r\nContent-Length: {}\r\n{}\r\n",
      field, value, body, keep_alive ? "" : "Connection: close\r\n");
}

uint64_t Number(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : 0;
}

}  // namespace

std::string FormatPollOpened(std::string_view session, bool keep_alive) {
  return FormatHead(kSessionField, session, 0, keep_alive);
}

std::string FormatPollAnswer(uint64_t sequence, size_t body, bool keep_alive) {
  return FormatHead(kSequenceField, std::to_string(sequence), body, keep_alive);
}

PollAnswerReader::PollAnswerReader() : parser_(std::make_unique<Parser>()) {
  parser_->header_limit(kMaxHeadSize);
  parser_->body_limit(kMaxPollBody);
  parser_->eager(true);
}

absl::StatusOr<std::optional<PollAnswer>> PollAnswerReader::Ingest(std::span<const uint8_t> bytes) {
  unread_.insert(unread_.end(), bytes.begin(), bytes.end());
  if (absl::Status status = Put(); !status.ok()) return status;
  if (!parser_->is_done()) return std::nullopt;
  // An answer is asked for one by one: what is behind it nobody asked for.
  if (!unread_.empty()) return absl::InvalidArgumentError("bytes follow the answer that nobody asked for");
  return Take();
}

absl::Status PollAnswerReader::Put() {
  size_t used = 0;
  while (used < unread_.size() && !parser_->is_done()) {
    boost::beast::error_code error;
    const size_t took =
        parser_->put(boost::asio::const_buffer(unread_.data() + used, unread_.size() - used), error);
    used += took;
    if (error == http::error::need_more) break;
    if (error) return absl::InvalidArgumentError("this is no answer of the master's: " + error.message());
    if (parser_->is_header_done() && parser_->need_eof())
      return absl::InvalidArgumentError("an answer does not say how long it is");
  }
  unread_.erase(unread_.begin(), unread_.begin() + static_cast<ptrdiff_t>(used));
  return absl::OkStatus();
}

PollAnswer PollAnswerReader::Take() {
  auto& message = parser_->get();
  PollAnswer answer;
  answer.status = static_cast<int>(message.result_int());
  answer.reason = std::string(message.reason());
  answer.session = std::string(message[{kSessionField.data(), kSessionField.size()}]);
  answer.sequence = Number(message[{kSequenceField.data(), kSequenceField.size()}]);
  answer.keep_alive = parser_->keep_alive();
  answer.body = std::move(message.body());
  return answer;
}

}  // namespace ov6
