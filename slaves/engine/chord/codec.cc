// SPDX-License-Identifier: Apache-2.0
#include "slaves/engine/chord/codec.h"

#include <algorithm>
#include <string>

#include "slaves/engine/chord/chord.pb.h"
#include "slaves/engine/chord/ring.h"
#include "userspace/base/bytes.h"
#include "userspace/base/crypto.h"

namespace ov6::chord {
namespace {

constexpr size_t kHeader = 4;
constexpr size_t kMaxEntries = 256;

// Its parts lie in one block on the stack, so that an ordinary message allocates none.
class WireBody {
 public:
  wire::Body* operator->() { return body_; }
  wire::Body& operator*() { return *body_; }

 private:
  static constexpr size_t kBlock = 8192;

  google::protobuf::ArenaOptions Options() {
    google::protobuf::ArenaOptions options;
    options.initial_block = block_;
    options.initial_block_size = kBlock;
    return options;
  }

  alignas(8) char block_[kBlock];
  google::protobuf::Arena arena_{Options()};
  wire::Body* const body_ = google::protobuf::Arena::CreateMessage<wire::Body>(&arena_);
};

void Put(const Peer& peer, wire::Peer* out) {
  out->set_incarnation(peer.incarnation);
  out->set_address(peer.endpoint.address.value);
  out->set_port(peer.endpoint.port);
  out->set_slot(peer.slot);
}

bool Take(const std::string& text, Key* out) {
  if (text.size() != out->size()) return false;
  std::copy(text.begin(), text.end(), out->begin());
  return true;
}

// An absent key is an empty one.
bool Take(const std::string& text, std::optional<Key>* out) {
  return text.empty() || Take(text, &out->emplace());
}

bool Take(const wire::Peer& peer, Peer* out) {
  if (peer.port() == 0 || peer.port() > 65535 || peer.address() == 0 || peer.slot() >= kSlots) return false;
  *out = PeerAt({Ipv4{peer.address()}, static_cast<uint16_t>(peer.port())}, static_cast<uint8_t>(peer.slot()),
                peer.incarnation());
  return true;
}

template <typename Repeated>
bool Take(const Repeated& peers, std::vector<Peer>* out) {
  if (peers.size() > static_cast<int>(kMaxPeers)) return false;
  out->resize(peers.size());
  for (int i = 0; i < peers.size(); ++i) {
    if (!Take(peers[i], &(*out)[i])) return false;
  }
  return true;
}

bool TakeEntries(const wire::Body& body, Message* out) {
  if (body.entries_size() > static_cast<int>(kMaxEntries)) return false;
  for (const wire::Entry& entry : body.entries()) {
    Key key;
    if (!Take(entry.key(), &key)) return false;
    out->entries.emplace_back(key, Bytes(entry.value().begin(), entry.value().end()));
  }
  return true;
}

bool TakeEvents(const wire::Body& body, Message* out) {
  if (body.events_size() > static_cast<int>(kMaxEvents)) return false;
  out->events.resize(body.events_size());
  for (int i = 0; i < body.events_size(); ++i) {
    out->events[i].dead = body.events(i).dead();
    if (!Take(body.events(i).peer(), &out->events[i].peer)) return false;
  }
  return true;
}

bool TakeDigests(const wire::Body& body, Message* out) {
  out->depth = body.depth();
  out->differ = body.differ();
  if (body.depth() > kRingBits - MemberTable::kChildBits) return false;
  if (body.digests_size() == 0) return true;
  if (body.digests_size() != kDigestParts) return false;
  std::copy(body.digests().begin(), body.digests().end(), out->digests.emplace().begin());
  return true;
}

bool TakeBody(const wire::Body& body, Message* out) {
  out->rpc = body.rpc();
  out->mode = body.mode();
  out->flags = body.flags();
  out->cursor = body.cursor();
  out->count = body.count();
  out->cookie = body.cookie();
  out->origin_rpc = body.origin_rpc();
  if (body.seen_address() != 0 || body.seen_port() != 0) {
    if (body.seen_address() == 0 || body.seen_port() == 0 || body.seen_port() > 65535) return false;
    out->seen = {Ipv4{body.seen_address()}, static_cast<uint16_t>(body.seen_port())};
  }
  if (body.has_predecessor() && !Take(body.predecessor(), &out->predecessor.emplace())) return false;
  if (body.has_origin() && !Take(body.origin(), &out->origin.emplace())) return false;
  return Take(body.sender(), &out->sender) && Take(body.key(), &out->key) && Take(body.end(), &out->end) &&
         Take(body.cursor_key(), &out->cursor_key) && Take(body.successors(), &out->successors) &&
         Take(body.members(), &out->members) && TakeEntries(body, out) && TakeEvents(body, out) &&
         TakeDigests(body, out);
}

// What a type can't do without.
bool HasItsFields(const Message& m) {
  switch (m.type) {
    case MessageType::kFind:
    case MessageType::kGet:
      return m.key.has_value();
    case MessageType::kPull:
      return m.key && m.end;
    case MessageType::kPut:
      return !m.entries.empty();
    case MessageType::kTable:
      return m.key.has_value();
    case MessageType::kCompare:
      return m.key && m.digests;
    case MessageType::kForward:
      return m.key && m.origin;
    default:
      return true;
  }
}

void ToWire(const Message& m, uint64_t network, wire::Body* out) {
  wire::Body& body = *out;
  body.set_network(network);
  Put(m.sender, body.mutable_sender());
  body.set_rpc(m.rpc);
  body.set_mode(m.mode);
  body.set_flags(m.flags);
  if (m.key) body.set_key(m.key->data(), m.key->size());
  if (m.end) body.set_end(m.end->data(), m.end->size());
  if (m.cursor_key) body.set_cursor_key(m.cursor_key->data(), m.cursor_key->size());
  body.set_cursor(m.cursor);
  if (m.predecessor) Put(*m.predecessor, body.mutable_predecessor());
  for (const Peer& p : m.successors) Put(p, body.add_successors());
  for (const Peer& p : m.members) Put(p, body.add_members());
  for (const auto& [key, value] : m.entries) {
    wire::Entry* entry = body.add_entries();
    entry->set_key(key.data(), key.size());
    entry->set_value(value.data(), value.size());
  }
  body.set_count(m.count);
  body.set_cookie(m.cookie);
  for (const MemberEvent& event : m.events) {
    wire::MemberEvent* out = body.add_events();
    Put(event.peer, out->mutable_peer());
    out->set_dead(event.dead);
  }
  body.set_depth(m.depth);
  if (m.digests) body.mutable_digests()->Add(m.digests->begin(), m.digests->end());
  body.set_differ(m.differ);
  if (m.origin) Put(*m.origin, body.mutable_origin());
  body.set_origin_rpc(m.origin_rpc);
  if (m.seen) body.set_seen_address(m.seen->address.value);
  if (m.seen) body.set_seen_port(m.seen->port);
}

}  // namespace

const char* ToString(DecodeError error) {
  switch (error) {
    case DecodeError::kTooBig:
      return "too_big";
    case DecodeError::kWrongVersion:
      return "wrong_version";
    case DecodeError::kWrongNetwork:
      return "wrong_network";
    case DecodeError::kMalformed:
      break;
  }
  return "malformed";
}

uint64_t NetworkHash(const std::string& name) {
  const auto hash = Sha256({reinterpret_cast<const uint8_t*>(name.data()), name.size()});
  return ByteReader(hash).U64();
}

Bytes Encode(const Message& message, uint64_t network, size_t minimum) {
  WireBody body;
  ToWire(message, network, &*body);
  size_t size = kHeader + body->ByteSizeLong();
  // The padding's own tag and length take two bytes below 128 and three above.
  if (size + 3 < minimum) {
    body->set_padding(std::string(minimum - size - 2, '\0'));
    size = kHeader + body->ByteSizeLong();
  }
  Bytes out(size);
  const auto length = static_cast<uint16_t>(std::min<size_t>(size, 0xffff));
  out[0] = kVersion;
  out[1] = static_cast<uint8_t>(message.type);
  out[2] = static_cast<uint8_t>(length >> 8);
  out[3] = static_cast<uint8_t>(length);
  body->SerializeWithCachedSizesToArray(out.data() + kHeader);
  return out;
}

std::variant<Message, DecodeError> Decode(std::span<const uint8_t> datagram, uint64_t network) {
  if (datagram.size() > kMaxDatagram) return DecodeError::kTooBig;
  ByteReader reader(datagram);
  const uint8_t version = reader.U8();
  const uint8_t type = reader.U8();
  const size_t length = reader.U16();
  if (!reader.ok() || version == 0) return DecodeError::kMalformed;
  if (version != kVersion) return DecodeError::kWrongVersion;
  if (length != datagram.size() || type == 0 || type > kLastType) return DecodeError::kMalformed;
  WireBody body;
  if (!body->ParseFromArray(datagram.data() + kHeader, static_cast<int>(length - kHeader))) {
    return DecodeError::kMalformed;
  }
  if (body->network() != network) return DecodeError::kWrongNetwork;
  std::variant<Message, DecodeError> decoded;
  Message& message = std::get<Message>(decoded);
  message.type = static_cast<MessageType>(type);
  if (!TakeBody(*body, &message) || !HasItsFields(message)) return DecodeError::kMalformed;
  return decoded;
}

size_t EntrySize(size_t value_size) { return value_size + 20 + 12; }

}  // namespace ov6::chord
