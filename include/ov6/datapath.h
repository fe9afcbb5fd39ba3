// SPDX-License-Identifier: Apache-2.0
// The kernel's tables and devices as the master sees them. userspace/datapath
// implements it with libbpf, userspace/datapath/fake in memory. Every change is
// applied when the call returns. Errors are sentences; ResourceExhausted: the map is
// full; NotFound: no such entry. Not thread-safe: one thread owns it.
#ifndef OV6_DATAPATH_H
#define OV6_DATAPATH_H

#include <array>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ov6/abi/config.h"
#include "ov6/abi/device.h"
#include "ov6/abi/event.h"
#include "ov6/abi/maps.h"
#include "ov6/abi/verdict.h"
#include "ov6/capsule.h"
#include "ov6/mapping.h"

namespace ov6 {

// The tables alone.
class Tables {
 public:
  virtual ~Tables() = default;

  virtual absl::Status SetRoute(const Prefix& prefix, const Route& route) = 0;
  virtual absl::Status DeleteRoute(const Prefix& prefix) = 0;
  virtual absl::StatusOr<std::vector<std::pair<Prefix, Route>>> Routes() = 0;

  virtual absl::Status SetMapping(const Prefix& prefix, const Mapping& mapping) = 0;
  virtual absl::Status DeleteMapping(const Prefix& prefix) = 0;
  virtual absl::StatusOr<std::vector<std::pair<Prefix, Mapping>>> Mappings() = 0;

  virtual absl::Status SetNegative(const Prefix& prefix, const Negative& negative) = 0;
  virtual absl::Status DeleteNegative(const Prefix& prefix) = 0;
  virtual absl::StatusOr<std::vector<std::pair<Prefix, Negative>>> Negatives() = 0;

  virtual absl::Status SetSlave(SlaveId id, const SlaveEntry& slave) = 0;
  virtual absl::Status DeleteSlave(SlaveId id) = 0;
  virtual absl::StatusOr<std::vector<std::pair<SlaveId, SlaveEntry>>> Slaves() = 0;

  virtual absl::Status SetConfig(const ov6_config& config) = 0;
  virtual absl::StatusOr<ov6_config> Config() = 0;

  // Indexed by verdict number, summed over CPUs.
  virtual absl::StatusOr<std::array<ov6_count, OV6_VERDICT_MAX>> Verdicts() = 0;
};

enum class Attach { kAuto, kNative, kTc };

struct DeviceSpec {
  std::string interface;
  ov6_device_role role = OV6_DEVICE_NONE;  // site or underlay
  Attach attach = Attach::kAuto;
  Ipv4 address;                                        // underlay
  Encapsulation encapsulation = Encapsulation::k6in4;  // underlay
  uint16_t udp_port = OV6_UDP_PORT;                    // underlay
  Ipv6 icmp_source;                                    // site; may be ::
  bool elsewhere = false;                              // site: behind a slave on another machine
};

struct DeviceState {
  std::string interface;
  uint32_t ifindex = 0;
  ov6_device value{};
  std::string door;    // "native" or "tc"
  std::string reason;  // why, one sentence
};

// What a slave needs to map its port's rings; the receiver of the fds owns them.
struct PortHandles {
  PortCapsule geometry;
  int xsk_fd = -1;
  int umem_fd = -1;  // memfd
};

class Datapath : public Tables {
 public:
  virtual absl::StatusOr<DeviceState> AttachDevice(const DeviceSpec& spec) = 0;
  virtual absl::Status DetachDevice(const std::string& interface) = 0;
  virtual std::vector<DeviceState> Devices() const = 0;

  // Creates ov6-<name> and its far end, registers and binds the socket. The datapath keeps
  // the socket, so that a slave that crashes and is started again finds what waited in its
  // rings. The handles are duplicates for the caller to pass on and close.
  virtual absl::StatusOr<PortHandles> CreatePort(const std::string& name, SlaveId slave, uint16_t slot) = 0;
  // The same port for the successor of a crashed slave, under its new id.
  virtual absl::StatusOr<PortHandles> ReopenPort(uint16_t slot, SlaveId slave) = 0;
  virtual absl::Status DestroyPort(uint16_t slot) = 0;

  // Readable when events wait; -1 if there are none to come (fake).
  virtual int EventFd() const = 0;
  virtual absl::Status DrainEvents(const std::function<void(const ov6_event&)>& handler) = 0;

  // What the kernel's routes, links and neighbours said counts no more: they have changed. From any thread.
  virtual void ForgetWays() = 0;
  // Whoever would call that lives: said several times a second, or what the kernel said counts for
  // seconds only.
  virtual void WaysAreWatched() = 0;

  // Programs, pins and links away; the tables with them.
  virtual absl::Status DetachAll() = 0;
};

}  // namespace ov6

#endif
