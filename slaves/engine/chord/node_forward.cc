// SPDX-License-Identifier: Apache-2.0
// Recursive lookups: the question is handed on from node to node, only for who has proven its address to the
// next one, and the last one answers whoever asked. That answer is known by its id alone, which nobody off
// the way can guess. Who hears nothing in time asks the nodes on the way itself.
#include <algorithm>

#include "slaves/engine/chord/node.h"
#include "slaves/engine/chord/ring.h"

namespace ov6::chord {
namespace {

constexpr uint32_t kMaxForwards = 32;  // nodes on the way: twice the fingers' way at 10^9
constexpr size_t kWays = 2;            // the next one, and another if that one is late
constexpr auto kForwardWait = std::chrono::milliseconds(600);

}  // namespace

void ChordEngine::Node::ForwardLookup(uint64_t id) {
  Lookup& lookup = lookups_.at(id);
  lookup.forwarded = cookies_.NextRpc();
  lookup.fall_back = now_ + kForwardWait;
  forwarded_[lookup.forwarded] = id;
  Message message = Make(MessageType::kForward);
  message.key = lookup.key;
  message.origin = self_;
  message.origin_rpc = lookup.forwarded;
  Count("forward_asked");
  Forward(std::move(message), NextOnTheWay(lookup.key), lookup.cost);
}

std::vector<Peer> ChordEngine::Node::NextOnTheWay(const Key& key) const {
  std::vector<Peer> ways = Nearest(key);
  std::reverse(ways.begin(), ways.end());
  ways.resize(std::min(ways.size(), kWays));
  return ways;
}

void ChordEngine::Node::Forward(Message message, std::vector<Peer> ways, std::shared_ptr<Rpcs::Cost> cost) {
  if (ways.empty()) return Count("forward_stuck");
  const Peer next = ways.front();
  ways.erase(ways.begin());
  const auto late = [this, message, ways, cost] {
    if (!ways.empty()) Forward(message, ways, cost);
  };
  Call(next, std::move(message),
       [this, next](const Message* reply) {
         if (reply == nullptr) Bury(next, false);
       },
       {0, late, cost});
}

void ChordEngine::Node::HandleForward(const Message& request, size_t size) {
  const bool in_ring = Member() || (mode_ == Mode::kLeaving && !successors_.empty());
  if (!in_ring) return Count("not_a_member");
  Answer(request, size, Make(MessageType::kForwarded));
  if (request.count >= kMaxForwards) return Count("forward_too_far");
  std::vector<Peer> nodes;
  if (KnowsOwner(*request.key, &nodes)) return TellOrigin(request, size, std::move(nodes));
  // Others' share of the room for requests: who is silent behind us must not cost us our neighbours.
  if (rpcs_.size() >= config_.max_rpcs / 4) return Count("forward_overflow");
  Message next = Make(MessageType::kForward);
  next.key = request.key;
  next.origin = request.count == 0 ? request.sender : *request.origin;
  next.origin_rpc = request.origin_rpc;
  next.count = request.count + 1;
  Count("forwarded");
  Forward(std::move(next), NextOnTheWay(*request.key), nullptr);
}

void ChordEngine::Node::TellOrigin(const Message& request, size_t size, std::vector<Peer> nodes) {
  Message found = Make(MessageType::kFound);
  found.rpc = request.origin_rpc;
  found.flags |= kFinal;
  found.successors = std::move(nodes);
  found.count = request.count + 1;
  Bytes bytes = Encode(found, network_);
  // Only who handed it on says that the origin asked.
  if (bytes.size() > 3 * size) return Count("reply_too_big");
  outputs_.push_back(
      SendOutput{request.count == 0 ? request.sender.endpoint : request.origin->endpoint, std::move(bytes)});
}

// Whether it is one; from whatever address.
bool ChordEngine::Node::OnForwardFound(const Message& found, size_t size) {
  const auto it = forwarded_.find(found.rpc);
  const bool final = found.type == MessageType::kFound && (found.flags & kFinal) != 0;
  if (it == forwarded_.end() || !final || found.successors.empty()) return false;
  const uint64_t id = it->second;
  Lookup& lookup = lookups_.at(id);
  lookup.hops += static_cast<int>(std::min(found.count, kMaxForwards));
  if (lookup.cost) lookup.cost->Add(size);
  FinishLookup(id, found.successors);
  return true;
}

void ChordEngine::Node::FallBack() {
  std::vector<uint64_t> alone;
  for (auto& [id, lookup] : lookups_) {
    if (lookup.fall_back > now_) continue;
    lookup.fall_back = BootTime::max();
    alone.push_back(id);
  }
  for (const uint64_t id : alone) {
    Count("forward_unanswered");
    LookupStep(id);
  }
}

}  // namespace ov6::chord
