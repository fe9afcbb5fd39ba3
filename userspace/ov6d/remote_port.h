// SPDX-License-Identifier: Apache-2.0
// The slave port of a slave elsewhere, whose rings ov6d maps in its stead. One thread.
#ifndef OV6_USERSPACE_OV6D_REMOTE_PORT_H
#define OV6_USERSPACE_OV6D_REMOTE_PORT_H

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <memory>

#include "absl/status/statusor.h"
#include "ov6/datapath.h"
#include "userspace/ov6d/remote_resolver.h"

namespace ov6 {

class RemotePort : public FramePort {
 public:
  // Takes the descriptors, also when it fails.
  static absl::StatusOr<std::unique_ptr<RemotePort>> Open(boost::asio::io_context& io,
                                                          const PortHandles& handles, SlaveId id,
                                                          std::function<BootTime()> clock,
                                                          RemoteResolver::Show show);

  void Transmit(std::span<const Frame> frames) override;
  void Release(const Frame& frame) override { rings_->Release(frame); }

  RemoteResolver& resolver() { return resolver_; }
  const RemoteResolver& resolver() const { return resolver_; }
  uint64_t not_sent() const { return not_sent_; }  // packets for which the ring had no room

 private:
  RemotePort(boost::asio::io_context& io, std::unique_ptr<PortRings> rings, int fd, SlaveId id,
             std::function<BootTime()> clock, RemoteResolver::Show show);
  void Watch();
  void Drain();

  std::unique_ptr<PortRings> rings_;
  boost::asio::posix::stream_descriptor readable_;
  std::function<BootTime()> clock_;
  RemoteResolver resolver_;
  uint64_t not_sent_ = 0;
  std::shared_ptr<char> alive_ =
      std::make_shared<char>();  // what a handler asks that was queued before the end
};

}  // namespace ov6

#endif
