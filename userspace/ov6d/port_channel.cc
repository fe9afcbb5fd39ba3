// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/port_channel.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace ov6 {

absl::Status SendPortDescriptors(int channel, const PortHandles& handles) {
  uint8_t slot[2] = {static_cast<uint8_t>(handles.geometry.slot >> 8),
                     static_cast<uint8_t>(handles.geometry.slot)};
  const int descriptors[2] = {handles.xsk_fd, handles.umem_fd};
  iovec data{slot, sizeof(slot)};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(descriptors))] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  cmsghdr* part = CMSG_FIRSTHDR(&message);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(sizeof(descriptors));
  std::memcpy(CMSG_DATA(part), descriptors, sizeof(descriptors));
  if (::sendmsg(channel, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof(slot)) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, "handing over the port's descriptors failed");
}

void CloseHandles(const PortHandles& handles) {
  if (handles.xsk_fd >= 0) ::close(handles.xsk_fd);
  if (handles.umem_fd >= 0) ::close(handles.umem_fd);
}

}  // namespace ov6
