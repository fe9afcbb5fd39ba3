// SPDX-License-Identifier: Apache-2.0
// The datapath's rules once more, in plain C++ and for reading: what becomes of a packet, given the
// tables, the kernel's routes and the time. Written from the RFCs that each rule names and from the
// two tables of rules ("What a correct tunnel router does"), not from bpf/lib: the differential test
// (tests/differential) holds the two against each other. No I/O, no clock, no randomness.
#ifndef OV6_TESTS_MODEL_MODEL_H
#define OV6_TESTS_MODEL_MODEL_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ov6/abi/event.h"
#include "ov6/abi/port.h"
#include "ov6/abi/verdict.h"
#include "tests/model/kernel.h"
#include "tests/model/tables.h"

namespace ov6::model {

using Bytes = std::vector<uint8_t>;

enum class Hook { kXdp, kTc };
enum class Door { kSite, kUnderlay, kPort, kFar };

struct Arrival {
  Hook hook;
  Door door;
  uint32_t device;  // ifindex
  Bytes frame;      // from the Ethernet header on
  uint64_t now;     // boot time, ns
};

enum class End {
  kSend,    // leaves by a device
  kPunt,    // to a slave's port
  kStack,   // the kernel's own stack gets it
  kFinish,  // XDP only: unchanged to the TC door behind, which begins anew; nothing is counted
  kDrop,
};

// What user space is told. `of` is an address of the mapping that says no more for a second.
struct Event {
  ov6_event_type type;
  uint32_t slave;
  Ipv6 address;
  Ipv4 peer;
  Ipv6 of;
};

// What the packet left behind in the tables.
struct Changes {
  std::vector<BucketKey> spent{};                // buckets that were asked
  std::optional<ov6_punt_reason> punt_budget{};  // and that of all punts of a kind
  std::optional<Ipv4> path{};                    // peer whose entry in `paths` is new or changed
  std::vector<Event> events{};
};

struct Outcome {
  End end = End::kDrop;
  ov6_verdict verdict = OV6_VERDICT_UNSPECIFIED;
  Bytes frame{};         // as it leaves; of no interest when dropped
  uint64_t counted = 0;  // bytes that the verdict's counter moves by
  // What the text leaves open. In `frame` the field is zero.
  bool any_addresses = false;       // Ethernet addresses: the stack looks the neighbour up
  bool any_source_port = false;     // of the outer UDP header, 49152-65535, the same for one flow
  bool any_identification = false;  // of the outer IPv4 header (RFC 6864), and so its checksum
  Changes changes{};
};

// Takes what the packet spends or teaches from, or writes it to, the tables: buckets, path MTUs,
// times of next questions.
Outcome Process(Tables& tables, const Kernel& kernel, const Arrival& arrival);

std::string Name(ov6_verdict verdict);

}  // namespace ov6::model

#endif
