// SPDX-License-Identifier: Apache-2.0
// Tells a site's hosts of their router: sends what is to be advertised when the schedule says so, and answers
// solicitations.
#ifndef OV6_SLAVES_GATEWAY_ADVERTISER_H
#define OV6_SLAVES_GATEWAY_ADVERTISER_H

#include <array>
#include <boost/json/fwd.hpp>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "slaves/gateway/ra.h"
#include "slaves/gateway/ra_schedule.h"
#include "slaves/gateway/ra_socket.h"
#include "slaves/gateway/solicitation.h"
#include "slaves/runtime/loop.h"

namespace ov6 {

class Advertiser {
 public:
  // `fd`: as OpenSolicitationSocket makes it, and the caller's.
  Advertiser(Loop& loop, int fd, std::string interface, unsigned ifindex);

  absl::Status Prepare();
  // The first time: begins. Later: hosts are told at once, and not to use what is gone (RFC 9096
  // section 3.4).
  void Set(RouterAdvertisement advertisement);
  // The last word.
  void SayFarewell();
  void AppendStatus(boost::json::object* status) const;

 private:
  void Deprecate(std::vector<Prefix> gone);
  void Arm();
  void OnTimer();
  void OnReadable();
  bool Send(const Ipv6& to, RouterAdvertisement advertisement);

  Loop& loop_;
  RaSocket socket_;
  RouterAdvertisement advertisement_;
  std::unique_ptr<Descriptor> descriptor_;
  std::mt19937_64 generator_{std::random_device{}()};
  std::optional<RaSchedule> schedule_;
  Timer timer_;
  std::array<uint64_t, static_cast<size_t>(SolicitationCheck::kCount)> received_{};
  uint64_t sent_multicast_ = 0, sent_unicast_ = 0, send_failed_ = 0;
  std::string last_failure_;
};

}  // namespace ov6

#endif
