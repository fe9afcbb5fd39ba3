// SPDX-License-Identifier: Apache-2.0
// A UDP/IPv4 socket on the loop, for an engine's messages. Bound to 0.0.0.0 it hears what comes to any of the
// host's addresses, says to which one it came, and sends from the one that is asked for (IP_PKTINFO).
#ifndef OV6_SLAVES_RUNTIME_UDP_SOCKET_H
#define OV6_SLAVES_RUNTIME_UDP_SOCKET_H

#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "absl/status/statusor.h"
#include "ov6/address.h"
#include "slaves/runtime/loop.h"

namespace ov6 {

class UdpSocket {
 public:
  struct Counters {
    uint64_t received = 0;
    uint64_t sent = 0;
    uint64_t send_failed =
        0;  // no route, buffer full, a source that is not the host's; the engine retransmits
  };
  using Handler = std::function<void(const Endpoint& from, std::span<const uint8_t> bytes)>;

  // Port 0: any; local() says which.
  static absl::StatusOr<std::unique_ptr<UdpSocket>> Bind(Loop& loop, const Endpoint& listen);
  ~UdpSocket();

  void Receive(Handler handler);  // from now on
  // Without `source` the kernel chooses the address by the route. False: it did not leave.
  bool Send(const Endpoint& to, std::span<const uint8_t> bytes, std::optional<Ipv4> source = std::nullopt);
  // In a handler: the host's address that the datagram came to. From there its answer goes.
  Ipv4 asked_at() const { return asked_at_; }
  const Endpoint& local() const { return local_; }
  const Counters& counters() const { return counters_; }

 private:
  UdpSocket(Loop& loop, int fd, const Endpoint& local);
  void Wait();
  void Drain();

  const int fd_;
  const Endpoint local_;
  std::unique_ptr<Descriptor> descriptor_;
  Handler handler_;
  Ipv4 asked_at_;
  Counters counters_;
};

}  // namespace ov6

#endif
