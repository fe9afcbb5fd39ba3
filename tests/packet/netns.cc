// SPDX-License-Identifier: Apache-2.0
#include "tests/packet/netns.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <thread>

#include "tests/packet/shell.h"

namespace ov6::packet {
namespace {
int OpenOwn() { return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC); }
}  // namespace

Netns::Netns() {
  std::thread([this] {
    if (unshare(CLONE_NEWNET) == 0) fd_ = OpenOwn();
  }).join();
  Run("ip link set lo up");
}

Netns::~Netns() { close(fd_); }

std::string Netns::path() const { return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(fd_); }

std::string Netns::Inside(const std::string& command) const {
  return "nsenter --net=" + path() + " sh -c '" + command + "'";
}

void Netns::Run(const std::string& command) const { packet::Run(Inside(command)); }
bool Netns::Succeeds(const std::string& command) const { return packet::Succeeds(Inside(command)); }

Visit::Visit(const Netns& netns) : home_(OpenOwn()) { setns(netns.fd(), CLONE_NEWNET); }

Visit::~Visit() {
  setns(home_, CLONE_NEWNET);
  close(home_);
}

}  // namespace ov6::packet
