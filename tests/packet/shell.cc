// SPDX-License-Identifier: Apache-2.0
#include "tests/packet/shell.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>

namespace ov6::packet {

void Run(const std::string& command) {
  if (std::system(command.c_str()) == 0) return;
  std::fprintf(stderr, "failed: %s\n", command.c_str());
  std::abort();
}

bool Succeeds(const std::string& command) {
  return std::system(("{ " + command + "; } >/dev/null 2>&1").c_str()) == 0;
}

void WriteFile(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  if (file) return;
  std::fprintf(stderr, "cannot write %s to %s\n", text.c_str(), path.c_str());
  std::abort();
}

}  // namespace ov6::packet
