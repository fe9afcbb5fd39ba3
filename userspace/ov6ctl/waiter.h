// SPDX-License-Identifier: Apache-2.0
// What a command that does not end by itself waits for, and the clocks it waits by.
#ifndef OV6_USERSPACE_OV6CTL_WAITER_H
#define OV6_USERSPACE_OV6CTL_WAITER_H

#include <chrono>

#include "ov6/time.h"
#include "userspace/base/unique_fd.h"

namespace ov6::ctl {

class Waiter {
 public:
  virtual ~Waiter() = default;
  // Until `fd` is readable (-1: there is none) or `most` has passed. False: it is time to end.
  virtual bool Wait(int fd, Duration most) = 0;
  virtual BootTime Now() = 0;
  virtual std::chrono::system_clock::time_point WallTime(BootTime time) = 0;
};

// Ends at SIGINT and SIGTERM, and when nobody reads standard output any more.
class SignalWaiter : public Waiter {
 public:
  bool Wait(int fd, Duration most) override;
  BootTime Now() override { return BootClock::now(); }
  std::chrono::system_clock::time_point WallTime(BootTime time) override;

 private:
  UniqueFd signals_;  // from the first Wait() on
};

}  // namespace ov6::ctl

#endif
