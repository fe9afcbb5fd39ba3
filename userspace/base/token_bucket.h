// SPDX-License-Identifier: Apache-2.0
// A token bucket: `rate` tokens a second, `burst` at most. The caller brings the time.
#ifndef OV6_USERSPACE_BASE_TOKEN_BUCKET_H
#define OV6_USERSPACE_BASE_TOKEN_BUCKET_H

#include <algorithm>

#include "ov6/time.h"

namespace ov6 {

class TokenBucket {
 public:
  TokenBucket(double rate, double burst, BootTime now)
      : rate_(rate), burst_(burst), tokens_(burst), filled_(now) {}

  bool Take(BootTime now) {
    const std::chrono::duration<double> passed = now - filled_;
    tokens_ = std::min(burst_, tokens_ + std::max(0.0, passed.count()) * rate_);
    filled_ = now;
    if (tokens_ < 1) return false;
    --tokens_;
    return true;
  }
  // Back, since it was not needed.
  void Return() { tokens_ = std::min(burst_, tokens_ + 1); }

 private:
  double rate_, burst_, tokens_;
  BootTime filled_;
};

}  // namespace ov6

#endif
