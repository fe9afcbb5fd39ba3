// SPDX-License-Identifier: Apache-2.0
// Zave's invariant as invariant.h states it, kept up to date: what one node's change costs is a handful of
// logarithms, so that it can be asked after every event of a thousand nodes.
#ifndef OV6_TESTS_SIM_RING_INVARIANT_H
#define OV6_TESTS_SIM_RING_INVARIANT_H

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/simulator.h"

namespace ov6::sim {

// Numbers under indices, some of which count: how many of those are zero.
class ZeroCounter {
 public:
  void Resize(size_t size);
  void SetCounts(size_t index, bool counts);
  void Add(size_t first, size_t last, int delta);  // first..last, both included
  size_t Zeros() const;

 private:
  struct Node {
    int least = 0;  // of those that count
    size_t how_many = 0;
    int pending = 0;
  };
  void Change(size_t at, size_t low, size_t high, size_t first, size_t last, int delta,
              std::optional<bool> counts);
  void Merge(size_t at);

  size_t size_ = 0;
  std::vector<Node> nodes_;
};

class RingInvariant {
 public:
  // Call after node `number`'s view has changed, for every node.
  void Changed(const Simulator& simulator, size_t number);
  // A sentence about what is wrong, or the empty string.
  std::string Check() const;
  size_t principals() const { return zeros_.Zeros(); }

 private:
  using Position = uint64_t;
  struct Entry {
    Position at = 0;
    uint64_t incarnation = 0;
  };
  struct Known {
    std::string name;
    Position at = 0;
    std::optional<uint64_t> incarnation;  // none: not alive
    bool member = false;
    bool in_ring = false;
    std::vector<Entry> list;
    size_t live = 0;  // entries of the list that are alive
  };

  void Rebuild(const Simulator& simulator);
  void Forget(Known* known, size_t number);
  void Learn(const Simulator& simulator, size_t number);
  void SetLife(Known* known, std::optional<uint64_t> incarnation);
  void CountSkips(const Known& known, int delta);
  void CountBetween(Position from, Position to, int delta);
  void CheckList(size_t number);

  size_t r_ = 0;
  size_t members_ = 0, in_ring_ = 0;
  std::vector<Known> nodes_;
  std::vector<Position> positions_;         // of all that ever were, sorted
  std::map<Position, size_t> by_position_;  // node numbers
  std::map<Position, std::set<std::pair<size_t, uint64_t>>>
      listed_by_;             // (node number, incarnation it lists)
  std::set<size_t> forlorn_;  // members without a live entry
  std::map<size_t, std::string> bad_lists_;
  ZeroCounter zeros_;  // how many lists skip each member
};

}  // namespace ov6::sim

#endif
