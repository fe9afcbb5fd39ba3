// SPDX-License-Identifier: Apache-2.0
// The heads of the HTTP upgrade, both ways: a request that is taken is written and taken again.
#include "userspace/wire/upgrade.h"

#include "tests/fuzz/must.h"
#include "tests/fuzz/smuggling.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ov6;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto response = ParseUpgradeResponse(text);
  if (response && response->ok()) fuzz::Must(**response <= size, "a head is longer than what came");
  const auto parsed = ParseUpgradeRequest(text);
  if (!parsed) return 0;
  fuzz::Must(parsed->request || !parsed->refusal.sentence.empty(), "a refusal without a sentence");
  if (!parsed->request) return 0;
  fuzz::Must(text.find('\0') == text.npos && !smuggling::HasBody(text), "a request with a body is taken");
  if (parsed->request->plain) return 0;  // none of ours
  const auto again = ParseUpgradeRequest(FormatUpgradeRequest(*parsed->request));
  fuzz::Must(again && again->request == parsed->request, "a request is not what it was");
  return 0;
}
