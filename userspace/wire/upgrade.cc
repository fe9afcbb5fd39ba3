// SPDX-License-Identifier: Apache-2.0
#include "userspace/wire/upgrade.h"

#include <fmt/format.h>

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/string_body.hpp>

#include "userspace/wire/request_head.h"

namespace ov6 {
namespace {

namespace http = boost::beast::http;

constexpr std::string_view kToken = "connect-ip";

bool HasToken(std::string_view list, std::string_view token) {
  return http::token_list(boost::beast::string_view(list.data(), list.size()))
      .exists({token.data(), token.size()});
}

std::optional<Refusal> CheckHead(const RequestHead& head) {
  if (head.fields.method() != http::verb::get) return Refusal{400, "The method is not GET."};
  if (head.fields.version() != 11) return Refusal{400, "The request is not HTTP/1.1."};
  for (const char* field : {"Content-Length", "Content-Type", "Transfer-Encoding"}) {
    if (head.Count(field) == 0) continue;
    return Refusal{400, fmt::format("The field {} does not go with capsules (RFC 9297 section 3.2).", field)};
  }
  if (!HasToken(head.Field("Upgrade"), kToken) || !HasToken(head.Field("Connection"), "upgrade")) {
    return Refusal{426, "Ask with 'Connection: Upgrade' and 'Upgrade: connect-ip'."};
  }
  const auto version = head.Field(kVersionField);
  if (head.Count(kVersionField) != 0 && version != kSessionVersion) {
    return Refusal{426,
                   fmt::format("{} is '{}'; '{}' is spoken here.", kVersionField, version, kSessionVersion)};
  }
  return std::nullopt;
}

absl::Status CheckAccepted(const http::fields& fields) {
  if (HasToken(fields["Upgrade"], kToken) && HasToken(fields["Connection"], "upgrade"))
    return absl::OkStatus();
  return absl::UnimplementedError(
      "the master answers 101 without 'Connection: Upgrade' and 'Upgrade: connect-ip'");
}

// Who knows the Upgrade says none of these to a request that is well formed; so it may be somebody before it.
bool IsOfNoUpgrade(int status) {
  return status < 400 || status == 400 || status == 404 || status == 405 || status == 426 || status == 501;
}

absl::Status StatusOf(const http::response<http::string_body>& response) {
  const int status = static_cast<int>(response.result_int());
  const absl::Status refusal = StatusOfRefusal(status, response.reason(), response.body());
  return IsOfNoUpgrade(status) ? absl::UnimplementedError(refusal.message()) : refusal;
}

}  // namespace

std::string FormatUpgradeRequest(const UpgradeRequest& request, std::string_view host) {
  return fmt::format(
      "GET {}?{} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: {}\r\nCapsule-Protocol: ?1\r\n{}: "
      "{}\r\n{}\r\n",
      kSlavePath, FormatSlaveQuery(request), host, kToken, kVersionField, kSessionVersion,
      FormatAuthorization(request.token));
}

std::string FormatUpgradeAccepted() {
  return fmt::format(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {}\r\nCapsule-Protocol: "
      "?1\r\n\r\n",
      kToken);
}

std::string FormatUpgradeRefused(const Refusal& refusal) {
  std::string field = refusal.status == 426 ? fmt::format("Upgrade: {}\r\n", kToken) : "";
  if (refusal.status == 401) field = "WWW-Authenticate: Bearer\r\n";
  return fmt::format(
      "HTTP/1.1 {} {}\r\nConnection: close\r\n{}Content-Type: text/plain\r\nContent-Length: {}\r\n\r\n{}\n",
      refusal.status, ReasonPhrase(refusal.status), field, refusal.sentence.size() + 1, refusal.sentence);
}

std::optional<ParsedRequest> ParseUpgradeRequest(std::string_view bytes) {
  const auto size = HeadSize(bytes);
  if (!size && bytes.size() <= kMaxHeadSize) return std::nullopt;
  if (!size || *size > kMaxHeadSize) {
    return ParsedRequest{std::nullopt,
                         {400, fmt::format("The request's head is over {} bytes.", kMaxHeadSize)}};
  }
  if (bytes.size() > *size) {
    return ParsedRequest{std::nullopt,
                         {400, "Bytes follow the request; nothing may before the 101 has been read."}};
  }
  ParsedHead parsed = ParseRequestHead(bytes);
  if (!parsed.head) return ParsedRequest{std::nullopt, parsed.refusal};
  if (const auto refusal = CheckHead(*parsed.head)) return ParsedRequest{std::nullopt, *refusal};
  if (const auto refusal = ReadTarget(&*parsed.head)) return ParsedRequest{std::nullopt, *refusal};
  return ReadSlaveQuery(*parsed.head, parsed.head->Count(kVersionField) == 0);
}

std::optional<absl::StatusOr<size_t>> ParseUpgradeResponse(std::string_view bytes) {
  const auto size = HeadSize(bytes);
  if (!size && bytes.size() <= kMaxHeadSize) return std::nullopt;
  if (!size || *size > kMaxHeadSize) {
    return absl::UnimplementedError(fmt::format("the response's head is over {} bytes", kMaxHeadSize));
  }
  http::response_parser<http::string_body> parser;
  parser.header_limit(kMaxHeadSize);
  parser.body_limit(kMaxHeadSize);
  boost::beast::error_code error;
  parser.put(boost::asio::const_buffer(bytes.data(), *size), error);
  if (error && error != http::error::need_more) {
    return absl::UnimplementedError("the master's answer is no HTTP/1.1 response: " + error.message());
  }
  // Of empty lines alone the parser still waits for the first.
  if (!parser.is_header_done()) {
    return absl::UnimplementedError("the master's answer is no HTTP/1.1 response: it has no status line");
  }
  if (parser.get().result_int() == 101) {
    const auto status = CheckAccepted(parser.get());
    return status.ok() ? absl::StatusOr<size_t>(*size) : status;
  }
  const std::string_view body = bytes.substr(*size);
  if (parser.content_length() && body.size() < *parser.content_length()) return std::nullopt;
  auto& response = parser.get();
  response.body() = std::string(body.substr(0, parser.content_length().value_or(body.size())));
  return StatusOf(response);
}

}  // namespace ov6
