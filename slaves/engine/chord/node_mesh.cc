// SPDX-License-Identifier: Apache-2.0
// Coming in, and the full mesh that stands in for the ring below r+1 nodes: everybody in
// everybody's list. The step to the ring keeps Zave's invariant, see README.md.
#include <algorithm>

#include "slaves/engine/chord/node.h"
#include "slaves/engine/chord/ring.h"
#include "userspace/base/bytes.h"

namespace ov6::chord {
namespace {

constexpr auto kRetry = std::chrono::milliseconds(150);
constexpr auto kMaxContactBackoff = std::chrono::seconds(10);
constexpr auto kGossipDelay = std::chrono::milliseconds(5);
constexpr auto kMergeInterval = std::chrono::seconds(10);
constexpr size_t kContactsAtOnce = 8;
constexpr size_t kQuietAsks = 4;
constexpr size_t kMaxMembers = 32;  // with a successor list they fit one datagram

// FNV-1a over ids and incarnations, in the order of ids: equal sets, equal digests.
uint64_t Digest(const std::vector<Peer>& sorted) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const Peer& peer : sorted) {
    ByteWriter writer;
    writer.Raw(peer.id).U64(peer.incarnation);
    for (const uint8_t byte : writer.bytes()) hash = (hash ^ byte) * 0x100000001b3;
  }
  return hash;
}

}  // namespace

// --- coming in -------------------------------------------------------------

void ChordEngine::Node::StartContacts() {
  contact_backoff_ = kRetry;
  if (ContactEndpoints().empty()) return FoundRing();
  Arm(kContact, Duration(0));
}

std::vector<Endpoint> ChordEngine::Node::ContactEndpoints() const {
  std::vector<Endpoint> endpoints = config_.bootstrap;
  endpoints.insert(endpoints.end(), before_restart_.begin(), before_restart_.end());
  endpoints.insert(endpoints.end(), remembered_.begin(), remembered_.end());
  std::erase_if(endpoints, [&](const Endpoint& e) {
    return e == self_.endpoint || std::any_of(members_.begin(), members_.end(),
                                              [&](const auto& m) { return m.second.peer.endpoint == e; });
  });
  return endpoints;
}

void ChordEngine::Node::FoundRing() {
  SetMode(Mode::kMesh);
  Joined();
}

// A node that is not in, or in a mesh that is not full, asks whom it knows of.
void ChordEngine::Node::Contact() {
  if (mode_ == Mode::kRing) return Merge();
  if (mode_ == Mode::kJoining && now_ - std::max(started_, members_heard_) >= config_.found_after)
    FoundRing();
  if (mode_ == Mode::kMesh && members_.size() + 1 >= MinimumRing())
    return Arm(kContact, Jitter(kMaxContactBackoff));
  const std::vector<Endpoint> endpoints = ContactEndpoints();
  for (size_t i = 0; i < std::min(endpoints.size(), kContactsAtOnce); ++i) {
    const Peer anyone{{}, 0, endpoints[contact_next_++ % endpoints.size()], 0};
    Call(anyone, Make(MessageType::kContact),
         [this, place = self_.id](const Message* reply) {
           if (place == self_.id) OnContactState(reply);
         },
         {1, {}});
  }
  const bool quick = now_ - started_ < config_.found_after;
  contact_backoff_ = quick ? Duration(kRetry) : std::min<Duration>(contact_backoff_ * 2, kMaxContactBackoff);
  Arm(kContact, Jitter(std::max<Duration>(contact_backoff_, config_.rto_initial)));
}

void ChordEngine::Node::OnContactState(const Message* reply) {
  if (reply == nullptr || mode_ == Mode::kLeaving || mode_ == Mode::kRing) return;
  if (Misplaced(*reply)) return;
  if (reply->sender.id == self_.id) return MeetTwin(*reply);
  Revive(reply->sender);
  const auto mode = static_cast<Mode>(reply->mode);
  if (mode == Mode::kRing || mode == Mode::kMesh) members_heard_ = now_;
  if (mode == Mode::kRing) return StartRingJoin(reply->sender);
  if (mode == Mode::kMesh && (reply->flags & kAdmitted) != 0) return LearnFromMesh(*reply);
  LookForTwin(reply->members);
  ArmSooner(kContact, Jitter(kRetry));  // it is coming in itself, or the mesh is just turning into a ring
}

// Up to r+1 members; from there on nodes come in by Zave's join, once the ring stands. None at the place of
// another that has not been found dead.
bool ChordEngine::Node::Admits(const Peer& peer) const {
  if (mode_ != Mode::kMesh) return false;
  const auto it = members_.find(peer.id);
  return it == members_.end() ? members_.size() + 1 < MinimumRing()
                              : it->second.peer.endpoint == peer.endpoint;
}

// As the one that it is; its port may be a NAT's.
bool ChordEngine::Node::Lists(const std::vector<Peer>& members) const {
  return std::any_of(members.begin(), members.end(),
                     [&](const Peer& p) { return p.id == self_.id && p.incarnation == self_.incarnation; });
}

void ChordEngine::Node::HandleContact(const Message& request, size_t size) {
  // Two that wait for each other: the lower id founds, unless somebody who is in has answered it.
  const bool nobody = members_heard_ == BootTime{} && now_ - started_ >= config_.found_after / 3;
  if (mode_ == Mode::kJoining && nobody && self_.id < request.sender.id) FoundRing();
  const bool admitted = Admits(request.sender);
  if (admitted && AddMember(request.sender)) MembersChanged();
  Message reply = StateOf(MessageType::kContactState);
  if (admitted) reply.flags |= kAdmitted;
  Answer(request, size, std::move(reply));
}

// --- the mesh --------------------------------------------------------------

std::vector<Peer> ChordEngine::Node::Members() const {
  std::vector<Peer> peers{self_};
  for (const auto& [id, member] : members_) peers.push_back(member.peer);
  std::sort(peers.begin(), peers.end());
  return peers;
}

Message ChordEngine::Node::StateOf(MessageType type) const {
  Message state = Make(type);
  if (mode_ == Mode::kRing || mode_ == Mode::kLeaving) {
    state.predecessor = predecessor_;
    state.successors = successors_;
  }
  const bool formed_of = mode_ == Mode::kRing && type == MessageType::kMeshState;
  if (mode_ == Mode::kMesh || formed_of) {
    for (const auto& [id, member] : members_) state.members.push_back(member.peer);
  }
  return state;
}

// In a quiet mesh a few at a time, in turn: each is still asked by several of the others every second, and
// who finds one dead says so by having another set, upon which everybody asks everybody.
void ChordEngine::Node::MeshTick() {
  if (mode_ != Mode::kMesh) return;
  const bool quiet = MeshAgrees() && eager_ == 0;
  auto next = quiet ? members_.upper_bound(mesh_asked_) : members_.begin();
  std::vector<Peer> ask;  // a call for which there is no room fails at once, and that takes a member out
  for (size_t i = 0; i < (quiet ? std::min(members_.size(), kQuietAsks) : members_.size()); ++i, ++next) {
    if (next == members_.end()) next = members_.begin();
    mesh_asked_ = next->first;
    if (std::exchange(next->second.asked, true)) continue;
    ask.push_back(next->second.peer);
  }
  for (const Peer& peer : ask)
    Call(peer, StateOf(MessageType::kMesh), [this, peer](const Message* reply) { OnMeshState(peer, reply); });
  if (eager_ > 0) --eager_;
  ArmSooner(kMesh, Jitter(quiet ? config_.stabilize : config_.stabilize_eager));
}

void ChordEngine::Node::HandleMesh(const Message& request, size_t size) {
  if (mode_ == Mode::kJoining && Lists(request.members))
    FoundRing();  // somebody let us in and its answer was lost
  if (mode_ == Mode::kRing) {
    std::vector<Peer> others = request.members;
    others.push_back(request.sender);
    MaybeDemote(others);
  }
  if (mode_ == Mode::kMesh) LearnFromMesh(request);
  Answer(request, size, StateOf(MessageType::kMeshState));
}

void ChordEngine::Node::OnMeshState(const Peer& asked, const Message* reply) {
  const auto it = members_.find(asked.id);
  if (it != members_.end()) it->second.asked = false;
  if (mode_ != Mode::kMesh) return;
  const bool gone = reply == nullptr || static_cast<Mode>(reply->mode) == Mode::kLeaving;
  if (gone && it != members_.end() && it->second.peer == asked) {
    Bury(asked, reply != nullptr);
    RemoveMember(asked.id);
  }
  if (gone) return;
  const auto mode = static_cast<Mode>(reply->mode);
  if (mode == Mode::kRing) return MeetRing(*reply);
  if (mode == Mode::kMesh) LearnFromMesh(*reply);
}

// A mesh message, asked for or not: who sent it is alive and a member, and so are whom it lists
// unless we know better.
void ChordEngine::Node::LearnFromMesh(const Message& message) {
  if (mode_ == Mode::kJoining) SetMode(Mode::kMesh);
  const bool changed = AddMember(message.sender) | MergeMembers(message.members);
  const auto it = members_.find(message.sender.id);
  if (it != members_.end() && it->second.peer.endpoint == message.sender.endpoint) {
    std::vector<Peer> view = message.members;
    view.push_back(message.sender);
    std::sort(view.begin(), view.end());
    it->second.view = Digest(view);
  }
  if (changed) MembersChanged();
  if (mode_ == Mode::kMesh && !joined_told_) Joined();
  MaybePromote();
}

bool ChordEngine::Node::MergeMembers(const std::vector<Peer>& peers) {
  bool changed = false;
  for (const Peer& peer : peers) changed |= AddMember(peer);
  return changed;
}

bool ChordEngine::Node::AddMember(const Peer& peer) {
  if (peer.id == self_.id) AskTwin(peer);
  if (peer.id == self_.id || Buried(peer)) return false;
  const auto it = members_.find(peer.id);
  const bool twin = it != members_.end() && it->second.peer.endpoint != peer.endpoint;
  if (twin || (it != members_.end() && it->second.peer.incarnation >= peer.incarnation)) return false;
  if (it == members_.end() && members_.size() >= kMaxMembers) {
    // Everybody keeps the same ones, the lowest, so that they agree; the others come in when the ring stands.
    Count("members_full");
    const auto last = std::prev(members_.end());
    if (last->first < peer.id) return false;
    members_.erase(last);
  }
  members_[peer.id] = {peer, 0, false};
  return true;
}

void ChordEngine::Node::RemoveMember(const Key& id) {
  if (members_.erase(id) == 0) return;
  MembersChanged();
}

void ChordEngine::Node::MembersChanged() {
  if (mode_ != Mode::kMesh) return;
  const bool was_alone = successors_.empty();
  MeshNeighbours();
  ArmSooner(kMesh, kGossipDelay);
  ArmSooner(kContact, Jitter(config_.stabilize));
  PublishAllSoon(std::chrono::milliseconds(50));
  if (was_alone && !successors_.empty()) StartPull();
  MaybePromote();
}

// In a mesh the list holds all others, clockwise from here; the last of them is the predecessor.
void ChordEngine::Node::MeshNeighbours() {
  std::vector<Peer> others;
  for (const auto& [id, member] : members_) others.push_back(member.peer);
  std::sort(others.begin(), others.end(), [&](const Peer& a, const Peer& b) {
    return Distance(self_.id, a.id) < Distance(self_.id, b.id);
  });
  std::optional<Peer> predecessor;
  if (!others.empty()) predecessor = others.back();
  SetNeighbours(predecessor, std::move(others));
}

bool ChordEngine::Node::MeshAgrees() const {
  std::vector<Peer> members = Members();
  const uint64_t digest = Digest(members);
  return std::all_of(members_.begin(), members_.end(),
                     [&](const auto& m) { return m.second.view == digest; });
}

// --- mesh to ring and back ---------------------------------------------------

// Everybody holds the same r+1 or more: each list is full and skips nobody, so each is a principal.
void ChordEngine::Node::MaybePromote() {
  if (mode_ == Mode::kMesh && members_.size() + 1 >= MinimumRing() && MeshAgrees()) Promote();
}

void ChordEngine::Node::Promote() {
  MeshNeighbours();
  std::vector<Peer> list = successors_;
  if (list.size() > static_cast<size_t>(config_.successors)) list.resize(config_.successors);
  SetMode(Mode::kRing);
  SetNeighbours(predecessor_, std::move(list));
  if (!KeepsTable()) return;
  for (const auto& [id, member] : members_) table_.Presume(member.peer);
  table_whole_ = true;
}

// A member of our mesh, or somebody we asked, is in a ring. If it counts us in, it is the ring
// our mesh has just become; else it is another one, and we come in like everybody.
void ChordEngine::Node::MeetRing(const Message& state) {
  std::vector<Peer> known = state.successors;
  known.insert(known.end(), state.members.begin(), state.members.end());
  known.push_back(state.sender);
  if (state.predecessor) known.push_back(*state.predecessor);
  if (std::find(known.begin(), known.end(), self_) == known.end()) return StartRingJoin(state.sender);
  std::set<Key> alive{self_.id};
  for (const Peer& peer : known) {
    if (!Buried(peer)) alive.insert(peer.id);
  }
  if (alive.size() < MinimumRing()) return;  // it has yet to notice that it is too small
  MergeMembers(known);
  Promote();
}

// All that are left, `others` included, are fewer than r+1.
bool ChordEngine::Node::MaybeDemote(const std::vector<Peer>& others) {
  std::vector<Peer> known = others;
  known.insert(known.end(), successors_.begin(), successors_.end());
  if (predecessor_) known.push_back(*predecessor_);
  std::set<Key> alive{self_.id};
  for (const Peer& peer : known) {
    if (!Buried(peer)) alive.insert(peer.id);
  }
  if (alive.size() >= MinimumRing()) return false;
  members_.clear();
  SetMode(Mode::kMesh);
  MergeMembers(known);
  MembersChanged();
  return true;
}

// Two rings that a partition or their founders' ignorance left apart: whoever finds its own place taken
// in the other ring makes itself known there; stabilize does the rest.
void ChordEngine::Node::Merge() {
  Arm(kContact, Jitter(kMergeInterval));
  const std::vector<Endpoint> endpoints = ContactEndpoints();
  if (endpoints.empty()) return;
  const Peer anyone{{}, 0, endpoints[contact_next_++ % endpoints.size()], 0};
  Call(anyone, Make(MessageType::kContact),
       [this](const Message* reply) {
         if (reply == nullptr || mode_ != Mode::kRing || static_cast<Mode>(reply->mode) != Mode::kRing)
           return;
         if (reply->sender.id == self_.id) return MeetTwin(*reply);
         StartLookup(
             self_.id, true, {reply->sender},
             [this](std::optional<std::vector<Peer>> nodes, int) {
               if (!nodes || nodes->size() < 2 || mode_ != Mode::kRing) return;
               if ((*nodes)[1].id == self_.id) return AskTwin((*nodes)[1]);
               const Peer& other = (*nodes)[1];
               if (!successors_.empty() && !stabilizing_ && Between(self_.id, other.id, successors_[0].id)) {
                 Count("ring_met");
                 return StabilizeFromPredecessor(successors_[0], other);
               }
               Call(other, Make(MessageType::kNotify), [](const Message*) {});
             },
             {});
       },
       {1, {}});
}

}  // namespace ov6::chord
