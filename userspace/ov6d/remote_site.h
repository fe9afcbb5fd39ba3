// SPDX-License-Identifier: Apache-2.0
// A site that is elsewhere: its packets between a TUN device here, which is the site's device to the
// datapath, and the session of its gateway. What XDP has for it comes by ov6d's port instead, unless it is
// TCP. What the session has no room for is dropped and counted. One thread.
#ifndef OV6_USERSPACE_OV6D_REMOTE_SITE_H
#define OV6_USERSPACE_OV6D_REMOTE_SITE_H

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "userspace/base/tun.h"
#include "userspace/ov6d/slave_session.h"
#include "userspace/port/frame_port.h"

namespace ov6 {

struct RemoteSiteCounters {
  uint64_t sent = 0, received = 0;  // packets; one of many segments counts once
  uint64_t dropped_waiting = 0;     // came while there was no session
  uint64_t dropped_queue = 0;       // the gateway reads too slowly
  uint64_t dropped_malformed = 0;   // from the gateway: no IPv6 packet, or a header that does not fit it
  uint64_t dropped_device = 0;      // the kernel did not take it
};

class RemoteSite : public std::enable_shared_from_this<RemoteSite> {
 public:
  RemoteSite(boost::asio::io_context& io, TunDevice device);
  ~RemoteSite();

  // Packets go to this session from now on, those that waited are dropped; to none while it is null.
  // `segments`: it takes DATAGRAMs of kSegmentContext.
  void Attach(std::shared_ptr<SlaveSession> session, bool segments);
  void FromGateway(const DatagramView& datagram);
  // What the datapath gave to ov6d's port for this site; the frames stay the caller's.
  void Carry(std::span<const Frame> frames);
  // The session takes packets again.
  void OnDrained();
  // Somebody took the device away: nothing comes or goes any more, and a session is closed as soon as it
  // shows.
  bool Gone() const { return device_.Gone(); }
  absl::Status SetMtu(int mtu) const { return device_.SetMtu(mtu); }

  const std::string& device() const { return device_.name(); }
  uint32_t ifindex() const { return ifindex_; }  // of the device
  const RemoteSiteCounters& counters() const { return counters_; }

 private:
  static constexpr int kBurst = 64;
  static constexpr size_t kMostCarried = 32 << 10;  // bytes
  static constexpr int kMostWaiting = 4096;         // more than a TUN device's queue

  void Watch();
  void Drain();
  void ToGateway(std::span<const uint8_t> bytes);

  TunDevice device_;
  const uint32_t ifindex_;
  bool segments_ = false;
  bool watching_ = false;
  boost::asio::posix::stream_descriptor descriptor_;
  std::shared_ptr<SlaveSession> session_;
  bool held_back_ = false;   // packets stay in the device's queue until the session takes them
  size_t carried_ = 0;       // bytes since the device had its turn, or the session was not full
  std::vector<uint8_t> in_;  // one packet
  RemoteSiteCounters counters_;
};

}  // namespace ov6

#endif
