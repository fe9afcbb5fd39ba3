// SPDX-License-Identifier: Apache-2.0
// Every member of the ring, as far as this node has heard: what makes a lookup one hop (after Gupta, Liskov,
// Rodrigues, NSDI 2004). For speed alone, as fingers are: who is missing, dead or made up here costs
// messages, never a wrong answer. What is told is ordered by (incarnation, epoch), a death before a life of
// the same; only the member itself raises its epoch, to contradict a false death. What is told replaces what
// was known until it turns out to be false; what this node sees itself replaces anything. Bounded; at most a
// few of one IPv4 /24.
#ifndef OV6_SLAVES_ENGINE_CHORD_MEMBER_TABLE_H
#define OV6_SLAVES_ENGINE_CHORD_MEMBER_TABLE_H

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "ov6/time.h"
#include "slaves/engine/chord/digests.h"
#include "slaves/engine/chord/peer.h"

namespace ov6::chord {

struct MemberEvent {
  Peer peer;
  uint64_t epoch = 0;
  bool dead = false;
  bool operator==(const MemberEvent&) const = default;
};

class MemberTable {
 public:
  static constexpr size_t kMaxTombstones = 4096;
  static constexpr size_t kMaxBefore = 1024;
  static constexpr Duration kTombstoneLife = std::chrono::minutes(5);
  static constexpr Duration kSuspicion = std::chrono::seconds(60);
  static constexpr uint64_t kMaxEpochStep = uint64_t{1} << 32;  // one lie can't use up the epochs
  static constexpr int kChildren = kDigestParts;
  static constexpr int kChildBits = 5;

  struct Limits {
    size_t members = 10000;
    size_t per_24 = 4;  // of one IPv4 /24; 0: no limit
  };

  MemberTable(const Peer& self, Limits limits);

  // What others tell. True: it was news here, and is worth telling on. A told death makes a member suspect,
  // who is left out of Behind and Before and is gone kSuspicion later if nobody contradicts.
  bool Hear(const MemberEvent& event, BootTime now);
  // The member has answered this node: alive, whatever is told.
  bool Seen(const Peer& peer);
  // It did not answer this node, or said goodbye. Returns the event to tell, if it was in the table. One that
  // is only told to have restarted or moved gives way to what was known before.
  std::optional<MemberEvent> Lost(const Peer& peer, BootTime now);
  void Expire(BootTime now);
  void Clear();

  // The nearest at or behind the key, clockwise; and before it, the nearest first. This node is among them.
  std::vector<Peer> Behind(const Key& key, size_t count) const;
  std::vector<Peer> Before(const Key& key, size_t count) const;
  // Member number `index`, in the order of the ring, modulo their number.
  const Peer& At(size_t index) const { return entries_[index % entries_.size()].event.peer; }
  std::optional<MemberEvent> Find(const Key& id) const;
  // Whether the death of this node itself was told; then its epoch has been raised.
  bool Contradict(const MemberEvent& event);
  MemberEvent Self() const { return {self_, self_epoch_, false}; }

  // One arc: the ids that agree with `prefix` in their first `depth` bits.
  struct Arc {
    Key prefix{};
    int depth = 0;
    bool Contains(const Key& id) const;
    Arc Child(int index) const;
  };
  Digests DigestsOf(const Arc& arc) const;
  size_t CountIn(const Arc& arc) const;
  // Calls take(event) for each member of the arc behind `after`, in order, until it returns false; whether it
  // did.
  template <typename Take>
  bool Walk(const Arc& arc, const std::optional<Key>& after, Take take) const;

  size_t size() const { return entries_.size(); }
  size_t suspects() const;

 private:
  struct Entry {
    MemberEvent event;
    std::optional<BootTime> suspect_until;
  };
  struct Tombstone {
    uint64_t incarnation = 0, epoch = 0;
    BootTime until{};
  };
  using Iterator = std::vector<Entry>::iterator;

  Iterator Lower(const Key& id);
  std::vector<Entry>::const_iterator Lower(const Key& id) const;
  bool Add(const MemberEvent& event);
  void Erase(Iterator it);
  void Bury(const MemberEvent& event, BootTime now);
  void Replace(Iterator it, const MemberEvent& event);
  bool HearOfLife(const MemberEvent& event, BootTime now);
  bool HearOfDeath(const MemberEvent& event, BootTime now);

  Peer self_;
  uint64_t self_epoch_ = 0;
  Limits limits_;
  std::vector<Entry> entries_;           // by id
  std::map<uint32_t, size_t> networks_;  // members of each /24
  std::map<Key, Tombstone> tombstones_;
  std::map<Key, MemberEvent> before_;  // those of another port or incarnation that a told one has replaced
};

template <typename Take>
bool MemberTable::Walk(const Arc& arc, const std::optional<Key>& after, Take take) const {
  auto it = Lower(after && *after >= arc.prefix ? *after : arc.prefix);
  for (; it != entries_.end() && arc.Contains(it->event.peer.id); ++it) {
    if (it->suspect_until || (after && it->event.peer.id <= *after)) continue;
    if (!take(it->event)) return true;
  }
  return false;
}

}  // namespace ov6::chord

#endif
