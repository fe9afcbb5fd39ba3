// SPDX-License-Identifier: Apache-2.0
// The paper's lookup over any DHT: "first attempts to look the address up as is. If
// this fails, the Slave zeroes the last set bit in the address, and makes another
// attempt." A record that is found counts only if it covers the address, and the walk
// ends at the domain's own prefix. No I/O: GetRequests out, GetOutputs in.
#ifndef OV6_SLAVES_ENGINE_RESOLVER_RESOLVER_H
#define OV6_SLAVES_ENGINE_RESOLVER_RESOLVER_H

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ov6/engine.h"
#include "userspace/wire/record.h"

namespace ov6 {

struct ResolverConfig {
  Domain domain;
  uint64_t first_request_id = uint64_t{1} << 32;        // ids of its GetRequests count up from here
  Duration found_lifetime = std::chrono::seconds(300);  // at most; less if the record expires first
  int soft_percent = 80;                                // of a lifetime: after it, ask again
  Duration absent_lifetime = std::chrono::seconds(15);
  Duration failed_lifetime = std::chrono::seconds(1);       // doubles with each failure in a row ...
  Duration failed_lifetime_max = std::chrono::seconds(60);  // ... up to this
  size_t max_walks = 256;                                   // lookups in flight; one an aggregate
  size_t max_waiting = 1024;                                // addresses that wait for another's lookup
  size_t max_cached = 16384;                                // aggregates
};

enum class StepAnswer { kFound, kAbsent, kNotCovering, kUnreachable };
std::string_view ToString(StepAnswer answer);  // "found", "absent", "not-covering", "unreachable"

struct ResolveStep {
  Ipv6 key;  // the address as zeroed so far
  StepAnswer answer = StepAnswer::kAbsent;
  int records = 0;  // valid ones, not revoked
  int hops = 0;
  Duration rtt{};
};

enum class ResolveOutcome { kFound, kAbsent, kUnreachable };
std::string_view ToString(ResolveOutcome outcome);  // "found", "absent", "unreachable"

struct ResolveOutput {
  uint64_t id = 0;  // as given to Resolve
  Ipv6 address;
  ResolveOutcome outcome = ResolveOutcome::kUnreachable;
  // Found: the longest covering record first, then every other of its aggregate, so that a mapping is
  // never installed without the longer ones beneath it.
  std::vector<Record> records;
  // Where the answer surely holds. Found: the record's prefix, or the part of it inside the address's
  // aggregate if it is shorter than that. Absent: the widest hole around the address that was seen
  // empty, at least /128, the whole aggregate if nothing lives there. Unreachable: the aggregate.
  Prefix covering;
  // From now on. A negative's two are the same.
  Duration soft_lifetime{};
  Duration hard_lifetime{};
  std::vector<ResolveStep> steps;  // empty if it came from the cache
  Duration time{};
  bool cached = false;
};

using ResolverOutput = std::variant<GetRequest, ResolveOutput>;

struct ResolverCounters {
  uint64_t resolved = 0, cached = 0, coalesced = 0, overflow = 0, gets = 0, bad_record = 0, outside = 0;
};

class Resolver {
 public:
  explicit Resolver(ResolverConfig config);
  ~Resolver();

  // Every call gets one ResolveOutput with its id, at once or later. `fresh` doesn't take it from the cache.
  // `hurry` leaves out the keys beneath the aggregate, which can't hold anything: the same answer for less.
  void Resolve(BootTime now, UnixTime wall, uint64_t id, const Ipv6& address, bool fresh = false,
               bool hurry = false);
  // The cache has an answer: Resolve would give it at once.
  bool Knows(BootTime now, const Ipv6& address) const;
  // Takes the answer to one of its GetRequests; false: the id is not one of its own.
  bool OnGet(BootTime now, UnixTime wall, const GetOutput& answer);
  std::optional<ResolverOutput> NextOutput();

  // Forgets what is cached for the aggregate around the address (a mapping was refused, a record revoked).
  void Forget(const Ipv6& address);
  const ResolverCounters& counters() const;
  size_t cached() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ov6

#endif
