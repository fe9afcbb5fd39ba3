// SPDX-License-Identifier: Apache-2.0
#include "userspace/base/tun.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "userspace/base/netlink.h"

namespace ov6 {
namespace {

absl::Status Failed(const std::string& what, const std::string& name, int error) {
  const std::string sentence = what + " " + name + ": " + std::strerror(error);
  if (error == EBUSY || error == EEXIST) return absl::AlreadyExistsError(sentence);
  return absl::FailedPreconditionError(sentence);
}

ifreq Named(const std::string& name) {
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  return request;
}

// A carrier of packets, not a host: no link-local address, no solicitations of its own.
absl::Status BringUp(const std::string& name) {
  absl::Status status = netlink::WriteSysctl("net/ipv6/conf/" + name + "/addr_gen_mode", "1");
  status.Update(netlink::WriteSysctl("net/ipv6/conf/" + name + "/accept_ra", "0"));
  if (!status.ok()) return status;
  const UniqueFd any(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request = Named(name);
  if (::ioctl(any.get(), SIOCGIFFLAGS, &request) != 0) return Failed("asking for", name, errno);
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  if (::ioctl(any.get(), SIOCSIFFLAGS, &request) != 0) return Failed("bringing up", name, errno);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TunDevice> TunDevice::Make(const std::string& name, bool segments, int mtu) {
  UniqueFd fd(::open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK));
  if (!fd.ok()) return Failed("opening /dev/net/tun for", name, errno);
  ifreq request = Named(name);
  request.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | IFF_TUN_EXCL;
  if (::ioctl(fd.get(), TUNSETIFF, &request) != 0) return Failed("making the TUN device", name, errno);
  TunDevice device(std::move(fd), name);
  absl::Status status = device.SetSegments(segments);
  if (status.ok()) status = device.SetMtu(mtu);
  if (status.ok()) status = BringUp(name);
  if (!status.ok()) return status;
  return device;
}

absl::Status TunDevice::SetSegments(bool segments) const {
  const unsigned offloads = segments ? TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN : 0;
  if (::ioctl(fd_.get(), TUNSETOFFLOAD, offloads) == 0) return absl::OkStatus();
  return Failed("setting offloads of", name_, errno);
}

std::optional<size_t> TunDevice::Read(std::span<uint8_t> out) const {
  const ssize_t size = ::read(fd_.get(), out.data(), out.size());
  if (size <= static_cast<ssize_t>(kHeader)) return std::nullopt;
  return static_cast<size_t>(size);
}

bool TunDevice::Write(std::span<const uint8_t> packet) const {
  return ::write(fd_.get(), packet.data(), packet.size()) == static_cast<ssize_t>(packet.size());
}

absl::Status TunDevice::SetMtu(int mtu) const {
  const UniqueFd any(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request = Named(name_);
  request.ifr_mtu = mtu;
  if (::ioctl(any.get(), SIOCSIFMTU, &request) == 0) return absl::OkStatus();
  return Failed("setting the MTU of", name_, errno);
}

bool TunDevice::Gone() const {
  ifreq request{};
  return ::ioctl(fd_.get(), TUNGETIFF, &request) != 0;
}

}  // namespace ov6
