// SPDX-License-Identifier: Apache-2.0
// What DHT slaves say to each other besides their DHT, on its UDP port: whether a prefix
// is served where a record says so, and that one has moved. Byte-exact in docs/peering.md.
// An answer is never bigger than its question: nobody is flooded through us.
#ifndef OV6_SLAVES_DHT_PEERING_CODEC_H
#define OV6_SLAVES_DHT_PEERING_CODEC_H

#include <optional>
#include <span>

#include "ov6/address.h"
#include "ov6/engine.h"
#include "userspace/wire/record.h"

namespace ov6 {

// The first byte; an engine's datagrams begin with its version, a small number.
inline constexpr uint8_t kPeeringMark = 0xd6;
inline constexpr uint8_t kPeeringVersion = 1;
inline constexpr size_t kPeeringSize = 29;  // of all but a NOTIFY, which goes on with a record

enum class PeeringType : uint8_t {
  kProbe = 1,   // is this prefix yours?
  kProbed = 2,  // yes or no
  kNotify = 3,  // a newer record of the prefix than what you may hold
  kNotified = 4,
  kName = 5,  // to the new place of a prefix, by the old one: who corresponds with it
  kNamed = 6,
};

struct PeeringMessage {
  PeeringType type = PeeringType::kProbe;
  bool yes = false;    // PROBED: it is; NOTIFIED, NAMED: it is of use here
  uint64_t nonce = 0;  // of the question
  Prefix prefix;
  Bytes record = {};     // NOTIFY: signed, as the DHT holds it
  bool awaited = false;  // NOTIFY: the prefix is not there yet, but about to come
  bool operator==(const PeeringMessage&) const = default;
};

bool IsPeering(std::span<const uint8_t> datagram);
Bytes EncodePeering(const PeeringMessage& message);
// Nothing if anything in it is not as written above.
std::optional<PeeringMessage> DecodePeering(std::span<const uint8_t> datagram);

}  // namespace ov6

#endif
