// SPDX-License-Identifier: Apache-2.0
// The gateway's raw ICMPv6 socket, inherited bound to the site's interface and filtered
// to Router Solicitations (docs/slave-protocol.md section 5). Needs no capability.
#ifndef OV6_SLAVES_GATEWAY_RA_SOCKET_H
#define OV6_SLAVES_GATEWAY_RA_SOCKET_H

#include <optional>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ov6/address.h"
#include "slaves/gateway/ra.h"

namespace ov6 {

struct ReceivedMessage {
  std::vector<uint8_t> bytes;  // from the ICMPv6 header on
  Ipv6 source;
  int hop_limit = -1;
};

class RaSocket {
 public:
  RaSocket(int fd, std::string interface, unsigned ifindex);

  // Options of the socket: hop limits 255, what to tell of received packets, the all-routers group.
  absl::Status Prepare();
  absl::StatusOr<Mac> InterfaceMac() const;
  std::optional<ReceivedMessage> Receive();  // nullopt: nothing there
  // From the interface's link-local address; Unavailable while there is none that may be used yet
  // (duplicate address detection takes a second after the interface comes up).
  absl::Status Send(const Ipv6& to, std::span<const uint8_t> message);
  int fd() const { return fd_; }

 private:
  const int fd_;
  const std::string interface_;
  const unsigned ifindex_;
};

inline constexpr Ipv6 kAllNodes{{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};

}  // namespace ov6

#endif
