// SPDX-License-Identifier: Apache-2.0
// Zave's operations. Her padding of a short list with an artificial, dead id is here a
// list that is shorter: an entry that never answers and one that is absent skip the same
// nodes, none. A list is cut where it comes round to ourselves.
#include <algorithm>

#include "slaves/engine/chord/node.h"
#include "slaves/engine/chord/ring.h"

namespace ov6::chord {
namespace {

constexpr unsigned kCheckList = 8;  // rounds of stabilising between two looks
constexpr int kStepsBack = 8;       // of one look
constexpr auto kHeardLately = std::chrono::seconds(10);
constexpr size_t kFromTable = 8;  // members of the table that one who has lost everybody asks

}  // namespace

// --- join ------------------------------------------------------------------

void ChordEngine::Node::StartRingJoin(const Peer& via) {
  if (ring_join_ || mode_ == Mode::kRing || mode_ == Mode::kLeaving) return;
  ring_join_ = true;
  StartLookup(self_.id, true, {via},
              [this](std::optional<std::vector<Peer>> nodes, int) {
                ring_join_ = false;
                if (mode_ == Mode::kRing || mode_ == Mode::kLeaving) return;
                if (!nodes || nodes->size() < 2)
                  return ArmSooner(kContact, Jitter(std::chrono::milliseconds(150)));
                const Peer before = nodes->front();
                OnJoinFound(before, {nodes->begin() + 1, nodes->end()});
              },
              {});
}

// "j takes m's whole successor list, prdc := m, in one step, only then is j a member."
void ChordEngine::Node::OnJoinFound(const Peer& before, const std::vector<Peer>& successors) {
  std::vector<Peer> list;
  for (const Peer& peer : successors) {
    if (peer.id != self_.id) list.push_back(peer);  // what we were before a restart
  }
  // Of a dead one the place is free as soon as the node before has found out.
  const bool taken = LookForTwin(successors);
  if (taken || list.empty()) return ArmSooner(kContact, Jitter(std::chrono::milliseconds(150)));
  members_.clear();
  SetMode(Mode::kRing);
  SetNeighbours(before, std::move(list));
  StartPull();
  Joined();
  StabilizeTick();
}

// --- stabilize -------------------------------------------------------------

void ChordEngine::Node::StabilizeTick() {
  if (mode_ != Mode::kRing) return;
  Arm(kStabilize, Jitter(eager_ > 0 ? config_.stabilize_eager : config_.stabilize));
  if (stabilizing_) return;
  if (eager_ > 0) --eager_;
  if (successors_.empty()) return LostEveryone();
  if (++rounds_ % kCheckList == 0) CheckList();
  StabilizeFromSuccessor();
}

void ChordEngine::Node::StabilizeFromSuccessor() {
  stabilizing_ = true;
  const uint64_t op = ++stabilize_op_;
  const Peer head = successors_.front();
  Call(head, Make(MessageType::kQuery), [this, op, head](const Message* reply) {
    if (op != stabilize_op_ || mode_ != Mode::kRing) return;
    if (successors_.empty() || successors_.front() != head)
      return EndStabilize();  // it said goodbye meanwhile
    OnSuccessorState(head, reply);
  });
}

void ChordEngine::Node::OnSuccessorState(const Peer& head, const Message* reply) {
  const bool member = reply != nullptr && (static_cast<Mode>(reply->mode) == Mode::kRing ||
                                           static_cast<Mode>(reply->mode) == Mode::kMesh);
  if (!member) return SuccessorDead(head);
  if (reply->predecessor) AskTwin(*reply->predecessor);
  for (const Peer& peer : reply->successors)
    heard_.erase(peer.id);  // it is the successor's to say when they die
  const std::vector<Peer> list = ListBehind(head, *reply);
  SetNeighbours(predecessor_, list);
  if (list.size() < static_cast<size_t>(config_.successors) && Wraps(*reply) && MaybeDemote(reply->members))
    return;
  const std::optional<Peer>& between = reply->predecessor;
  if (between && Between(self_.id, between->id, head.id) && !Buried(*between)) {
    return StabilizeFromPredecessor(head, *between);
  }
  NotifySuccessor();
}

// "Dead: drop it, shift the list, then notify the new successor." The next round starts at once: more may
// be dead. Those of whom that is known already go with it, but never the last.
void ChordEngine::Node::SuccessorDead(const Peer& head) {
  Bury(head, false);
  std::vector<Peer> list(successors_.begin() + 1, successors_.end());
  while (list.size() > 1 && Buried(list.front())) list.erase(list.begin());
  SetNeighbours(predecessor_, std::move(list));
  EndStabilize();
  if (successors_.empty()) return LostEveryone();
  Call(successors_.front(), Make(MessageType::kNotify), [](const Message*) {});
  ArmSooner(kStabilize, Duration(0));
}

// "Only if it answers list := cand + cand.list[:-1], notify it; if dead leave the list alone."
void ChordEngine::Node::StabilizeFromPredecessor(const Peer& head, const Peer& candidate) {
  stabilizing_ = true;
  const uint64_t op = ++stabilize_op_;
  Call(candidate, Make(MessageType::kQuery), [this, op, head, candidate](const Message* reply) {
    if (op != stabilize_op_ || mode_ != Mode::kRing) return;
    if (successors_.empty() || successors_.front() != head) return EndStabilize();
    if (reply == nullptr) Bury(candidate, false);
    if (reply != nullptr && static_cast<Mode>(reply->mode) == Mode::kRing) {
      SetNeighbours(predecessor_, ListBehind(candidate, *reply));
    }
    NotifySuccessor();
  });
}

void ChordEngine::Node::NotifySuccessor() {
  const uint64_t op = stabilize_op_;
  Call(successors_.front(), Make(MessageType::kNotify), [this, op](const Message*) {
    if (op == stabilize_op_) EndStabilize();
  });
}

void ChordEngine::Node::EndStabilize() {
  stabilizing_ = false;
  if (eager_ > 0) ArmSooner(kStabilize, config_.stabilize_eager);
}

// The successor list a state holds, also where the sender is (still) in a mesh.
std::vector<Peer> ChordEngine::Node::SuccessorsIn(const Message& state) const {
  if (static_cast<Mode>(state.mode) != Mode::kMesh) return state.successors;
  std::vector<Peer> others = state.members;
  const Key& from = state.sender.id;
  std::sort(others.begin(), others.end(),
            [&](const Peer& a, const Peer& b) { return Distance(from, a.id) < Distance(from, b.id); });
  return others;
}

// The list comes round to us: with the sender, it names the whole ring.
bool ChordEngine::Node::Wraps(const Message& state) const {
  const std::vector<Peer> list = SuccessorsIn(state);
  return std::any_of(list.begin(), list.end(), [&](const Peer& p) { return p.id == self_.id; });
}

std::vector<Peer> ChordEngine::Node::ListBehind(const Peer& head, const Message& state) const {
  // One more of a node that leaves: it is about to be dropped itself.
  const size_t length = config_.successors + (state.type == MessageType::kLeave ? 1 : 0);
  std::vector<Peer> list{head};
  for (const Peer& peer : SuccessorsIn(state)) {
    if (peer.id == self_.id || list.size() >= length) break;
    const auto grave = graves_.find(GraveOf(peer));
    const bool left = grave != graves_.end() && grave->second.goodbye && Buried(peer);
    const bool twice = std::any_of(list.begin(), list.end(), [&](const Peer& p) { return p.id == peer.id; });
    if (!left && !twice) list.push_back(peer);
  }
  WithHeard(head, &list);
  return list;
}

// --- whom the successor leaves out -------------------------------------------

// Zave's list is what the first successor says, and one that lies hides all the nodes behind it from as many
// before it as a list is long. Whoever has answered this node itself stays in, at its place.
void ChordEngine::Node::WithHeard(const Peer& head, std::vector<Peer>* list) const {
  if (heard_.empty() || static_cast<int>(list->size()) < config_.successors) return;
  const Key first = head.id, last = list->back().id;  // the list grows below, and `head` may be in it
  for (const auto& [id, heard] : heard_) {
    const bool listed = std::any_of(list->begin(), list->end(),
                                    [&heard = heard](const Peer& p) { return p.id == heard.peer.id; });
    if (!listed && !Buried(heard.peer) && Between(first, id, last)) list->push_back(heard.peer);
  }
  std::sort(list->begin(), list->end(), [&](const Peer& a, const Peer& b) {
    return Distance(self_.id, a.id) < Distance(self_.id, b.id);
  });
  list->resize(config_.successors);
}

// A member, which has just said so itself.
void ChordEngine::Node::Hear(const Peer& member) {
  if (mode_ != Mode::kRing || table_whole_ || static_cast<int>(successors_.size()) < config_.successors)
    return;
  const auto known = heard_.find(member.id);
  if (known != heard_.end() && known->second.peer == member) known->second.at = now_;
  const auto listed = [&](const Peer& p) { return p.id == member.id; };
  if (!Between(successors_.front().id, member.id, successors_.back().id) || Buried(member)) return;
  if (std::any_of(successors_.begin(), successors_.end(), listed)) return;
  Count("left_out");
  heard_[member.id] = {member, now_};
  std::vector<Peer> list = successors_;
  WithHeard(list.front(), &list);
  SetNeighbours(predecessor_, std::move(list));
}

// Each member knows the one before it from that one itself: one of the list is asked, and from there back as
// far as the list leaves members out.
void ChordEngine::Node::CheckList() {
  if (successors_.size() < 2) return;
  const Key last = successors_.back().id;
  std::erase_if(heard_, [&](const auto& h) { return !Between(self_.id, h.first, last); });
  std::vector<Peer> ask;
  for (const auto& [id, heard] : heard_) {
    if (heard.at + kHeardLately <= now_) ask.push_back(heard.peer);
  }
  for (const Peer& peer : ask) AskBefore(peer, 0);
  if (table_whole_) return;  // which finds out itself whom somebody leaves out
  const size_t next = rounds_ / kCheckList % (successors_.size() - 1);
  AskBefore(Peer(successors_[1 + next]), kStepsBack);
}

void ChordEngine::Node::AskBefore(const Peer& peer, int steps) {
  Call(peer, Make(MessageType::kQuery), [this, peer, steps](const Message* reply) {
    if (reply == nullptr) return Bury(peer, false);
    if (mode_ != Mode::kRing || !reply->predecessor || steps == 0) return;
    const Peer& before = *reply->predecessor;
    const bool listed =
        std::any_of(successors_.begin(), successors_.end(), [&](const Peer& p) { return p.id == before.id; });
    if (listed || Buried(before) || !Between(self_.id, before.id, peer.id)) return;
    AskBefore(before, steps - 1);
  });
}

// --- rectify ---------------------------------------------------------------

void ChordEngine::Node::HandleNotify(const Message& request, size_t size) {
  if (mode_ == Mode::kRing && static_cast<Mode>(request.mode) == Mode::kRing) Rectify(request.sender);
  Answer(request, size, Make(MessageType::kNotified));
}

// "if between(prdc, x, self) adopt x; else ping prdc and adopt x only if prdc is dead. Never set prdc = nil."
void ChordEngine::Node::Rectify(const Peer& candidate) {
  if (!predecessor_ || Between(predecessor_->id, candidate.id, self_.id)) return AdoptPredecessor(candidate);
  if (predecessor_->id == candidate.id && predecessor_->endpoint == candidate.endpoint) {
    if (candidate.incarnation > predecessor_->incarnation) AdoptPredecessor(candidate);
    return;
  }
  if (Buried(*predecessor_)) return AdoptPredecessor(candidate);
  if (rectify_candidate_ && !Between(rectify_candidate_->id, candidate.id, self_.id)) return;
  rectify_candidate_ = candidate;
  if (pinging_predecessor_) return;
  pinging_predecessor_ = true;
  const Peer asked = *predecessor_;
  Call(asked, Make(MessageType::kQuery), [this, asked](const Message* reply) {
    pinging_predecessor_ = false;
    const std::optional<Peer> next = std::exchange(rectify_candidate_, std::nullopt);
    const bool dead = reply == nullptr || static_cast<Mode>(reply->mode) == Mode::kLeaving;
    if (mode_ != Mode::kRing || !dead) return;
    Bury(asked, false);
    if (next && predecessor_ == asked) AdoptPredecessor(*next);
  });
}

void ChordEngine::Node::AdoptPredecessor(const Peer& peer) {
  const std::optional<Peer> old = predecessor_;
  SetNeighbours(peer, successors_);
  // What was put here while it was on its way in: its pull may have been before.
  if (old && old->id != peer.id && Owns(old->id, peer.id, self_.id)) SyncWith(peer, old->id, peer.id);
  // The node before the new one learns sooner that its successor has changed.
  if (old && old->id != peer.id && !Buried(*old)) SendOneWay(*old, Make(MessageType::kHint));
}

void ChordEngine::Node::HandleHint(const Message&) {
  if (mode_ != Mode::kRing) return;
  ArmSooner(kStabilize, config_.stabilize_eager / 4);
}

// --- leaving, losing ---------------------------------------------------------

void ChordEngine::Node::HandleLeave(const Message& request, size_t size) {
  const Peer& gone = request.sender;
  Bury(gone, true);
  Answer(request, size, Make(MessageType::kGoodbye));
  if (mode_ == Mode::kMesh) {
    const auto it = members_.find(gone.id);
    if (it != members_.end() && it->second.peer.endpoint == gone.endpoint) RemoveMember(gone.id);
    return;
  }
  if (mode_ != Mode::kRing) return;
  std::vector<Peer> list = successors_;
  std::erase_if(list, [&](const Peer& p) { return p == gone; });
  // Its own list is only somebody's word; without it ours is one short until the next stabilize.
  if (list.empty() && !request.successors.empty()) {
    list = ListBehind(gone, request);
    list.erase(list.begin());
  }
  SetNeighbours(predecessor_, std::move(list));
  if (successors_.size() < static_cast<size_t>(config_.successors)) ArmSooner(kStabilize, Duration(0));
}

// Nobody in the list is left: start again from those we remember.
void ChordEngine::Node::LostEveryone() {
  Count("lost_everyone");
  std::vector<Peer> known;
  for (const auto& [index, finger] : fingers_.all()) known.push_back(finger);
  for (size_t i = 0; i < std::min(table_.size(), kFromTable); ++i) known.push_back(table_.At(random_()));
  if (predecessor_ && !Buried(*predecessor_)) known.push_back(*predecessor_);
  for (const Peer& peer : known) remembered_.push_back(peer.endpoint);
  members_.clear();
  SetMode(Mode::kMesh);
  MembersChanged();
  Arm(kContact, Duration(0));
}

// --- fingers -----------------------------------------------------------------

void ChordEngine::Node::FixFinger() {
  if (mode_ != Mode::kRing) return;
  Arm(kFingers, Jitter(finger_rounds_ < 2 ? config_.stabilize_eager : config_.fix_fingers));
  if (finger_busy_ || successors_.empty() || table_whole_) return;  // a whole table is better than fingers
  const int index = fingers_.Next(successors_.back().id);
  finger_busy_ = true;
  const auto found = [this, index](std::optional<std::vector<Peer>> nodes, int) {
    finger_busy_ = false;
    if (!nodes || nodes->empty() || mode_ != Mode::kRing) return;
    if (fingers_.Set(index, FingerAmong(index, *nodes))) ++finger_rounds_;
  };
  StartLookup(fingers_.Start(index), false, {}, found, {.by_list = true});
}

// Any node of the interval that a finger serves will do: the nearest, by what is known of round trips, of a
// /24 that has not too many fingers already. Else the first, which says how far the interval is empty.
Peer ChordEngine::Node::FingerAmong(int index, const std::vector<Peer>& nodes) const {
  const Peer* best = &nodes.front();
  const auto crowded = [&](const Peer& peer) {
    const auto same = [&](const auto& f) {
      return f.first != index && f.second.endpoint.address.value >> 8 == peer.endpoint.address.value >> 8;
    };
    const auto& all = fingers_.all();
    const auto count = static_cast<size_t>(std::count_if(all.begin(), all.end(), same));
    return config_.routing_per_24 > 0 && count >= config_.routing_per_24;
  };
  for (const Peer& peer : nodes) {
    if (peer.id == self_.id || HighestBit(Distance(self_.id, peer.id)) != index || crowded(peer)) continue;
    if (crowded(*best) || ExpectedRoundTrip(peer) < ExpectedRoundTrip(*best)) best = &peer;
  }
  return *best;
}

}  // namespace ov6::chord
