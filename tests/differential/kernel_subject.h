// SPDX-License-Identifier: Apache-2.0
// The programs as the kernel runs them, one packet at a time (BPF_PROG_TEST_RUN).
#ifndef OV6_TESTS_DIFFERENTIAL_KERNEL_SUBJECT_H
#define OV6_TESTS_DIFFERENTIAL_KERNEL_SUBJECT_H

#include <array>
#include <memory>
#include <string>

#include "tests/differential/subject.h"

struct ring_buffer;

namespace ov6::differential {

class KernelSubject : public Subject {
 public:
  // One CPU's counters and budgets: the calling thread must stay where it is.
  KernelSubject();
  ~KernelSubject() override;

  void Load(const model::Tables& tables) override;
  std::optional<Result> Run(const model::Arrival& arrival) override;
  ov6_count Count(ov6_verdict verdict) override;
  uint64_t AllPackets() override;
  ov6_bucket Bucket(const model::BucketKey& key) override;
  void SetBucket(const model::BucketKey& key, const ov6_bucket& bucket) override;
  ov6_bucket PuntBudget(ov6_punt_reason reason) override;
  void SetPuntBudget(ov6_punt_reason reason, const ov6_bucket& bucket) override;
  std::optional<ov6_path> Path(Ipv4 peer) override;
  void SetPath(Ipv4 peer, const ov6_path& path) override;
  void SetMapping(const Prefix& prefix, const ov6_mapping& mapping) override;
  std::vector<ov6_event> TakeEvents() override;

 protected:
  int Map(const char* name);
  int Program(model::Hook hook, model::Door door);

  std::array<std::array<int, 4>, 2> programs_{};
  std::vector<ov6_event> events_;
  ring_buffer* ring_;
  Bytes out_ = Bytes(8192);
};

}  // namespace ov6::differential

#endif
