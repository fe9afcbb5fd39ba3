// SPDX-License-Identifier: Apache-2.0
// A TUN device: the way between a site's IPv6 packets and a session that carries them. Packets come and go
// with a virtio_net_hdr in front (`include/linux/virtio_net.h`, 10 bytes, little-endian), so that TCP moves
// in large segments where the other side takes them. The device goes with its descriptor.
#ifndef OV6_USERSPACE_BASE_TUN_H
#define OV6_USERSPACE_BASE_TUN_H

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "userspace/base/unique_fd.h"

namespace ov6 {

class TunDevice {
 public:
  static constexpr size_t kHeader = 10;             // bytes of the virtio_net_hdr
  static constexpr size_t kMaxPacket = 65535 + 40;  // behind it

  // Makes the device and brings it up, without an address and without IPv6's own traffic. `segments`: TCP of
  // up to 64 KiB in one packet and unfinished checksums may come out of it; they may go in anyway.
  // FailedPrecondition: without CAP_NET_ADMIN, or there is no /dev/net/tun. AlreadyExists: the name is taken.
  static absl::StatusOr<TunDevice> Make(const std::string& name, bool segments, int mtu);

  int fd() const { return fd_.get(); }  // non-blocking
  const std::string& name() const { return name_; }
  // From now on packets of many segments and unfinished checksums may come out, or not.
  absl::Status SetSegments(bool segments) const;
  // The header and one packet; nullopt: nothing is there. `out` has room for kHeader + kMaxPacket.
  std::optional<size_t> Read(std::span<uint8_t> out) const;
  // A header and one packet. False: the kernel did not take it.
  bool Write(std::span<const uint8_t> packet) const;
  absl::Status SetMtu(int mtu) const;
  // Somebody deleted it.
  bool Gone() const;

 private:
  TunDevice(UniqueFd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}

  UniqueFd fd_;
  std::string name_;
};

}  // namespace ov6

#endif
