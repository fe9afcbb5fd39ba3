// SPDX-License-Identifier: Apache-2.0
// Chord messages to and from datagrams (chord.proto). A datagram that can't be
// taken has a name for why; nothing is ever half taken.
#ifndef OV6_SLAVES_ENGINE_CHORD_CODEC_H
#define OV6_SLAVES_ENGINE_CHORD_CODEC_H

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "ov6/engine.h"
#include "slaves/engine/chord/digests.h"
#include "slaves/engine/chord/member_table.h"
#include "slaves/engine/chord/peer.h"

namespace ov6::chord {

inline constexpr uint8_t kVersion = 1;
inline constexpr size_t kMaxDatagram = 1232;  // bytes: IPv6's minimum MTU without headers; fits any IPv4 path
inline constexpr size_t kPaddedRequest = (kMaxDatagram + 2) / 3;
inline constexpr size_t kMaxPeers = 32;  // in one list of a message
inline constexpr size_t kMaxEvents = 48;

// Odd: a request. The answer to n is n + 1.
enum class MessageType : uint8_t {
  kQuery = 1,  // Zave's query: an atomic read of (predecessor, successor list)
  kState = 2,
  kNotify = 3,  // the sender believes to be the receiver's predecessor
  kNotified = 4,
  kMesh = 5,  // members of the full mesh
  kMeshState = 6,
  kContact = 7,  // of a node that wants to come in
  kContactState = 8,
  kFind = 9,
  kFound = 10,
  kGet = 11,
  kValues = 12,
  kPut = 13,
  kStored = 14,
  kPull = 15,
  kRange = 16,
  kLeave = 17,
  kGoodbye = 18,
  kHint = 19,       // your successor may have changed; no answer
  kChallenge = 20,  // in place of an answer: ask again, with this cookie
  kEvents = 21,     // who came and went, told on; no answer
  kTable = 23,      // the members of an arc, as you know them
  kTablePart = 24,
  kCompare = 25,  // do we know the same members of an arc?
  kCompared = 26,
  kForward = 27,  // whoever knows where the key lives tells the origin: FOUND, with the origin's rpc
  kForwarded = 28,
};
inline constexpr uint8_t kLastType = 28;
inline bool IsReply(MessageType type) { return static_cast<int>(type) % 2 == 0; }
inline MessageType ReplyTo(MessageType type) { return static_cast<MessageType>(static_cast<int>(type) + 1); }

enum Flag : uint32_t {
  kFinal = 1,            // FOUND: successors are the key's owner and the nodes behind it
  kWantPredecessor = 2,  // FIND: for a joining node, which needs the node before the key
  kMore = 4,             // VALUES, RANGE, TABLEPART: ask again from the cursor
  kIncomplete = 8,       // VALUES, RANGE: this node is still fetching its part; TABLEPART: its table
  kOwner = 16,           // VALUES, STORED: the (first) key is this node's
  kAdmitted = 32,        // CONTACTSTATE: you are in
  kBusy = 128,           // STORED: too much at once, the rest later
  kBrief = 256,          // QUERY: a sign of life will do
  kByList = 512,         // FIND: the holders as your list has them will do; FOUND: these are
  kOverflowed = 64,      // VALUES: the key has not room for all that belongs there; STORED: nor for this one
};

struct Message {
  MessageType type = MessageType::kQuery;
  Peer sender;
  uint64_t rpc = 0;
  uint32_t mode = 0;
  uint32_t flags = 0;
  std::optional<Key> key, end, cursor_key;
  uint32_t cursor = 0;
  std::optional<Peer> predecessor;
  std::vector<Peer> successors;
  std::vector<Peer> members;
  std::vector<std::pair<Key, Bytes>> entries;
  uint32_t count = 0;
  std::vector<MemberEvent> events;
  uint32_t depth = 0;
  std::optional<Digests> digests;
  uint32_t differ = 0;
  std::optional<Peer> origin;
  uint64_t origin_rpc = 0;
  uint64_t cookie = 0;
  std::optional<Endpoint> seen;
  bool proven = false;  // not sent: who asks can read at the address it asks from
  Endpoint said;        // not sent: where the sender believes to be; `sender` is where it was seen
  bool operator==(const Message&) const = default;
};

// Its sender is not where it believes to be, and so not at the place in the ring it believes to have.
inline bool Misplaced(const Message& message) {
  return message.said.address != message.sender.endpoint.address;
}

enum class DecodeError { kTooBig, kMalformed, kWrongVersion, kWrongNetwork };
const char* ToString(DecodeError error);  // the counter's name

uint64_t NetworkHash(const std::string& name);
// Padded to `minimum` bytes. May come out longer than kMaxDatagram: the caller checks.
Bytes Encode(const Message& message, uint64_t network, size_t minimum = 0);
std::variant<Message, DecodeError> Decode(std::span<const uint8_t> datagram, uint64_t network);
// What one (key, value) takes inside a message, at most.
size_t EntrySize(size_t value_size);

}  // namespace ov6::chord

#endif
