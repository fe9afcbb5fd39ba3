// SPDX-License-Identifier: Apache-2.0
// Mapping records: what is decoded is written the same again; verifying never fails in another way than by
// its answer.
#include "userspace/wire/record.h"

#include "tests/fuzz/must.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ov6;
  static const Domain domain{"chord", *Prefix::Parse("fd00::/8"), 48, Domain::Trust::kOpen};
  const std::span<const uint8_t> bytes(data, size);
  (void)VerifySigned(bytes, domain, UnixTime(std::chrono::seconds(1'800'000'000)));
  const auto record = DecodeRecord(bytes);
  if (!record.ok()) return 0;
  const auto again = DecodeRecord(EncodeRecord(*record));
  fuzz::Must(again.ok() && *again == *record, "a record is not what it was");
  return 0;
}
