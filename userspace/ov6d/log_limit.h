// SPDX-License-Identifier: Apache-2.0
// A log that somebody else can make grow: some lines at once, then one a second. How many were left out is
// said with the next one.
#ifndef OV6_USERSPACE_OV6D_LOG_LIMIT_H
#define OV6_USERSPACE_OV6D_LOG_LIMIT_H

#include <spdlog/spdlog.h>

#include <string>
#include <utility>

#include "userspace/base/token_bucket.h"

namespace ov6 {

class LogLimit {
 public:
  static constexpr double kRate = 1, kBurst = 10;

  // False: it was left out.
  bool Log(BootTime now, spdlog::level::level_enum level, const std::string& line) {
    if (!bucket_.Take(now)) {
      ++left_out_;
      return false;
    }
    if (const uint64_t lines = std::exchange(left_out_, 0); lines > 0)
      spdlog::log(level, "{} ({} lines like this were left out)", line, lines);
    else
      spdlog::log(level, "{}", line);
    return true;
  }
  bool Info(BootTime now, const std::string& line) { return Log(now, spdlog::level::info, line); }
  bool Warn(BootTime now, const std::string& line) { return Log(now, spdlog::level::warn, line); }

 private:
  TokenBucket bucket_{kRate, kBurst};
  uint64_t left_out_ = 0;
};

}  // namespace ov6

#endif
