// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/libbpf_log.h"

#include <bpf/libbpf.h>

#include <cstdarg>
#include <cstdio>
#include <string>

#include "spdlog/spdlog.h"

namespace ov6 {
namespace {

int Print(libbpf_print_level level, const char* format, va_list arguments) {
  if (level == LIBBPF_DEBUG || !spdlog::should_log(spdlog::level::debug)) return 0;
  va_list copy;
  va_copy(copy, arguments);
  const int size = vsnprintf(nullptr, 0, format, copy);
  va_end(copy);
  if (size <= 0) return 0;
  std::string text(static_cast<size_t>(size) + 1, '\0');
  vsnprintf(text.data(), text.size(), format, arguments);
  while (!text.empty() && (text.back() == '\0' || text.back() == '\n')) text.pop_back();
  spdlog::debug("{}", text);
  return 0;
}

}  // namespace

void RouteLibbpfLog() { libbpf_set_print(Print); }

}  // namespace ov6
