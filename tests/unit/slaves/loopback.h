// SPDX-License-Identifier: Apache-2.0
// A TCP port on loopback, for tests that play the other side themselves.
#ifndef OV6_TESTS_UNIT_SLAVES_LOOPBACK_H
#define OV6_TESTS_UNIT_SLAVES_LOOPBACK_H

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "userspace/base/unique_fd.h"

namespace ov6 {

struct LoopbackListener {
  // `flags` of socket(2), as SOCK_NONBLOCK.
  explicit LoopbackListener(int flags = 0) : fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(fd.get(), 8), 0);
    EXPECT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port = ntohs(address.sin_port);
  }
  UniqueFd fd;
  uint16_t port = 0;
};

}  // namespace ov6

#endif
