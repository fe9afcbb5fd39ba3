// SPDX-License-Identifier: Apache-2.0
// What a harness promises about its input's decoder; a promise broken ends the process, as a fuzzer wants it.
#ifndef OV6_TESTS_FUZZ_MUST_H
#define OV6_TESTS_FUZZ_MUST_H

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace ov6::fuzz {

inline void Must(bool promise, const std::string& otherwise) {
  if (promise) return;
  std::fprintf(stderr, "%s\n", otherwise.c_str());
  std::abort();
}

}  // namespace ov6::fuzz

#endif
