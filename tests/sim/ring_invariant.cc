// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/ring_invariant.h"

#include <algorithm>
#include <limits>

#include "userspace/base/bytes.h"

namespace ov6::sim {
namespace {

using chord::ChordView;
using chord::Mode;

// The first 64 bits of an id tell the nodes of a simulation apart.
uint64_t PositionOf(const Key& id) { return ByteReader(id).U64(); }

}  // namespace

// --- ZeroCounter -----------------------------------------------------------------

void ZeroCounter::Resize(size_t size) {
  size_ = size;
  nodes_.assign(4 * std::max<size_t>(size, 1), {std::numeric_limits<int>::max() / 2, 0, 0});
}

void ZeroCounter::SetCounts(size_t index, bool counts) { Change(1, 0, size_ - 1, index, index, 0, counts); }

void ZeroCounter::Add(size_t first, size_t last, int delta) {
  if (first <= last) Change(1, 0, size_ - 1, first, last, delta, std::nullopt);
}

size_t ZeroCounter::Zeros() const { return size_ > 0 && nodes_[1].least == 0 ? nodes_[1].how_many : 0; }

// A leaf's own number is its `pending`; it counts if how_many is one.
void ZeroCounter::Change(size_t at, size_t low, size_t high, size_t first, size_t last, int delta,
                         std::optional<bool> counts) {
  if (last < low || high < first) return;
  Node& node = nodes_[at];
  if (first <= low && high <= last && !counts) {
    node.pending += delta;
    if (node.how_many > 0) node.least += delta;
    return;
  }
  if (low == high) {
    node.how_many = *counts ? 1 : 0;
    node.least = *counts ? node.pending : std::numeric_limits<int>::max() / 2;
    return;
  }
  const size_t middle = (low + high) / 2;
  Change(2 * at, low, middle, first, last, delta, counts);
  Change(2 * at + 1, middle + 1, high, first, last, delta, counts);
  Merge(at);
}

void ZeroCounter::Merge(size_t at) {
  Node& node = nodes_[at];
  const Node &left = nodes_[2 * at], &right = nodes_[2 * at + 1];
  const bool l = left.how_many > 0, r = right.how_many > 0;
  node.least = std::numeric_limits<int>::max() / 2;
  node.how_many = 0;
  for (const auto& [some, child] : {std::pair(l, left), std::pair(r, right)}) {
    if (!some || child.least > node.least) continue;
    if (child.least < node.least) node.how_many = 0;
    node.least = child.least;
    node.how_many += child.how_many;
  }
  if (node.how_many > 0) node.least += node.pending;
}

// --- RingInvariant ---------------------------------------------------------------

// A node more: all positions move up.
void RingInvariant::Rebuild(const Simulator& simulator) {
  const size_t old = nodes_.size();
  nodes_.resize(simulator.size());
  for (size_t i = old; i < nodes_.size(); ++i) {
    nodes_[i].at = PositionOf(simulator.node(i).id);
    nodes_[i].name = simulator.node(i).endpoint.ToString();
    by_position_[nodes_[i].at] = i;
    positions_.push_back(nodes_[i].at);
  }
  std::sort(positions_.begin(), positions_.end());
  zeros_.Resize(positions_.size());
  for (const Known& known : nodes_) {
    if (!known.member) continue;
    const auto index = std::lower_bound(positions_.begin(), positions_.end(), known.at) - positions_.begin();
    zeros_.SetCounts(static_cast<size_t>(index), true);
    CountSkips(known, 1);
  }
}

void RingInvariant::Changed(const Simulator& simulator, size_t number) {
  if (nodes_.size() != simulator.size()) Rebuild(simulator);
  Forget(&nodes_[number], number);
  Learn(simulator, number);
  CheckList(number);
}

void RingInvariant::Forget(Known* known, size_t number) {
  for (const Entry& entry : known->list) listed_by_[entry.at].erase({number, entry.incarnation});
  if (!known->member) return;
  CountSkips(*known, -1);
  const auto index = std::lower_bound(positions_.begin(), positions_.end(), known->at) - positions_.begin();
  zeros_.SetCounts(static_cast<size_t>(index), false);
  --members_;
  in_ring_ -= known->in_ring ? 1 : 0;
  forlorn_.erase(number);
}

void RingInvariant::Learn(const Simulator& simulator, size_t number) {
  Known& known = nodes_[number];
  const std::optional<ChordView>& view = simulator.node(number).view;
  SetLife(&known, view ? std::optional(view->self.incarnation) : std::nullopt);
  known.list.clear();
  known.member = known.in_ring = false;
  known.live = 0;
  if (!view) return;
  r_ = static_cast<size_t>(simulator.node(number).config.successors);
  known.in_ring = view->mode == Mode::kRing;
  // In the ring, or in a mesh with a full list: about to be.
  known.member = known.in_ring || (view->mode == Mode::kMesh && view->successors.size() >= r_);
  for (const chord::Peer& peer : view->successors) {
    const Entry entry{PositionOf(peer.id), peer.incarnation};
    known.list.push_back(entry);
    listed_by_[entry.at].insert({number, entry.incarnation});
    const auto target = by_position_.find(entry.at);
    known.live += target != by_position_.end() && nodes_[target->second].incarnation == entry.incarnation;
  }
  if (!known.member) return;
  ++members_;
  in_ring_ += known.in_ring ? 1 : 0;
  if (known.live == 0) forlorn_.insert(number);
  const auto index = std::lower_bound(positions_.begin(), positions_.end(), known.at) - positions_.begin();
  zeros_.SetCounts(static_cast<size_t>(index), true);
  CountSkips(known, 1);
}

void RingInvariant::SetLife(Known* known, std::optional<uint64_t> incarnation) {
  if (known->incarnation == incarnation) return;
  for (const auto& [lister, listed] : listed_by_[known->at]) {
    Known& other = nodes_[lister];
    if (known->incarnation == listed) --other.live;
    if (incarnation == listed) ++other.live;
    if (!other.member) continue;
    if (other.live == 0) forlorn_.insert(lister);
    if (other.live > 0) forlorn_.erase(lister);
  }
  known->incarnation = incarnation;
}

// Every member strictly between two neighbours of the extended list is skipped.
void RingInvariant::CountSkips(const Known& known, int delta) {
  Position from = known.at;
  for (const Entry& entry : known.list) {
    CountBetween(from, entry.at, delta);
    from = entry.at;
  }
}

void RingInvariant::CountBetween(Position from, Position to, int delta) {
  const auto first = std::upper_bound(positions_.begin(), positions_.end(), from) - positions_.begin();
  const auto end = std::lower_bound(positions_.begin(), positions_.end(), to) - positions_.begin();
  if (from < to) {
    if (first < end) zeros_.Add(static_cast<size_t>(first), static_cast<size_t>(end) - 1, delta);
    return;
  }
  if (first < std::ssize(positions_)) zeros_.Add(static_cast<size_t>(first), positions_.size() - 1, delta);
  if (end > 0) zeros_.Add(0, static_cast<size_t>(end) - 1, delta);
}

void RingInvariant::CheckList(size_t number) {
  bad_lists_.erase(number);
  const Known& known = nodes_[number];
  std::set<Position> seen{known.at};
  for (const Entry& entry : known.list) {
    if (!seen.insert(entry.at).second) bad_lists_[number] = known.name + " lists itself or another twice";
    if (!by_position_.contains(entry.at)) bad_lists_[number] = known.name + " lists a node that never was";
  }
}

std::string RingInvariant::Check() const {
  if (!bad_lists_.empty()) return bad_lists_.begin()->second;
  if (in_ring_ == 0) return "";
  if (!forlorn_.empty()) return nodes_[*forlorn_.begin()].name + " has no live successor";
  if (members_ <= r_ || principals() > r_) return "";
  return "only " + std::to_string(principals()) + " principals of " + std::to_string(members_) + " members";
}

}  // namespace ov6::sim
