// SPDX-License-Identifier: Apache-2.0
// What is held against the model: the programs in the kernel, or bpf/lib built for the host.
#ifndef OV6_TESTS_DIFFERENTIAL_SUBJECT_H
#define OV6_TESTS_DIFFERENTIAL_SUBJECT_H

#include <optional>
#include <vector>

#include "ov6/abi/event.h"
#include "tests/model/model.h"

namespace ov6::differential {

using model::Bytes;

struct Result {
  uint32_t code;  // the hook's: XDP_REDIRECT, TC_ACT_OK, ...
  Bytes frame;
  Bytes metadata;  // XDP's, in front of the frame
};

class Subject {
 public:
  virtual ~Subject() = default;
  // Does it take the arrival's time for its own? Else its clock runs on while it is looked at.
  virtual bool TakesTime() const { return false; }

  virtual void Load(const model::Tables& tables) = 0;  // and counters to zero
  // Nullopt if this subject can't make such a packet.
  virtual std::optional<Result> Run(const model::Arrival& arrival) = 0;

  virtual ov6_count Count(ov6_verdict verdict) = 0;
  virtual uint64_t AllPackets() = 0;  // that were counted, whatever their verdict
  virtual ov6_bucket Bucket(const model::BucketKey& key) = 0;
  virtual void SetBucket(const model::BucketKey& key, const ov6_bucket& bucket) = 0;
  virtual ov6_bucket PuntBudget(ov6_punt_reason reason) = 0;
  virtual void SetPuntBudget(ov6_punt_reason reason, const ov6_bucket& bucket) = 0;
  virtual std::optional<ov6_path> Path(Ipv4 peer) = 0;
  virtual void SetPath(Ipv4 peer, const ov6_path& path) = 0;
  virtual void SetMapping(const Prefix& prefix, const ov6_mapping& mapping) = 0;
  virtual std::vector<ov6_event> TakeEvents() = 0;
};

}  // namespace ov6::differential

#endif
