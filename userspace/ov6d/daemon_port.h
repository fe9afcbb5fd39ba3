// SPDX-License-Identifier: Apache-2.0
// ov6d's own slave port, slot 0 (device ov6-master): the way by which ov6d itself gives packets to
// the datapath, as if they had just come by one of its devices, and gets those for sites elsewhere. One
// thread.
#ifndef OV6_USERSPACE_OV6D_DAEMON_PORT_H
#define OV6_USERSPACE_OV6D_DAEMON_PORT_H

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "absl/status/statusor.h"
#include "ov6/abi/port.h"
#include "ov6/datapath.h"
#include "userspace/ov6d/remote_site.h"
#include "userspace/port/port_rings.h"

namespace ov6 {

enum class Resubmitted { kSent, kTooBig, kNoRoom };

struct DaemonPortCounters {
  uint64_t unexpected = 0;  // packets that came here for nobody
  uint64_t lost = 0;        // packets that the ring had no room for
};

class DaemonPort {
 public:
  static constexpr const char* kName = "master";

  // Makes the port; a predecessor's is replaced. The devices are attached before, since the port's
  // room is theirs.
  static absl::StatusOr<std::unique_ptr<DaemonPort>> Open(boost::asio::io_context& io, Datapath& datapath);

  // `packet` from its IP header on: for OV6_PORT_RESUBMIT_IN the outer IPv4 header, for
  // OV6_PORT_RESUBMIT_OUT the IPv6 header. `ingress`: the device it is judged by.
  Resubmitted Resubmit(ov6_port_type type, uint32_t ingress, std::span<const uint8_t> packet);

  // Whose device that is; null: nobody's. What comes for it is carried there.
  using SiteAt = std::function<std::shared_ptr<RemoteSite>(uint32_t ifindex)>;
  void CarryTo(SiteAt site_at) { site_at_ = std::move(site_at); }

  size_t max_packet() const;  // bytes of the biggest packet that fits
  DaemonPortCounters Counters() const;

 private:
  DaemonPort(boost::asio::io_context& io, std::unique_ptr<PortRings> rings, int fd);
  void Watch();
  void Drain();

  std::unique_ptr<PortRings> rings_;
  boost::asio::posix::stream_descriptor readable_;
  SiteAt site_at_ = [](uint32_t) { return nullptr; };
  uint64_t unexpected_ = 0;
  std::shared_ptr<char> alive_ =
      std::make_shared<char>();  // what a handler asks that was queued before the end
};

}  // namespace ov6

#endif
