// SPDX-License-Identifier: Apache-2.0
#ifndef OV6_TESTS_BENCH_DATAPATH_SINK_H
#define OV6_TESTS_BENCH_DATAPATH_SINK_H

#include <cstdint>
#include <string>

namespace ov6::bench {

// What has arrived at the sinks whose pins are in `folder`, on all CPUs.
class Arrived {
 public:
  explicit Arrived(const std::string& folder);
  uint64_t Packets() const;

 private:
  int map_;
};

}  // namespace ov6::bench

#endif
