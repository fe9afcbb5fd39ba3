// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/invariant.h"

#include <algorithm>
#include <set>

#include "slaves/engine/chord/ring.h"

namespace ov6::sim {
namespace {

using chord::ChordView;
using chord::Mode;
using chord::Peer;

struct Members {
  std::vector<ChordView> views;  // in the order of ids
  std::set<Peer> live;           // everybody alive, in or not
  size_t r = 0;
  size_t in_ring = 0;
};

// In the ring, or in a mesh with a full list: about to be.
Members MembersOf(const Simulator& simulator) {
  Members members;
  for (const size_t i : simulator.Alive()) {
    const ChordView view = simulator.node(i).engine->View();
    members.live.insert(view.self);
    members.r = simulator.node(i).config.successors;
    members.in_ring += view.mode == Mode::kRing;
    const bool full_mesh = view.mode == Mode::kMesh && view.successors.size() >= members.r;
    if (view.mode == Mode::kRing || full_mesh) members.views.push_back(view);
  }
  std::sort(members.views.begin(), members.views.end(),
            [](const auto& a, const auto& b) { return a.self < b.self; });
  return members;
}

// Marks every member strictly between two neighbours of the extended list.
void MarkSkipped(const Members& members, const ChordView& view, std::vector<bool>* skipped) {
  Key from = view.self.id;
  for (const Peer& to : view.successors) {
    const size_t n = members.views.size();
    const auto after = std::upper_bound(members.views.begin(), members.views.end(), from,
                                        [](const Key& key, const ChordView& v) { return key < v.self.id; });
    size_t i = static_cast<size_t>(after - members.views.begin()) % n;
    for (size_t steps = 0; steps < n && chord::Between(from, members.views[i].self.id, to.id); ++steps) {
      (*skipped)[i] = true;
      i = (i + 1) % n;
    }
    from = to.id;
  }
}

size_t CountPrincipals(const Members& members) {
  std::vector<bool> skipped(members.views.size(), false);
  for (const ChordView& view : members.views) MarkSkipped(members, view, &skipped);
  return static_cast<size_t>(std::count(skipped.begin(), skipped.end(), false));
}

std::string Name(const Peer& peer) { return peer.endpoint.ToString(); }

std::string CheckRing(const Members& members) {
  for (const ChordView& view : members.views) {
    const bool live = std::any_of(view.successors.begin(), view.successors.end(),
                                  [&](const Peer& p) { return members.live.contains(p); });
    if (!live) return Name(view.self) + " has no live successor";
  }
  if (members.views.size() <= members.r) return "";
  const size_t principals = CountPrincipals(members);
  if (principals > members.r) return "";
  return "only " + std::to_string(principals) + " principals of " + std::to_string(members.views.size()) +
         " members";
}

std::string CheckLists(const Simulator& simulator) {
  std::set<Key> known;
  for (size_t i = 0; i < simulator.size(); ++i) known.insert(simulator.node(i).config.id);
  for (const size_t i : simulator.Alive()) {
    const ChordView view = simulator.node(i).engine->View();
    std::set<Key> seen{view.self.id};
    for (const Peer& peer : view.successors) {
      if (!seen.insert(peer.id).second) return Name(view.self) + " lists itself or " + Name(peer) + " twice";
      if (!known.contains(peer.id)) return Name(view.self) + " lists a node that never was";
    }
  }
  return "";
}

}  // namespace

std::string CheckInvariant(const Simulator& simulator) {
  const std::string lists = CheckLists(simulator);
  if (!lists.empty()) return lists;
  const Members members = MembersOf(simulator);
  return members.in_ring == 0 ? "" : CheckRing(members);
}

size_t Principals(const Simulator& simulator) { return CountPrincipals(MembersOf(simulator)); }

}  // namespace ov6::sim
