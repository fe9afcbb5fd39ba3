// SPDX-License-Identifier: Apache-2.0
#include "slaves/engine/chord/member_table.h"

#include <algorithm>
#include <tuple>

#include "slaves/engine/chord/ring.h"
#include "userspace/base/bytes.h"

namespace ov6::chord {
namespace {

uint32_t NetworkOf(const Peer& peer) { return peer.endpoint.address.value >> 8; }

auto Age(const MemberEvent& event) { return std::tie(event.peer.incarnation, event.epoch); }

// Mixed well enough that the sum over a set tells sets apart; no defence against who makes sets up, which
// costs a comparison that finds nothing.
uint64_t DigestOf(const MemberEvent& event) {
  const uint64_t place = ByteReader(event.peer.id).U64();
  uint64_t x = place ^ (event.peer.incarnation * 0x9e3779b97f4a7c15) ^ (event.epoch * 0xc2b2ae3d27d4eb4f);
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
  networks_.clear();
  tombstones_.clear();
  before_.clear();
  Add(Self());
}

MemberTable::Iterator MemberTable::Lower(const Key& id) {
  return std::lower_bound(entries_.begin(), entries_.end(), id,
                          [](const Entry& e, const Key& k) { return e.event.peer.id < k; });
}
std::vector<MemberTable::Entry>::const_iterator MemberTable::Lower(const Key& id) const {
  return std::lower_bound(entries_.begin(), entries_.end(), id,
                          [](const Entry& e, const Key& k) { return e.event.peer.id < k; });
}

bool MemberTable::Add(const MemberEvent& event) {
  const bool self = event.peer.id == self_.id;
  const bool full = entries_.size() >= limits_.members ||
                    (limits_.per_24 > 0 && networks_[NetworkOf(event.peer)] >= limits_.per_24);
  if (full && !self) return false;
  ++networks_[NetworkOf(event.peer)];
  entries_.insert(Lower(event.peer.id), {event, std::nullopt});
  return true;
}

void MemberTable::Erase(Iterator it) {
  const auto network = networks_.find(NetworkOf(it->event.peer));
  if (--network->second == 0) networks_.erase(network);
  before_.erase(it->event.peer.id);
  entries_.erase(it);
}

// The first one known stays behind: whoever tells two lies gets no further than with one.
void MemberTable::Replace(Iterator it, const MemberEvent& event) {
  if (it->event.peer != event.peer && before_.size() < kMaxBefore) before_.emplace(event.peer.id, it->event);
  *it = {event, std::nullopt};
}

// --- what is told --------------------------------------------------------------

bool MemberTable::Hear(const MemberEvent& event, BootTime now) {
  if (event.peer.id == self_.id) return false;
  return event.dead ? HearOfDeath(event, now) : HearOfLife(event, now);
}

bool MemberTable::HearOfLife(const MemberEvent& event, BootTime now) {
  const auto grave = tombstones_.find(event.peer.id);
  const bool buried = grave != tombstones_.end() && grave->second.until > now &&
                      Age(event) <= std::tie(grave->second.incarnation, grave->second.epoch);
  if (buried) return false;
  const auto it = Lower(event.peer.id);
  if (it == entries_.end() || it->event.peer.id != event.peer.id) return Add(event);
  const bool newer = Age(event) > Age(it->event) && (event.peer.incarnation > it->event.peer.incarnation ||
                                                     event.epoch - it->event.epoch < kMaxEpochStep);
  if (newer) Replace(it, event);
  return newer;
}

bool MemberTable::HearOfDeath(const MemberEvent& event, BootTime now) {
  const auto it = Lower(event.peer.id);
  const bool known = it != entries_.end() && it->event.peer.id == event.peer.id;
  if (!known || it->suspect_until || Age(event) < Age(it->event)) return false;
  if (event.peer.incarnation != it->event.peer.incarnation || event.epoch - it->event.epoch >= kMaxEpochStep)
    return false;
  it->event.epoch = event.epoch;
  it->suspect_until = now + kSuspicion;
  return true;
}

bool MemberTable::Contradict(const MemberEvent& event) {
  const bool about_us =
      event.dead && event.peer.id == self_.id && event.peer.incarnation == self_.incarnation;
  if (!about_us || event.epoch < self_epoch_ || event.epoch - self_epoch_ >= kMaxEpochStep) return false;
  self_epoch_ = event.epoch + 1;
  Lower(self_.id)->event = Self();
  return true;
}

// --- what this node sees ---------------------------------------------------------

bool MemberTable::Seen(const Peer& peer) {
  if (peer.id == self_.id) return false;
  const auto it = Lower(peer.id);
  if (it == entries_.end() || it->event.peer.id != peer.id) {
    const auto grave = tombstones_.find(peer.id);
    const bool same = grave != tombstones_.end() && grave->second.incarnation == peer.incarnation;
    const uint64_t epoch = same ? grave->second.epoch : 0;
    if (grave != tombstones_.end()) tombstones_.erase(grave);
    return Add({peer, epoch, false});
  }
  const bool news = it->event.peer != peer;
  if (news) it->event = {peer, 0, false};
  before_.erase(peer.id);
  it->suspect_until.reset();
  return news;
}

std::optional<MemberEvent> MemberTable::Lost(const Peer& peer, BootTime now) {
  const auto it = Lower(peer.id);
  const bool known = it != entries_.end() && it->event.peer.id == peer.id && peer.id != self_.id;
  if (!known || it->event.peer.incarnation > peer.incarnation) return std::nullopt;
  const auto before = before_.find(peer.id);
  if (before != before_.end() && before->second.peer != peer) {
    *it = {before->second, std::nullopt};
    before_.erase(before);
    return std::nullopt;
  }
  MemberEvent event = it->event;
  event.dead = true;
  Bury(event, now);
  Erase(it);
  return event;
}

void MemberTable::Bury(const MemberEvent& event, BootTime now) {
  if (tombstones_.size() >= kMaxTombstones) tombstones_.erase(tombstones_.begin());
  tombstones_[event.peer.id] = {event.peer.incarnation, event.epoch, now + kTombstoneLife};
}

void MemberTable::Expire(BootTime now) {
  std::erase_if(tombstones_, [&](const auto& t) { return t.second.until <= now; });
  for (auto it = entries_.begin(); it != entries_.end();) {
    if (!it->suspect_until || *it->suspect_until > now) {
      ++it;
      continue;
    }
    Bury(it->event, now);
    const auto at = it - entries_.begin();
    Erase(it);
    it = entries_.begin() + at;
  }
}

// --- asking it -------------------------------------------------------------------

std::vector<Peer> MemberTable::Behind(const Key& key, size_t count) const {
  std::vector<Peer> out;
  const size_t start = static_cast<size_t>(Lower(key) - entries_.begin());
  for (size_t i = 0; i < entries_.size() && out.size() < count; ++i) {
    const Entry& entry = entries_[(start + i) % entries_.size()];
    if (!entry.suspect_until) out.push_back(entry.event.peer);
  }
  return out;
}

std::vector<Peer> MemberTable::Before(const Key& key, size_t count) const {
  std::vector<Peer> out;
  const size_t n = entries_.size();
  const size_t start = static_cast<size_t>(Lower(key) - entries_.begin());
  for (size_t i = 1; i <= n && out.size() < count; ++i) {
    const Entry& entry = entries_[(start + n - i) % n];
    if (!entry.suspect_until) out.push_back(entry.event.peer);
  }
  return out;
}

std::optional<MemberEvent> MemberTable::Find(const Key& id) const {
  const auto it = Lower(id);
  if (it == entries_.end() || it->event.peer.id != id || it->suspect_until) return std::nullopt;
  return it->event;
}

size_t MemberTable::suspects() const {
  return static_cast<size_t>(std::count_if(entries_.begin(), entries_.end(),
                                           [](const Entry& e) { return e.suspect_until.has_value(); }));
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
  Walk(arc, std::nullopt, [&](const MemberEvent& event) {
    digests[BitsAt(event.peer.id, arc.depth, kChildBits)] += DigestOf(event);
    return true;
  });
  return digests;
}

size_t MemberTable::CountIn(const Arc& arc) const {
  size_t count = 0;
  Walk(arc, std::nullopt, [&](const MemberEvent&) { return ++count, true; });
  return count;
}

}  // namespace ov6::chord
