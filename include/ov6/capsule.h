// SPDX-License-Identifier: Apache-2.0
// The capsules of a slave session (RFC 9297, RFC 9484 section 4.7 and our own).
// Plain values; userspace/wire/capsule_codec encodes and decodes them, byte-exact
// in docs/slave-protocol.md. Unknown types are skipped, as RFC 9297 asks.
#ifndef OV6_CAPSULE_H
#define OV6_CAPSULE_H

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "ov6/mapping.h"

namespace ov6 {

using Bytes = std::vector<uint8_t>;

enum class CapsuleType : uint64_t {
  kDatagram = 0x00,            // RFC 9297 section 3.5
  kAddressAssign = 0x01,       // RFC 9484 section 4.7.1
  kAddressRequest = 0x02,      // RFC 9484 section 4.7.2
  kRouteAdvertisement = 0x03,  // RFC 9484 section 4.7.3
  // Ours: "/v6" and a number. Four-byte varints outside the IANA-assigned ranges.
  kMappings = 0x2f763601,
  kMappingsAck = 0x2f763602,
  kRefresh = 0x2f763603,
  kPort = 0x2f763604,
  kStatus = 0x2f763605,
  kCall = 0x2f763606,
  kReturn = 0x2f763607,
  kPing = 0x2f763608,
};

// Context 0: a whole IP packet. kPortContext: a port header (abi/port.h) and the front of the packet behind
// it. kSegmentContext: a virtio_net_hdr (10 bytes, little-endian) and a packet that may be TCP of many
// segments or have its checksum still to be finished; to whoever has said that it takes them.
inline constexpr uint64_t kPacketContext = 0;
inline constexpr uint64_t kPortContext = 2;
inline constexpr uint64_t kSegmentContext = 4;

struct DatagramCapsule {
  uint64_t context = kPacketContext;
  Bytes payload;
  bool operator==(const DatagramCapsule&) const = default;
};

// One entry of ADDRESS_ASSIGN and ADDRESS_REQUEST.
struct AssignedPrefix {
  uint64_t request = 0;  // id of the request it answers; 0: unasked
  bool ipv4 = false;     // then `prefix` is IPv4-mapped, ::ffff:a.b.c.d/(96 + length)
  Prefix prefix;
  bool operator==(const AssignedPrefix&) const = default;
};
// Master -> slave. The full list each time. Nothing may be had: :: or 0.0.0.0, whole length, with the id.
struct AddressAssignCapsule {
  std::vector<AssignedPrefix> prefixes;
  bool operator==(const AddressAssignCapsule&) const = default;
};
// Slave -> master: these, or, of an address of zeroes, any of that length.
struct AddressRequestCapsule {
  static constexpr size_t kMaxRequested = 64;
  std::vector<AssignedPrefix> prefixes;
  bool operator==(const AddressRequestCapsule&) const = default;
};

// The full list each time. On the wire ranges; prefixes here: the decoder turns each
// range into its minimal set of prefixes and refuses more than kMaxAdvertised of them.
struct RouteAdvertisementCapsule {
  static constexpr size_t kMaxAdvertised = 256;
  std::vector<Prefix> prefixes;
  bool operator==(const RouteAdvertisementCapsule&) const = default;
};

// Lifetimes are relative, in milliseconds: the two ends need no common clock.
struct MappingAdd {
  Prefix prefix;
  std::vector<Locator> locators;
  uint32_t soft_ttl_ms = 0;
  uint32_t hard_ttl_ms = 0;
  bool silent = false;  // past its lifetime: those who know could not be asked
  uint32_t age_ms = 0;  // since they last said so
  bool operator==(const MappingAdd&) const = default;
};
struct MappingNegative {
  Prefix prefix;
  uint32_t ttl_ms = 0;
  uint8_t icmp_code = 0;
  bool failed = false;
  bool operator==(const MappingNegative&) const = default;
};
struct MappingWithdraw {  // mapping and negative of exactly this prefix
  Prefix prefix;
  bool operator==(const MappingWithdraw&) const = default;
};
using MappingChange = std::variant<MappingAdd, MappingNegative, MappingWithdraw>;

// Slave -> master. Applied in order; acknowledged when the kernel's maps hold it.
struct MappingsCapsule {
  static constexpr size_t kMaxChanges = 256;
  uint64_t sequence = 0;
  std::vector<MappingChange> changes;
  bool operator==(const MappingsCapsule&) const = default;
};

// Master -> slave: `refused` has an index into `changes` and a sentence for each that was not applied.
struct MappingsAckCapsule {
  struct Refusal {
    uint64_t index = 0;
    std::string reason;
    bool operator==(const Refusal&) const = default;
  };
  uint64_t sequence = 0;
  std::vector<Refusal> refused;
  bool operator==(const MappingsAckCapsule&) const = default;
};

// Master -> slave: these addresses are in use and their mappings past the soft expiry.
struct RefreshCapsule {
  std::vector<Ipv6> addresses;
  bool operator==(const RefreshCapsule&) const = default;
};

// Master -> slave: the geometry of the slave's port. A local slave finds the AF_XDP socket
// and the UMEM's memfd (in this order) on its second inherited socket.
struct PortCapsule {
  uint16_t slot = 0;
  SlaveId slave = 0;
  uint16_t mtu = 0;          // biggest frame behind the Ethernet header, bytes
  uint32_t frame_size = 0;   // bytes of a UMEM chunk, a power of two
  uint32_t frame_count = 0;  // chunks
  uint32_t fill_size = 0, completion_size = 0, rx_size = 0, tx_size = 0;  // ring entries, powers of two
  bool operator==(const PortCapsule&) const = default;
};

// Slave -> master: a JSON object for `ov6ctl slave show`.
struct StatusCapsule {
  std::string json;
  bool operator==(const StatusCapsule&) const = default;
};

// A question, either way; answered by a RETURN with the same id. Ids are the asker's own.
struct CallCapsule {
  uint64_t id = 0;
  std::string method;
  std::string argument;  // JSON, or bytes where the method says so
  bool operator==(const CallCapsule&) const = default;
};
struct ReturnCapsule {
  uint64_t id = 0;
  uint16_t code = 0;  // 0: well; else absl::StatusCode, and result is a sentence
  std::string result;
  bool operator==(const ReturnCapsule&) const = default;
};

struct PingCapsule {
  bool reply = false;
  uint64_t nonce = 0;
  bool operator==(const PingCapsule&) const = default;
};

struct UnknownCapsule {
  uint64_t type = 0;
  Bytes value;
  bool operator==(const UnknownCapsule&) const = default;
};

using Capsule =
    std::variant<DatagramCapsule, AddressAssignCapsule, AddressRequestCapsule, RouteAdvertisementCapsule,
                 MappingsCapsule, MappingsAckCapsule, RefreshCapsule, PortCapsule, StatusCapsule, CallCapsule,
                 ReturnCapsule, PingCapsule, UnknownCapsule>;

}  // namespace ov6

#endif
