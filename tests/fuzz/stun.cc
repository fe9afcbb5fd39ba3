// SPDX-License-Identifier: Apache-2.0
// STUN from the tunnel port: what is taken lies inside its bytes, and written anew it is read as the same.
#include "userspace/wire/stun.h"

#include "tests/fuzz/must.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ov6;
  const std::span<const uint8_t> bytes(data, size);
  const auto message = ParseStun(bytes);
  if (!message) return 0;
  fuzz::Must(size >= kStunHeader && size <= kMaxStun && size % 4 == 0, "another size is taken");
  fuzz::Must(message->integrity_at + (message->integrity_at != 0 ? 24 : 0) <= size, "integrity past the end");
  HasIntegrity(bytes, *message, "password");
  const auto written = WriteStun(*message, "password");
  const auto again = ParseStun(written);
  if (written.size() > kMaxStun) return 0;
  fuzz::Must(again && HasIntegrity(written, *again, "password"), "what was written has no integrity");
  StunMessage same = *message;
  same.unknown.reset();
  same.integrity_at = again->integrity_at;
  fuzz::Must(*again == same, "what was read is written as another");
  return 0;
}
