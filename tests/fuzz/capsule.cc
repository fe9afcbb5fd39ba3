// SPDX-License-Identifier: Apache-2.0
// The capsule decoder: fragments change nothing, and what it takes it writes the same again. The first byte
// says how many bytes come at once.
#include <algorithm>

#include "tests/fuzz/must.h"
#include "userspace/wire/capsule_codec.h"

namespace {

using namespace ov6;

struct Decoded {
  std::vector<Capsule> capsules;
  bool ok;
};

Decoded DecodeAll(std::span<const uint8_t> bytes, size_t at_once) {
  CapsuleDecoder decoder;
  Decoded decoded{{}, true};
  for (size_t from = 0; from < bytes.size(); from += at_once) {
    decoder.Ingest(bytes.subspan(from, std::min(at_once, bytes.size() - from)));
    for (;;) {
      auto next = decoder.Next();
      if (!next.ok()) return {decoded.capsules, false};
      if (!*next) break;
      decoded.capsules.push_back(**next);
    }
  }
  return decoded;
}

// As sessions read: DATAGRAMs where they lie.
Decoded DecodeInPlace(std::span<const uint8_t> bytes) {
  CapsuleDecoder decoder;
  Decoded decoded{{}, true};
  decoder.Ingest(bytes);
  for (;;) {
    while (const auto datagram = decoder.NextDatagram()) {
      decoded.capsules.push_back(
          DatagramCapsule{datagram->context, Bytes(datagram->payload.begin(), datagram->payload.end())});
    }
    auto next = decoder.Next();
    if (!next.ok()) return {decoded.capsules, false};
    if (!*next) return decoded;
    decoded.capsules.push_back(**next);
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::span<const uint8_t> bytes(data + 1, size - 1);
  const Decoded whole = DecodeAll(bytes, std::max<size_t>(bytes.size(), 1));
  const Decoded pieces = DecodeAll(bytes, std::max<size_t>(data[0], 1));
  fuzz::Must(whole.ok == pieces.ok && whole.capsules == pieces.capsules, "fragments change what is decoded");
  const Decoded in_place = DecodeInPlace(bytes);
  fuzz::Must(whole.ok == in_place.ok && whole.capsules == in_place.capsules,
             "a DATAGRAM in place is another");
  for (const Capsule& capsule : whole.capsules) {
    const Decoded again = DecodeAll(EncodeCapsule(capsule), SIZE_MAX);
    fuzz::Must(again.ok && again.capsules == std::vector<Capsule>{capsule}, "a capsule is not what it was");
  }
  return 0;
}
