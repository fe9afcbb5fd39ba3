// SPDX-License-Identifier: Apache-2.0
#include "slaves/engine/chord/member_table.h"

#include <algorithm>

#include "slaves/engine/chord/evict.h"
#include "slaves/engine/chord/ring.h"
#include "userspace/base/bytes.h"

namespace ov6::chord {
namespace {

uint32_t NetworkOf(const Peer& peer) { return peer.endpoint.address.value >> 8; }

uint64_t StartOf(const Key& id) { return ByteReader(id).U64(); }

// Mixed well enough that the sum over a set tells sets apart; no defence against who makes sets up, which
// costs a comparison that finds nothing.
uint64_t DigestOf(const Peer& peer) {
  uint64_t x = StartOf(peer.id) ^ (peer.incarnation * 0x9e3779b97f4a7c15);
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

int BitsAt(const Key& key, int from, int count) {
  int bits = 0;
  for (int i = from; i < from + count; ++i) bits = bits << 1 | (key[i / 8] >> (7 - i % 8) & 1);
  return bits;
}

}  // namespace

MemberTable::MemberTable(const Peer& self, Limits limits) : self_(self), limits_(limits) { Clear(); }

void MemberTable::Clear() {
  entries_.clear();
  starts_.clear();
  networks_.clear();
  silent_.clear();
  presumed_ = 0;
  Add(self_, true);
}

// Of the first one not before the id.
size_t MemberTable::PlaceOf(const Key& id) const {
  const auto [first, last] = std::equal_range(starts_.begin(), starts_.end(), StartOf(id));
  const auto entry = [&](const auto& start) { return entries_.begin() + (start - starts_.begin()); };
  const auto it = std::lower_bound(entry(first), entry(last), id,
                                   [](const Entry& e, const Key& k) { return e.peer.id < k; });
  return static_cast<size_t>(it - entries_.begin());
}

const MemberTable::Entry* MemberTable::At(const Key& id) const {
  const auto it = Lower(id);
  return it == entries_.end() || it->peer.id != id ? nullptr : &*it;
}

bool MemberTable::Add(const Peer& peer, bool heard) {
  const bool full = entries_.size() >= limits_.members ||
                    (limits_.per_24 > 0 && networks_[NetworkOf(peer)] >= limits_.per_24);
  if (full && peer.id != self_.id) return false;
  ++networks_[NetworkOf(peer)];
  const auto it = entries_.insert(Lower(peer.id), {peer, heard, false});
  starts_.insert(starts_.begin() + (it - entries_.begin()), StartOf(peer.id));
  if (!heard) ++presumed_;
  return true;
}

void MemberTable::Erase(Iterator it) {
  const auto network = networks_.find(NetworkOf(it->peer));
  if (--network->second == 0) networks_.erase(network);
  if (!it->heard) --presumed_;
  starts_.erase(starts_.begin() + (it - entries_.begin()));
  entries_.erase(it);
}

// --- what is told, and what this node sees -----------------------------------------

bool MemberTable::IsNews(const MemberEvent& event, BootTime now) const {
  if (event.peer.id == self_.id) return false;
  const Entry* known = At(event.peer.id);
  if (event.dead) return known != nullptr && !known->suspect && known->peer == event.peer;
  const auto silent = silent_.find({event.peer.id, event.peer.endpoint.port});
  if (silent != silent_.end() && silent->second.until > now &&
      event.peer.incarnation <= silent->second.incarnation)
    return false;
  return known == nullptr || event.peer.incarnation > known->peer.incarnation;
}

void MemberTable::Suspect(const Key& id) {
  const auto it = Lower(id);
  if (it != entries_.end() && it->peer.id == id && id != self_.id) it->suspect = true;
}

void MemberTable::Presume(const Peer& peer) {
  if (At(peer.id) == nullptr) Add(peer, false);
}

bool MemberTable::Seen(const Peer& peer) {
  if (peer.id == self_.id) return false;
  silent_.erase({peer.id, peer.endpoint.port});
  const auto it = Lower(peer.id);
  if (it == entries_.end() || it->peer.id != peer.id) return Add(peer, true);
  const bool news = it->peer != peer;
  if (!it->heard) --presumed_;
  *it = {peer, true, false};
  return news;
}

std::optional<MemberEvent> MemberTable::Lost(const Peer& peer, BootTime now) {
  if (peer.id == self_.id) return std::nullopt;
  if (silent_.size() >= kMaxSilent) EvictLowest(&silent_);
  silent_[{peer.id, peer.endpoint.port}] = {peer.incarnation, now + kSilence};
  const auto it = Lower(peer.id);
  const bool known = it != entries_.end() && it->peer.endpoint == peer.endpoint && it->peer.id == peer.id;
  if (!known || it->peer.incarnation > peer.incarnation) return std::nullopt;
  const MemberEvent event{it->peer, true};
  Erase(it);
  return event;
}

void MemberTable::Expire(BootTime now) {
  absl::erase_if(silent_, [&](const auto& s) { return s.second.until <= now; });
}

// --- asking it -------------------------------------------------------------------

std::vector<Peer> MemberTable::Behind(const Key& key, size_t count) const {
  std::vector<Peer> out;
  const size_t start = static_cast<size_t>(Lower(key) - entries_.begin());
  for (size_t i = 0; i < entries_.size() && out.size() < count; ++i) {
    const Entry& entry = entries_[(start + i) % entries_.size()];
    if (!entry.suspect) out.push_back(entry.peer);
  }
  return out;
}

std::vector<Peer> MemberTable::Before(const Key& key, size_t count) const {
  std::vector<Peer> out;
  const size_t n = entries_.size();
  const size_t start = static_cast<size_t>(Lower(key) - entries_.begin());
  for (size_t i = 1; i <= n && out.size() < count; ++i) {
    const Entry& entry = entries_[(start + n - i) % n];
    if (!entry.suspect) out.push_back(entry.peer);
  }
  return out;
}

const Peer& MemberTable::ToCheck(const Key& after) const {
  const size_t n = entries_.size();
  size_t start = static_cast<size_t>(Lower(after) - entries_.begin());
  if (start < n && entries_[start].peer.id == after) ++start;
  for (size_t i = 0; presumed_ > 0 && i < n; ++i) {
    const Entry& entry = entries_[(start + i) % n];
    if (!entry.heard) return entry.peer;
  }
  return entries_[start % n].peer;
}

std::optional<Peer> MemberTable::Find(const Key& id) const {
  const Entry* known = At(id);
  if (known == nullptr || known->suspect) return std::nullopt;
  return known->peer;
}

size_t MemberTable::suspects() const {
  return static_cast<size_t>(
      std::count_if(entries_.begin(), entries_.end(), [](const Entry& e) { return e.suspect; }));
}

// --- comparing -------------------------------------------------------------------

bool MemberTable::Arc::Contains(const Key& id) const {
  const int bytes = depth / 8, rest = depth % 8;
  if (!std::equal(id.begin(), id.begin() + bytes, prefix.begin())) return false;
  return rest == 0 || (id[bytes] ^ prefix[bytes]) >> (8 - rest) == 0;
}

MemberTable::Arc MemberTable::Arc::Child(int index) const {
  Arc child{prefix, depth + kChildBits};
  for (int i = 0; i < kChildBits; ++i) {
    const int at = depth + i;
    const int bit = index >> (kChildBits - 1 - i) & 1;
    child.prefix[at / 8] = static_cast<uint8_t>(child.prefix[at / 8] | bit << (7 - at % 8));
  }
  return child;
}

Digests MemberTable::DigestsOf(const Arc& arc) const {
  Digests digests{};
  Walk(arc, std::nullopt, [&](const Peer& peer) {
    digests[BitsAt(peer.id, arc.depth, kChildBits)] += DigestOf(peer);
    return true;
  });
  return digests;
}

size_t MemberTable::CountIn(const Arc& arc) const {
  size_t count = 0;
  Walk(arc, std::nullopt, [&](const Peer&) { return ++count, true; });
  return count;
}

}  // namespace ov6::chord
