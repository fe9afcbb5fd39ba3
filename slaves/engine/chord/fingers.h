// SPDX-License-Identifier: Apache-2.0
// The finger table: finger i is the successor of id + 2^i. Only distinct ones are
// kept, each under the lowest index it serves, about log2 N of the 160. Fingers are
// for speed alone; nothing that is right depends on them.
#ifndef OV6_SLAVES_ENGINE_CHORD_FINGERS_H
#define OV6_SLAVES_ENGINE_CHORD_FINGERS_H

#include <map>

#include "slaves/engine/chord/peer.h"

namespace ov6::chord {

class Fingers {
 public:
  explicit Fingers(const Key& self) : self_(self) {}

  // The index to look up next. Everything up to the last successor is known from the list.
  int Next(const Key& last_successor);
  Key Start(int index) const;
  // successor(Start(index)) was found to be `peer`. Returns whether the round is over.
  bool Set(int index, const Peer& peer);
  void Remove(const Key& id);
  void Clear() { fingers_.clear(); }
  const std::map<int, Peer>& all() const { return fingers_; }

 private:
  Key self_;
  int next_ = 0;
  std::map<int, Peer> fingers_;
};

}  // namespace ov6::chord

#endif
