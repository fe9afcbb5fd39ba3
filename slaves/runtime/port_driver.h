// SPDX-License-Identifier: Apache-2.0
// Drives a slave port on the loop: bursts of punted frames to the handler, frames of
// the slave into the TX ring, with a queue for what has no room yet. The port comes in
// two parts, the PORT capsule on the session and the descriptors on descriptor 4, in
// either order; a later pair replaces the port.
#ifndef OV6_SLAVES_RUNTIME_PORT_DRIVER_H
#define OV6_SLAVES_RUNTIME_PORT_DRIVER_H

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "slaves/runtime/fd_channel.h"
#include "slaves/runtime/loop.h"
#include "userspace/port/frame_port.h"

namespace ov6 {

struct PortCounters {
  uint64_t received = 0;
  uint64_t transmitted = 0;
  uint64_t released = 0;  // went back without being sent
  uint64_t bursts = 0;
  uint64_t transmit_waits = 0;  // the TX ring was full for a while
};

class PortDriver : public SendingPort {
 public:
  struct Handlers {
    std::function<void(std::span<const Frame>)> received;
    // A port is there. Frames held from an earlier one are void.
    std::function<void(const PortCapsule&)> ready;
    std::function<void(const absl::Status&)> failed;
  };

  // `channel` is descriptor 4; owned.
  PortDriver(Loop& loop, int channel, Handlers handlers);
  ~PortDriver() override;

  void OnPortCapsule(const PortCapsule& capsule);
  void Transmit(std::span<const Frame> frames) override;
  void Release(const Frame& frame) override;
  bool Allocate(Frame* out) override { return rings_ && rings_->Allocate(out); }

  // Frames that came while the ring was full or no chunk was free, since the port was made.
  uint64_t lost() const;
  bool ready() const { return rings_ != nullptr; }
  const PortCounters& counters() const { return counters_; }

 private:
  static constexpr size_t kBurst = 64;

  void ReadChannel();
  void MapWhenComplete();
  void WatchRx();
  void Receive();
  size_t Send(std::span<const Frame> frames);  // how many of them
  void WaitToSend();

  Loop& loop_;
  const int channel_;
  Handlers handlers_;
  std::unique_ptr<Descriptor> channel_watch_;
  std::optional<PortCapsule> capsule_;
  std::optional<PortDescriptors> descriptors_;
  std::unique_ptr<PortRings> rings_;
  std::unique_ptr<Descriptor> rings_watch_;  // gone before the rings, which own the descriptor
  std::vector<Frame> pending_;               // empty, or what waits for room
  bool waiting_ = false;
  PortCounters counters_;
};

}  // namespace ov6

#endif
