// SPDX-License-Identifier: Apache-2.0
// The options that stand before the object, with iproute2's letters.
#ifndef OV6_USERSPACE_OV6CTL_OPTIONS_H
#define OV6_USERSPACE_OV6CTL_OPTIONS_H

#include <filesystem>
#include <span>
#include <string>

#include "absl/status/statusor.h"

namespace ov6::ctl {

struct Options {
  bool json = false;
  bool pretty = false;
  bool version = false;
  bool help = false;
  std::filesystem::path run = "/run/ov6";  // of the instance
  std::filesystem::path socket;            // <run>/ov6d.sock unless -S says another

  std::filesystem::path Bpffs() const { return run / "bpf"; }
};

// Takes the options off the front of `arguments` (without the program's name) and leaves
// the rest in *rest. `environment_run` is $OV6_RUN, or null.
absl::StatusOr<Options> ParseOptions(std::span<const std::string> arguments, const char* environment_run,
                                     std::span<const std::string>* rest);

}  // namespace ov6::ctl

#endif
