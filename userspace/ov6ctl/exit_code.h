// SPDX-License-Identifier: Apache-2.0
// How a failure leaves ov6ctl: as an exit code, and with -j as a short code in JSON. Commands
// answer with absl::Status; its code carries the meaning, a payload the daemon's own word for it.
#ifndef OV6_USERSPACE_OV6CTL_EXIT_CODE_H
#define OV6_USERSPACE_OV6CTL_EXIT_CODE_H

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace ov6::ctl {

enum ExitCode {
  kExitOk = 0,
  kExitNotFound = 1,
  kExitRefused = 2,  // by the daemon or the kernel
  kExitDifference = 3,
  kExitUnreachable = 4,  // no daemon at the socket
  kExitUsage = 255,
};

absl::Status Usage(std::string sentence);    // the command line is wrong
absl::Status Refused(std::string sentence);  // daemon or kernel say no
absl::Status NotFound(std::string sentence);
absl::Status Different(std::string sentence);    // what was compared is not the same
absl::Status Unreachable(std::string sentence);  // no daemon

// What the daemon said, under its own code ("conflict", "not_found", ...).
absl::Status FromDaemon(int http_status, std::string_view code, std::string sentence);

// The JSON on stdout says it already; with -j no error object follows it.
absl::Status WithJsonPrinted(absl::Status status);
bool IsJsonPrinted(const absl::Status& status);

ExitCode ToExitCode(const absl::Status& status);
std::string ToWord(const absl::Status& status);  // "usage", "not_found", ...

}  // namespace ov6::ctl

#endif
