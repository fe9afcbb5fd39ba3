// SPDX-License-Identifier: Apache-2.0
// What has been moved to a site here and is about to come: a host whose address moved, or a subnet with its
// cable. It is found before anybody is told to send here (the kernel keeps few packets for a host that it
// still looks for). Meanwhile slaves do what takes time and binds nobody.
#ifndef OV6_USERSPACE_OV6D_ARRIVALS_H
#define OV6_USERSPACE_OV6D_ARRIVALS_H

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ov6/address.h"
#include "ov6/time.h"

namespace ov6 {

class Arrivals {
 public:
  using Expected = std::vector<std::pair<Prefix, std::string>>;  // a /128: a host at that interface
  // Called with those that are missing whenever they are others, and once more when none is or the time is
  // over.
  using Told = std::function<void(const std::set<Prefix>& missing)>;

  Arrivals(boost::asio::io_context& io, Told told) : timer_(io), told_(std::move(told)) {}

  // Looks for them now and every few milliseconds, for 5 s. What was waited for before is not waited for
  // again.
  void Await(Expected expected);
  void Stop() { timer_.cancel(); }

 private:
  void Look(BootTime until);

  boost::asio::steady_timer timer_;
  Told told_;
  Expected expected_;
  std::set<Prefix> missing_, awaited_;
};

}  // namespace ov6

#endif
