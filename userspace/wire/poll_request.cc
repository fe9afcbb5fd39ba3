// SPDX-License-Identifier: Apache-2.0
#include "userspace/wire/poll_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "userspace/wire/request_head.h"

namespace ov6 {
namespace {

namespace http = boost::beast::http;

constexpr std::string_view kKinds[] = {"open", "down", "up"};

ParsedPoll Refused(int status, std::string sentence) { return {std::nullopt, {status, std::move(sentence)}}; }

std::optional<PollRequest::Kind> KindOf(std::string_view word) {
  const auto found = std::find(std::begin(kKinds), std::end(kKinds), word);
  if (found == std::end(kKinds)) return std::nullopt;
  return static_cast<PollRequest::Kind>(found - std::begin(kKinds));
}

// Decimal, from 1, without zeros in front: each number is written in one way.
std::optional<uint64_t> ReadSequence(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.front() == '0') return std::nullopt;
  return number;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// RFC 9112 section 6: where the body ends has to be beyond doubt.
std::optional<Refusal> CheckBody(const RequestHead& head, PollRequest::Kind kind) {
  if (head.Count("Transfer-Encoding") != 0)
    return Refusal{400, "A request says by Content-Length how long it is, not by Transfer-Encoding."};
  // RFC 9112 section 6.3 would have a list of the same number pass as well.
  const std::string_view length = head.Field("Content-Length");
  if (head.Count("Content-Length") > 1 || !std::all_of(length.begin(), length.end(), IsDigit))
    return Refusal{400, "Content-Length is not one decimal number."};
  if (kind == PollRequest::Kind::kUp && !head.content_length)
    return Refusal{400, "The request does not say by Content-Length how long it is."};
  const uint64_t most = kind == PollRequest::Kind::kUp ? kMaxPollBody : 0;
  if (head.content_length.value_or(0) > most)
    return Refusal{
        413, fmt::format("The request's body is {} bytes long; it may have {}.", *head.content_length, most)};
  return std::nullopt;
}

std::optional<Refusal> CheckFields(const RequestHead& head, PollRequest::Kind kind) {
  const bool get = kind == PollRequest::Kind::kDown;
  if (head.fields.method() != (get ? http::verb::get : http::verb::post))
    return Refusal{400, fmt::format("The method is not {}.", get ? "GET" : "POST")};
  if (head.fields.version() != 11 && head.fields.version() != 10)
    return Refusal{400, "The request is neither HTTP/1.1 nor HTTP/1.0."};
  if (head.Count(kVersionField) != 1 || head.Field(kVersionField) != kSessionVersion)
    return Refusal{400, fmt::format("{} is '{}'; '{}' is spoken here.", kVersionField,
                                    head.Field(kVersionField), kSessionVersion)};
  return CheckBody(head, kind);
}

std::optional<Refusal> ReadPlace(const RequestHead& head, PollRequest* request) {
  if (head.Count(kSessionField) != 1 || !IsPollSession(head.Field(kSessionField)))
    return Refusal{400, fmt::format("The request has not exactly one {} of {} hexadecimal digits.",
                                    kSessionField, kPollSessionSize)};
  request->session = head.Field(kSessionField);
  const auto sequence = ReadSequence(head.Query("sequence").value_or("0"));
  if (!sequence) return Refusal{400, "The query lacks 'sequence', a number from 1, as in sequence=1."};
  request->sequence = *sequence;
  return std::nullopt;
}

ParsedPoll Read(const RequestHead& head) {
  const auto word = head.Query("poll").value_or("");
  const auto kind = KindOf(word);
  if (!kind) return Refused(400, fmt::format("'poll' is '{}' in the query; it is open, down or up.", word));
  if (const auto refusal = CheckFields(head, *kind)) return {std::nullopt, *refusal};
  PollRequest request{.kind = *kind, .token = head.BearerToken()};
  request.body = head.content_length.value_or(0);
  request.keep_alive = head.keep_alive;
  if (*kind != PollRequest::Kind::kOpen) {
    if (const auto refusal = ReadPlace(head, &request)) return {std::nullopt, *refusal};
    return {std::move(request)};
  }
  ParsedRequest slave = ReadSlaveQuery(head, false);
  if (!slave.request) return {std::nullopt, slave.refusal};
  request.slave = *std::move(slave.request);
  return {std::move(request)};
}

}  // namespace

bool IsPollSession(std::string_view text) {
  return text.size() == kPollSessionSize && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

bool IsPollRequest(std::string_view bytes) {
  const auto size = HeadSize(bytes);
  if (!size) return false;
  ParsedHead parsed = ParseRequestHead(bytes.substr(0, *size));
  return parsed.head && !ReadTarget(&*parsed.head) && parsed.head->Query("poll");
}

std::string FormatPollRequest(const PollRequest& request, std::string_view host, std::string_view origin,
                              std::string_view fields) {
  const bool open = request.kind == PollRequest::Kind::kOpen, get = request.kind == PollRequest::Kind::kDown;
  std::string head = fmt::format("{} {}{}?poll={}&", get ? "GET" : "POST", origin, kSlavePath,
                                 kKinds[static_cast<size_t>(request.kind)]);
  head += open ? FormatSlaveQuery(request.slave) : fmt::format("sequence={}", request.sequence);
  head += fmt::format(" HTTP/1.1\r\nHost: {}\r\n{}: {}\r\n", host, kVersionField, kSessionVersion);
  if (!open) head += fmt::format("{}: {}\r\n", kSessionField, request.session);
  head += FormatAuthorization(open ? request.slave.token : request.token);
  if (!request.keep_alive) head += "Connection: close\r\n";
  if (!get)
    head += fmt::format("Content-Type: application/octet-stream\r\nContent-Length: {}\r\n", request.body);
  return head + std::string(fields) + "Cache-Control: no-store\r\n\r\n";
}

std::optional<ParsedPoll> ParsePollRequest(std::string_view bytes) {
  const auto size = HeadSize(bytes);
  if (!size && bytes.size() <= kMaxHeadSize) return std::nullopt;
  if (!size || *size > kMaxHeadSize)
    return Refused(400, fmt::format("The request's head is over {} bytes.", kMaxHeadSize));
  ParsedHead parsed = ParseRequestHead(bytes.substr(0, *size));
  if (!parsed.head) return ParsedPoll{std::nullopt, parsed.refusal};
  if (const auto refusal = ReadTarget(&*parsed.head)) return ParsedPoll{std::nullopt, *refusal};
  ParsedPoll poll = Read(*parsed.head);
  poll.head = *size;
  return poll;
}

}  // namespace ov6
