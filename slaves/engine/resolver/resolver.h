// SPDX-License-Identifier: Apache-2.0
// From an address to its mapping, over any DHT: the keys that can hold one are asked at
// once (or one after the other, as the paper zeroes bits: the same answers), what is
// learned is kept for the time it holds, and past that if the DHT can't be asked
// (RFC 8767). No I/O: GetRequests out, GetOutputs in.
#ifndef OV6_SLAVES_ENGINE_RESOLVER_RESOLVER_H
#define OV6_SLAVES_ENGINE_RESOLVER_RESOLVER_H

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ov6/engine.h"
#include "userspace/wire/record_verifier.h"

namespace ov6 {

struct ResolverConfig {
  Domain domain;
  uint64_t first_request_id = uint64_t{1} << 32;        // ids of its GetRequests count up from here
  Duration found_lifetime = std::chrono::seconds(300);  // at most; less if the record expires first
  int soft_percent = 80;                                // of a lifetime: after it, ask again ...
  int soft_jitter = 10;                                 // ... give or take this many percent of that
  Duration absent_lifetime = std::chrono::seconds(20);  // RFC 2308
  int absent_jitter = 50;
  // RFC 9520: doubles with each failure in a row, up to the second.
  Duration failed_lifetime = std::chrono::seconds(1);
  Duration failed_lifetime_max = std::chrono::seconds(60);
  // RFC 8767: what is past its lifetime and can't be asked about goes on for the second, and is asked about
  // again after the first; no more once it is past by the third.
  Duration stale_soft = std::chrono::seconds(30);
  Duration stale_lifetime = std::chrono::seconds(45);
  Duration stale_limit = std::chrono::hours(1);
  int max_messages = 40;      // of one lookup: further keys behind full ones are not asked beyond it
  size_t max_walks = 256;     // lookups in flight; one an aggregate
  size_t max_waiting = 1024;  // addresses that wait for another's lookup
  size_t max_cached = 16384;  // pieces
  uint64_t seed = 1;          // of the jitter
};

enum class StepAnswer { kFound, kAbsent, kNotCovering, kUnreachable };
std::string_view ToString(StepAnswer answer);  // "found", "absent", "not-covering", "unreachable"

// One key, asked.
struct ResolveStep {
  Ipv6 key;  // as the address it stands for
  StepAnswer answer = StepAnswer::kAbsent;
  int records = 0;  // valid ones, not revoked
  int hops = 0;
  Duration rtt{};
  bool overflowed = false;
  int messages = 0;
  size_t bytes = 0;
};

enum class ResolveOutcome { kFound, kAbsent, kUnreachable };
std::string_view ToString(ResolveOutcome outcome);  // "found", "absent", "unreachable"

struct ResolveOutput {
  uint64_t id = 0;  // as given to Resolve
  Ipv6 address;
  ResolveOutcome outcome = ResolveOutcome::kUnreachable;
  // Found: the longest covering record first, then every other of the piece, so that a mapping is never
  // installed without the longer ones beneath it.
  std::vector<Record> records;
  // Where the answer surely holds. Found: the record's prefix, or the piece if the record is shorter. Absent:
  // the widest hole around the address, within the piece. Unreachable: the aggregate.
  Prefix covering;
  // Found or absent: `records` is all that lies in it.
  Prefix piece;
  // From now on. A negative's two are the same.
  Duration soft_lifetime{};
  Duration hard_lifetime{};
  Duration age{};                  // since the DHT said so
  bool stale = false;              // past its lifetime, and the DHT could not be asked
  std::vector<ResolveStep> steps;  // in the order of their answers; empty if it came from the cache
  int rounds = 0;                  // of keys asked at once
  int messages = 0;                // datagrams, both ways
  size_t bytes = 0;
  Duration time{};
  bool cached = false;
};

using ResolverOutput = std::variant<GetRequest, ResolveOutput>;

struct ResolverCounters {
  uint64_t resolved = 0, cached = 0, coalesced = 0, overflow = 0, gets = 0, shared = 0, bad_record = 0,
           outside = 0, over_budget = 0, stale = 0;
};

struct ResolveOptions {
  bool fresh = false;  // not from what is known; but not while a failure is remembered
  bool force = false;  // nor that
  bool hurry = false;  // where bits are zeroed: all keys at once for this time
};

class Resolver {
 public:
  // A process that has verified a record already need not do it again: the verifier may be shared. Without
  // one it has its own.
  explicit Resolver(ResolverConfig config, std::shared_ptr<RecordVerifier> verifier = nullptr);
  ~Resolver();

  // Every call gets one ResolveOutput with its id, at once or later.
  void Resolve(BootTime now, UnixTime wall, uint64_t id, const Ipv6& address, ResolveOptions options = {});
  // Resolve would answer at once.
  bool Knows(BootTime now, const Ipv6& address) const;
  // Takes the answer to one of its GetRequests; false: the id is not one of its own.
  bool OnGet(BootTime now, UnixTime wall, const GetOutput& answer);
  std::optional<ResolverOutput> NextOutput();

  // A valid record that came another way than by asking: it counts for kMoveTime, or until the
  // DHT, which is asked soon, brings what is newer or another's. False: no news, or another's claim to the
  // same prefix.
  bool Learn(BootTime now, UnixTime wall, const Record& record);
  // Whom what is known leads to, by prefix; until more is learned.
  std::map<Prefix, const Record*> Records(BootTime now) const;
  // The longest known record around the whole prefix; nullptr: none.
  const Record* Around(BootTime now, const Prefix& prefix) const;
  const ResolverCounters& counters() const;
  size_t cached() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ov6

#endif
