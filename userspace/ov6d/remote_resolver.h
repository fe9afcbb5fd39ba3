// SPDX-License-Identifier: Apache-2.0
// What stands between the datapath and a slave elsewhere that resolves (docs/slave-protocol.md section 8):
// packets that are punted for it wait here, it is shown what they are about, and when the kernel holds its
// answer they go back. It gives no packet into the datapath itself, and what it may say is bounded in number
// and by the second. Time is handed in.
#ifndef OV6_USERSPACE_OV6D_REMOTE_RESOLVER_H
#define OV6_USERSPACE_OV6D_REMOTE_RESOLVER_H

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <vector>

#include "userspace/base/bytes.h"
#include "userspace/base/token_bucket.h"
#include "userspace/port/frame_port.h"
#include "userspace/port/hold_queue.h"

namespace ov6 {

class RemoteResolver {
 public:
  static constexpr size_t kMostHeld = 512, kHeldPerAddress = 16;  // packets
  static constexpr Duration kPatience = std::chrono::seconds(2);  // then they are dropped
  static constexpr Duration kAskAgain = std::chrono::milliseconds(500);
  static constexpr size_t kShown = 128;                            // bytes of a packet
  static constexpr double kAskRate = 1000, kAskBurst = 200;        // a second; at once
  static constexpr double kChangeRate = 100, kChangeBurst = 1000;  // a second; at once
  static constexpr size_t kMostMappings = 4096;                    // mappings and negatives that stand

  struct Counters {
    uint64_t punted = 0, bad_punt = 0, asked = 0, returned = 0;
    uint64_t dropped_rate = 0;      // asked too often, or the session takes no more
    uint64_t dropped_held = 0;      // others took the place
    uint64_t dropped_patience = 0;  // no answer in time
    uint64_t changes_refused = 0;   // by these budgets, or by the master
  };
  // False: the session did not take it.
  using Show = std::function<bool(std::span<const uint8_t> payload)>;

  RemoteResolver(FramePort& port, SlaveId id, Show show) : port_(port), id_(id), show_(std::move(show)) {}

  void OnFrames(BootTime now, std::span<const Frame> frames);
  // Those of the changes that the budgets allow go to `apply`; the refusals of both, by the places in
  // `capsule`. Packets that were waited for go back.
  using Apply = std::function<MappingsAckCapsule(const MappingsCapsule&)>;
  MappingsAckCapsule OnMappings(BootTime now, const MappingsCapsule& capsule, const Apply& apply);
  void Sweep(BootTime now);

  size_t held() const { return held_.size(); }
  size_t standing() const { return standing_.size(); }
  const Counters& counters() const { return counters_; }

 private:
  void OnFrame(BootTime now, const Frame& frame);
  bool Ask(BootTime now, const Ipv6& key, const Frame& frame);
  absl::Status Admit(BootTime now, const MappingChange& change);
  void Note(BootTime now, const MappingChange& change);
  void Return(const Prefix& prefix);

  FramePort& port_;
  const SlaveId id_;
  const Show show_;
  HoldQueue held_{{kHeldPerAddress, kMostHeld}};
  std::map<Ipv6, BootTime> asked_;       // when; each has packets that wait
  std::map<Prefix, BootTime> standing_;  // what it installed, until when
  TokenBucket asks_{kAskRate, kAskBurst}, changes_{kChangeRate, kChangeBurst};
  Counters counters_;
};

}  // namespace ov6

#endif
