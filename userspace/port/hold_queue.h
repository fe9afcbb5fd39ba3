// SPDX-License-Identifier: Apache-2.0
// Packets that wait for an answer, by what they wait for. Bounded per key and in all;
// when a bound is reached the oldest packet (of the key, or of all) gives way, since
// its sender is the likeliest to have given up. The order within a key is the order
// of arrival. Frames are not copied: they stay in their chunk of the port's memory.
#ifndef OV6_USERSPACE_PORT_HOLD_QUEUE_H
#define OV6_USERSPACE_PORT_HOLD_QUEUE_H

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "ov6/address.h"
#include "userspace/port/frame_port.h"

namespace ov6 {

class HoldQueue {
 public:
  struct Limits {
    size_t per_key = 64;
    size_t total = 1024;
  };
  struct Held {
    Frame frame;
    ov6_punt_reason reason;
  };
  struct Counters {
    uint64_t held = 0;
    uint64_t returned = 0;
    uint64_t dropped_key_full = 0;
    uint64_t dropped_all_full = 0;
  };

  HoldQueue() = default;
  explicit HoldQueue(Limits limits) : limits_(limits) {}

  // Returns the frame that gave way, if one did; the caller releases it. A total of 0 returns `frame` itself.
  std::optional<Frame> Hold(const Ipv6& key, const Frame& frame, ov6_punt_reason reason);
  // All that waits for `key`, in the order it came.
  std::vector<Held> Take(const Ipv6& key);
  // Forgets everything without giving it back: the port's memory is gone.
  void Clear();
  void SetLimits(Limits limits) { limits_ = limits; }  // from the next frame on

  size_t size() const { return all_.size(); }
  size_t keys() const { return by_key_.size(); }
  bool Holds(const Ipv6& key) const { return by_key_.contains(key); }
  const Counters& counters() const { return counters_; }

 private:
  struct Entry {
    Ipv6 key;
    Held held;
  };
  using Order = std::list<Entry>;  // oldest first

  Frame DropOldest(const Ipv6& key);

  Limits limits_;
  Order all_;
  absl::flat_hash_map<Ipv6, std::deque<Order::iterator>> by_key_;  // oldest first
  Counters counters_;
};

}  // namespace ov6

#endif
