// SPDX-License-Identifier: Apache-2.0
// Running one packet through model and subject, and naming what differs.
#ifndef OV6_TESTS_DIFFERENTIAL_COMPARE_H
#define OV6_TESTS_DIFFERENTIAL_COMPARE_H

#include <map>
#include <string>

#include "tests/differential/subject.h"

namespace ov6::differential {

std::string Hex(const Bytes& bytes);

// One set of tables at both sides, and the packets that meet them.
class Comparison {
 public:
  Comparison(Subject& subject, const model::Kernel& kernel, const model::Tables& tables, uint64_t now);

  // What differs, or "". Both hooks see the same frame, one after the other.
  std::string Check(model::Arrival arrival);
  // At the end: every packet was counted once.
  std::string CheckTotal();
  uint64_t runs() const { return runs_; }

 private:
  std::string CheckHook(const model::Arrival& arrival);
  std::string CompareEnd(const model::Arrival& arrival, const model::Outcome& outcome, Result result);
  std::string CompareFrame(const model::Outcome& outcome, Result& result);
  std::string CompareState(const model::Outcome& outcome);
  std::string CompareBuckets(const model::Changes& changes);
  std::string CompareBucket(const std::string& whose, const ov6_bucket& bucket, const ov6_bucket& found);
  std::string ComparePath(const model::Changes& changes);
  std::string CompareEvents(const model::Changes& changes);
  void PostponeEvents(const Ipv6& address);

  Subject& subject_;
  const model::Kernel& kernel_;
  model::Tables tables_;
  uint64_t ahead_;                           // an hour from now: what is set to it does not change by itself
  std::map<ov6_verdict, ov6_count> counts_;  // as they must stand
  uint64_t runs_ = 0;
  std::optional<uint16_t> flow_port_;  // of the frame at hand
};

}  // namespace ov6::differential

#endif
