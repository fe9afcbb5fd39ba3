// SPDX-License-Identifier: Apache-2.0
// The objects ov6ctl knows, one function and one file each; and the table of a command's verbs.
#ifndef OV6_USERSPACE_OV6CTL_OBJECTS_H
#define OV6_USERSPACE_OV6CTL_OBJECTS_H

#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "userspace/ov6ctl/context.h"
#include "userspace/ov6ctl/words.h"

namespace ov6::ctl {

using Command = absl::Status (*)(Context&, Words&);

struct Verb {
  std::string_view name;
  Command run;
};
// The verb the next word names, or `show` if there is no word left.
absl::Status RunVerb(std::span<const Verb> verbs, Context& context, Words& words);

absl::Status VerifyMaps(Context& context, Words& words);  // `map verify`
absl::Status StatusObject(Context& context, Words& words);
absl::Status RouteObject(Context& context, Words& words);
absl::Status MapObject(Context& context, Words& words);
absl::Status MappingObject(Context& context, Words& words);
absl::Status SlaveObject(Context& context, Words& words);
absl::Status ResolveObject(Context& context, Words& words);
absl::Status KeyObject(Context& context, Words& words);
absl::Status DelegateObject(Context& context, Words& words);
absl::Status RecordObject(Context& context, Words& words);
absl::Status SiteObject(Context& context, Words& words);
absl::Status TokenObject(Context& context, Words& words);
absl::Status TraceObject(Context& context, Words& words);
absl::Status MonitorObject(Context& context, Words& words);
absl::Status CounterObject(Context& context, Words& words);
absl::Status DatapathObject(Context& context, Words& words);
absl::Status VersionObject(Context& context, Words& words);

}  // namespace ov6::ctl

#endif
