// SPDX-License-Identifier: Apache-2.0
// The decoder of Chord's datagrams: what it takes, it writes the same again.
#include "slaves/engine/chord/codec.h"
#include "tests/fuzz/must.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ov6::chord;
  static const uint64_t network = NetworkHash("fuzz");
  const auto decoded = Decode({data, size}, network);
  if (!std::holds_alternative<Message>(decoded)) return 0;
  const auto again = Decode(Encode(std::get<Message>(decoded), network), network);
  ov6::fuzz::Must(again == decoded, "a message is not what it was");
  return 0;
}
