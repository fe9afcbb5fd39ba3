// SPDX-License-Identifier: Apache-2.0
// The stack's end of the tunnels at one underlay: a raw protocol-41 socket or a UDP socket, bound
// to the underlay's device and address. While it stands the stack answers no "protocol
// unreachable" or "port unreachable", and what comes out of the kernel's reassembly is read here.
// The UDP socket's filter takes only what begins like an IPv6 packet, and STUN by its cookie, so GUE control
// messages and variant 0 end there, counted by the kernel.
#ifndef OV6_USERSPACE_OV6D_TUNNEL_SOCKET_H
#define OV6_USERSPACE_OV6D_TUNNEL_SOCKET_H

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ov6/mapping.h"
#include "userspace/base/unique_fd.h"
#include "userspace/ov6d/outer_packet.h"

namespace ov6 {

struct TunnelDatagram {
  OuterHeader outer;
  std::span<const uint8_t> payload;  // in the reader's buffer
  bool reassembled = false;          // it came in fragments
};

class TunnelSocket {
 public:
  // Needs CAP_NET_RAW. AlreadyExists: another process has the UDP port.
  static absl::StatusOr<TunnelSocket> Open(Encapsulation encapsulation, const std::string& interface,
                                           const Endpoint& local);

  int fd() const { return fd_.get(); }
  enum class Result { kDatagram, kNothing, kMalformed };
  // kNothing: none waits now.
  Result Receive(std::span<uint8_t> buffer, TunnelDatagram* out) const;
  // By UDP, from the tunnel port; false: the kernel did not take it.
  bool Send(const Endpoint& to, std::span<const uint8_t> payload) const;
  // Datagrams that the kernel dropped here: GUE that is none of ours, or nobody read them in time.
  uint64_t Dropped() const;

 private:
  TunnelSocket(UniqueFd fd, Encapsulation encapsulation, const Endpoint& local)
      : fd_(std::move(fd)), encapsulation_(encapsulation), local_(local) {}

  UniqueFd fd_;
  Encapsulation encapsulation_;
  Endpoint local_;
};

}  // namespace ov6

#endif
