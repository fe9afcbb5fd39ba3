// SPDX-License-Identifier: Apache-2.0
// What DHT slaves say to each other besides their DHT, on its UDP port: whether a prefix
// is served where a record says so, that one has moved, and how a router behind NAT meets one that sends to
// it by its master. Byte-exact in docs/peering.md.
// An answer is never bigger than its question: nobody is flooded through us.
#ifndef OV6_SLAVES_DHT_PEERING_CODEC_H
#define OV6_SLAVES_DHT_PEERING_CODEC_H

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ov6/address.h"
#include "ov6/engine.h"
#include "userspace/wire/record.h"

namespace ov6 {

// The first byte; an engine's datagrams begin with its version, a small number.
inline constexpr uint8_t kPeeringMark = 0xd6;
inline constexpr uint8_t kPeeringVersion = 1;
inline constexpr size_t kPeeringSize = 29;  // NOTIFY, MEET and MET go on
// RFC 8445 section 5.3: ice-char, and what it takes against guessing; at most.
inline constexpr size_t kShortestUser = 12, kShortestPassword = 36, kLongestWord = 64;
inline constexpr size_t kMostCandidates = 8;

enum class PeeringType : uint8_t {
  kProbe = 1,   // is this prefix yours?
  kProbed = 2,  // yes or no
  kNotify = 3,  // a newer record of the prefix than what you may hold
  kNotified = 4,
  kName = 5,  // to the new place of a prefix, by the old one: who corresponds with it
  kNamed = 6,
  kMeet = 7,  // by a router's master, to a correspondent of its prefix: what its checks are known by
  kMet = 8,
};

// What follows in MEET and MET.
struct Meeting {
  uint64_t cookie = 0;  // MEET: of a MET before, or 0. MET that says no: to be said again with, or 0
  Prefix to = {};       // MEET: at the correspondent
  std::string user{}, password{};  // MEET and MET that says yes: whose checks these are
  // MET that says yes: where to, at the address that was asked; 0: it is a router behind that one.
  uint16_t port = 0;
  std::vector<Endpoint>
      candidates{};  // MEET, and MET of a router behind who was asked, which has one at least
  bool operator==(const Meeting&) const = default;
};
// Whether they have the form of RFC 8445 section 5.3.
bool AreWords(std::string_view user, std::string_view password);

struct PeeringMessage {
  PeeringType type = PeeringType::kProbe;
  bool yes = false;    // PROBED: it is; NOTIFIED, NAMED: it is of use here
  uint64_t nonce = 0;  // of the question
  Prefix prefix;
  Bytes record = {};     // NOTIFY: signed, as the DHT holds it
  bool awaited = false;  // NOTIFY: the prefix is not there yet, but about to come
  Meeting meeting = {};  // MEET and MET
  bool operator==(const PeeringMessage&) const = default;
};

bool IsPeering(std::span<const uint8_t> datagram);
Bytes EncodePeering(const PeeringMessage& message);
// Nothing if anything in it is not as written above.
std::optional<PeeringMessage> DecodePeering(std::span<const uint8_t> datagram);

}  // namespace ov6

#endif
