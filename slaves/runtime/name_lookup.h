// SPDX-License-Identifier: Apache-2.0
// The IPv4 addresses of a host's name, asked for in a thread of its own: the system's resolver blocks.
#ifndef OV6_SLAVES_RUNTIME_NAME_LOOKUP_H
#define OV6_SLAVES_RUNTIME_NAME_LOOKUP_H

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ov6/address.h"
#include "slaves/runtime/loop.h"

namespace ov6 {

class NameLookup {
 public:
  // At least one address, in the resolver's order; or a sentence.
  using Done = std::function<void(absl::StatusOr<std::vector<Ipv4>>)>;

  // An address in dotted decimal is its own answer. `done` is called from the loop; it may destroy this.
  NameLookup(Loop& loop, const std::string& host, Done done);
  // Nobody is told any more; the thread ends when the resolver answers it.
  ~NameLookup();

 private:
  struct Question;
  void OnAnswer();

  std::shared_ptr<Question> question_;
  std::unique_ptr<Descriptor> descriptor_;
  Done done_;
};

}  // namespace ov6

#endif
