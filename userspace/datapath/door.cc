// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/door.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <net/if_arp.h>
#include <unistd.h>

#include <cerrno>

#include "userspace/datapath/pins.h"

namespace ov6 {
namespace {

absl::StatusOr<bpf_link_info> LinkInfo(int fd) {
  bpf_link_info info{};
  uint32_t size = sizeof(info);
  const int result = bpf_obj_get_info_by_fd(fd, &info, &size);
  if (result < 0) return absl::ErrnoToStatus(-result, "asking what a pinned link is");
  return info;
}

absl::Status AttachError(const netlink::Link& link, int error) {
  const std::string what = "attaching native XDP to " + link.name;
  if (error == EBUSY || error == EEXIST) {
    return absl::AlreadyExistsError(link.name + " has another XDP program already; \"ip link set dev " +
                                    link.name + " xdp off\" removes it");
  }
  if (error == EOPNOTSUPP) return absl::UnimplementedError(what + ": its driver has no native XDP");
  if (error == ERANGE || error == EINVAL) {
    return absl::FailedPreconditionError(what + ": the driver refuses it at an MTU of " +
                                         std::to_string(link.mtu) + " or with its present offloads");
  }
  return absl::ErrnoToStatus(error, what);
}

// The pinned link with the new program, if it is one for this device.
absl::StatusOr<UniqueFd> AdoptXdp(const netlink::Link& link, int program, const std::filesystem::path& pin) {
  auto fd = OpenPin(pin, false);
  if (!fd.ok()) return fd.status();
  auto info = LinkInfo(fd->get());
  if (info.ok() && info->type == BPF_LINK_TYPE_XDP && info->xdp.ifindex == link.ifindex &&
      bpf_link_update(fd->get(), program, nullptr) == 0) {
    return fd;
  }
  if (auto status = DetachXdp(pin); !status.ok()) return status;
  return absl::NotFoundError(pin.string() + " was for a device that is gone");
}

bpf_tc_hook Hook(const netlink::Link& link, bpf_tc_attach_point point) {
  LIBBPF_OPTS(bpf_tc_hook, hook);
  hook.ifindex = static_cast<int>(link.ifindex);
  hook.attach_point = point;
  return hook;
}

}  // namespace

absl::StatusOr<bool> HasLinkHeader(const netlink::Link& link) {
  switch (link.hardware_type) {
    case ARPHRD_ETHER:
      return true;
    case ARPHRD_NONE:
    case ARPHRD_PPP:
    case ARPHRD_RAWIP:
      return false;
    default:
      return absl::InvalidArgumentError(link.name + " is a device of the kind " +
                                        std::to_string(link.hardware_type) +
                                        " (ARPHRD_*); Ethernet devices, TUN and PPP can be attached");
  }
}

absl::StatusOr<DoorChoice> ChooseDoor(Attach attach, const netlink::Link& link,
                                      const netlink::XdpFacts& facts) {
  const bool ethernet = link.hardware_type == ARPHRD_ETHER;
  const bool has_native = !facts.features || facts.features->native;
  switch (attach) {
    case Attach::kTc:
      return DoorChoice{false, "TC, as configured"};
    case Attach::kNative:
      if (!ethernet) {
        return absl::InvalidArgumentError("attach = \"native\" is not possible on " + link.name +
                                          ": it is no Ethernet device; \"tc\" or \"auto\" is");
      }
      if (!has_native) {
        return absl::InvalidArgumentError("attach = \"native\" is not possible on " + link.name +
                                          ": its driver has no native XDP; \"tc\" or \"auto\" is");
      }
      return DoorChoice{true, "native XDP, as configured"};
    case Attach::kAuto:
      break;
  }
  if (!ethernet) return DoorChoice{false, "TC, because its packets have no Ethernet header"};
  if (!link.kind.empty()) {
    return DoorChoice{false,
                      "TC, because a " + link.kind + " device carries segments that XDP cannot take whole"};
  }
  if (!has_native) return DoorChoice{false, "TC, because its driver has no native XDP"};
  if (facts.hides_vlans) {
    return DoorChoice{false,
                      "TC, because it has VLANs, whose tags are gone when XDP sees a frame (ethtool -K " +
                          link.name + " rxvlan off leaves them)"};
  }
  return DoorChoice{true, "native XDP, which its driver has"};
}

DoorChoice ChooseRedirectTarget(const netlink::Link& link,
                                const std::optional<netlink::XdpFeatures>& features) {
  if (features && features->redirect_target) return {true, "XDP may redirect to it"};
  if (features && link.kind == "veth") {
    return {false, "XDP does not redirect to it, because its peer has neither an XDP program nor GRO on"};
  }
  if (features) return {false, "XDP does not redirect to it, because its driver takes no redirected frames"};
  return {true, "XDP may redirect to it, if its driver is as others (this kernel does not tell)"};
}

absl::StatusOr<UniqueFd> AttachXdp(const netlink::Link& link, int program, const std::filesystem::path& pin) {
  if (!pin.empty()) {
    auto adopted = AdoptXdp(link, program, pin);
    if (adopted.ok() || !absl::IsNotFound(adopted.status())) return adopted;
  }
  LIBBPF_OPTS(bpf_link_create_opts, options);
  options.flags = XDP_FLAGS_DRV_MODE;
  UniqueFd fd(bpf_link_create(program, static_cast<int>(link.ifindex), BPF_XDP, &options));
  if (!fd.ok()) return AttachError(link, errno);
  if (!pin.empty() && bpf_obj_pin(fd.get(), pin.c_str()) < 0) {
    return absl::ErrnoToStatus(errno, "pinning " + pin.string());
  }
  return fd;
}

absl::Status DetachXdp(const std::filesystem::path& pin) {
  // Without this the program stays until the kernel gets round to freeing the pin.
  if (auto fd = OpenPin(pin, false); fd.ok()) (void)bpf_link_detach(fd->get());
  if (unlink(pin.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, "removing " + pin.string());
}

absl::StatusOr<uint32_t> DeviceOfXdpPin(const std::filesystem::path& pin) {
  auto fd = OpenPin(pin, false);
  if (!fd.ok()) return fd.status();
  auto info = LinkInfo(fd->get());
  if (!info.ok()) return info.status();
  return info->type == BPF_LINK_TYPE_XDP ? info->xdp.ifindex : 0;
}

absl::Status AttachTc(const netlink::Link& link, int program) {
  bpf_tc_hook hook = Hook(link, BPF_TC_INGRESS);
  int result = bpf_tc_hook_create(&hook);
  if (result == 0 || result == -EEXIST) {
    LIBBPF_OPTS(bpf_tc_opts, options);
    options.handle = kTcHandle;
    options.priority = kTcPriority;
    options.prog_fd = program;
    options.flags = BPF_TC_F_REPLACE;
    result = bpf_tc_attach(&hook, &options);
  }
  return result == 0 ? absl::OkStatus()
                     : absl::ErrnoToStatus(-result, "attaching the TC program to " + link.name);
}

absl::Status DetachTc(const netlink::Link& link) {
  bpf_tc_hook hook = Hook(link, BPF_TC_INGRESS);
  LIBBPF_OPTS(bpf_tc_opts, options);
  options.handle = kTcHandle;
  options.priority = kTcPriority;
  const int result = bpf_tc_detach(&hook, &options);
  // ENOENT, EINVAL: no filter, no clsact.
  if (result == -ENOENT || result == -EINVAL) return absl::OkStatus();
  if (result < 0) return absl::ErrnoToStatus(-result, "detaching the TC program from " + link.name);
  auto others = netlink::HasTcFilters(link.ifindex);
  if (!others.ok() || *others) return others.status();
  hook = Hook(link, static_cast<bpf_tc_attach_point>(BPF_TC_INGRESS | BPF_TC_EGRESS));
  const int destroyed = bpf_tc_hook_destroy(&hook);
  return destroyed == 0 ? absl::OkStatus()
                        : absl::ErrnoToStatus(-destroyed, "removing clsact from " + link.name);
}

}  // namespace ov6
