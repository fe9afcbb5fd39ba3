// SPDX-License-Identifier: Apache-2.0
#include "userspace/wire/upgrade.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

namespace ov6 {
namespace {

namespace http = boost::beast::http;
namespace urls = boost::urls;

constexpr std::string_view kPath = "/.well-known/masque/ip/*/*/";
constexpr std::string_view kToken = "connect-ip";
constexpr std::string_view kVersionField = "Ov6-Version";
constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr size_t kMaxNameSize = OV6_SLAVE_NAME_SIZE - 1;

using Head = http::request_header<>;

// Bytes of the head with its empty line; nullopt: not there yet.
std::optional<size_t> HeadSize(std::string_view bytes) {
  const size_t end = bytes.find(kHeadEnd);
  return end == bytes.npos ? std::nullopt : std::optional(end + kHeadEnd.size());
}

std::string EscapeQueryValue(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    const bool plain =
        std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.' || c == '_' || c == '~';
    escaped += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return escaped;
}

std::string_view Reason(int status) {
  switch (status) {
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 409:
      return "Conflict";
    case 426:
      return "Upgrade Required";
    case 503:
      return "Service Unavailable";
  }
  return "Refused";
}

bool HasToken(std::string_view list, std::string_view token) {
  return http::token_list(boost::beast::string_view(list.data(), list.size()))
      .exists({token.data(), token.size()});
}

std::string_view Value(const http::fields& fields, std::string_view name) {
  const auto value = fields[boost::beast::string_view(name.data(), name.size())];
  return {value.data(), value.size()};
}

// --- the request ---------------------------------------------------------------

std::optional<Refusal> CheckHead(const Head& head) {
  if (head.method() != http::verb::get) return Refusal{400, "The method is not GET."};
  if (head.version() != 11) return Refusal{400, "The request is not HTTP/1.1."};
  if (head.count(http::field::host) != 1) return Refusal{400, "The request has not exactly one Host field."};
  for (const auto field :
       {http::field::content_length, http::field::content_type, http::field::transfer_encoding}) {
    if (head.count(field) == 0) continue;
    return Refusal{400, fmt::format("The field {} does not go with capsules (RFC 9297 section 3.2).",
                                    std::string(http::to_string(field)))};
  }
  if (head.count(http::field::authorization) > 1)
    return Refusal{400, "The request has more than one Authorization field."};
  if (!HasToken(Value(head, "Upgrade"), kToken) || !HasToken(Value(head, "Connection"), "upgrade")) {
    return Refusal{426, "Ask with 'Connection: Upgrade' and 'Upgrade: connect-ip'."};
  }
  const auto version = Value(head, kVersionField);
  if (head.count(std::string(kVersionField)) != 0 && version != kSessionVersion) {
    return Refusal{426,
                   fmt::format("{} is '{}'; '{}' is spoken here.", kVersionField, version, kSessionVersion)};
  }
  return std::nullopt;
}

// RFC 6750 section 2.1; empty: none, or other credentials.
std::string BearerToken(const Head& head) {
  const std::string_view value = Value(head, "Authorization");
  const auto is_scheme = [](std::string_view text) {
    return boost::beast::iequals({text.data(), text.size()}, "Bearer ");
  };
  constexpr size_t kScheme = 7;
  if (value.size() <= kScheme || !is_scheme(value.substr(0, kScheme))) return {};
  return std::string(value.substr(kScheme));
}

// What the query says of the slave. Parameters that are not known are skipped.
class QueryReader {
 public:
  std::optional<Refusal> Read(const std::string& key, const std::string& value) {
    if (key == "kind") return ReadKind(value);
    if (key == "name") return ReadName(value);
    if (key == "prefix") return ReadPrefix(value);
    if (key == "segments") request_.segments = value == "1";
    return std::nullopt;
  }

  ParsedRequest Finish(bool plain) {
    request_.plain = plain;
    if (plain) return {std::move(request_), {}};
    if (!has_kind_) return {std::nullopt, {400, "The query lacks 'kind', as in kind=dht."}};
    if (request_.name.empty()) return {std::nullopt, {400, "The query lacks 'name', as in name=chord."}};
    return {std::move(request_), {}};
  }

 private:
  std::optional<Refusal> ReadKind(const std::string& value) {
    const auto kind = ParseSlaveKind(value);
    if (has_kind_) return Refusal{400, "'kind' stands twice in the query."};
    if (!kind || *kind == SlaveKind::kOperator) {
      return Refusal{400,
                     fmt::format("'{}' is no kind of slave; kinds are management, dht, gateway, multicast, "
                                 "anycast, resiliency, bridge.",
                                 value)};
    }
    has_kind_ = true;
    request_.kind = *kind;
    return std::nullopt;
  }

  std::optional<Refusal> ReadName(const std::string& value) {
    if (!request_.name.empty()) return Refusal{400, "'name' stands twice in the query."};
    if (!IsSlaveName(value)) {
      return Refusal{400, fmt::format("'{}' is no slave's name: 1 to {} characters of a-z, 0-9 and '-'.",
                                      value, kMaxNameSize)};
    }
    request_.name = value;
    return std::nullopt;
  }

  std::optional<Refusal> ReadPrefix(const std::string& value) {
    const auto prefix = Prefix::Parse(value);
    if (!prefix) return Refusal{400, fmt::format("'{}' is no prefix, as fd00::/8 is one.", value)};
    if (request_.prefixes.size() == OV6_SLAVE_MAX_PREFIXES) {
      return Refusal{400, fmt::format("More than {} prefixes in one request.", OV6_SLAVE_MAX_PREFIXES)};
    }
    request_.prefixes.push_back(*prefix);
    return std::nullopt;
  }

  UpgradeRequest request_;
  bool has_kind_ = false;
};

// RFC 9112 section 3.2: a path, or a whole URI as through a proxy, whose host is as good as any.
bool IsTarget(const urls::url_view& url) {
  const auto scheme = url.scheme_id();
  const bool whole = scheme == urls::scheme::http || scheme == urls::scheme::https;
  return whole ? url.has_authority() : !url.has_scheme() && !url.has_authority();
}

ParsedRequest ReadTarget(std::string_view target, bool plain) {
  const auto url = urls::parse_uri_reference(urls::string_view(target.data(), target.size()));
  if (url.has_error() || url->has_fragment() || !IsTarget(*url))
    return {std::nullopt, {400, "The request's target is no URI."}};
  const std::string path = url->path();
  if (path != kPath) return {std::nullopt, {400, fmt::format("The path is '{}', not '{}'.", path, kPath)}};
  QueryReader reader;
  for (const auto& parameter : url->params()) {
    if (const auto refusal = reader.Read(parameter.key, parameter.value)) return {std::nullopt, *refusal};
  }
  return reader.Finish(plain);
}

ParsedRequest ReadRequest(std::string_view head) {
  http::request_parser<http::empty_body> parser;
  parser.header_limit(kMaxHeadSize);
  boost::beast::error_code error;
  parser.put(boost::asio::const_buffer(head.data(), head.size()), error);
  if (error || !parser.is_header_done())
    return {std::nullopt, {400, "This is no HTTP/1.1 request: " + error.message() + "."}};
  if (const auto refusal = CheckHead(parser.get())) return {std::nullopt, *refusal};
  const auto target = parser.get().target();
  const bool plain = parser.get().count(std::string(kVersionField)) == 0;
  ParsedRequest parsed = ReadTarget({target.data(), target.size()}, plain);
  if (parsed.request) parsed.request->token = BearerToken(parser.get());
  return parsed;
}

// --- the response ----------------------------------------------------------------

absl::Status RefusedStatus(const http::response<http::string_body>& response) {
  std::string sentence = response.body();
  while (!sentence.empty() && sentence.back() == '\n') sentence.pop_back();
  if (sentence.empty()) sentence = std::string(response.reason());
  const int status = response.result_int();
  if (status < 400) {
    return absl::InvalidArgumentError(fmt::format(
        "something answers {} {} instead of the master: a proxy that does not pass the Upgrade on?", status,
        sentence));
  }
  sentence = fmt::format("the master refuses with {}: {}", status, sentence);
  if (status == 401 || status == 403) return absl::PermissionDeniedError(sentence);
  if (status == 409) return absl::AlreadyExistsError(sentence);
  return status >= 500 ? absl::UnavailableError(sentence) : absl::InvalidArgumentError(sentence);
}

absl::Status CheckAccepted(const http::fields& fields) {
  if (HasToken(Value(fields, "Upgrade"), kToken) && HasToken(Value(fields, "Connection"), "upgrade")) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      "the master answers 101 without 'Connection: Upgrade' and 'Upgrade: connect-ip'");
}

}  // namespace

bool IsSlaveName(std::string_view name) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !name.empty() && name.size() <= kMaxNameSize && std::all_of(name.begin(), name.end(), fits);
}

std::string FormatUpgradeRequest(const UpgradeRequest& request, std::string_view host) {
  std::string target =
      fmt::format("{}?kind={}&name={}", kPath, ToString(request.kind), EscapeQueryValue(request.name));
  for (const Prefix& prefix : request.prefixes) target += "&prefix=" + EscapeQueryValue(prefix.ToString());
  if (request.segments) target += "&segments=1";
  const std::string authorization =
      request.token.empty() ? "" : fmt::format("Authorization: Bearer {}\r\n", request.token);
  return fmt::format(
      "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: {}\r\nCapsule-Protocol: ?1\r\n{}: "
      "{}\r\n{}\r\n",
      target, host, kToken, kVersionField, kSessionVersion, authorization);
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
      refusal.status, Reason(refusal.status), field, refusal.sentence.size() + 1, refusal.sentence);
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
  // RFC 9112 section 5.2: a line folded into the one before may be two to somebody else.
  if (bytes.find("\r\n ") != bytes.npos || bytes.find("\r\n\t") != bytes.npos)
    return ParsedRequest{std::nullopt, {400, "A field of the request is folded over several lines."}};
  return ReadRequest(bytes);
}

std::optional<absl::StatusOr<size_t>> ParseUpgradeResponse(std::string_view bytes) {
  const auto size = HeadSize(bytes);
  if (!size && bytes.size() <= kMaxHeadSize) return std::nullopt;
  if (!size || *size > kMaxHeadSize) {
    return absl::InvalidArgumentError(fmt::format("the response's head is over {} bytes", kMaxHeadSize));
  }
  http::response_parser<http::string_body> parser;
  parser.header_limit(kMaxHeadSize);
  parser.body_limit(kMaxHeadSize);
  boost::beast::error_code error;
  parser.put(boost::asio::const_buffer(bytes.data(), *size), error);
  if (error && error != http::error::need_more) {
    return absl::InvalidArgumentError("the master's answer is no HTTP/1.1 response: " + error.message());
  }
  // Of empty lines alone the parser still waits for the first.
  if (!parser.is_header_done()) {
    return absl::InvalidArgumentError("the master's answer is no HTTP/1.1 response: it has no status line");
  }
  if (parser.get().result_int() == 101) {
    const auto status = CheckAccepted(parser.get());
    return status.ok() ? absl::StatusOr<size_t>(*size) : status;
  }
  const std::string_view body = bytes.substr(*size);
  if (parser.content_length() && body.size() < *parser.content_length()) return std::nullopt;
  auto& response = parser.get();
  response.body() = std::string(body.substr(0, parser.content_length().value_or(body.size())));
  return RefusedStatus(response);
}

}  // namespace ov6
