// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "ov6/abi/base.h"
#include "userspace/ov6ctl/objects.h"

namespace ov6::ctl {
namespace {

absl::Status Show(Context& context, Words& words) {
  if (auto status = words.Finish(); !status.ok()) return status;
  if (context.options.json) {
    context.PrintJson({{"version", OV6_VERSION}, {"abi_version", OV6_ABI_VERSION}});
  } else {
    context.out << fmt::format("ov6ctl {}, maps of version {}\n", OV6_VERSION, OV6_ABI_VERSION);
  }
  return absl::OkStatus();
}

constexpr Verb kVerbs[] = {{"show", Show}};

}  // namespace

absl::Status VersionObject(Context& context, Words& words) { return RunVerb(kVerbs, context, words); }

}  // namespace ov6::ctl
