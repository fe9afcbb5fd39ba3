// SPDX-License-Identifier: Apache-2.0
// Two nodes of one place: same address and slot, another port. Instances behind one NAT address, or a new one
// beside one that still runs. Nobody replaces a node that answers by its twin; they find each other, by what
// others list, and the one with the higher (incarnation, port) takes the next slot.
#include <algorithm>

#include "slaves/engine/chord/node.h"

namespace ov6::chord {
namespace {

constexpr auto kPatience = std::chrono::seconds(10);  // others drop a dead one sooner
constexpr auto kForgotten = std::chrono::seconds(5);  // not listed for so long: another story
constexpr auto kOut = std::chrono::seconds(60);       // between rounds through all slots

}  // namespace

// What this node has sent itself, perhaps through a NAT.
bool ChordEngine::Node::Reflected(const Message& message) const {
  return message.said == self_.endpoint && message.sender.incarnation == self_.incarnation;
}

// Listed at this node's place, and not this node as it knows itself. One of this node's incarnation that does
// not answer is itself, at another port of a NAT.
bool ChordEngine::Node::MayBeTwin(const Peer& listed) const {
  const bool itself = listed.incarnation == self_.incarnation && silent_twin_.peer == listed &&
                      now_ - silent_twin_.last < kOut;
  return listed.id == self_.id && listed.endpoint != self_.endpoint && !itself;
}

// It learns what it needs to see who steps aside, and nothing that it says has another effect.
void ChordEngine::Node::HandleTwin(const Message& request, size_t size) {
  Count("twin");
  if (request.type != MessageType::kContact && request.type != MessageType::kQuery) return;
  if (!request.proven) return Challenge(request);
  Answer(request, size, StateOf(ReplyTo(request.type)));
  MeetTwin(request);
}

// Whether there is one, or was.
bool ChordEngine::Node::LookForTwin(const std::vector<Peer>& listed) {
  const auto twin = std::find_if(listed.begin(), listed.end(), [&](const Peer& p) { return MayBeTwin(p); });
  if (twin != listed.end()) AskTwin(*twin);
  return twin != listed.end();
}

void ChordEngine::Node::AskTwin(const Peer& listed) {
  if (!MayBeTwin(listed) || asking_twin_) return;
  asking_twin_ = true;
  const Peer anyone{{}, 0, listed.endpoint, 0};
  Call(anyone, Make(MessageType::kQuery), [this, listed, place = self_.id](const Message* reply) {
    asking_twin_ = false;
    if (place != self_.id) return;
    reply != nullptr ? MeetTwin(*reply) : TwinSilent(listed);
  });
}

// A dead one is soon listed no more. One that still is answers others, but not this node: a NAT that does not
// lead back to itself. Who is in does not give way to what is only said.
void ChordEngine::Node::TwinSilent(const Peer& twin) {
  if (silent_twin_.peer != twin || now_ - silent_twin_.last > kForgotten) silent_twin_ = {twin, now_, now_};
  silent_twin_.last = now_;
  const bool alone = mode_ == Mode::kJoining || (mode_ == Mode::kMesh && successors_.empty());
  const bool lasting = now_ - silent_twin_.since >= kPatience && twin.incarnation != self_.incarnation;
  if (lasting && alone) StepAside(twin.endpoint);
}

// Proven: it answered, or asked with a cookie.
void ChordEngine::Node::MeetTwin(const Message& message) {
  const auto mode = static_cast<Mode>(message.mode);
  const bool leaves = mode_ == Mode::kLeaving || mode == Mode::kLeaving;
  if (leaves || message.sender.id != self_.id || Misplaced(message) || Reflected(message)) return;
  if (mode == Mode::kRing || mode == Mode::kMesh) members_heard_ = now_;
  const auto ours = std::pair(self_.incarnation, self_.endpoint.port);
  if (ours > std::pair(message.sender.incarnation, message.said.port)) StepAside(message.sender.endpoint);
}

// To whom its place was known it is as if it had crashed; it comes in again, like a new node. Once it has
// found all slots taken it stays out, and tries them all again from time to time.
void ChordEngine::Node::StepAside(const Endpoint& twin) {
  Count("stepped_aside");
  for (const Peer& peer : successors_) RememberLost(peer.endpoint);
  RememberLost(twin);
  SetMode(Mode::kJoining);
  EndRequests();
  members_.clear();
  self_ = PeerAt(self_.endpoint, (self_.slot + 1) % kSlots, self_.incarnation);
  fingers_ = Fingers(self_.id);
  table_ = MemberTable(self_, {config_.table_members, config_.routing_per_24});
  ForgetTable("");
  SetNeighbours(std::nullopt, {});
  ++version_;
  silent_twin_ = {};
  ring_join_ = joined_told_ = false;
  const bool all = ++steps_ % kSlots == 0;
  started_ = now_ + (all ? Duration(kOut) : Duration(0));
  timers_[kContact] = started_;
  if (steps_ > kSlots) return;  // said already
  outputs_.push_back(TwinOutput{twin, all ? std::nullopt : std::optional(self_.slot)});
}

// What is under way goes by a place that this node has no more: nobody is told that something is absent, and
// no lookup ends in a join.
void ChordEngine::Node::EndRequests() {
  std::vector<uint64_t> started;
  for (const auto& [id, get] : gets_) {
    if (get.started) started.push_back(id);
  }
  for (const uint64_t id : started) FinishGet(id);
  while (!lookups_.empty()) FinishLookup(lookups_.begin()->first, std::nullopt);
}

}  // namespace ov6::chord
