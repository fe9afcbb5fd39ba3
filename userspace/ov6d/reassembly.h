// SPDX-License-Identifier: Apache-2.0
// Tunnel packets that arrive in fragments (RFC 4213 section 3.2.2: some peers send them). The
// datapath leaves fragments to the kernel's reassembly, whose whole datagrams end at sockets held
// here, two for each underlay; they go back to the datapath as if they had just come. What comes
// faster than the rate waits in the socket, and past its room the kernel drops and counts it, so
// that a flood of fragments costs ov6d no more than the rate. STUN comes and goes by the same UDP sockets,
// since it speaks for the tunnel's port. One thread.
#ifndef OV6_USERSPACE_OV6D_REASSEMBLY_H
#define OV6_USERSPACE_OV6D_REASSEMBLY_H

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "userspace/base/token_bucket.h"
#include "userspace/ov6d/daemon_port.h"
#include "userspace/ov6d/tunnel_socket.h"

namespace ov6 {

struct ReassemblyCounters {
  uint64_t resubmitted = 0;
  uint64_t too_big = 0;         // longer than ov6d's port takes
  uint64_t no_room = 0;         // the port's ring was full
  uint64_t not_fragmented = 0;  // came whole: the datapath had it before, or is off
  uint64_t malformed = 0;
  uint64_t dropped = 0;  // by the kernel, at the sockets: GUE control and variant 0, or over the rate
};

struct TunnelEnd {
  std::string interface;
  uint32_t ifindex = 0;
  Ipv4 address;
  uint16_t udp_port = 0;
  bool operator==(const TunnelEnd&) const = default;
};

class Reassembly {
 public:
  // Gives a packet with its outer header to the datapath, as if it came by this device.
  using Resubmit = std::function<Resubmitted(uint32_t ingress, std::span<const uint8_t> packet)>;
  // STUN that came to an end's tunnel port.
  using Stun = std::function<void(const std::string& interface, const Endpoint& from,
                                  std::span<const uint8_t> message)>;
  struct Environment {
    boost::asio::io_context& io;
    Resubmit resubmit;
    Stun stun;
    std::function<BootTime()> clock;
    uint32_t rate;  // datagrams per second and socket
  };

  explicit Reassembly(Environment environment) : env_(std::move(environment)) {}
  // Handlers that still wait find their sockets closed and touch nothing.
  ~Reassembly();
  Reassembly(const Reassembly&) = delete;
  Reassembly& operator=(const Reassembly&) = delete;

  // The sockets of an underlay, those of them that are not open; ones of another end at the same interface
  // are closed. An error is a sentence about one that could not be opened; the other one stands.
  absl::Status Open(const TunnelEnd& end);
  void Close(const std::string& interface);
  ReassemblyCounters Counters() const;
  // From the tunnel port of that end; false: there is none, or the kernel did not take it.
  bool Send(const std::string& interface, const Endpoint& to, std::span<const uint8_t> payload) const;

 private:
  struct Reader {
    Reader(boost::asio::io_context& io, TunnelSocket opened, int fd, const TunnelEnd& end, TokenBucket rate)
        : socket(std::move(opened)),
          readable(io, fd),
          pause(io),
          interface(end.interface),
          ingress(end.ifindex),
          bucket(rate) {}
    TunnelSocket socket;
    boost::asio::posix::stream_descriptor readable;  // a duplicate
    boost::asio::steady_timer pause;
    std::string interface;
    uint32_t ingress;
    TokenBucket bucket;
  };

  struct Opened {
    TunnelEnd end;
    std::map<Encapsulation, std::shared_ptr<Reader>> readers;
  };

  absl::Status OpenOne(Encapsulation encapsulation, Opened& opened);
  void Watch(const std::shared_ptr<Reader>& reader);
  void Pause(const std::shared_ptr<Reader>& reader);
  void Read(const std::shared_ptr<Reader>& reader);
  void Take(const Reader& reader, const TunnelDatagram& datagram);

  Environment env_;
  ReassemblyCounters counters_;
  std::map<std::string, Opened> opened_;  // by interface
};

}  // namespace ov6

#endif
