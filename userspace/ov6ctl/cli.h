// SPDX-License-Identifier: Apache-2.0
// From a command line to an exit code.
#ifndef OV6_USERSPACE_OV6CTL_CLI_H
#define OV6_USERSPACE_OV6CTL_CLI_H

#include <span>
#include <string>

#include "userspace/ov6ctl/context.h"
#include "userspace/ov6ctl/exit_code.h"

namespace ov6::ctl {

// `words`: what stands behind the options.
ExitCode Run(Context& context, std::span<const std::string> words);

// An error on stderr and, with -j, as JSON on stdout.
ExitCode Report(const absl::Status& status, bool json, std::ostream& out, std::ostream& err);

}  // namespace ov6::ctl

#endif
