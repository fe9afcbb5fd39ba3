// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/invariant.h"

#include <algorithm>
#include <set>

#include "userspace/base/bytes.h"

namespace ov6::sim {
namespace {

using chord::ChordView;
using chord::Mode;
using chord::Peer;

// The first 64 bits of an id tell the nodes of a simulation apart, and are quick to compare.
uint64_t Position(const Key& id) { return ByteReader(id).U64(); }
bool StrictlyBetween(uint64_t a, uint64_t x, uint64_t b) {
  return x != a && x != b && (a == b || x - a < b - a);
}

struct Member {
  uint64_t at = 0;
  const ChordView* view = nullptr;
};
struct Members {
  std::vector<Member> all;  // in the order of the ring
  size_t r = 0;
  size_t in_ring = 0;
};

// In the ring, or in a mesh with a full list: about to be.
Members MembersOf(const Simulator& simulator) {
  Members members;
  for (size_t i = 0; i < simulator.size(); ++i) {
    if (!simulator.node(i).view) continue;
    const ChordView& view = *simulator.node(i).view;
    members.r = simulator.node(i).config.successors;
    members.in_ring += view.mode == Mode::kRing;
    const bool full_mesh = view.mode == Mode::kMesh && view.successors.size() >= members.r;
    if (view.mode == Mode::kRing || full_mesh) members.all.push_back({Position(view.self.id), &view});
  }
  std::sort(members.all.begin(), members.all.end(),
            [](const Member& a, const Member& b) { return a.at < b.at; });
  return members;
}

// Marks every member strictly between two neighbours of the extended list of member `index`.
void MarkSkipped(const Members& members, size_t index, std::vector<bool>* skipped) {
  const size_t n = members.all.size();
  uint64_t from = members.all[index].at;
  size_t next = (index + 1) % n;
  for (const Peer& peer : members.all[index].view->successors) {
    const uint64_t to = Position(peer.id);
    for (size_t steps = 0; steps < n && StrictlyBetween(from, members.all[next].at, to); ++steps) {
      (*skipped)[next] = true;
      next = (next + 1) % n;
    }
    if (members.all[next].at == to) next = (next + 1) % n;
    from = to;
  }
}

size_t CountPrincipals(const Members& members) {
  std::vector<bool> skipped(members.all.size(), false);
  for (size_t i = 0; i < members.all.size(); ++i) MarkSkipped(members, i, &skipped);
  return static_cast<size_t>(std::count(skipped.begin(), skipped.end(), false));
}

std::string Name(const Peer& peer) { return peer.endpoint.ToString(); }

std::set<std::pair<uint64_t, uint64_t>> Live(const Simulator& simulator) {
  std::set<std::pair<uint64_t, uint64_t>> live;
  for (size_t i = 0; i < simulator.size(); ++i) {
    const auto& view = simulator.node(i).view;
    if (view) live.emplace(Position(view->self.id), view->self.incarnation);
  }
  return live;
}

std::string CheckRing(const Simulator& simulator, const Members& members) {
  const auto live = Live(simulator);
  for (const Member& member : members.all) {
    const auto& list = member.view->successors;
    const bool any = std::any_of(list.begin(), list.end(), [&](const Peer& p) {
      return live.contains({Position(p.id), p.incarnation});
    });
    if (!any) return Name(member.view->self) + " has no live successor";
  }
  if (members.all.size() <= members.r) return "";
  const size_t principals = CountPrincipals(members);
  if (principals > members.r) return "";
  return "only " + std::to_string(principals) + " principals of " + std::to_string(members.all.size()) +
         " members";
}

std::string CheckLists(const Simulator& simulator) {
  for (size_t i = 0; i < simulator.size(); ++i) {
    if (!simulator.node(i).view) continue;
    const ChordView& view = *simulator.node(i).view;
    for (auto peer = view.successors.begin(); peer != view.successors.end(); ++peer) {
      const bool twice =
          std::any_of(view.successors.begin(), peer, [&](const Peer& p) { return p.id == peer->id; });
      if (twice || peer->id == view.self.id)
        return Name(view.self) + " lists itself or " + Name(*peer) + " twice";
      if (!simulator.Known(peer->id)) return Name(view.self) + " lists a node that never was";
    }
  }
  return "";
}

}  // namespace

std::string CheckInvariant(const Simulator& simulator) {
  const std::string lists = CheckLists(simulator);
  if (!lists.empty()) return lists;
  const Members members = MembersOf(simulator);
  return members.in_ring == 0 ? "" : CheckRing(simulator, members);
}

size_t Principals(const Simulator& simulator) { return CountPrincipals(MembersOf(simulator)); }

}  // namespace ov6::sim
