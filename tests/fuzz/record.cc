// SPDX-License-Identifier: Apache-2.0
// Mapping records and delegations: what is decoded is written the same again; verifying and judging never
// fail in another way than by their answer, and say the same.
#include "userspace/wire/record.h"

#include "tests/fuzz/must.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ov6;
  static const Domain domain{"chord", *Prefix::Parse("fd00::/8"), 48, Domain::Trust::kOpen};
  const std::span<const uint8_t> bytes(data, size);
  const UnixTime now(std::chrono::seconds(1'800'000'000));
  bool good = true;
  for (const RecordCheck& check : JudgeSigned(bytes, domain, now)) good = good && check.verdict.ok();
  fuzz::Must(VerifySigned(bytes, domain, now).ok() == good, "two verdicts on one record");
  const std::string text(bytes.begin(), bytes.end());
  if (const auto token = DecodeToken(text); token.ok()) {
    const auto again = DecodeToken(EncodeToken(*token));
    fuzz::Must(again.ok() && *again == *token, "a token is not what it was");
  }
  const auto record = DecodeRecord(bytes);
  if (!record.ok()) return 0;
  const auto again = DecodeRecord(EncodeRecord(*record));
  fuzz::Must(again.ok() && *again == *record, "a record is not what it was");
  return 0;
}
