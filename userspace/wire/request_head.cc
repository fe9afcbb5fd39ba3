// SPDX-License-Identifier: Apache-2.0
#include "userspace/wire/request_head.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

namespace ov6 {
namespace {

namespace http = boost::beast::http;
namespace urls = boost::urls;

constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr size_t kMaxNameSize = OV6_SLAVE_NAME_SIZE - 1;

boost::beast::string_view View(std::string_view text) { return {text.data(), text.size()}; }

std::string EscapeQueryValue(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    const bool plain =
        std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.' || c == '_' || c == '~';
    escaped += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return escaped;
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
                                 "anycast, resiliency, bridge, uplink.",
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

}  // namespace

bool IsSlaveName(std::string_view name) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !name.empty() && name.size() <= kMaxNameSize && std::all_of(name.begin(), name.end(), fits);
}

std::optional<size_t> HeadSize(std::string_view bytes) {
  const size_t end = bytes.find(kHeadEnd);
  return end == bytes.npos ? std::nullopt : std::optional(end + kHeadEnd.size());
}

std::string_view RequestHead::Field(std::string_view name) const {
  const auto value = fields[View(name)];
  return {value.data(), value.size()};
}

size_t RequestHead::Count(std::string_view name) const { return fields.count(View(name)); }

std::string RequestHead::BearerToken() const {
  const std::string_view value = Field("Authorization");
  constexpr std::string_view kScheme = "Bearer ";
  if (value.size() <= kScheme.size() ||
      !boost::beast::iequals(View(value.substr(0, kScheme.size())), View(kScheme)))
    return {};
  return std::string(value.substr(kScheme.size()));
}

std::optional<std::string> RequestHead::Query(std::string_view key) const {
  const auto found =
      std::find_if(query.begin(), query.end(), [&](const auto& row) { return row.first == key; });
  return found == query.end() ? std::nullopt : std::optional(found->second);
}

ParsedHead ParseRequestHead(std::string_view text) {
  // RFC 9112 section 5.2: a line folded into the one before may be two to somebody else.
  if (text.find("\r\n ") != text.npos || text.find("\r\n\t") != text.npos)
    return {std::nullopt, {400, "A field of the request is folded over several lines."}};
  http::request_parser<http::empty_body> parser;
  parser.header_limit(kMaxHeadSize);
  parser.body_limit(boost::none);
  boost::beast::error_code error;
  parser.put(boost::asio::const_buffer(text.data(), text.size()), error);
  if (error || !parser.is_header_done())
    return {std::nullopt, {400, "This is no HTTP/1.1 request: " + error.message() + "."}};
  RequestHead head;
  if (parser.content_length()) head.content_length = *parser.content_length();
  head.keep_alive = parser.keep_alive();
  head.fields = parser.get().base();
  if (head.fields.count(http::field::host) != 1)
    return {std::nullopt, {400, "The request has not exactly one Host field."}};
  if (head.fields.count(http::field::authorization) > 1)
    return {std::nullopt, {400, "The request has more than one Authorization field."}};
  return {std::move(head), {}};
}

std::optional<Refusal> ReadTarget(RequestHead* head) {
  const auto target = head->fields.target();
  const auto url = urls::parse_uri_reference(urls::string_view(target.data(), target.size()));
  if (url.has_error() || url->has_fragment() || !IsTarget(*url))
    return Refusal{400, "The request's target is no URI."};
  const std::string path = url->path();
  if (path != kSlavePath) return Refusal{400, fmt::format("The path is '{}', not '{}'.", path, kSlavePath)};
  for (const auto& parameter : url->params()) head->query.emplace_back(parameter.key, parameter.value);
  return std::nullopt;
}

ParsedRequest ReadSlaveQuery(const RequestHead& head, bool plain) {
  QueryReader reader;
  for (const auto& [key, value] : head.query) {
    if (const auto refusal = reader.Read(key, value)) return {std::nullopt, *refusal};
  }
  ParsedRequest parsed = reader.Finish(plain);
  if (parsed.request) parsed.request->token = head.BearerToken();
  return parsed;
}

std::string FormatSlaveQuery(const UpgradeRequest& request) {
  std::string query = fmt::format("kind={}&name={}", ToString(request.kind), EscapeQueryValue(request.name));
  for (const Prefix& prefix : request.prefixes) query += "&prefix=" + EscapeQueryValue(prefix.ToString());
  if (request.segments) query += "&segments=1";
  return query;
}

std::string FormatAuthorization(std::string_view token) {
  return token.empty() ? "" : fmt::format("Authorization: Bearer {}\r\n", token);
}

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 413:
      return "Content Too Large";
    case 426:
      return "Upgrade Required";
    case 503:
      return "Service Unavailable";
  }
  return "Refused";
}

absl::Status StatusOfRefusal(int status, std::string_view reason, std::string sentence) {
  while (!sentence.empty() && sentence.back() == '\n') sentence.pop_back();
  if (sentence.empty()) sentence = std::string(reason);
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

}  // namespace ov6
