// SPDX-License-Identifier: Apache-2.0
// Packets between a slave port and a session with a master elsewhere, checked both ways as a gateway's are
// (RFC 9484 section 7): the hop limit counts one here. Bounded: what the session or the port has no room for
// is dropped and counted.
#ifndef OV6_SLAVES_UPLINK_CARRIER_H
#define OV6_SLAVES_UPLINK_CARRIER_H

#include <array>
#include <boost/json/object.hpp>
#include <functional>
#include <span>
#include <vector>

#include "slaves/gateway/packet_check.h"
#include "userspace/port/frame_port.h"

namespace ov6 {

class Carrier {
 public:
  // Takes a packet for the master; false: it has no room.
  using Send = std::function<bool(PacketBytes)>;

  // Somebody at the other end of a packet that was carried.
  using Met = std::function<void(const Ipv6&)>;

  Carrier(SendingPort& port, Met met) : port_(port), met_(std::move(met)) {}

  void OnPort(const PortCapsule& capsule);
  // Packets of these prefixes go over `send` until Leave().
  void Join(std::vector<Prefix> site, Send send);
  void Leave() { send_ = nullptr; }

  void OnFrames(std::span<const Frame> frames);
  // Held until Flush(), which comes when all that had come has been handed in.
  void OnPacket(PacketBytes packet);
  void Flush();

  void AppendStatus(boost::json::object* status) const;

 private:
  void OnFrame(const Frame& frame);

  SendingPort& port_;
  const Met met_;
  PortCapsule capsule_;
  std::vector<Prefix> site_;
  Send send_;
  std::vector<Frame> out_;
  PacketCounts to_master_{}, from_master_{};
  uint64_t bad_punt_ = 0, hop_limit_ = 0, without_session_ = 0, session_full_ = 0, port_full_ = 0;
};

}  // namespace ov6

#endif
