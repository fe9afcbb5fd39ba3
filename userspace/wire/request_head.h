// SPDX-License-Identifier: Apache-2.0
// The head of a request to where slaves connect, whether it asks for an Upgrade or is one of a long poll's
// (docs/slave-protocol.md sections 1 and 9). What two parsers may read in two ways is refused here for both.
#ifndef OV6_USERSPACE_WIRE_REQUEST_HEAD_H
#define OV6_USERSPACE_WIRE_REQUEST_HEAD_H

#include <boost/beast/http/message.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "userspace/wire/upgrade.h"

namespace ov6 {

inline constexpr std::string_view kSlavePath = "/.well-known/masque/ip/*/*/";
inline constexpr std::string_view kVersionField = "Ov6-Version";
inline constexpr std::string_view kSessionField = "Ov6-Session";
inline constexpr std::string_view kSequenceField = "Ov6-Sequence";

struct RequestHead {
  boost::beast::http::request_header<> fields;
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in order; see ReadTarget()
  std::optional<uint64_t> content_length;
  bool keep_alive = false;

  std::string_view Field(std::string_view name) const;  // empty: missing or empty
  size_t Count(std::string_view name) const;
  std::string BearerToken() const;                               // RFC 6750 section 2.1; empty: none
  std::optional<std::string> Query(std::string_view key) const;  // the first
};

// The whole head, with its empty line, and nothing behind it.
struct ParsedHead {
  std::optional<RequestHead> head;
  Refusal refusal;  // if there is none
};
ParsedHead ParseRequestHead(std::string_view head);
// Fills in the query of a head whose path is the slaves'.
std::optional<Refusal> ReadTarget(RequestHead* head);

// Bytes of the head that `bytes` begins with, with its empty line. nullopt: incomplete.
std::optional<size_t> HeadSize(std::string_view bytes);

// What a slave says of itself: kind, name, prefixes, segments. `plain`: it need not.
ParsedRequest ReadSlaveQuery(const RequestHead& head, bool plain);
std::string FormatSlaveQuery(const UpgradeRequest& request);

std::string FormatAuthorization(std::string_view token);  // with its line end; empty if there is no token
std::string_view ReasonPhrase(int status);

// Of an answer that is none of the wanted ones: who refuses, and why.
absl::Status StatusOfRefusal(int status, std::string_view reason, std::string body);

}  // namespace ov6

#endif
