// SPDX-License-Identifier: Apache-2.0
#include "userspace/wire/record_verifier.h"

#include <utility>

namespace ov6 {

absl::StatusOr<Record> RecordVerifier::Verify(std::span<const uint8_t> value, UnixTime now) {
  auto read = DecodeSigned(value);
  absl::Status status = read.status();
  if (status.ok()) status = CheckContents(read->record, domain_, now);
  if (!status.ok()) {
    ++counters_.refused;
    return status;
  }
  status = CheckOrRemember(*read, Sha256(value));
  if (!status.ok()) return status;
  return std::move(read->record);
}

absl::Status RecordVerifier::CheckOrRemember(const SignedRecord& value, const Digest& digest) {
  if (good_.contains(digest)) {
    ++counters_.remembered;
    return absl::OkStatus();
  }
  if (absl::Status status = CheckSignatures(value, &counters_.signatures); !status.ok()) {
    ++counters_.forged;
    return status;
  }
  ++counters_.verified;
  if (order_.size() >= most_) {
    good_.erase(order_.front());
    order_.pop_front();
  }
  good_.insert(digest);
  order_.push_back(digest);
  return absl::OkStatus();
}

}  // namespace ov6
