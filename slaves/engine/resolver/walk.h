// SPDX-License-Identifier: Apache-2.0
// The keys of one address: which to ask next, and what the answers amount to. Either the
// paper's way, "zeroes the last set bit in the address, and makes another attempt", or
// all that can hold anything at once; full keys lead to further ones in both. Pure.
#ifndef OV6_SLAVES_ENGINE_RESOLVER_WALK_H
#define OV6_SLAVES_ENGINE_RESOLVER_WALK_H

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "ov6/engine.h"
#include "slaves/engine/resolver/records.h"
#include "userspace/wire/record.h"
#include "userspace/wire/storage_key.h"

namespace ov6 {

struct KeyAnswer {
  bool answered = false;  // false: nobody answered, or it was left out for the budget
  bool overflowed = false;
  std::vector<Record> records = {};  // valid ones, revocations too
};

// What a walk has found out.
struct Findings {
  bool sure = false;            // false: could not ask
  Prefix piece;                 // around the address: what lies in it or around it is known
  std::vector<Record> records;  // that count, of the piece and around it
  std::vector<Record> seen;     // all that the keys brought of it, revocations too
};

class Walk {
 public:
  // `full`: keys that had no room for all that belongs there when last asked; what they lead to is asked at
  // the same time as they are. Lives as long as the walk.
  Walk(const Domain& domain, const Ipv6& address, bool zeroing, const std::set<Ipv6>& full);

  // The keys to ask now, as addresses. Empty: wait for answers, or, with none outstanding, it is over.
  std::vector<Ipv6> Next();
  void Take(const Ipv6& key, KeyAnswer answer);
  bool Outstanding() const { return outstanding_ > 0; }
  Findings Judge() const;

  const Ipv6& address() const { return address_; }

 private:
  // The places of one storage length.
  struct Reach {
    const Place* open = nullptr;  // the one to ask next
    bool known = false;           // all that can hold something has answered
    int piece = 0;                // then: the length of the piece about which that is the whole truth
  };

  std::optional<Ipv6> NextZeroed();
  std::vector<Ipv6> FirstPlaces() const;
  std::vector<Ipv6> NextPlaces() const;
  bool Settled(const std::vector<Record>& records) const;
  Reach ReachOf(const std::vector<Place>& places) const;
  int Needed(const std::vector<Record>& records) const;
  std::vector<Record> Seen() const;
  std::vector<Record> Records() const { return ThatCount(Seen()); }

  const Domain& domain_;
  const std::set<Ipv6>& full_;
  Ipv6 address_;
  std::map<int, std::vector<Place>> places_;  // by storage length
  std::optional<Ipv6> at_;  // the address as zeroed so far; nullopt: that is over, or not the way
  std::map<Ipv6, KeyAnswer> answers_;
  std::set<Ipv6> asked_;
  size_t outstanding_ = 0;
};

}  // namespace ov6

#endif
