// SPDX-License-Identifier: Apache-2.0
// A mapping as words of a command line; `mapping show` prints what `mapping add` takes.
#ifndef OV6_USERSPACE_OV6CTL_MAPPING_WORDS_H
#define OV6_USERSPACE_OV6CTL_MAPPING_WORDS_H

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ov6/mapping.h"
#include "userspace/ov6ctl/words.h"

namespace ov6::ctl {

struct MappingWords {
  Prefix prefix;
  std::vector<Locator> locators;
  std::optional<uint32_t> lifetime_s;  // none: static
};

// PREFIX via LOCATOR[:PORT] [encap 6in4|udp] [priority N] [mtu N] ... [lifetime S | static]
absl::StatusOr<MappingWords> ReadMappingWords(Words& words);
std::string FormatMappingWords(const MappingWords& mapping);

}  // namespace ov6::ctl

#endif
