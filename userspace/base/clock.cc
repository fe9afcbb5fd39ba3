// SPDX-License-Identifier: Apache-2.0
#include <ctime>

#include "ov6/time.h"

namespace ov6 {

BootClock::time_point BootClock::now() noexcept {
  timespec ts{};
  clock_gettime(CLOCK_BOOTTIME, &ts);
  return time_point(std::chrono::seconds(ts.tv_sec) + std::chrono::nanoseconds(ts.tv_nsec));
}

}  // namespace ov6
