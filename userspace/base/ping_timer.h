// SPDX-License-Identifier: Apache-2.0
// How long a PING takes to be answered. One at a time is timed, the oldest that is not answered: however
// often they are sent, on the longest path one in a while is timed to its end. The caller brings the time.
#ifndef OV6_USERSPACE_BASE_PING_TIMER_H
#define OV6_USERSPACE_BASE_PING_TIMER_H

#include <cstdint>
#include <optional>

#include "ov6/time.h"

namespace ov6 {

class PingTimer {
 public:
  // The nonce of the next PING.
  uint64_t Send(BootTime now) {
    if (!timed_) timed_ = Timed{nonce_ + 1, now};
    return ++nonce_;
  }
  // Answers come in order: behind a later one there is none to the one that was timed.
  void Answer(uint64_t nonce, BootTime now) {
    if (!timed_ || nonce < timed_->nonce || nonce > nonce_) return;
    if (nonce == timed_->nonce) last_ = now - timed_->sent;
    timed_.reset();
  }
  // Of the last one that was timed to its end.
  std::optional<Duration> last() const { return last_; }

 private:
  struct Timed {
    uint64_t nonce;
    BootTime sent;
  };
  uint64_t nonce_ = 0;
  std::optional<Timed> timed_;
  std::optional<Duration> last_;
};

}  // namespace ov6

#endif
