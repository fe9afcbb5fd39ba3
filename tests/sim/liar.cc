// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/liar.h"

#include <algorithm>

#include "slaves/engine/chord/ring.h"

namespace ov6::sim {
namespace {

using chord::Message;
using chord::MessageType;
using chord::Peer;

constexpr size_t kNamed = 16, kInvented = 30;

bool IsQuestion(MessageType type) {
  return type == MessageType::kFind || type == MessageType::kGet || type == MessageType::kPut ||
         type == MessageType::kPull;
}

}  // namespace

const char* ToString(Lie lie) {
  constexpr const char* kNames[] = {"drop", "misroute", "forge", "eclipse", "replay", "equivocate", "invent"};
  return kNames[static_cast<int>(lie)];
}

bool Liar::Hear(BootTime, const Endpoint&, Bytes* bytes) {
  if (lie_ != Lie::kDrop) return true;
  const auto decoded = chord::Decode(*bytes, network_);
  const auto* message = std::get_if<Message>(&decoded);
  return message == nullptr || !IsQuestion(message->type);
}

std::vector<SendOutput> Liar::Say(BootTime, SendOutput output) {
  auto decoded = chord::Decode(output.bytes, network_);
  auto* message = std::get_if<Message>(&decoded);
  const bool news = message != nullptr && message->type == MessageType::kEvents;
  if (message == nullptr || (!news && !chord::IsReply(message->type))) return {std::move(output)};
  Message altered = *message;
  Alter(&altered);
  if (altered == *message) return {std::move(output)};
  output.bytes = chord::Encode(altered, network_, output.bytes.size());
  return {std::move(output)};
}

void Liar::Alter(Message* message) {
  const bool now_this = lie_ != Lie::kEquivocate || random_() % 2 == 0;
  if (!now_this) return;
  if (message->type == MessageType::kFound) return AlterFound(message);
  if (message->type == MessageType::kValues) return AlterValues(message);
  if (lie_ == Lie::kInvent) return AlterEvents(message);
  if (lie_ == Lie::kEclipse && message->type == MessageType::kState) {
    message->successors = LiarsBehind(self_, kNamed);
    if (message->predecessor) message->predecessor = LiarsBehind(self_, others_->peers.size()).back();
  }
}

void Liar::AlterFound(Message* message) {
  if (lie_ == Lie::kForge || lie_ == Lie::kReplay || lie_ == Lie::kDrop || lie_ == Lie::kInvent) return;
  const Key anywhere = message->successors.empty() ? self_ : message->successors.front().id;
  message->successors = LiarsBehind(anywhere, kNamed);
  message->flags |= chord::kFinal;
}

void Liar::AlterValues(Message* message) {
  for (auto& [key, value] : message->entries) {
    if (lie_ == Lie::kForge) value = others_->forge(value);
    if (lie_ == Lie::kReplay) value = first_.emplace(key, value).first->second;
  }
  if (lie_ == Lie::kMisroute || lie_ == Lie::kEclipse || lie_ == Lie::kEquivocate) {
    message->entries.clear();
    message->flags |= chord::kOwner;
  }
}

void Liar::AlterEvents(Message* message) {
  if (message->type != MessageType::kEvents && message->type != MessageType::kTablePart) return;
  for (chord::MemberEvent& event : message->events) event.dead = !event.dead;
  while (message->events.size() < kInvented) {
    const Endpoint nowhere{Ipv4{0x64400000 | static_cast<uint32_t>(random_() & 0x3fffff)}, 4646};
    message->events.push_back({chord::PeerAt(nowhere, 0, 1), false});
  }
}

// Those next on the ring: the likeliest to be believed.
std::vector<Peer> Liar::LiarsBehind(const Key& at, size_t count) const {
  std::vector<Peer> peers;
  for (const Peer& peer : others_->peers) {
    if (peer.id != self_) peers.push_back(peer);
  }
  std::sort(peers.begin(), peers.end(), [&](const Peer& a, const Peer& b) {
    return chord::Distance(at, a.id) < chord::Distance(at, b.id);
  });
  peers.resize(std::min(peers.size(), count));
  return peers;
}

}  // namespace ov6::sim
