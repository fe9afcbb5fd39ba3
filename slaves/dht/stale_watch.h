// SPDX-License-Identifier: Apache-2.0
// Addresses whose mappings go on past their lifetime because the DHT does not answer,
// and when to ask again: one of them every few seconds while there are any (RFC 8767
// asks for no more than once in 30 s each), all of them as soon as anything is answered.
#ifndef OV6_SLAVES_DHT_STALE_WATCH_H
#define OV6_SLAVES_DHT_STALE_WATCH_H

#include <map>
#include <optional>
#include <vector>

#include "ov6/address.h"
#include "ov6/time.h"

namespace ov6 {

class StaleWatch {
 public:
  static constexpr Duration kInterval = std::chrono::seconds(5);
  static constexpr size_t kMost = 4096;

  // Served stale until then; who is not in use is not asked about, and so forgotten.
  void Add(BootTime now, const Ipv6& address, BootTime until);
  void Remove(const Ipv6& address) { stale_.erase(address); }
  // The DHT has answered something: those to ask about now.
  std::vector<Ipv6> Answered(BootTime now);
  // The next to try with, if it is time; nullopt else.
  std::optional<Ipv6> Probe(BootTime now);
  BootTime NextDeadline() const { return stale_.empty() ? BootTime::max() : next_; }
  size_t size() const { return stale_.size(); }

 private:
  void Expire(BootTime now);

  std::map<Ipv6, BootTime> stale_;
  Ipv6 last_;
  BootTime next_{};       // probe not before
  BootTime recovered_{};  // all of them were asked about
};

}  // namespace ov6

#endif
