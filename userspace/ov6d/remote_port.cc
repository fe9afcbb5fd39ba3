// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/remote_port.h"

#include <fcntl.h>

#include <array>
#include <cerrno>
#include <utility>

namespace ov6 {
namespace {

using boost::system::error_code;

}  // namespace

absl::StatusOr<std::unique_ptr<RemotePort>> RemotePort::Open(boost::asio::io_context& io,
                                                             const PortHandles& handles, SlaveId id,
                                                             std::function<BootTime()> clock,
                                                             RemoteResolver::Show show) {
  auto rings = PortRings::Map(handles.geometry, handles.xsk_fd, handles.umem_fd);
  if (!rings.ok()) return rings.status();
  const int fd = ::fcntl((*rings)->fd(), F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return absl::ErrnoToStatus(errno, "duplicating the descriptor of a slave's port");
  std::unique_ptr<RemotePort> port(
      new RemotePort(io, *std::move(rings), fd, id, std::move(clock), std::move(show)));
  port->Drain();  // what waited in the ring of a predecessor
  port->Watch();
  return port;
}

RemotePort::RemotePort(boost::asio::io_context& io, std::unique_ptr<PortRings> rings, int fd, SlaveId id,
                       std::function<BootTime()> clock, RemoteResolver::Show show)
    : rings_(std::move(rings)),
      readable_(io, fd),
      clock_(std::move(clock)),
      resolver_(*this, id, std::move(show)) {}

void RemotePort::Watch() {
  readable_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                       [this, alive = std::weak_ptr<char>(alive_)](error_code error) {
                         if (error || alive.expired()) return;
                         Drain();
                         Watch();
                       });
}

void RemotePort::Drain() {
  std::array<Frame, 64> frames;
  const size_t count = rings_->RxBurst(frames);
  resolver_.OnFrames(clock_(), std::span(frames).first(count));
}

void RemotePort::Transmit(std::span<const Frame> frames) {
  if (frames.empty()) return;
  rings_->RxBurst({});  // takes back what has been sent
  const size_t sent = rings_->TxBurst(frames);
  for (const Frame& frame : frames.subspan(sent)) rings_->Release(frame);
  not_sent_ += frames.size() - sent;
}

}  // namespace ov6
