// SPDX-License-Identifier: Apache-2.0
// The packets between a TUN device and a session, checked both ways. Bounded: what the session does not take
// stays in the device's queue, and what that has no room for the kernel drops and counts.
#ifndef OV6_SLAVES_GATEWAY_SITE_TUN_H
#define OV6_SLAVES_GATEWAY_SITE_TUN_H

#include <array>
#include <boost/json/fwd.hpp>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "slaves/gateway/gateway_config.h"
#include "slaves/gateway/packet_check.h"
#include "slaves/runtime/loop.h"
#include "slaves/runtime/session_client.h"
#include "userspace/base/tun.h"
#include "userspace/wire/segment_merge.h"

namespace ov6 {

class SiteTun {
 public:
  SiteTun(Loop& loop, std::string name);

  // Makes the device, or makes it what the configuration asks for, and brings it up; its index. Packets go
  // over `session` until Leave(), which comes before the session goes.
  absl::StatusOr<uint32_t> Join(SessionClient* session, const GatewayConfig& config);
  // The device is down: the kernel tells senders that there is no way.
  void Leave();
  void OnDatagram(const DatagramView& datagram);
  // The session takes packets again.
  void OnDrained();
  void OnCaughtUp() { merger_.Flush(); }  // all that had come has been handed out
  void AppendStatus(boost::json::object* status) const;

 private:
  struct Device {
    TunDevice tun;
    Descriptor descriptor;
    uint32_t ifindex;
  };

  absl::Status Make(const GatewayConfig& config);
  absl::Status Change(const GatewayConfig& config);
  void Watch();
  void OnReadable();
  void Send(PacketBytes framed);
  void Write(PacketBytes framed);
  PacketCheck CheckDatagram(const DatagramView& datagram) const;

  Loop& loop_;
  const std::string name_;
  GatewayConfig config_;
  std::unique_ptr<Device> device_;
  SessionClient* session_ = nullptr;
  bool held_back_ = false;  // packets stay in the device's queue until the session takes them
  PacketCounts from_site_{}, from_master_{};
  uint64_t not_taken_ = 0;  // by the kernel
  SegmentMerger merger_;    // of what comes from the master
};

}  // namespace ov6

#endif
