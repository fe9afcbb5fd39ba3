// SPDX-License-Identifier: Apache-2.0
// Iterative lookups, driven by the asker; and put, which stands on them.
#include <algorithm>
#include <memory>

#include "slaves/engine/chord/node.h"
#include "slaves/engine/chord/ring.h"

namespace ov6::chord {
namespace {

constexpr size_t kMaxSeen = 64;    // nodes one lookup asks, and as many that it keeps to be asked
constexpr int kMaxInFlight = 3;    // and not late
constexpr int kMaxWaitedFor = 16;  // late ones too
constexpr size_t kCandidates = 4;  // in an answer
constexpr size_t kWordsOfPut = 3;  // without a table, on who the holders are
constexpr double kSparse = 2.5;    // times the usual gap between nodes: somebody is kept back
constexpr size_t kFewNodes = 4;    // say nothing about gaps
constexpr size_t kGaps = 15;       // remembered
constexpr int kMaxDoubts = 8;      // of one lookup, before what there is has to do
constexpr auto kMinBackoff = std::chrono::milliseconds(500);
constexpr auto kMaxBackoff = std::chrono::seconds(30);

double GapOf(const Key& key, const std::vector<Peer>& nodes) {
  return PartOfRing(Distance(key, nodes.back().id)) / static_cast<double>(nodes.size());
}

}  // namespace

// --- where a key lives -------------------------------------------------------

bool ChordEngine::Node::OwnsKey(const Key& key) const {
  return !predecessor_ || successors_.empty() || Owns(predecessor_->id, key, self_.id);
}

// This node, or else the one before it, who may have come in since it was.
void ChordEngine::Node::NameOwner(const Key& key, Message* reply) const {
  if (OwnsKey(key)) {
    reply->flags |= kOwner;
  } else if (!Buried(*predecessor_)) {
    reply->predecessor = predecessor_;
  }
}

// The owner and the nodes behind it, if this node knows them for sure.
bool ChordEngine::Node::KnowsOwner(const Key& key, std::vector<Peer>* nodes) const {
  *nodes = successors_;
  if (mode_ == Mode::kMesh || OwnsKey(key)) {
    if (mode_ != Mode::kLeaving) nodes->insert(nodes->begin(), self_);
    if (mode_ != Mode::kMesh) return true;
    std::sort(nodes->begin(), nodes->end(),
              [&](const Peer& a, const Peer& b) { return Distance(key, a.id) < Distance(key, b.id); });
    return true;
  }
  return Owns(self_.id, key, successors_.front().id);
}

// Those behind the key in its list, from which somebody who has just come in may be missing, and in which
// somebody may be dead.
std::vector<Peer> ChordEngine::Node::BehindByList(const Key& key) const {
  std::vector<Peer> nodes;
  if (mode_ != Mode::kRing) return nodes;
  for (const Peer& peer : successors_) {
    if (!Between(self_.id, peer.id, key) && !Buried(peer)) nodes.push_back(peer);
  }
  return nodes;
}

bool ChordEngine::Node::HoldersByList(const Key& key, std::vector<Peer>* nodes) const {
  *nodes = BehindByList(key);
  return nodes->size() >= static_cast<size_t>(config_.replicas);
}

// The nearest known nodes before the key, the nearest last.
std::vector<Peer> ChordEngine::Node::ClosestBefore(const Key& key, size_t count) const {
  std::map<Key, Peer> nearest;  // by distance to the key
  const auto consider = [&](const Peer& p) {
    if (Between(self_.id, p.id, key) && !Buried(p)) nearest[Distance(p.id, key)] = p;
  };
  for (const auto& [index, finger] : fingers_.all()) consider(finger);
  if (KeepsTable()) {
    for (const Peer& peer : table_.Before(key, kCandidates)) consider(peer);
  }
  for (const Peer& peer : successors_) consider(peer);
  if (predecessor_) consider(*predecessor_);
  std::vector<Peer> out;
  for (const auto& [distance, peer] : nearest) {
    if (out.size() < count) out.insert(out.begin(), peer);
  }
  return out;
}

// And, last, the first one behind the key: if the node before it has just died, it knows itself to be the
// owner.
std::vector<Peer> ChordEngine::Node::Nearest(const Key& key) const {
  std::vector<Peer> out = ClosestBefore(key, kCandidates);
  const auto behind = std::find_if(successors_.begin(), successors_.end(), [&](const Peer& p) {
    return !Between(self_.id, p.id, key) && !Buried(p);
  });
  if (behind != successors_.end()) out.insert(out.begin(), *behind);
  return out;
}

void ChordEngine::Node::HandleFind(const Message& request, size_t size) {
  Message reply = Make(MessageType::kFound);
  const Key& key = *request.key;
  const bool before = (request.flags & kWantPredecessor) != 0;
  std::vector<Peer> nodes;
  const bool in_ring = mode_ == Mode::kRing && !successors_.empty();
  bool final = false;
  if (before) {
    final = in_ring && Owns(self_.id, key, successors_.front().id);
    nodes = successors_;
  } else if (Member() || (mode_ == Mode::kLeaving && !successors_.empty())) {
    final = KnowsOwner(key, &nodes);
  }
  if (final) reply.flags |= kFinal;
  if (!final) nodes = Nearest(key);
  if (!final && (request.flags & kByList) != 0) AnswerByList(key, &nodes, &reply);
  reply.successors = std::move(nodes);
  Answer(request, size, std::move(reply));
}

// Holders, if there are as many in its list as there should be; else all that it has around the key: of those
// between, all may be dead.
void ChordEngine::Node::AnswerByList(const Key& key, std::vector<Peer>* nodes, Message* reply) const {
  std::vector<Peer> behind;
  const bool all = HoldersByList(key, &behind);
  if (all) reply->flags |= kByList;
  if (behind.empty()) return;
  *nodes = std::move(behind);
  if (all) return;
  for (const Peer& peer : successors_) {
    if (Between(self_.id, peer.id, key) && !Buried(peer)) nodes->push_back(peer);
  }
}

// --- lookups -----------------------------------------------------------------

// `start`: whom to ask first; empty: as this node knows the ring.
void ChordEngine::Node::StartLookup(const Key& key, bool want_predecessor, std::vector<Peer> start,
                                    LookupDone done, Looking how) {
  std::vector<Peer> nodes;
  if (start.empty() && !want_predecessor && KnowsOwner(key, &nodes)) {
    if (how.words > 1) Holders(&nodes);
    return done(std::move(nodes), 0);
  }
  if (lookups_.size() >= config_.max_requests) {
    Count("lookup_overflow");
    return done(std::nullopt, 0);
  }
  const uint64_t id = next_id_++;
  Lookup& lookup = lookups_[id];
  lookup.id = id;
  lookup.key = key;
  lookup.want_predecessor = want_predecessor;
  lookup.deadline = now_ + config_.request_timeout;
  lookup.done = std::move(done);
  lookup.cost = std::move(how.cost);
  lookup.words = how.words;
  lookup.by_list = how.by_list;
  const bool forward =
      config_.lookups == Lookups::kRecursive && start.empty() && !want_predecessor && how.words == 1;
  AddCandidates(&lookup, start.empty() ? Nearest(key) : start);
  if (forward) return ForwardLookup(id);
  for (size_t i = 0; i < how.words; ++i) LookupStep(id);
}

void ChordEngine::Node::AddCandidates(Lookup* lookup, const std::vector<Peer>& peers) {
  for (const Peer& peer : peers) {
    if (peer.id == self_.id || Buried(peer)) continue;
    if (lookup->seen.insert(peer.id).second) lookup->candidates.push_back(peer);
  }
  std::stable_sort(lookup->candidates.begin(), lookup->candidates.end(), [&](const Peer& a, const Peer& b) {
    return Distance(a.id, lookup->key) > Distance(b.id, lookup->key);
  });
  // The farthest make room: what is heard of last, near the key, must not be what there is no room for.
  while (lookup->candidates.size() > kMaxSeen) {
    lookup->seen.erase(lookup->candidates.front().id);
    lookup->candidates.erase(lookup->candidates.begin());
  }
}

void ChordEngine::Node::LookupStep(uint64_t id) {
  const auto it = lookups_.find(id);
  if (it == lookups_.end()) return;
  Lookup& lookup = it->second;
  const int in_time = lookup.in_flight - static_cast<int>(lookup.late.size());
  if (in_time >= kMaxInFlight || lookup.in_flight >= kMaxWaitedFor) return;
  // Whoever is nearer than the nearest that has answered is silent, so that nobody says for sure who the
  // holders are, but some have been named.
  if (in_time == 0 && OnlyNamed(lookup)) return FinishLookup(id, std::nullopt);
  // All that it was told of are asked: those farther back, whom this node knows itself, may know others.
  if (lookup.candidates.empty() && !lookup.want_predecessor)
    AddCandidates(&lookup, ClosestBefore(lookup.key, kMaxSeen));
  if (lookup.candidates.empty() || lookup.asked >= kMaxSeen) {
    if (lookup.in_flight == 0) FinishLookup(id, std::nullopt);
    return;
  }
  const Peer next = lookup.candidates.back();
  lookup.candidates.pop_back();
  LookupAsk(id, next);
}

bool ChordEngine::Node::OnlyNamed(const Lookup& lookup) {
  if (!lookup.by_list || lookup.found.empty()) return false;
  return lookup.candidates.empty() ||
         Distance(lookup.candidates.back().id, lookup.key) > lookup.nearest.value_or(Key{});
}

// While one keeps us waiting, the next best is asked; two, if it is not the first one.
void ChordEngine::Node::OnLate(uint64_t id, const Key& asked) {
  const auto it = lookups_.find(id);
  if (it == lookups_.end()) return;
  const bool again = !it->second.late.empty();
  it->second.late.insert(asked);
  LookupStep(id);
  if (again) LookupStep(id);
}

void ChordEngine::Node::LookupAsk(uint64_t id, const Peer& peer) {
  Lookup& lookup = lookups_.at(id);
  ++lookup.in_flight;
  ++lookup.asked;
  Message request = Make(MessageType::kFind);
  request.key = lookup.key;
  if (lookup.want_predecessor) request.flags |= kWantPredecessor;
  if (lookup.by_list) request.flags |= kByList;
  Call(peer, std::move(request), [this, id, peer](const Message* reply) { OnFound(id, peer, reply); },
       {0, [this, id, asked = peer.id] { OnLate(id, asked); }, lookup.cost});
}

void ChordEngine::Node::OnFound(uint64_t id, const Peer& asked, const Message* reply) {
  if (reply == nullptr) Bury(asked, false);
  const auto it = lookups_.find(id);
  if (it == lookups_.end()) return;
  Lookup& lookup = it->second;
  --lookup.in_flight;
  lookup.late.erase(asked.id);
  if (reply == nullptr) return LookupStep(id);
  ++lookup.hops;
  const bool by_list = lookup.by_list && (reply->flags & kByList) != 0;
  if ((reply->flags & kFinal) == 0 && !by_list) {
    const Key from = Distance(asked.id, lookup.key);
    lookup.nearest = std::min(lookup.nearest.value_or(from), from);
    if (lookup.by_list) NoteBehind(&lookup, *reply);
    AddCandidates(&lookup, reply->successors);
    return LookupStep(id);
  }
  std::vector<Peer> nodes = reply->successors;
  NoteGap(lookup.key, nodes);
  if (!lookup.want_predecessor && !Plausible(lookup.key, nodes)) return OnDoubted(id, nodes);
  if (lookup.want_predecessor) nodes.insert(nodes.begin(), reply->sender);
  const bool several = !lookup.by_list && (lookup.words > 1 || !lookup.found.empty());
  several ? OnWord(id, std::move(nodes)) : FinishLookup(id, std::move(nodes));
}

// Places can't be chosen, so that nodes lie as densely everywhere. Who names its friends alone names one of
// five where a fifth of all are its friends, in answers five times as sparse as those of others.
bool ChordEngine::Node::Plausible(const Key& key, const std::vector<Peer>& nodes) const {
  const bool in_order = std::is_sorted(nodes.begin(), nodes.end(), [&](const Peer& a, const Peer& b) {
    return Distance(key, a.id) < Distance(key, b.id);
  });
  if (nodes.size() < kFewNodes || gaps_.size() < kGaps) return in_order;
  std::vector<double> gaps(gaps_.begin(), gaps_.end());
  std::nth_element(gaps.begin(), gaps.begin() + kGaps / 2, gaps.end());
  return in_order && GapOf(key, nodes) <= kSparse * gaps[kGaps / 2];
}

void ChordEngine::Node::NoteGap(const Key& key, const std::vector<Peer>& nodes) {
  if (nodes.size() < kFewNodes) return;
  gaps_.push_back(GapOf(key, nodes));
  if (gaps_.size() > kGaps) gaps_.pop_front();
}

// The next best is asked; if nobody says otherwise, what has been named has to do.
void ChordEngine::Node::OnDoubted(uint64_t id, const std::vector<Peer>& nodes) {
  Count("doubted");
  Lookup& lookup = lookups_.at(id);
  AddFound(lookup.key, nodes, &lookup.doubted);
  ++lookup.doubts >= kMaxDoubts ? FinishLookup(id, std::nullopt) : LookupStep(id);
}

void ChordEngine::Node::NoteBehind(Lookup* lookup, const Message& reply) {
  std::vector<Peer> behind;
  for (const Peer& peer : reply.successors) {
    if (!Between(reply.sender.id, peer.id, lookup->key)) behind.push_back(peer);
  }
  AddFound(lookup->key, behind, &lookup->found);
}

void ChordEngine::Node::AddFound(const Key& key, const std::vector<Peer>& nodes, std::vector<Peer>* found) {
  for (const Peer& peer : nodes) {
    const bool known =
        std::any_of(found->begin(), found->end(), [&](const Peer& p) { return p.id == peer.id; });
    if (!known) found->push_back(peer);
  }
  std::sort(found->begin(), found->end(),
            [&](const Peer& a, const Peer& b) { return Distance(key, a.id) < Distance(key, b.id); });
}

// Those of the list who hold a value.
void ChordEngine::Node::Holders(std::vector<Peer>* nodes) const {
  nodes->resize(std::min(nodes->size(), static_cast<size_t>(config_.replicas)));
}

// One of several, any of whom may lie. All that they name as holders is put together, so that none can take
// away who is behind the key by who is nearer.
void ChordEngine::Node::OnWord(uint64_t id, std::vector<Peer> nodes) {
  Lookup& lookup = lookups_.at(id);
  Holders(&nodes);
  AddFound(lookup.key, nodes, &lookup.found);
  --lookup.words == 0 ? FinishLookup(id, std::nullopt) : LookupStep(id);
}

void ChordEngine::Node::FinishLookup(uint64_t id, std::optional<std::vector<Peer>> nodes) {
  auto node = lookups_.extract(id);
  Lookup& lookup = node.mapped();
  forwarded_.erase(lookup.forwarded);
  if (!nodes && !lookup.found.empty()) nodes = std::move(lookup.found);
  if (!nodes && !lookup.doubted.empty()) nodes = std::move(lookup.doubted);
  if (!nodes) Count("lookup_failed");
  lookup.done(std::move(nodes), lookup.hops);
}

void ChordEngine::Node::ExpireRequests() {
  std::vector<uint64_t> late;
  for (const auto& [id, lookup] : lookups_) {
    if (lookup.deadline <= now_) late.push_back(id);
  }
  for (const uint64_t id : late) FinishLookup(id, std::nullopt);
  late.clear();
  FallBack();
  std::vector<uint64_t> again;
  for (const auto& [id, get] : gets_) {
    if (get.deadline <= now_) late.push_back(id);
    if (get.deadline > now_ && get.again <= now_) again.push_back(id);
  }
  for (const uint64_t id : late) FinishGet(id);
  for (const uint64_t id : again) StartGet(id);
}

// --- put -----------------------------------------------------------------------

void ChordEngine::Node::SubmitPut(const PutRequest& request) {
  const auto info = config_.checker ? config_.checker(request.key, request.value, now_) : std::nullopt;
  const bool fits = EntrySize(request.value.size()) <= Room(Make(MessageType::kPut));
  if (!info || !fits || publications_.size() >= config_.max_publications) {
    Count(!info ? "bad_value" : fits ? "publication_overflow" : "value_too_big");
    outputs_.push_back(PutOutput{request.id, false, 0});
    return;
  }
  Publication fresh{request.key,
                    info->owner,
                    request.value,
                    info->sequence,
                    now_ + info->lifetime,
                    info->lifetime / 2,
                    now_,
                    now_ + config_.request_timeout,
                    {},
                    false,
                    {request.id}};
  for (auto it = publications_.begin(); it != publications_.end(); ++it) {
    if (it->second.key != fresh.key || it->second.owner != fresh.owner) continue;
    fresh.waiting.insert(fresh.waiting.end(), it->second.waiting.begin(), it->second.waiting.end());
    publications_.erase(it);
    break;
  }
  publications_.emplace(next_id_++, std::move(fresh));
  ArmPublish();
}

void ChordEngine::Node::SubmitRemove(const RemoveRequest& request) {
  for (auto it = publications_.begin(); it != publications_.end();) {
    const bool meant = it->second.key == request.key;
    if (meant) TellPut(&it->second, 0);
    it = meant ? publications_.erase(it) : std::next(it);
  }
}

void ChordEngine::Node::ArmPublish() {
  if (!Member() || !joined_told_) return;
  for (const auto& [id, publication] : publications_) {
    if (!publication.busy) timers_[kPublish] = std::min(timers_[kPublish], std::max(publication.due, now_));
  }
}

void ChordEngine::Node::PublishAllSoon(Duration after) {
  for (auto& [id, publication] : publications_) publication.due = std::min(publication.due, now_ + after);
  ArmPublish();
}

void ChordEngine::Node::PublishDue() {
  if (!Member()) return;
  for (auto it = publications_.begin(); it != publications_.end();) {
    const bool over = it->second.expiry <= now_;
    if (over) TellPut(&it->second, 0);
    it = over ? publications_.erase(it) : std::next(it);
  }
  std::vector<uint64_t> due;
  for (const auto& [id, publication] : publications_) {
    if (!publication.busy && publication.due <= now_) due.push_back(id);
  }
  for (const uint64_t id : due) Publish(id);
  ArmPublish();
}

void ChordEngine::Node::Publish(uint64_t id) {
  Publication& publication = publications_.at(id);
  publication.busy = true;
  publication.due = now_ + Jitter(std::min(config_.republish, publication.half_life));
  publication.at = publication.key;
  PutAt(id);
}

size_t ChordEngine::Node::WordsOfPut() const {
  return mode_ == Mode::kRing && !table_whole_ ? kWordsOfPut : 1;
}

// Never by the table alone: only the owner's neighbourhood knows for sure who the holders are. Nor by the
// word of one neighbour alone, who may skip them.
void ChordEngine::Node::PutAt(uint64_t id) {
  if (!Member()) return Published(id, 0, false);
  StartLookup(publications_.at(id).at, false, {},
              [this, id](std::optional<std::vector<Peer>> nodes, int) {
                if (!publications_.contains(id)) return;
                if (!nodes) return Published(id, 0, false);
                AddFromTable(publications_.at(id).at, &*nodes);
                PutTo(id, std::move(*nodes));
              },
              {.words = WordsOfPut()});
}

// The owner and its next successors: with the publisher's own copy, what survives their crashes. Where
// several were asked, whom any of them takes for that.
void ChordEngine::Node::PutTo(uint64_t id, std::vector<Peer> nodes) {
  std::erase_if(nodes, [&](const Peer& p) { return Buried(p); });
  nodes.resize(std::min(nodes.size(), WordsOfPut() * static_cast<size_t>(config_.replicas)));
  PutToAll(id, nodes, std::make_shared<Tally>());
}

void ChordEngine::Node::PutToAll(uint64_t id, const std::vector<Peer>& nodes,
                                 const std::shared_ptr<Tally>& tally) {
  const Publication& publication = publications_.at(id);
  const Key key = publication.at;
  Message put = Make(MessageType::kPut);
  put.entries.emplace_back(key, publication.value);
  tally->open = nodes.size() + 1;
  for (const Peer& peer : nodes) {
    tally->asked.insert(peer.id);
    if (peer.id == self_.id) {
      const Kept kept = StoreValue(key, put.entries[0].second);
      tally->stored += kept == Kept::kYes ? 1 : 0;
      tally->owner |= kept == Kept::kYes && OwnsKey(key);
      tally->bounced |= kept == Kept::kKeyFull && OwnsKey(key);
      PutAnswered(id, tally);
      continue;
    }
    Call(peer, put, [this, id, key, tally, peer](const Message* reply) {
      if (reply == nullptr) Bury(peer, false);
      const bool stored = reply != nullptr && reply->count == 1;
      const bool owner = reply != nullptr && (reply->flags & kOwner) != 0;
      tally->stored += stored ? 1 : 0;
      tally->owner |= stored && owner;
      tally->bounced |= owner && !stored && (reply->flags & kOverflowed) != 0;
      // Each that is not the owner names the one before it: the first behind the key is meant.
      const bool moved =
          reply != nullptr && !owner && reply->predecessor &&
          (!tally->newer || Distance(key, reply->predecessor->id) < Distance(key, tally->newer->id));
      if (moved) tally->newer = reply->predecessor;
      PutAnswered(id, tally);
    });
  }
  PutAnswered(id, tally);  // the loop's own
}

// Somebody has come in before the one that was the owner, and the key is its now: the value follows.
void ChordEngine::Node::PutAnswered(uint64_t id, const std::shared_ptr<Tally>& tally) {
  if (--tally->open != 0) return;
  const std::optional<Peer> newer = std::exchange(tally->newer, std::nullopt);
  const bool follow = !tally->owner && newer && !Buried(*newer) && tally->asked.size() < kMaxSeen &&
                      !tally->asked.contains(newer->id) && publications_.contains(id);
  if (tally->bounced) return Overflow(id);
  if (!follow) return Published(id, tally->stored, tally->owner);
  Count("put_followed");
  PutToAll(id, {*newer}, tally);
}

// The key is full, and of those that belong there this one gives way.
void ChordEngine::Node::Overflow(uint64_t id) {
  const auto it = publications_.find(id);
  if (it == publications_.end()) return;
  const auto info = config_.checker(it->second.at, it->second.value, now_);
  if (!info || !info->next) {
    Count("put_no_room");
    return Published(id, 0, false);
  }
  Count("put_overflowed");
  it->second.at = *info->next;
  PutAt(id);
}

void ChordEngine::Node::HandOn(const Key& full, const Bytes& value) {
  const auto info = config_.checker(full, value, now_);
  if (!info || !info->next) return Count("put_no_room");
  const auto others = std::count_if(publications_.begin(), publications_.end(),
                                    [](const auto& p) { return p.second.handed_on; });
  if (static_cast<size_t>(others) >= config_.max_publications / 2) return Count("publication_overflow");
  Count("handed_on");
  Publication publication;
  publication.key = *info->next;
  publication.owner = info->owner;
  publication.value = value;
  publication.sequence = info->sequence;
  publication.expiry = now_ + info->lifetime;
  publication.half_life = info->lifetime / 2;
  publication.due = now_;
  publication.give_up = now_ + config_.request_timeout;
  publication.handed_on = true;
  publications_.emplace(next_id_++, std::move(publication));
  ArmPublish();
}

// Nodes that were the owner until somebody came in between keep the value, but nobody asks them for it: it
// is put again soon, until the owner has it.
void ChordEngine::Node::Published(uint64_t id, int replicas, bool owner) {
  const auto it = publications_.find(id);
  if (it == publications_.end()) return;
  Publication& publication = it->second;
  publication.busy = false;
  if (publication.handed_on && ((replicas > 0 && owner) || publication.give_up <= now_)) {
    publications_.erase(it);
    return;
  }
  if (replicas == 0 || !owner) {
    Count(replicas == 0 ? "put_failed" : "put_beside_owner");
    publication.backoff = std::clamp<Duration>(publication.backoff * 2, kMinBackoff, kMaxBackoff);
    publication.due = std::min(publication.due, now_ + publication.backoff);
    if (publication.give_up <= now_) TellPut(&publication, replicas);
  } else {
    publication.backoff = {};
    TellPut(&publication, replicas);
  }
  ArmPublish();
}

void ChordEngine::Node::TellPut(Publication* publication, int replicas) {
  const bool overflowed = publication->at != publication->key;
  for (const uint64_t id : publication->waiting)
    outputs_.push_back(PutOutput{id, replicas > 0, replicas, overflowed});
  publication->waiting.clear();
}

}  // namespace ov6::chord
