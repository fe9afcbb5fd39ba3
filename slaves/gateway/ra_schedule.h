// SPDX-License-Identifier: Apache-2.0
// When to send Router Advertisements (RFC 4861 sections 6.2.4 and 6.2.6): three initial
// ones, the first at once; then at random times between the minimum and the maximum
// interval; an answer to a solicitation after a random delay; never two multicasts
// closer than three seconds. A known host is answered by unicast, which RFC 4861 lets
// a router choose and which the three seconds do not hold back. Pure: time and
// randomness are handed in.
#ifndef OV6_SLAVES_GATEWAY_RA_SCHEDULE_H
#define OV6_SLAVES_GATEWAY_RA_SCHEDULE_H

#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "ov6/address.h"
#include "ov6/time.h"

namespace ov6 {

class RaSchedule {
 public:
  static constexpr Duration kMaxInterval = std::chrono::seconds(600);       // MaxRtrAdvInterval
  static constexpr Duration kMinInterval = std::chrono::seconds(200);       // MinRtrAdvInterval
  static constexpr Duration kInitialInterval = std::chrono::seconds(16);    // MAX_INITIAL_RTR_ADVERT_INTERVAL
  static constexpr int kInitialCount = 3;                                   // MAX_INITIAL_RTR_ADVERTISEMENTS
  static constexpr Duration kMulticastGap = std::chrono::seconds(3);        // MIN_DELAY_BETWEEN_RAS
  static constexpr Duration kAnswerDelay = std::chrono::milliseconds(500);  // MAX_RA_DELAY_TIME
  static constexpr size_t kMaxWaiting = 64;                                 // hosts that wait for an answer

  // Uniform in [0, 1).
  using Random = std::function<double()>;
  struct Due {
    bool multicast = false;
    std::vector<Ipv6> hosts;  // unicast to these
  };

  RaSchedule(BootTime now, Random random);

  // A good solicitation. :: is answered by multicast, and so is everybody if too many wait.
  void OnSolicitation(BootTime now, const Ipv6& source);
  BootTime NextDeadline() const;
  // What to send now; counts as sent.
  Due Take(BootTime now);
  // What is advertised is another now: all are told at once, or as soon as they may be.
  void Changed(BootTime now);
  // The multicast taken could not be sent: try again soon.
  void Retry(BootTime now);

 private:
  void ScheduleNext(BootTime now);
  Duration Between(Duration low, Duration high);

  Random random_;
  BootTime next_multicast_;
  std::optional<BootTime> last_multicast_;
  int initial_left_ = kInitialCount;
  std::map<Ipv6, BootTime> waiting_;
};

}  // namespace ov6

#endif
