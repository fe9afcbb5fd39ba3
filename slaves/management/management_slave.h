// SPDX-License-Identifier: Apache-2.0
// What the management slave decides: packets to nowhere get a negative over the whole
// hole and go back, so that their senders are told; the supervisor's starts go to the
// master. Drives a Session and a FramePort, so a test can stand in for both.
#ifndef OV6_SLAVES_MANAGEMENT_MANAGEMENT_SLAVE_H
#define OV6_SLAVES_MANAGEMENT_MANAGEMENT_SLAVE_H

#include <functional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "slaves/management/supervisor.h"
#include "slaves/runtime/session.h"
#include "userspace/port/frame_port.h"
#include "userspace/port/hold_queue.h"

namespace ov6 {

class ManagementSlave {
 public:
  static constexpr Duration kHoleLifetime = std::chrono::seconds(60);
  // A taken prefix whose slave is away falls to ::/0: fail fast, but for no longer than it takes to come
  // back.
  static constexpr Duration kTakenLifetime = std::chrono::seconds(1);
  static constexpr double kNegativesPerSecond = 50;
  static constexpr double kNegativesBurst = 100;

  struct Counters {
    uint64_t punted = 0;
    uint64_t bad_punt = 0;
    uint64_t negatives = 0;
    uint64_t negatives_refused = 0;
    uint64_t dropped_rate = 0;     // packets: too many negatives a second
    uint64_t dropped_session = 0;  // packets: the master did not take the negative
  };

  ManagementSlave(Session& session, FramePort& port) : session_(session), port_(port) {}

  void Configure(std::vector<Prefix> taken) { taken_ = std::move(taken); }
  void OnPort(const PortCapsule& port);  // a port is there; frames of an earlier one are void
  void OnFrames(BootTime now, std::span<const Frame> frames);

  // The master's answer to `slaves`. An error is a sentence.
  absl::Status OnSlaves(BootTime now, const std::string& json);
  absl::Status OnExited(BootTime now, const std::string& json);
  absl::Status OnWanted(BootTime now, const std::string& json);
  void StartDue(BootTime now, const std::function<BootTime()>& clock);
  std::optional<BootTime> NextDeadline() const { return supervisor_.NextDeadline(); }

  std::string StatusJson(BootTime now) const;
  const Counters& counters() const { return counters_; }
  const Supervisor& supervisor() const { return supervisor_; }

 private:
  void OnFrame(BootTime now, const Frame& frame);
  bool Spend(BootTime now);
  void Ask(const Prefix& hole, bool taken);
  void Return(const Prefix& hole);
  void Drop(const Prefix& hole);

  Session& session_;
  FramePort& port_;
  std::vector<Prefix> taken_;
  Supervisor supervisor_;
  SlaveId self_ = 0;
  HoldQueue held_;          // by the hole's network address
  std::set<Prefix> asked_;  // negatives the master has not acknowledged yet
  double tokens_ = kNegativesBurst;
  BootTime tokens_updated_{};
  std::string last_refusal_;  // the same again is not worth a line in the log
  Counters counters_;
};

}  // namespace ov6

#endif
