// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/daemon_port.h"

#include <fcntl.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "userspace/port/frame_port.h"

namespace ov6 {
namespace {

using boost::system::error_code;

}  // namespace

absl::StatusOr<std::unique_ptr<DaemonPort>> DaemonPort::Open(boost::asio::io_context& io,
                                                             Datapath& datapath) {
  const auto handles = datapath.CreatePort(kName, OV6_SLAVE_OPERATOR, OV6_PORT_DAEMON);
  if (!handles.ok()) return handles.status();
  auto rings = PortRings::Map(handles->geometry, handles->xsk_fd, handles->umem_fd);
  if (!rings.ok()) return rings.status();
  const int fd = ::fcntl((*rings)->fd(), F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return absl::ErrnoToStatus(errno, "duplicating the descriptor of ov6d's port");
  std::unique_ptr<DaemonPort> port(new DaemonPort(io, *std::move(rings), fd));
  port->Watch();
  return port;
}

DaemonPort::DaemonPort(boost::asio::io_context& io, std::unique_ptr<PortRings> rings, int fd)
    : rings_(std::move(rings)), readable_(io, fd) {}

size_t DaemonPort::max_packet() const { return rings_->geometry().mtu - sizeof(ov6_port_header); }

Resubmitted DaemonPort::Resubmit(ov6_port_type type, uint32_t ingress, std::span<const uint8_t> packet) {
  if (packet.size() > max_packet()) return Resubmitted::kTooBig;
  PortRings::Frame frame;
  if (!rings_->Allocate(&frame)) {
    rings_->RxBurst({});  // takes back what has been sent
    if (!rings_->Allocate(&frame)) return Resubmitted::kNoRoom;
  }
  WritePortHeaders(type, OV6_PORT_DAEMON, OV6_SLAVE_OPERATOR, ingress, frame.bytes.data());
  std::memcpy(frame.bytes.data() + kPortHeaders, packet.data(), packet.size());
  frame.bytes = frame.bytes.first(kPortHeaders + packet.size());
  if (rings_->TxBurst({&frame, 1}) == 1) return Resubmitted::kSent;
  rings_->Release(frame);
  return Resubmitted::kNoRoom;
}

void DaemonPort::Watch() {
  readable_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                       [this, alive = std::weak_ptr<char>(alive_)](error_code error) {
                         if (error || alive.expired()) return;
                         Drain();
                         Watch();
                       });
}

// Site by site, so that each session sends once; for each in the order in which they came.
void DaemonPort::Drain() {
  std::array<PortRings::Frame, 64> frames, same;
  for (size_t left = rings_->RxBurst(frames); left > 0;) {
    const auto device = CarriedTo(frames[0].bytes);
    size_t matching = 0, others = 0;
    for (size_t i = 0; i < left; ++i)
      (CarriedTo(frames[i].bytes) == device ? same[matching++] : frames[others++]) = frames[i];
    left = others;
    const std::span group(same.data(), matching);
    const auto site = device ? site_at_(*device) : nullptr;
    if (site)
      site->Carry(group);
    else
      unexpected_ += matching;
    for (const PortRings::Frame& frame : group) rings_->Release(frame);
  }
}

DaemonPortCounters DaemonPort::Counters() const {
  const xdp_statistics statistics = rings_->Statistics();
  return {unexpected_, statistics.rx_dropped + statistics.rx_ring_full};
}

}  // namespace ov6
