// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/slave_port.h"

#include <linux/if_xdp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

#include "ov6/abi/port.h"
#include "userspace/datapath/door.h"
#include "userspace/port/port_rings.h"

namespace ov6 {
namespace {

constexpr uint32_t kFrameCount = 4096;
constexpr uint32_t kRingSize = 2048;
constexpr uint32_t kSmallFrameMtu = 1700;  // above it a chunk of 2048 bytes gets too small
// What a veth end with a program that takes no multi-buffer frames can have.
constexpr uint32_t kMaxPortMtu = 3506;

std::string FarName(uint16_t slot) { return "port" + std::to_string(slot); }

absl::Status Errno(const std::string& what) { return absl::ErrnoToStatus(errno, what); }

absl::StatusOr<UniqueFd> MakeMemory(const std::string& name, size_t size) {
  UniqueFd fd(memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.ok() || ftruncate(fd.get(), static_cast<off_t>(size)) != 0 ||
      fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return Errno("making the packet memory of " + name);
  }
  return fd;
}

// The kernel pins the pages; our own view of them is not needed afterwards.
absl::Status RegisterMemory(int xsk, int umem, const PortCapsule& geometry) {
  const size_t size = size_t{geometry.frame_size} * geometry.frame_count;
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, umem, 0);
  if (memory == MAP_FAILED) return Errno("mapping a port's packet memory");
  xdp_umem_reg registration{};
  registration.addr = reinterpret_cast<uintptr_t>(memory);
  registration.len = size;
  registration.chunk_size = geometry.frame_size;
  const int result = setsockopt(xsk, SOL_XDP, XDP_UMEM_REG, &registration, sizeof(registration));
  const int error = errno;
  munmap(memory, size);
  if (result == 0) return absl::OkStatus();
  if (error == ENOBUFS) {
    return absl::ResourceExhaustedError(
        "the locked-memory limit has no room for a port's " + std::to_string(size >> 10) +
        " KiB of packet memory: CAP_IPC_LOCK or a higher RLIMIT_MEMLOCK is needed");
  }
  return absl::ErrnoToStatus(error, "registering a port's packet memory");
}

absl::Status MakeRings(int xsk, const PortCapsule& g) {
  const std::pair<int, uint32_t> rings[] = {{XDP_UMEM_FILL_RING, g.fill_size},
                                            {XDP_UMEM_COMPLETION_RING, g.completion_size},
                                            {XDP_RX_RING, g.rx_size},
                                            {XDP_TX_RING, g.tx_size}};
  for (const auto& [option, size] : rings) {
    const int value = static_cast<int>(size);
    if (setsockopt(xsk, SOL_XDP, option, &value, sizeof(value)) != 0) return Errno("making a port's rings");
  }
  return absl::OkStatus();
}

absl::Status Quiet(const std::string& interface) {
  return netlink::WriteSysctl("net/ipv6/conf/" + interface + "/disable_ipv6", "1");
}

}  // namespace

uint32_t PortMtu(uint32_t largest_device_mtu) {
  return std::min(std::max(largest_device_mtu, 1500u) + OV6_PORT_HEADROOM, kMaxPortMtu);
}

PortCapsule PortGeometry(uint16_t slot, SlaveId slave, uint32_t mtu) {
  PortCapsule geometry;
  geometry.slot = slot;
  geometry.slave = slave;
  geometry.mtu = static_cast<uint16_t>(mtu);
  geometry.frame_size = mtu > kSmallFrameMtu ? 4096 : 2048;
  geometry.frame_count = kFrameCount;
  geometry.fill_size = geometry.completion_size = geometry.rx_size = geometry.tx_size = kRingSize;
  return geometry;
}

// The pair of a killed predecessor vanishes by itself when its namespace is torn down, perhaps just now.
absl::Status RemoveNearEnd(const std::string& interface) {
  for (int attempt = 0; attempt < 100; ++attempt) {
    auto link = netlink::GetLink(interface);
    if (absl::IsNotFound(link.status())) return absl::OkStatus();
    if (!link.ok()) return link.status();
    if (link->kind != "veth") {
      return absl::AlreadyExistsError("the interface name " + interface +
                                      " is taken by a device that is not ours");
    }
    auto status = netlink::DeleteLink(interface);
    if (status.ok() || absl::IsNotFound(status)) return absl::OkStatus();
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return absl::DeadlineExceededError("the interface " + interface + " of an earlier ov6d does not go away");
}

absl::StatusOr<std::unique_ptr<SlavePort>> SlavePort::Create(const std::string& name,
                                                             const PortCapsule& geometry,
                                                             const Programs& programs, PortThread* thread) {
  const std::string interface = "ov6-" + name;
  if (name.empty() || interface.size() > 15) {
    return absl::InvalidArgumentError("a port's name has 1 to 11 characters, \"" + name + "\" has " +
                                      std::to_string(name.size()));
  }
  if (auto status = RemoveNearEnd(interface); !status.ok()) return status;
  std::unique_ptr<SlavePort> port(new SlavePort(interface, geometry));
  if (auto status = port->MakePair(*thread); !status.ok()) return status;
  auto status = thread->Run([&] { return port->MakeFarEnd(programs.xdp_port_far.get()); });
  if (!status.ok()) return status;
  if (status = port->AttachNearEnd(programs); !status.ok()) return status;
  if (status = port->FillRing(); !status.ok()) return status;
  return port;
}

SlavePort::~SlavePort() {
  if (near_.ifindex != 0) (void)netlink::DeleteLink(interface_);
}

absl::Status SlavePort::MakePair(const PortThread& thread) {
  netlink::VethSpec spec;
  spec.name = interface_;
  spec.peer = FarName(geometry_.slot);
  spec.mtu = geometry_.mtu;
  spec.peer_netns_fd = thread.netns_fd();
  if (auto status = netlink::CreateVeth(spec); !status.ok()) return status;
  auto link = netlink::GetLink(interface_);
  if (!link.ok()) return link.status();
  near_ = *std::move(link);
  // Without these the router would speak IPv6 to the slave, and punts carry unfinished checksums.
  if (auto status = Quiet(interface_); !status.ok()) return status;
  return netlink::SetTxChecksum(interface_, false);
}

absl::Status SlavePort::MakeFarEnd(int program) {
  const std::string name = FarName(geometry_.slot);
  auto far = netlink::GetLink(name);
  if (!far.ok()) return far.status();
  if (auto status = Quiet(name); !status.ok()) return status;
  if (auto status = netlink::SetLinkUp(far->ifindex, true); !status.ok()) return status;
  auto link = AttachXdp(*far, program, {});
  if (!link.ok()) return link.status();
  far_link_ = *std::move(link);
  return MakeSocket(far->ifindex);
}

absl::Status SlavePort::MakeSocket(uint32_t far_ifindex) {
  xsk_ = UniqueFd(socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (!xsk_.ok()) return Errno("opening an AF_XDP socket");
  auto umem = MakeMemory(interface_, size_t{geometry_.frame_size} * geometry_.frame_count);
  if (!umem.ok()) return umem.status();
  umem_ = *std::move(umem);
  if (auto status = RegisterMemory(xsk_.get(), umem_.get(), geometry_); !status.ok()) return status;
  if (auto status = MakeRings(xsk_.get(), geometry_); !status.ok()) return status;
  sockaddr_xdp address{};
  address.sxdp_family = AF_XDP;
  address.sxdp_flags = XDP_COPY | XDP_USE_NEED_WAKEUP;
  address.sxdp_ifindex = far_ifindex;
  if (bind(xsk_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    return Errno("binding the AF_XDP socket of " + interface_);
  }
  return absl::OkStatus();
}

absl::Status SlavePort::AttachNearEnd(const Programs& programs) {
  auto link = AttachXdp(near_, programs.xdp_port_near.get(), {});
  if (!link.ok()) return link.status();
  near_link_ = *std::move(link);
  if (auto status = AttachTc(near_, programs.tc_port.get()); !status.ok()) return status;
  return netlink::SetLinkUp(near_.ifindex, true);
}

// So that punts wait for a slave that is only being started.
absl::Status SlavePort::FillRing() const {
  auto handles = Handles();
  if (!handles.ok()) return handles.status();
  return PortRings::Map(geometry_, handles->xsk_fd, handles->umem_fd).status();
}

absl::StatusOr<PortHandles> SlavePort::Handles() const {
  UniqueFd xsk = xsk_.Duplicate(), umem = umem_.Duplicate();
  if (!xsk.ok() || !umem.ok()) return Errno("duplicating the descriptors of " + interface_);
  return PortHandles{geometry_, xsk.Release(), umem.Release()};
}

}  // namespace ov6
