// SPDX-License-Identifier: Apache-2.0
// The clocks and the way to the engine that the slave's logic is handed, so that a test
// can run it on virtual time with an engine of its own.
#ifndef OV6_SLAVES_DHT_DHT_CLOCK_H
#define OV6_SLAVES_DHT_DHT_CLOCK_H

#include <chrono>
#include <functional>

#include "ov6/engine.h"
#include "ov6/time.h"

namespace ov6 {

struct DhtClock {
  std::function<BootTime()> boot;
  std::function<std::chrono::sys_time<std::chrono::milliseconds>()> wall;

  UnixTime Wall() const { return std::chrono::floor<std::chrono::seconds>(wall()); }
};

using SubmitRequest = std::function<void(Request)>;

}  // namespace ov6

#endif
