// SPDX-License-Identifier: Apache-2.0
// The two clocks. BootTime never steps and counts through suspend: every
// deadline and every expiry in a map uses it. UnixTime stands only in signed
// records. Code below userspace/base never reads a clock, it is handed the time.
#ifndef OV6_TIME_H
#define OV6_TIME_H

#include <chrono>
#include <cstdint>

namespace ov6 {

using Duration = std::chrono::nanoseconds;

struct BootClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;
  static time_point now() noexcept;  // userspace/base/clock.cc; not linked into engines
};

// Nanoseconds of CLOCK_BOOTTIME, as in the maps; in a simulation, of virtual time.
using BootTime = BootClock::time_point;
// Seconds since 1970, UTC.
using UnixTime = std::chrono::sys_seconds;

inline uint64_t ToNanoseconds(BootTime t) { return static_cast<uint64_t>(t.time_since_epoch().count()); }
inline BootTime FromNanoseconds(uint64_t ns) { return BootTime(Duration(static_cast<int64_t>(ns))); }

}  // namespace ov6

#endif
