// SPDX-License-Identifier: Apache-2.0
// Every member of the ring, as far as this node knows: what makes a lookup one hop (after Gupta, Liskov,
// Rodrigues, NSDI 2004). For speed alone, as fingers are: who is missing, dead or made up here costs
// messages, never a wrong answer. What others tell is news to be checked; a member comes in when it has
// answered this node, and goes when it has not. Only a table fetched whole is presumed right, and checked
// bit by bit. Bounded; at most a few of one IPv4 /24.
#ifndef OV6_SLAVES_ENGINE_CHORD_MEMBER_TABLE_H
#define OV6_SLAVES_ENGINE_CHORD_MEMBER_TABLE_H

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "ov6/time.h"
#include "slaves/engine/chord/digests.h"
#include "slaves/engine/chord/peer.h"

namespace ov6::chord {

struct MemberEvent {
  Peer peer;
  bool dead = false;
  bool operator==(const MemberEvent&) const = default;
};

class MemberTable {
 public:
  static constexpr size_t kMaxSilent = 4096;
  static constexpr Duration kSilence = std::chrono::seconds(60);
  static constexpr int kChildren = kDigestParts;
  static constexpr int kChildBits = 5;

  struct Limits {
    size_t members = 10000;
    size_t per_24 = 4;  // of one IPv4 /24; 0: no limit
  };

  MemberTable(const Peer& self, Limits limits);

  // Whether what others tell differs from what is known here, and is worth asking the member about.
  bool IsNews(const MemberEvent& event, BootTime now) const;
  // The member's death is told: it is left out of Behind and Before until it is Seen or Lost.
  void Suspect(const Key& id);
  // Taken from another's table, unasked, if there is none of that id.
  void Presume(const Peer& peer);
  // The member has answered this node. True: that was news.
  bool Seen(const Peer& peer);
  // It did not answer this node, or said goodbye: for a while no tale brings this incarnation back. Returns
  // the event to tell, if it was in the table.
  std::optional<MemberEvent> Lost(const Peer& peer, BootTime now);
  void Expire(BootTime now);
  void Clear();

  // The nearest at or behind the key, clockwise; and before it, the nearest first. This node is among them.
  std::vector<Peer> Behind(const Key& key, size_t count) const;
  std::vector<Peer> Before(const Key& key, size_t count) const;
  // Member number `index`, in the order of the ring, modulo their number.
  const Peer& At(size_t index) const { return entries_[index % entries_.size()].peer; }
  // The member behind `after` that is only presumed; if there is none, whichever is next.
  const Peer& ToCheck(const Key& after) const;
  std::optional<Peer> Find(const Key& id) const;

  // One arc: the ids that agree with `prefix` in their first `depth` bits.
  struct Arc {
    Key prefix{};
    int depth = 0;
    bool Contains(const Key& id) const;
    Arc Child(int index) const;
  };
  Digests DigestsOf(const Arc& arc) const;
  size_t CountIn(const Arc& arc) const;
  // Calls take(peer) for each member of the arc behind `after`, in order, until it returns false; whether it
  // did.
  template <typename Take>
  bool Walk(const Arc& arc, const std::optional<Key>& after, Take take) const;

  size_t size() const { return entries_.size(); }
  size_t suspects() const;
  size_t presumed() const { return presumed_; }

 private:
  struct Entry {
    Peer peer;
    bool heard = false, suspect = false;
  };
  struct Silence {
    uint64_t incarnation = 0;
    BootTime until{};
  };
  using Iterator = std::vector<Entry>::iterator;

  size_t PlaceOf(const Key& id) const;
  Iterator Lower(const Key& id) { return entries_.begin() + static_cast<std::ptrdiff_t>(PlaceOf(id)); }
  std::vector<Entry>::const_iterator Lower(const Key& id) const {
    return entries_.begin() + static_cast<std::ptrdiff_t>(PlaceOf(id));
  }
  const Entry* At(const Key& id) const;
  bool Add(const Peer& peer, bool heard);
  void Erase(Iterator it);

  Peer self_;
  Limits limits_;
  std::vector<Entry> entries_;           // by id
  std::vector<uint64_t> starts_;         // the first 64 bits of each one's id, for searching
  size_t presumed_ = 0;                  // not heard yet
  std::map<uint32_t, size_t> networks_;  // members of each /24
  absl::flat_hash_map<std::pair<Key, uint16_t>, Silence>
      silent_;  // by id and port: one made up silences nobody else
};

template <typename Take>
bool MemberTable::Walk(const Arc& arc, const std::optional<Key>& after, Take take) const {
  auto it = Lower(after && *after >= arc.prefix ? *after : arc.prefix);
  for (; it != entries_.end() && arc.Contains(it->peer.id); ++it) {
    if (it->suspect || (after && it->peer.id <= *after)) continue;
    if (!take(it->peer)) return true;
  }
  return false;
}

}  // namespace ov6::chord

#endif
