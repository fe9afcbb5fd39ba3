// SPDX-License-Identifier: Apache-2.0
#ifndef OV6_TESTS_BENCH_DATAPATH_SINK_H
#define OV6_TESTS_BENCH_DATAPATH_SINK_H

#include <cstdint>
#include <string>
#include <vector>

namespace ov6::bench {

// The sinks whose pins are in `folder`, on all CPUs.
class Arrived {
 public:
  explicit Arrived(const std::string& folder);
  uint64_t Packets() const;
  // From now on the delay of each frame is counted, from none; or no longer.
  void CountDelays(bool on);
  std::vector<uint64_t> Delays() const;  // by buckets, see flows.h

 private:
  int packets_, delays_, stamped_;
};

}  // namespace ov6::bench

#endif
