// SPDX-License-Identifier: Apache-2.0
// Verifies records of one domain and remembers whose signatures were right, by SHA-256 of the whole value: a
// record that is published again, or comes from another replica, costs no signature. What can change with
// time (window, links' ends) is checked every time. Bounded; the oldest is forgotten.
#ifndef OV6_USERSPACE_WIRE_RECORD_VERIFIER_H
#define OV6_USERSPACE_WIRE_RECORD_VERIFIER_H

#include <array>
#include <cstdint>
#include <deque>
#include <span>

#include "absl/container/flat_hash_set.h"
#include "userspace/wire/record.h"

namespace ov6 {

class RecordVerifier {
 public:
  struct Counters {
    uint64_t verified = 0;    // good, with signatures
    uint64_t remembered = 0;  // good, without
    uint64_t refused = 0;     // by a check that costs no signature
    uint64_t forged = 0;      // by a signature
    uint64_t signatures = 0;  // tried
  };

  explicit RecordVerifier(Domain domain, size_t most = 8192) : domain_(std::move(domain)), most_(most) {}

  absl::StatusOr<Record> Verify(std::span<const uint8_t> value, UnixTime now);
  const Domain& domain() const { return domain_; }
  const Counters& counters() const { return counters_; }

 private:
  using Digest = std::array<uint8_t, 32>;

  absl::Status CheckOrRemember(const SignedRecord& value, const Digest& digest);

  const Domain domain_;
  const size_t most_;
  absl::flat_hash_set<Digest> good_;
  std::deque<Digest> order_;  // of good_, the oldest first
  Counters counters_;
};

}  // namespace ov6

#endif
