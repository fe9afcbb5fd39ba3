// SPDX-License-Identifier: Apache-2.0
// The HTTP/1.1 Upgrade that opens a slave session (RFC 9484 section 4.2,
// docs/slave-protocol.md section 1). No sockets: bytes in, bytes out.
#ifndef OV6_USERSPACE_WIRE_UPGRADE_H
#define OV6_USERSPACE_WIRE_UPGRADE_H

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "ov6/mapping.h"

namespace ov6 {

inline constexpr size_t kMaxHeadSize = 8192;
inline constexpr std::string_view kSessionVersion = "1";

// 1 to OV6_SLAVE_NAME_SIZE - 1 of the characters a-z, 0-9 and '-'.
bool IsSlaveName(std::string_view name);

// One without Ov6-Version is `plain`: RFC 9484 and no more; it need not say kind and name, which then follow
// from who it is.
struct UpgradeRequest {
  SlaveKind kind = SlaveKind::kDht;
  std::string name;
  std::vector<Prefix> prefixes;
  std::string token = {};  // Authorization: Bearer; empty: none
  bool plain = false;
  bool segments = false;  // takes DATAGRAMs of kSegmentContext
  bool operator==(const UpgradeRequest&) const = default;
};

struct Refusal {
  int status = 400;      // 400, 401, 403, 409, 410, 413, 426, 503
  std::string sentence;  // why, and what would be right
};

std::string FormatUpgradeRequest(const UpgradeRequest& request, std::string_view host = "ov6");
std::string FormatUpgradeAccepted();
std::string FormatUpgradeRefused(const Refusal& refusal);

// Parses a request head. nullopt: incomplete. Optimistic bytes behind the head are a refusal.
struct ParsedRequest {
  std::optional<UpgradeRequest> request;
  Refusal refusal;  // if there is no request
};
std::optional<ParsedRequest> ParseUpgradeRequest(std::string_view bytes);

// Parses a response head. nullopt: incomplete. On 101: the number of bytes the head took (capsules
// may follow). Otherwise the master's sentence: PermissionDenied (401, 403), AlreadyExists (409), Unavailable
// (500 and up: a proxy in front of it, mostly), Unimplemented (whoever answers knows no such Upgrade, so the
// way may not carry it) or InvalidArgument.
std::optional<absl::StatusOr<size_t>> ParseUpgradeResponse(std::string_view bytes);

}  // namespace ov6

#endif
