// SPDX-License-Identifier: Apache-2.0
// What a slave wants to know again after a restart: one small JSON document each, in
// the state directory as slave-NAME.json. It is the slave's own; the master only keeps
// it. A file that is damaged is set aside with a sentence and counts as none.
#ifndef OV6_USERSPACE_OV6D_SLAVE_MEMORY_H
#define OV6_USERSPACE_OV6D_SLAVE_MEMORY_H

#include <filesystem>
#include <map>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ov6/time.h"
#include "userspace/base/token_bucket.h"

namespace ov6 {

class SlaveMemory {
 public:
  static constexpr size_t kMaxSize = 16384;  // bytes of a document
  // Every write waits for the disk: more than these are refused. Writes a second; writes.
  static constexpr double kRate = 0.2, kBurst = 5;

  explicit SlaveMemory(std::filesystem::path state) : state_(std::move(state)) {}

  // InvalidArgument if it is no JSON object or too big, ResourceExhausted if it comes too often. The same as
  // before is not written again.
  absl::Status Save(BootTime now, const std::string& name, const std::string& document);
  // "{}" if there is none.
  absl::StatusOr<std::string> Load(const std::string& name);
  void Forget(const std::string& name);

 private:
  struct Kept {
    std::string document;
    TokenBucket budget{kRate, kBurst};
  };
  std::filesystem::path PathOf(const std::string& name) const { return state_ / ("slave-" + name + ".json"); }

  std::filesystem::path state_;
  std::map<std::string, Kept> kept_;  // what is in the files, as far as known
};

}  // namespace ov6

#endif
