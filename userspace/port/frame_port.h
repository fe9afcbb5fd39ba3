// SPDX-License-Identifier: Apache-2.0
// The slave port as a slave's logic sees it, and the frames in it. A frame lies in its
// chunk of the port's memory from the moment it is punted until it is transmitted or
// released; nothing is copied. Whoever holds a frame does exactly one of the two.
#ifndef OV6_USERSPACE_PORT_FRAME_PORT_H
#define OV6_USERSPACE_PORT_FRAME_PORT_H

#include <optional>
#include <span>

#include "ov6/abi/port.h"
#include "ov6/mapping.h"
#include "userspace/port/port_rings.h"

namespace ov6 {

using Frame = PortRings::Frame;

class FramePort {
 public:
  virtual ~FramePort() = default;
  // In order; what does not fit into the ring goes when there is room.
  virtual void Transmit(std::span<const Frame> frames) = 0;
  virtual void Release(const Frame& frame) = 0;
};

// The same for a slave that sends packets of its own too.
class SendingPort : public FramePort {
 public:
  // A chunk for one, which is the caller's until he transmits or releases it; false: none is free now.
  virtual bool Allocate(Frame* out) = 0;
};

// Bytes in front of a frame's packet: the Ethernet and the port header.
inline constexpr size_t kPortHeaders = 14 + sizeof(ov6_port_header);
// Writes them in front of a packet that nobody punted, which `frame` has room for.
void WritePortHeaders(ov6_port_type type, uint16_t slot, SlaveId slave, uint32_t ingress, uint8_t* frame);
// Around a packet of the slave's own: the Ethernet and port headers in front, OV6_PORT_DELIVER. False: it
// does not fit the frame, which is as it was.
bool WriteDelivery(const PortCapsule& port, std::span<const uint8_t> packet, Frame* frame);
// The packet of a punted frame, behind the headers; of one that ParsePunt takes.
std::span<uint8_t> PacketIn(const Frame& frame);

// Who made the datapath punt: a station of a site, by the device it came by and its MAC address (the last six
// bytes of `address`) or, where there are none, its IPv6 address; or, for VERIFY, a part of the underlay, by
// the outer source's /24 (the last four bytes of `address`, device 0).
struct PuntSource {
  bool underlay = false;
  uint32_t ingress = 0;
  Ipv6 address;
  auto operator<=>(const PuntSource&) const = default;
};

// What a punted frame says. `key` is what must be resolved: the inner destination, or for VERIFY the inner
// source.
struct Punt {
  ov6_punt_reason reason = OV6_PUNT_MISS;
  Ipv6 key;
  PuntSource source;
};
// nullopt: not a punt this version understands, or too short for the addresses it must have.
std::optional<Punt> ParsePunt(std::span<const uint8_t> frame);

// The device of the site elsewhere whose packet that is (OV6_PORT_CARRY); nullopt: it is something else.
std::optional<uint32_t> CarriedTo(std::span<const uint8_t> frame);

// Turns a punted frame into one for the datapath, in place. It goes in the name of `slave`, which is
// another than it was punted to if it waited in the ring of a predecessor.
void Resubmit(const Frame& frame, ov6_port_type type, SlaveId slave);

}  // namespace ov6

#endif
