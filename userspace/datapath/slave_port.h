// SPDX-License-Identifier: Apache-2.0
// One slave port: a veth pair whose near end stands in the router's namespace and whose
// far end, in the port thread's, feeds an AF_XDP socket that is registered and bound here,
// so that the slave that gets it needs no capability and can bind it nowhere else. It
// lives as long as the object; the socket's packet memory and what waits in the rings too.
#ifndef OV6_USERSPACE_DATAPATH_SLAVE_PORT_H
#define OV6_USERSPACE_DATAPATH_SLAVE_PORT_H

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "ov6/datapath.h"
#include "userspace/base/netlink.h"
#include "userspace/base/unique_fd.h"
#include "userspace/datapath/port_thread.h"
#include "userspace/datapath/programs.h"

namespace ov6 {

// The ring sizes and chunk size for an MTU behind the Ethernet header.
PortCapsule PortGeometry(uint16_t slot, SlaveId slave, uint32_t mtu);
// Of a port that carries whole packets of devices up to this MTU, and their header.
uint32_t PortMtu(uint32_t largest_device_mtu);

// Removes a near end that a killed predecessor left, if there is one.
absl::Status RemoveNearEnd(const std::string& interface);

class SlavePort {
 public:
  static absl::StatusOr<std::unique_ptr<SlavePort>> Create(const std::string& name,
                                                           const PortCapsule& geometry,
                                                           const Programs& programs, PortThread* thread);
  ~SlavePort();
  SlavePort(const SlavePort&) = delete;
  SlavePort& operator=(const SlavePort&) = delete;

  const netlink::Link& near() const { return near_; }
  int xsk_fd() const { return xsk_.get(); }
  void set_slave(SlaveId slave) { geometry_.slave = slave; }
  // Duplicates for the caller.
  absl::StatusOr<PortHandles> Handles() const;

 private:
  SlavePort(std::string interface, const PortCapsule& geometry)
      : interface_(std::move(interface)), geometry_(geometry) {}
  absl::Status MakePair(const PortThread& thread);
  absl::Status MakeFarEnd(int program);  // in the port thread
  absl::Status MakeSocket(uint32_t far_ifindex);
  absl::Status AttachNearEnd(const Programs& programs);
  absl::Status FillRing() const;

  std::string interface_;
  PortCapsule geometry_;
  netlink::Link near_;
  UniqueFd near_link_, far_link_;  // XDP
  UniqueFd umem_, xsk_;
};

}  // namespace ov6

#endif
