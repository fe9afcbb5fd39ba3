// SPDX-License-Identifier: Apache-2.0
#include "slaves/gateway/ra_schedule.h"

#include <algorithm>
#include <utility>

namespace ov6 {

constexpr Duration kRetry = std::chrono::milliseconds(500);

RaSchedule::RaSchedule(BootTime now, Random random) : random_(std::move(random)), next_multicast_(now) {}

Duration RaSchedule::Between(Duration low, Duration high) {
  return low + Duration(static_cast<Duration::rep>(random_() * static_cast<double>((high - low).count())));
}

void RaSchedule::OnSolicitation(BootTime now, const Ipv6& source) {
  const BootTime answer = now + Between({}, kAnswerDelay);
  if (!source.IsZero() && (waiting_.contains(source) || waiting_.size() < kMaxWaiting)) {
    waiting_.try_emplace(source, answer);
    return;
  }
  const BootTime allowed = last_multicast_ ? *last_multicast_ + kMulticastGap : now;
  next_multicast_ = std::min(next_multicast_, std::max(answer, allowed));
}

BootTime RaSchedule::NextDeadline() const {
  BootTime deadline = next_multicast_;
  for (const auto& [host, time] : waiting_) deadline = std::min(deadline, time);
  return deadline;
}

RaSchedule::Due RaSchedule::Take(BootTime now) {
  Due due;
  std::erase_if(waiting_, [&](const auto& entry) {
    if (entry.second > now) return false;
    due.hosts.push_back(entry.first);
    return true;
  });
  if (next_multicast_ > now) return due;
  due.multicast = true;
  last_multicast_ = now;
  initial_left_ = std::max(0, initial_left_ - 1);
  ScheduleNext(now);
  return due;
}

// The initial ones come as soon as the gap allows (RFC 4861 sets 16 s as their longest distance): a
// host that boots with the router should not wait.
void RaSchedule::ScheduleNext(BootTime now) {
  next_multicast_ = now + (initial_left_ > 0 ? Between(kMulticastGap, kInitialInterval)
                                             : Between(kMinInterval, kMaxInterval));
}

void RaSchedule::Changed(BootTime now) {
  initial_left_ = kInitialCount;
  next_multicast_ = last_multicast_ ? std::max(now, *last_multicast_ + kMulticastGap) : now;
}

void RaSchedule::Retry(BootTime now) {
  initial_left_ = std::min(kInitialCount, initial_left_ + 1);
  last_multicast_.reset();
  next_multicast_ = now + kRetry;
}

}  // namespace ov6
