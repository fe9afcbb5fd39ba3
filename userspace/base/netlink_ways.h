// SPDX-License-Identifier: Apache-2.0
// Tells that the kernel may send packets another way than before, in the network namespace of whoever opened
// it: links, addresses, routes, rules, next hops, forwarding, and neighbours whose link-layer address changed
// or was lost (not each of their states). Path MTUs that the kernel itself learned are not told.
#ifndef OV6_USERSPACE_BASE_NETLINK_WAYS_H
#define OV6_USERSPACE_BASE_NETLINK_WAYS_H

#include <map>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "userspace/base/unique_fd.h"

struct nlmsghdr;

namespace ov6::netlink {

class Ways {
 public:
  static absl::StatusOr<Ways> Open();

  int fd() const { return fd_.get(); }  // readable when there is news
  // Reads all that waits. True: something may go another way now, or news was lost.
  bool Drain();

 private:
  explicit Ways(UniqueFd fd) : fd_(std::move(fd)) {}
  absl::Status ListNeighbours();
  bool Take(const nlmsghdr* message);
  bool TakeNeighbour(const nlmsghdr* message);

  UniqueFd fd_;
  std::map<std::pair<int, std::string>, std::string> neighbours_;  // device, address -> MAC, if it is usable
};

}  // namespace ov6::netlink

#endif
