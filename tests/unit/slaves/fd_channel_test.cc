// SPDX-License-Identifier: Apache-2.0
#include "slaves/runtime/fd_channel.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <vector>

namespace ov6 {
namespace {

class FdChannel : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends_), 0); }
  void TearDown() override {
    ::close(ends_[0]);
    if (ends_[1] >= 0) ::close(ends_[1]);
  }

  void Send(const std::vector<uint8_t>& data, size_t descriptors) {
    iovec part{const_cast<uint8_t*>(data.data()), data.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(8 * sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (descriptors > 0) {
      message.msg_control = control;
      message.msg_controllen = CMSG_SPACE(descriptors * sizeof(int));
      cmsghdr* header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(descriptors * sizeof(int));
      const std::vector<int> zeros(descriptors, 0);
      std::memcpy(CMSG_DATA(header), zeros.data(), descriptors * sizeof(int));
    }
    ASSERT_GE(::sendmsg(ends_[1], &message, 0), 0);
  }

  static size_t OpenDescriptors() {
    size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
    return count;
  }

  int ends_[2] = {-1, -1};
};

TEST_F(FdChannel, TakesAPort) {
  Send({0x01, 0x02}, 2);
  const auto port = ReceivePortDescriptors(ends_[0]);
  ASSERT_TRUE(port.ok()) << port.status();
  ASSERT_TRUE(port->has_value());
  EXPECT_EQ((*port)->slot, 0x0102);
  EXPECT_EQ(::fcntl((*port)->xsk, F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(::fcntl((*port)->umem, F_GETFD), FD_CLOEXEC);
  ::close((*port)->xsk);
  ::close((*port)->umem);
}

TEST_F(FdChannel, NothingThereIsNoError) {
  const auto port = ReceivePortDescriptors(ends_[0]);
  ASSERT_TRUE(port.ok());
  EXPECT_FALSE(port->has_value());
}

TEST_F(FdChannel, RefusesOtherShapesAndLeaksNothing) {
  const size_t before = OpenDescriptors();
  const std::vector<std::pair<std::vector<uint8_t>, size_t>> rows = {
      {{0, 1}, 0}, {{0, 1}, 1}, {{0, 1}, 3}, {{0}, 2}};
  for (const auto& [data, descriptors] : rows) {
    Send(data, descriptors);
    EXPECT_EQ(ReceivePortDescriptors(ends_[0]).status().code(), absl::StatusCode::kInvalidArgument)
        << descriptors;
  }
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST_F(FdChannel, AClosedChannelIsUnavailable) {
  ::close(std::exchange(ends_[1], -1));
  EXPECT_EQ(ReceivePortDescriptors(ends_[0]).status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace ov6
