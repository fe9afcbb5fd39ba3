// SPDX-License-Identifier: Apache-2.0
// Where a master is: https://HOST[:PORT], or http:// where something else does the TLS.
#ifndef OV6_SLAVES_RUNTIME_MASTER_URL_H
#define OV6_SLAVES_RUNTIME_MASTER_URL_H

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace ov6 {

struct MasterUrl {
  bool tls = true;
  std::string host;  // a name or an IPv4 address
  uint16_t port = 443;

  // InvalidArgument: a sentence that says what would be right.
  static absl::StatusOr<MasterUrl> Parse(std::string_view text);
  std::string HostField() const;  // RFC 9110 section 7.2: without the scheme's own port
  std::string Authority() const;  // always with the port
  std::string ToString() const;
  bool operator==(const MasterUrl&) const = default;
};

}  // namespace ov6

#endif
