// SPDX-License-Identifier: Apache-2.0
// The configuration file: an error is a sentence, and names the file.
#include "userspace/ov6d/config.h"

#include "tests/fuzz/must.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ov6;
  const auto config = ParseConfig({reinterpret_cast<const char*>(data), size}, "ov6.toml");
  if (!config.ok())
    fuzz::Must(config.status().message().find("ov6.toml") != std::string::npos,
               "an error does not name the file");
  return 0;
}
