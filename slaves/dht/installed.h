// SPDX-License-Identifier: Apache-2.0
// The prefixes a slave has sent mappings for, so that what the DHT no longer knows goes
// at once and not only when its lifetime ends. A memory, not the truth: what it has
// forgotten runs out by itself.
#ifndef OV6_SLAVES_DHT_INSTALLED_H
#define OV6_SLAVES_DHT_INSTALLED_H

#include <map>
#include <vector>

#include "ov6/capsule.h"
#include "slaves/engine/resolver/resolver.h"

namespace ov6 {

class Installed {
 public:
  static constexpr size_t kMost = 65536;

  void Add(BootTime now, const MappingAdd& add);
  void Remove(const Prefix& prefix) { until_.erase(prefix); }
  // Those that the answer says are not there any more; `kept`: what it installs itself.
  std::vector<Prefix> Gone(BootTime now, const ResolveOutput& answer, const std::vector<MappingChange>& kept);
  size_t size() const { return until_.size(); }

 private:
  std::map<Prefix, BootTime> until_;
};

}  // namespace ov6

#endif
