// SPDX-License-Identifier: Apache-2.0
// ov6d: the master.
#include <signal.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "userspace/ov6d/daemon.h"
#include "userspace/ov6d/version.h"

namespace ov6 {
namespace {

int Say(const absl::Status& status) {
  if (status.ok()) return 0;
  std::fprintf(stderr, "ov6d: %s\n", std::string(status.message()).c_str());
  return 1;
}

void StartLog() {
  spdlog::set_default_logger(spdlog::stderr_color_st("ov6d"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e %n %l: %v");
  spdlog::flush_on(spdlog::level::info);
}

int Main(int argc, char** argv) {
  std::filesystem::path file = "/etc/ov6/ov6.toml";
  bool check = false;
  CLI::App app("ov6d: the router's daemon");
  app.add_option("--config", file, "the configuration, TOML")->capture_default_str();
  app.add_flag("--check", check, "only check the configuration");
  app.set_version_flag("--version", std::string("ov6d ") + kVersion);
  CLI11_PARSE(app, argc, argv);

  auto config = LoadConfig(file);
  if (!config.ok() || check) return Say(config.status());
  StartLog();
  ::signal(SIGPIPE, SIG_IGN);
  // What is given up later must not come back by running another program as root.
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  return Say(RunDaemon(*std::move(config), self.parent_path()));
}

}  // namespace
}  // namespace ov6

int main(int argc, char** argv) { return ov6::Main(argc, argv); }
