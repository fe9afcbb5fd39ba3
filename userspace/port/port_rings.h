// SPDX-License-Identifier: Apache-2.0
// A slave port's rings: an AF_XDP socket that somebody else made and bound, and the
// memfd of its UMEM. Needs no capability. The port may have been in use: what waits in
// its receive ring is received, what a predecessor was about to send is sent, and
// every other chunk is free. One thread uses an object.
#ifndef OV6_USERSPACE_PORT_PORT_RINGS_H
#define OV6_USERSPACE_PORT_PORT_RINGS_H

#include <linux/if_xdp.h>

#include <cstdint>
#include <memory>
#include <span>

#include "absl/status/statusor.h"
#include "ov6/capsule.h"

namespace ov6 {

// Bytes of a chunk in front of a received frame, kept by the kernel for XDP.
inline constexpr uint32_t kPortChunkHeadroom = 256;

class PortRings {
 public:
  struct Frame {
    uint32_t chunk = 0;
    std::span<uint8_t> bytes;  // from the Ethernet header on; anywhere inside the chunk
  };

  // Takes the descriptors, also when it fails. InvalidArgument: the geometry does not fit
  // them; DataLoss: the rings' content contradicts itself and the port must be made anew.
  static absl::StatusOr<std::unique_ptr<PortRings>> Map(const PortCapsule& geometry, int xsk_fd, int umem_fd);
  ~PortRings();
  PortRings(const PortRings&) = delete;
  PortRings& operator=(const PortRings&) = delete;

  int fd() const { return xsk_fd_; }  // readable when frames wait
  const PortCapsule& geometry() const { return geometry_; }

  // Received frames, oldest first; each is the caller's until Release or TxBurst. Also gives
  // the kernel free chunks to receive into and pushes on what it has not sent yet.
  size_t RxBurst(std::span<Frame> out);
  void Release(const Frame& frame);
  // A free chunk for a frame of one's own, with room for the port's MTU; shorten `bytes` to
  // what was written before sending. False: none is free now.
  bool Allocate(Frame* out);
  // Sends in order; returns how many it took. A taken chunk is the ring's until it has been
  // sent; the others are still the caller's.
  size_t TxBurst(std::span<const Frame> frames);

  // The kernel's counters of this socket: frames lost because a ring was full, and more.
  xdp_statistics Statistics() const;
  size_t free_chunks() const;

 private:
  struct Rings;
  PortRings(const PortCapsule& geometry, int xsk_fd, int umem_fd);
  absl::Status MapMemory();
  absl::Status TakeStock();
  void Reclaim();
  void Refill();
  void Kick();
  bool Sendable(const Frame& frame) const;

  PortCapsule geometry_;
  int xsk_fd_ = -1;
  int umem_fd_ = -1;
  std::unique_ptr<Rings> rings_;
};

}  // namespace ov6

#endif
