// SPDX-License-Identifier: Apache-2.0
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <iostream>

#include "userspace/ov6ctl/cli.h"

int main(int argc, char** argv) {
  using namespace ov6::ctl;
  spdlog::set_level(spdlog::level::off);  // what went wrong is said once, by Report
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  std::span<const std::string> rest;
  const auto options = ParseOptions(arguments, std::getenv("OV6_RUN"), &rest);
  if (!options.ok()) return Report(options.status(), false, std::cout, std::cerr);
  PinnedView kernel(options->Bpffs());
  SocketDaemon daemon(options->socket);
  SignalWaiter waiter;
  Context context{*options, kernel, daemon, waiter.Now(), std::cout, std::cerr, waiter};
  return Run(context, rest);
}
