// SPDX-License-Identifier: Apache-2.0
#include "slaves/runtime/fd_channel.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <vector>

namespace ov6 {
namespace {

constexpr size_t kMostDescriptors = 8;  // room for more than the two wanted, so that they can be closed

std::vector<int> DescriptorsIn(msghdr* message) {
  std::vector<int> descriptors;
  for (cmsghdr* part = CMSG_FIRSTHDR(message); part != nullptr; part = CMSG_NXTHDR(message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    const size_t before = descriptors.size();
    descriptors.resize(before + count);
    std::memcpy(descriptors.data() + before, CMSG_DATA(part), count * sizeof(int));
  }
  return descriptors;
}

}  // namespace

absl::StatusOr<std::optional<PortDescriptors>> ReceivePortDescriptors(int fd) {
  uint8_t slot[2] = {};
  iovec data{slot, sizeof(slot)};
  alignas(cmsghdr) char control[CMSG_SPACE(kMostDescriptors * sizeof(int))];
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  const ssize_t size = ::recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return std::optional<PortDescriptors>();
  if (size < 0) return absl::UnavailableError("descriptor 4: " + std::generic_category().message(errno));
  const std::vector<int> descriptors = DescriptorsIn(&message);
  if (size == sizeof(slot) && descriptors.size() == 2) {
    return PortDescriptors{static_cast<uint16_t>(slot[0] << 8 | slot[1]), descriptors[0], descriptors[1]};
  }
  for (const int extra : descriptors) ::close(extra);
  if (size == 0 && descriptors.empty())
    return absl::UnavailableError("descriptor 4 was closed by the master");
  return absl::InvalidArgumentError("a message on descriptor 4 had " + std::to_string(size) + " bytes and " +
                                    std::to_string(descriptors.size()) +
                                    " descriptors; a port has 2 bytes and 2 descriptors");
}

}  // namespace ov6
