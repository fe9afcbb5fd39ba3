// SPDX-License-Identifier: Apache-2.0
// The master as a slave's logic sees it: calls, mappings, advertisements
// (docs/slave-protocol.md sections 2 and 3). SessionClient speaks it over a socket,
// tests over memory. Callbacks are called later or not at all (when the session
// ends), never before the call returns.
#ifndef OV6_SLAVES_RUNTIME_SESSION_H
#define OV6_SLAVES_RUNTIME_SESSION_H

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ov6/capsule.h"

namespace ov6 {

class Session {
 public:
  using Result = std::function<void(absl::StatusOr<std::string>)>;
  using Refusals = std::vector<MappingsAckCapsule::Refusal>;
  using Acknowledged = std::function<void(absl::StatusOr<Refusals>)>;

  virtual ~Session() = default;
  // The result, the master's sentence, or DeadlineExceeded.
  virtual void Call(const std::string& method, const std::string& argument, Result result) = 0;
  // Acknowledged when the kernel's maps hold the changes; refusals name changes by their index.
  virtual void SendMappings(std::vector<MappingChange> changes, Acknowledged acknowledged) = 0;
  // The full list; empty says goodbye.
  virtual void Advertise(const std::vector<Prefix>& prefixes) = 0;
};

}  // namespace ov6

#endif
