// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/way_watch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

#include <cerrno>
#include <csignal>

namespace ov6 {
namespace {

// A storm of routes empties the front 200 times a second, and no change waits for longer than this.
constexpr int kPause = 5;  // milliseconds
constexpr int kAlive = 250;

}  // namespace

absl::StatusOr<std::unique_ptr<WayWatch>> WayWatch::Open(std::function<void()> forget,
                                                         std::function<void()> alive) {
  auto ways = netlink::Ways::Open();
  if (!ways.ok()) return ways.status();
  UniqueFd stop(eventfd(0, EFD_CLOEXEC));
  if (!stop.ok()) return absl::ErrnoToStatus(errno, "making an eventfd");
  return std::unique_ptr<WayWatch>(
      new WayWatch(*std::move(ways), std::move(stop), std::move(forget), std::move(alive)));
}

void WayWatch::Start() {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // signals are the other threads'
  thread_ = std::thread([this] { Loop(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  // What was told since the opening waits in the socket; what was decided on before it is forgotten here.
  forget_();
}

WayWatch::~WayWatch() {
  if (!thread_.joinable()) return;
  eventfd_write(stop_.get(), 1);
  thread_.join();
}

bool WayWatch::Await(int fd, int milliseconds) const {
  pollfd fds[] = {{stop_.get(), POLLIN, 0}, {fd, POLLIN, 0}};
  while (poll(fds, 2, milliseconds) < 0 && errno == EINTR) {
  }
  return fds[0].revents == 0;
}

// Twice for each change: the kernel tells of a route's end before the route is gone.
void WayWatch::Loop() {
  prctl(PR_SET_NAME, "ov6-ways");
  while (Await(ways_.fd(), kAlive)) {
    alive_();
    if (!ways_.Drain()) continue;
    for (int time = 0; time < 2; ++time) {
      forget_();
      if (!Await(-1, kPause)) return;
    }
  }
}

}  // namespace ov6
