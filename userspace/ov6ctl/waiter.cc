// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6ctl/waiter.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace ov6::ctl {

bool SignalWaiter::Wait(int fd, Duration most) {
  if (!signals_.ok()) {
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGINT);
    sigaddset(&wanted, SIGTERM);
    sigprocmask(SIG_BLOCK, &wanted, nullptr);
    signals_ = UniqueFd(signalfd(-1, &wanted, SFD_CLOEXEC));
    signal(SIGPIPE, SIG_IGN);  // the stream tells
  }
  pollfd watched[] = {{signals_.get(), POLLIN, 0}, {STDOUT_FILENO, 0, 0}, {fd, POLLIN, 0}};
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(std::max(most, Duration(0))).count();
  const int ready = poll(watched, std::size(watched), static_cast<int>(milliseconds));
  if (ready < 0) return errno == EINTR;
  return watched[0].revents == 0 && (watched[1].revents & (POLLERR | POLLHUP)) == 0;
}

std::chrono::system_clock::time_point SignalWaiter::WallTime(BootTime time) {
  using Wall = std::chrono::system_clock;
  return Wall::now() + std::chrono::duration_cast<Wall::duration>(time - Now());
}

}  // namespace ov6::ctl
