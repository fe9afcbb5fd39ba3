// SPDX-License-Identifier: Apache-2.0
// Which lookup may ask the DHT, and when: what keeps a flood of misses or of forged
// tunnel packets from becoming a flood of DHT messages, and from starving others.
//
// Budgets in DHT messages a second: in all, for each class (refreshes of mappings in
// use, misses, verifications), and for each source that makes us ask. Refreshes go
// first; misses and verifications take turns, and so do the sources of a class. What may
// not start yet waits, bounded by source and in all, and no longer than its sender is
// patient; whatever gives way is counted by name. What a lookup costs is known only at
// its end: it is charged some messages when it starts, and the rest (a debt, if need
// be) when it is over. Pure: the time is handed in.
#ifndef OV6_SLAVES_DHT_LOOKUP_QUEUE_H
#define OV6_SLAVES_DHT_LOOKUP_QUEUE_H

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "ov6/time.h"
#include "userspace/base/token_bucket.h"
#include "userspace/port/frame_port.h"

namespace ov6 {

class LookupQueue {
 public:
  enum Class { kRefresh, kMiss, kVerify, kClasses };

  struct Share {
    double rate;       // DHT messages a second
    double burst;      // messages
    size_t in_flight;  // lookups
  };
  struct Limits {
    Share all{1000, 500, 96};
    std::array<Share, kClasses> classes{{{500, 250, 32}, {600, 300, 48}, {250, 125, 16}}};
    Share source{200, 100, 8};  // one of a class; refreshes have none
    size_t waiting = 1024;      // lookups of one class
    size_t source_waiting = 64;
    size_t sources = 1024;  // of one class that are remembered
    Duration patience = std::chrono::seconds(1);
  };
  struct Counters {
    std::array<uint64_t, kClasses> started{};
    std::array<uint64_t, kClasses> messages{};  // DHT messages of lookups that are over
    uint64_t waited = 0;                        // started, but not at once
    // Given up on, each for its reason:
    uint64_t dropped_source_full = 0;   // its source had too many waiting: the oldest of them
    uint64_t dropped_queue_full = 0;    // too many in all: the oldest of the source with most
    uint64_t dropped_patience = 0;      // its turn did not come in time
    uint64_t dropped_sources_full = 0;  // too many sources at once
    uint64_t dropped_refresh = 0;       // too many refreshes waiting: the oldest
  };
  struct Start {
    uint64_t ticket = 0;  // for Finish
    Class kind = kMiss;
    Ipv6 address;
    bool hurry = false;  // it had to wait, or others do
  };

  LookupQueue() : LookupQueue(Limits()) {}
  explicit LookupQueue(const Limits& limits);

  // `source` is not looked at for a refresh. An address may wait for several sources: who comes first starts
  // it.
  void Offer(BootTime now, Class kind, const PuntSource& source, const Ipv6& address);
  // The next that may start now.
  std::optional<Start> Next(BootTime now);
  void Finish(BootTime now, uint64_t ticket, int messages);
  // Addresses of misses and verifications that nobody waits for any more, since the last call.
  std::vector<Ipv6> TakeDropped() { return std::exchange(dropped_, {}); }
  // When to call Next again; max() if nothing waits.
  BootTime NextDeadline(BootTime now) const;

  const Counters& counters() const { return counters_; }
  size_t waiting(Class kind) const { return kinds_[kind].waiting; }
  size_t in_flight(Class kind) const { return kinds_[kind].in_flight; }
  size_t sources(Class kind) const { return kinds_[kind].sources.size(); }

 private:
  struct Waiter {
    Ipv6 address;
    uint64_t generation = 0;
    BootTime since{};
  };
  struct Source {
    TokenBucket bucket;
    std::deque<Waiter> queue;  // oldest first
    size_t in_flight = 0;
    bool listed = false;  // in Kind::turns
    BootTime used{};
  };
  struct Kind {
    TokenBucket bucket;
    std::map<PuntSource, Source> sources;
    std::deque<PuntSource> turns;  // sources with somebody waiting, or a moment ago
    BootTime swept{};
    size_t waiting = 0;
    size_t in_flight = 0;
  };
  struct Interest {
    uint64_t generation = 0;  // of the waiters that count
    size_t waiters = 0;
  };
  struct Flight {
    Class kind;
    PuntSource source;
  };

  Source* SourceOf(BootTime now, Class kind, const PuntSource& source);
  bool EvictIdle(Kind* kind);
  bool Waits(const Source& source, const Ipv6& address) const;
  void MakeRoom(Class kind, Source* source);
  Source* Longest(Class kind);
  bool Live(const Waiter& waiter) const;
  void DropOldest(Class kind, Source* source, uint64_t* counter);
  void ExpireOld(BootTime now, Class kind);
  std::optional<Start> NextOf(BootTime now, Class kind);
  std::optional<Start> Turn(BootTime now, Class kind, const PuntSource& name, Source* source);
  bool MayStart(BootTime now, Class kind);
  Start Launch(BootTime now, Class kind, const PuntSource& name, Source* source, const Waiter& waiter);

  Limits limits_;
  TokenBucket all_;
  std::vector<Kind> kinds_;
  std::map<Ipv6, Interest> interests_;  // of misses and verifications
  std::map<uint64_t, Flight> flights_;
  std::vector<Ipv6> dropped_;
  uint64_t next_ticket_ = 1;
  uint64_t next_generation_ = 1;
  bool verify_next_ = false;
  Counters counters_;
};

}  // namespace ov6

#endif
