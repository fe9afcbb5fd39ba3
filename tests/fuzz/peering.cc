// SPDX-License-Identifier: Apache-2.0
// Datagrams between DHT slaves: what is decoded is written the same again, byte for byte.
#include <algorithm>

#include "slaves/dht/peering_codec.h"
#include "tests/fuzz/must.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ov6;
  const std::span<const uint8_t> bytes(data, size);
  const auto message = DecodePeering(bytes);
  if (!message) return 0;
  const Bytes again = EncodePeering(*message);
  fuzz::Must(std::equal(again.begin(), again.end(), bytes.begin(), bytes.end()),
             "another encoding was taken");
  return 0;
}
