// SPDX-License-Identifier: Apache-2.0
// bpf/ on the fake kernel, for the comparison with the model: with the arrival's time, and with the TC tail
// of a slave's port, which no test-run reaches.
#ifndef OV6_TESTS_HOST_HOST_SUBJECT_H
#define OV6_TESTS_HOST_HOST_SUBJECT_H

#include "tests/differential/kernel_subject.h"
#include "tests/differential/world.h"

namespace ov6::host {

// Devices that need not exist.
inline constexpr differential::Devices kDevices{
    .lan = 5, .lan2 = 7, .wan = 9, .other = 11, .port = 13, .port2 = 15, .self = 3};

class HostSubject : public differential::KernelSubject {
 public:
  HostSubject();
  bool TakesTime() const override { return true; }
  void Load(const model::Tables& tables) override;
  std::optional<differential::Result> Run(const model::Arrival& arrival) override;

 private:
  std::optional<differential::Result> RunPortTail(model::Arrival arrival);
  void SetXdpTargets(bool allowed);

  model::Tables tables_;  // as they were loaded
};

}  // namespace ov6::host

#endif
