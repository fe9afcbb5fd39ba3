// SPDX-License-Identifier: Apache-2.0
// The overlay's slave on a router that can be no member of it, being behind NAT: it holds a session with a
// master elsewhere, as a gateway does, and all packets for the domain that have no direct path go through it
// (docs/nat.md). While there is no session hosts are told that there is no way.
#ifndef OV6_SLAVES_UPLINK_UPLINK_H
#define OV6_SLAVES_UPLINK_UPLINK_H

#include <map>
#include <memory>
#include <string>

#include "slaves/gateway/gateway_config.h"
#include "slaves/runtime/port_driver.h"
#include "slaves/runtime/remote_session.h"
#include "slaves/runtime/slave_main.h"
#include "slaves/uplink/carrier.h"
#include "slaves/uplink/uplink_config.h"

namespace ov6 {

class Uplink {
 public:
  static constexpr Duration kNegativeLifetime = std::chrono::seconds(3);  // said anew each second
  // ov6d is told at most so often, and of so many, whose packets are carried.
  static constexpr Duration kTellInterval = std::chrono::seconds(1);
  static constexpr size_t kMaxTold = 64;

  explicit Uplink(SlaveProcess& process);

  absl::Status Configure(const boost::json::object& config);
  // FailedPrecondition if more has changed than the sites' prefixes.
  absl::Status Reconfigure(const boost::json::object& config);
  void OnPort(const PortCapsule& capsule) { port_.OnPortCapsule(capsule); }
  void OnCall(const CallCapsule& call, const SessionHandlers::Respond& respond);
  void Leave(Callback done);
  std::string StatusJson() const;

 private:
  RemoteSession::Handlers MakeHandlers();
  void AskConfig();
  absl::Status Join(const std::string& config);
  void OnDatagram(const DatagramView& datagram);
  void OnMastersCall(const CallCapsule& call, const SessionHandlers::Respond& respond);
  void TellStun(const boost::json::object& config);
  void OnMet(const Ipv6& address);
  void OnLost();
  void SayUnreachable();
  void TakeBackUnreachable();

  SlaveProcess& process_;
  PortDriver port_;
  Carrier carrier_;
  UplinkConfig config_;
  std::vector<Prefix> assigned_;
  std::unique_ptr<RemoteSession> session_;
  Timer unreachable_timer_;
  std::map<Prefix, BootTime> told_;  // /64s of those whose packets are carried: when
  uint64_t unknown_context_ = 0;
};

}  // namespace ov6

#endif
