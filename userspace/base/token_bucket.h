// SPDX-License-Identifier: Apache-2.0
// A token bucket: full at first, `rate` tokens a second, `burst` at most. The caller brings the time.
#ifndef OV6_USERSPACE_BASE_TOKEN_BUCKET_H
#define OV6_USERSPACE_BASE_TOKEN_BUCKET_H

#include <algorithm>

#include "ov6/time.h"

namespace ov6 {

class TokenBucket {
 public:
  TokenBucket(double rate, double burst) : rate_(rate), burst_(burst), tokens_(burst) {}

  bool Has(BootTime now) { return Refill(now) >= 1; }
  // Also into debt, or with a negative number back.
  void Charge(BootTime now, double tokens) { tokens_ = std::min(burst_, Refill(now) - tokens); }
  bool Take(BootTime now) {
    if (!Has(now)) return false;
    --tokens_;
    return true;
  }

 private:
  double Refill(BootTime now) {
    const std::chrono::duration<double> passed = now - filled_;
    if (now > filled_) tokens_ = std::min(burst_, tokens_ + rate_ * passed.count());
    filled_ = std::max(filled_, now);
    return tokens_;
  }

  double rate_, burst_, tokens_;
  BootTime filled_{};
};

}  // namespace ov6

#endif
