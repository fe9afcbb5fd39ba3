// SPDX-License-Identifier: Apache-2.0
// Holders of one arc come to hold the same: one sends digests of the arc's parts, the other answers with what
// it has in those that differ, and gets the first one's in return. Done at once with holders that are new,
// and with the others in turn, slowly, for what a put has missed; and, where an arc is a node's no more, with
// those whose it is. What moves is what differs.
#include <algorithm>

#include "slaves/engine/chord/node.h"
#include "slaves/engine/chord/ring.h"

namespace ov6::chord {
namespace {

constexpr int kMaxPages = 4096;  // that one holder is asked for: more than a full store has
constexpr size_t kPeersTold = 24;
constexpr auto kGiveBackAfter = std::chrono::seconds(5);  // who came in between has fetched its part by then
constexpr auto kPeersFirst = std::chrono::seconds(2);
constexpr auto kPeersInterval = std::chrono::seconds(30);

}  // namespace

// --- comparing ---------------------------------------------------------------------

std::vector<Peer> ChordEngine::Node::OtherHolders() const {
  const size_t others = std::min<size_t>(config_.replicas - 1, successors_.size());
  return {successors_.begin(), successors_.begin() + static_cast<std::ptrdiff_t>(others)};
}

// With holders that are new; with all after a pull.
void ChordEngine::Node::Replicate() {
  if (!Member() || incomplete_ || successors_.empty() || !predecessor_) return;
  if (timers_[kSync] == BootTime::max()) Arm(kSync, Jitter(config_.compare_values));
  std::set<Key> holders;
  for (const Peer& peer : OtherHolders()) {
    holders.insert(peer.id);
    if (!replicated_to_.contains(peer.id)) SyncWith(peer, predecessor_->id, self_.id);
  }
  replicated_to_ = std::move(holders);
}

void ChordEngine::Node::SyncTick() {
  if (!Member()) return;
  Arm(kSync, Jitter(config_.compare_values));
  const std::vector<Peer> holders = OtherHolders();
  if (incomplete_ || holders.empty() || !predecessor_) return;
  SyncWith(holders[sync_next_++ % holders.size()], predecessor_->id, self_.id);
}

// Of the arc (start, end].
void ChordEngine::Node::SyncWith(const Peer& with, const Key& start, const Key& end) {
  if (!syncing_.insert(with.id).second) return;
  SyncStep({with, start, end});
}

void ChordEngine::Node::SyncStep(Sync sync) {
  Message request = Make(MessageType::kPull);
  request.key = sync.start;
  request.end = sync.end;
  request.differ = sync.differ;
  if (!sync.cursor) {
    request.digests = store_.DigestsOf(sync.start, sync.end);
  } else {
    request.cursor_key = sync.cursor->key;
    request.cursor = sync.cursor->skip;
  }
  const Peer with = sync.with;
  Call(with, std::move(request),
       [this, sync = std::move(sync)](const Message* reply) mutable { OnSynced(std::move(sync), reply); });
}

void ChordEngine::Node::OnSynced(Sync sync, const Message* reply) {
  if (reply == nullptr) Bury(sync.with, false);
  if (!Member() || reply == nullptr) {
    syncing_.erase(sync.with.id);
    return;
  }
  if (!sync.cursor) {
    Count(reply->differ == 0 ? "sync_same" : "sync_differs");
    sync.differ = reply->differ;
  }
  for (const auto& [key, value] : reply->entries) StoreValue(key, value);
  const bool more = (reply->flags & kMore) != 0 && reply->cursor_key && !reply->entries.empty();
  if (more && ++sync.pages < kMaxPages) {
    sync.cursor = Store::Cursor{*reply->cursor_key, reply->cursor};
    return SyncStep(std::move(sync));
  }
  syncing_.erase(sync.with.id);
  if (sync.differ == 0) return;
  Enqueue(sync.with, sync.start, sync.end, sync.differ);
  PumpTransfers();
}

// --- giving back -----------------------------------------------------------------------

// Of two rings that have become one the holders of an arc may all come from one, and nobody who holds what
// the other had is asked for it: whoever loses an arc shows what it has of it to each node whose it is now.
void ChordEngine::Node::GiveBackLater(const Key& old_start) {
  if (!lost_from_) lost_from_ = old_start;
  Arm(kGiveBack, Jitter(kGiveBackAfter));
}

void ChordEngine::Node::GiveBack() {
  const std::optional<Key> start = std::exchange(lost_from_, std::nullopt);
  if (start && Member() && predecessor_ && !incomplete_) GiveBackNext(*start, predecessor_->id);
}

// Of the arc (start, end] first what belongs to the owner of its first key.
void ChordEngine::Node::GiveBackNext(const Key& start, const Key& end) {
  if (start == end || !Member()) return;
  const auto found = [this, start, end](std::optional<std::vector<Peer>> nodes, int) {
    if (!nodes || nodes->empty() || nodes->front().id == self_.id || !Member()) return;
    const Peer& owner = nodes->front();
    const Key stop = Owns(start, owner.id, end) ? owner.id : end;
    Count("gave_back");
    SyncWith(owner, start, stop);
    GiveBackNext(stop, end);
  };
  StartLookup(AddPowerOfTwo(start, 0), false, {}, found, {});
}

// --- who to ask after a restart -------------------------------------------------------

// Members from all around the ring, so that some are left whatever has happened meanwhile.
std::vector<Endpoint> ChordEngine::Node::SomePeers() const {
  std::set<Endpoint> chosen;
  const auto take = [&](const Peer& peer, size_t limit) {
    if (chosen.size() < limit && peer.id != self_.id && !Buried(peer)) chosen.insert(peer.endpoint);
  };
  for (const Peer& peer : successors_) take(peer, kPeersTold / 3);
  for (const auto& [index, finger] : fingers_.all()) take(finger, 2 * kPeersTold / 3);
  const size_t step = std::max<size_t>(table_.size() / kPeersTold, 1);
  for (size_t i = 0; i < table_.size(); i += step) take(table_.At(i), kPeersTold);
  for (const Peer& peer : successors_) take(peer, kPeersTold);
  return {chosen.begin(), chosen.end()};
}

void ChordEngine::Node::TellPeers() {
  if (!Member()) return Arm(kPeers, kPeersFirst);
  Arm(kPeers, kPeersInterval);
  std::vector<Endpoint> peers = SomePeers();
  if (peers.empty() || peers == told_peers_) return;  // alone, the old ones are still the best to be had
  told_peers_ = peers;
  outputs_.push_back(PeersOutput{std::move(peers)});
}

void ChordEngine::Node::ArmPeers() { ArmSooner(kPeers, kPeersFirst); }

}  // namespace ov6::chord
