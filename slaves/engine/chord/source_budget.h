// SPDX-License-Identifier: Apache-2.0
// How much of a kind a node takes from others: values, each of which costs a signature to be judged, or news
// of members. So many in all, and so many of one address; addresses share their buckets with few others, by a
// hash that they can't know.
#ifndef OV6_SLAVES_ENGINE_CHORD_SOURCE_BUDGET_H
#define OV6_SLAVES_ENGINE_CHORD_SOURCE_BUDGET_H

#include <cstdint>
#include <vector>

#include "ov6/address.h"
#include "userspace/base/token_bucket.h"

namespace ov6::chord {

class SourceBudget {
 public:
  static constexpr int kBucketBits = 10;

  // A second; ten seconds' worth at once.
  SourceBudget(double all, double source, uint64_t seed)
      : factor_(seed | 1), all_(all, 10 * all), sources_(size_t{1} << kBucketBits, {source, 10 * source}) {}

  bool Take(BootTime now, Ipv4 source) {
    TokenBucket& bucket = sources_[(source.value * factor_ ^ factor_ >> 32) * kStir >> (64 - kBucketBits)];
    return bucket.Has(now) && all_.Take(now) && bucket.Take(now);
  }

 private:
  static constexpr uint64_t kStir = 0x9e3779b97f4a7c15;

  uint64_t factor_;
  TokenBucket all_;
  std::vector<TokenBucket> sources_;
};

}  // namespace ov6::chord

#endif
