// SPDX-License-Identifier: Apache-2.0
// One reader for each kind of table of the configuration; each ends with its reader's Finish().
#ifndef OV6_USERSPACE_OV6D_CONFIG_TABLES_H
#define OV6_USERSPACE_OV6D_CONFIG_TABLES_H

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "userspace/ov6d/config.h"
#include "userspace/ov6d/config_reader.h"

namespace ov6 {

absl::Status ReadNode(ConfigReader& reader, Config* config);
absl::Status ReadDatapath(ConfigReader& reader, Config* config);
absl::Status ReadUnderlay(ConfigReader& reader, Config* config);
absl::Status ReadSite(ConfigReader& reader, Config* config);
absl::Status ReadDomain(ConfigReader& reader, Config* config);  // before what names it
absl::Status ReadSlave(ConfigReader& reader, Config* config);
absl::Status ReadListen(ConfigReader& reader, Config* config);
absl::Status ReadMapping(ConfigReader& reader, Config* config);

// --- what several of them read
inline constexpr char kPrefixWanted[] = "an IPv6 prefix such as fd00::/8, no bits set behind its length";

template <typename T>
bool Take(std::optional<T> value, T* out) {
  if (value) *out = *value;
  return value.has_value();
}

void ReadPath(ConfigReader& reader, std::string_view key, std::filesystem::path* out);
// `domain`: whose table it is; empty: a site's.
void ReadDelegation(ConfigReader& reader, const std::string& domain, Config* config);

}  // namespace ov6

#endif
