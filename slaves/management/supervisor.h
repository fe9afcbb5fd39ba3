// SPDX-License-Identifier: Apache-2.0
// Which slave to start, and when: at first all that do not run, gateways before the
// rest so that hosts have addresses early; then each that ended, after a delay that
// doubles with every short life. A slave that ended with status 0 was asked to, and
// stays down until somebody asks for it. Pure: time is handed in.
#ifndef OV6_SLAVES_MANAGEMENT_SUPERVISOR_H
#define OV6_SLAVES_MANAGEMENT_SUPERVISOR_H

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ov6/mapping.h"
#include "ov6/time.h"

namespace ov6 {

class Supervisor {
 public:
  static constexpr Duration kFirstDelay = std::chrono::milliseconds(100);
  static constexpr Duration kLongestDelay = std::chrono::seconds(30);
  static constexpr Duration kGoodLife = std::chrono::seconds(60);  // the delay starts from the first again

  static constexpr Duration kSettled = std::chrono::seconds(2);  // an older report may still call it stopped

  enum class State { kRunning, kWaiting, kDown };  // down: ended on request
  struct Slave {
    SlaveKind kind = SlaveKind::kDht;
    State state = State::kWaiting;
    BootTime since{};              // running: when it was started
    BootTime next_try{};           // waiting
    Duration delay = kFirstDelay;  // before the next restart
    uint64_t restarts = 0;
  };

  // What the master says of a configured slave. New ones are taken up, and one that is said to be
  // stopped while it should run counts as ended.
  void Report(BootTime now, const std::string& name, SlaveKind kind, bool running);
  // Those that are not among these are no more.
  void Keep(const std::set<std::string>& names);
  void OnExited(BootTime now, const std::string& name, int status);
  void OnStartFailed(BootTime now, const std::string& name);
  // Somebody asks for a slave; false: there is none of this name.
  bool Want(BootTime now, const std::string& name);

  // Whom to start now, in order; they count as running from here on.
  std::vector<std::string> TakeDue(BootTime now);
  std::optional<BootTime> NextDeadline() const;
  const std::map<std::string, Slave>& slaves() const { return slaves_; }

 private:
  void Wait(BootTime now, Slave* slave);

  std::map<std::string, Slave> slaves_;
};

std::string_view ToString(Supervisor::State state);

}  // namespace ov6

#endif
