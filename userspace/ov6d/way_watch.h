// SPDX-License-Identifier: Apache-2.0
// Has the datapath forget what the kernel's routes and neighbours said, within milliseconds of their change
// (netlink_ways.h): on a thread of its own, however busy the daemon's is.
#ifndef OV6_USERSPACE_OV6D_WAY_WATCH_H
#define OV6_USERSPACE_OV6D_WAY_WATCH_H

#include <functional>
#include <memory>
#include <thread>

#include "absl/status/statusor.h"
#include "userspace/base/netlink_ways.h"
#include "userspace/base/unique_fd.h"

namespace ov6 {

class WayWatch {
 public:
  // From here on no change is missed. Both are called from the thread: `forget` after a change, `alive`
  // several times a second.
  static absl::StatusOr<std::unique_ptr<WayWatch>> Open(std::function<void()> forget,
                                                        std::function<void()> alive);
  ~WayWatch();

  void Start();  // the thread has the caller's privileges

 private:
  WayWatch(netlink::Ways ways, UniqueFd stop, std::function<void()> forget, std::function<void()> alive)
      : ways_(std::move(ways)),
        stop_(std::move(stop)),
        forget_(std::move(forget)),
        alive_(std::move(alive)) {}
  void Loop();
  bool Await(int fd, int milliseconds) const;  // false: it is to stop

  netlink::Ways ways_;
  UniqueFd stop_;
  std::function<void()> forget_, alive_;
  std::thread thread_;
};

}  // namespace ov6

#endif
