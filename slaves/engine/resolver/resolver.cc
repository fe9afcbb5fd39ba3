// SPDX-License-Identifier: Apache-2.0
#include "slaves/engine/resolver/resolver.h"

#include <algorithm>
#include <set>
#include <utility>

#include "userspace/wire/storage_key.h"

namespace ov6 {
namespace {

bool LongerFirst(const Record& a, const Record& b) { return a.prefix.length > b.prefix.length; }

// Of one claim, the newest; of several claims to one prefix, the oldest. In the order of prefixes.
std::vector<Record> Newest(std::vector<Record> records) {
  std::map<std::pair<Prefix, PublicKey>, Record> claims;
  for (Record& record : records) {
    const auto [it, fresh] = claims.try_emplace({record.prefix, record.public_key}, record);
    if (!fresh && record.sequence > it->second.sequence) it->second = std::move(record);
  }
  std::map<Prefix, Record> out;
  for (auto& [claim, record] : claims) {
    if (record.locators.empty()) continue;  // revoked
    const auto [it, fresh] = out.try_emplace(claim.first, record);
    if (!fresh && record.not_before < it->second.not_before) it->second = std::move(record);
  }
  std::vector<Record> records_out;
  for (auto& [prefix, record] : out) records_out.push_back(std::move(record));
  return records_out;
}

}  // namespace

std::string_view ToString(StepAnswer answer) {
  switch (answer) {
    case StepAnswer::kFound:
      return "found";
    case StepAnswer::kNotCovering:
      return "not-covering";
    case StepAnswer::kUnreachable:
      return "unreachable";
    case StepAnswer::kAbsent:
      break;
  }
  return "absent";
}

std::string_view ToString(ResolveOutcome outcome) {
  switch (outcome) {
    case ResolveOutcome::kFound:
      return "found";
    case ResolveOutcome::kAbsent:
      return "absent";
    case ResolveOutcome::kUnreachable:
      break;
  }
  return "unreachable";
}

class Resolver::Impl {
 public:
  explicit Impl(ResolverConfig config) : config_(std::move(config)), next_get_(config_.first_request_id) {}

  void Resolve(BootTime now, uint64_t id, const Ipv6& address, bool fresh, bool hurry);
  bool Knows(BootTime now, const Ipv6& address) const { return PieceAround(now, address) != nullptr; }
  bool OnGet(BootTime now, UnixTime wall, const GetOutput& answer);
  std::optional<ResolverOutput> NextOutput();
  void Forget(const Ipv6& address) { cache_.erase(Aggregate(address)); }

  ResolverCounters counters;
  size_t cached() const { return cache_.size(); }

 private:
  struct Question {
    uint64_t id = 0;
    Ipv6 address;
    BootTime asked{};
    bool hurry = false;
  };
  // One address on its way down; others of its aggregate wait for what it learns.
  struct Walk {
    Question question;
    Ipv6 at;  // the address as zeroed so far
    BootTime sent{};
    std::vector<ResolveStep> steps;
    std::vector<Record> aggregate;  // what lives at or beneath the address's aggregate
    std::vector<Question> waiting;
  };
  // Answers about pieces of one aggregate. A negative's hole lies in it, or is it.
  struct Cached {
    struct Piece {
      ResolveOutput answer;
      BootTime soft{}, hard{};
    };
    std::map<Prefix, Piece> pieces;
    Duration failed{};  // lifetime of the last failure
  };

  Prefix Aggregate(const Ipv6& address) const {
    return Prefix::Of(address, std::max(config_.domain.aggregate, config_.domain.prefix.length));
  }
  // The walk has not come to its aggregate's own key yet.
  bool Beneath(const Walk& walk) const {
    return walk.at != walk.at.Masked(Aggregate(walk.question.address).length);
  }
  const Cached::Piece* PieceAround(BootTime now, const Ipv6& address) const;
  bool FromCache(BootTime now, const Question& question);
  static void PreferFor(const Ipv6& address, ResolveOutput* output);
  bool Join(const Question& question);
  void StartWalk(BootTime now, const Question& question);
  void Ask(BootTime now, Walk* walk);
  void Step(BootTime now, UnixTime wall, uint64_t get, const GetOutput& answer);
  std::vector<Record> Verify(UnixTime wall, const Key& key, const std::vector<Bytes>& values);
  std::optional<ResolveOutput> Judge(const Walk& walk, const std::vector<Record>& records, GetOutcome outcome,
                                     UnixTime wall, ResolveStep* step);
  ResolveOutput FoundIn(const Walk& walk, const Record& longest, UnixTime wall) const;
  ResolveOutput Nothing(const Walk& walk) const;
  ResolveOutput Failed(const Walk& walk);
  Prefix Hole(const Ipv6& address, const std::vector<Record>& records) const;
  void Finish(BootTime now, Walk walk, ResolveOutput output);
  void Remember(BootTime now, const ResolveOutput& output);
  void Refuse(const Question& question);

  ResolverConfig config_;
  uint64_t next_get_;
  std::map<uint64_t, Walk> walks_;        // by the id of their get
  std::map<Prefix, uint64_t> in_flight_;  // aggregate -> that id
  std::map<Prefix, Cached> cache_;        // by aggregate
  size_t waiting_ = 0;
  std::deque<ResolverOutput> outputs_;
};

namespace {

ResolveOutput Outcome(uint64_t id, const Ipv6& address, ResolveOutcome outcome, const Prefix& covering,
                      Duration lifetime) {
  ResolveOutput output;
  output.id = id;
  output.address = address;
  output.outcome = outcome;
  output.covering = covering;
  output.soft_lifetime = output.hard_lifetime = lifetime;
  return output;
}

}  // namespace

void Resolver::Impl::Resolve(BootTime now, uint64_t id, const Ipv6& address, bool fresh, bool hurry) {
  const Question question{id, address, now, hurry};
  ++counters.resolved;
  if (!config_.domain.prefix.Contains(address)) {
    ++counters.outside;
    outputs_.push_back(
        Outcome(id, address, ResolveOutcome::kAbsent, Prefix::Of(address, 128), config_.absent_lifetime));
    return;
  }
  if (!fresh && FromCache(now, question)) return;
  if (Join(question)) return;
  StartWalk(now, question);
}

// The answer's records are all of the aggregate: for another address another may be the longest.
void Resolver::Impl::PreferFor(const Ipv6& address, ResolveOutput* output) {
  auto longest = output->records.begin();
  for (auto it = output->records.begin(); it != output->records.end(); ++it) {
    if (it->prefix.Contains(address) && it->prefix.length > longest->prefix.length) longest = it;
  }
  if (longest == output->records.begin()) return;  // also if there are none
  output->covering = longest->prefix;
  std::rotate(output->records.begin(), longest, longest + 1);
}

const Resolver::Impl::Cached::Piece* Resolver::Impl::PieceAround(BootTime now, const Ipv6& address) const {
  const auto it = cache_.find(Aggregate(address));
  if (it == cache_.end()) return nullptr;
  const Cached::Piece* best = nullptr;
  for (const auto& [prefix, piece] : it->second.pieces) {
    if (piece.soft > now && prefix.Contains(address)) best = &piece;  // longer ones come later
  }
  return best;
}

bool Resolver::Impl::FromCache(BootTime now, const Question& question) {
  const Cached::Piece* best = PieceAround(now, question.address);
  if (best == nullptr) return false;
  ++counters.cached;
  ResolveOutput output = best->answer;
  output.id = question.id;
  output.address = question.address;
  output.soft_lifetime = best->soft - now;
  output.hard_lifetime = best->hard - now;
  output.time = now - question.asked;
  output.steps.clear();
  output.cached = true;
  PreferFor(question.address, &output);
  outputs_.push_back(std::move(output));
  return true;
}

bool Resolver::Impl::Join(const Question& question) {
  const auto it = in_flight_.find(Aggregate(question.address));
  if (it == in_flight_.end()) return false;
  if (waiting_ >= config_.max_waiting) {
    Refuse(question);
    return true;
  }
  ++waiting_;
  ++counters.coalesced;
  walks_.at(it->second).waiting.push_back(question);
  return true;
}

// No room: the asker may come again in a second. Nothing is remembered of it.
void Resolver::Impl::Refuse(const Question& question) {
  ++counters.overflow;
  outputs_.push_back(Outcome(question.id, question.address, ResolveOutcome::kUnreachable,
                             Prefix::Of(question.address, 128), config_.failed_lifetime));
}

// "To look up an IPv6 address, a DHT Slave first attempts to look the address up as is."
void Resolver::Impl::StartWalk(BootTime now, const Question& question) {
  if (walks_.size() >= config_.max_walks) return Refuse(question);
  Walk walk;
  walk.question = question;
  walk.at = question.hurry ? Aggregate(question.address).address : question.address;
  Ask(now, &walk);
  in_flight_[Aggregate(question.address)] = next_get_;
  walks_.emplace(next_get_++, std::move(walk));
}

void Resolver::Impl::Ask(BootTime now, Walk* walk) {
  walk->sent = now;
  ++counters.gets;
  outputs_.push_back(GetRequest{next_get_, LookupKey(config_.domain, walk->at)});
}

bool Resolver::Impl::OnGet(BootTime now, UnixTime wall, const GetOutput& answer) {
  if (!walks_.contains(answer.id)) return answer.id >= config_.first_request_id && answer.id < next_get_;
  Step(now, wall, answer.id, answer);
  return true;
}

void Resolver::Impl::Step(BootTime now, UnixTime wall, uint64_t get, const GetOutput& answer) {
  Walk walk = std::move(walks_.extract(get).mapped());
  const std::vector<Record> records = Verify(wall, LookupKey(config_.domain, walk.at), answer.values);
  if (walk.at == Aggregate(walk.question.address).address) walk.aggregate = records;
  ResolveStep step{walk.at, StepAnswer::kAbsent, static_cast<int>(records.size()), answer.hops,
                   now - walk.sent};
  std::optional<ResolveOutput> output = Judge(walk, records, answer.outcome, wall, &step);
  walk.steps.push_back(step);
  if (output) return Finish(now, std::move(walk), std::move(*output));
  // "If this fails, the Slave zeroes the last set bit in the address, and makes another attempt."
  const bool unanswered = answer.outcome == GetOutcome::kUnreachable;
  const Ipv6 aggregate = Aggregate(walk.question.address).address;
  walk.at = unanswered ? aggregate : walk.at.WithLastSetBitCleared();
  Ask(now, &walk);
  in_flight_[Aggregate(walk.question.address)] = next_get_;
  walks_.emplace(next_get_++, std::move(walk));
}

// What is valid, belongs under this key, and is not revoked.
std::vector<Record> Resolver::Impl::Verify(UnixTime wall, const Key& key, const std::vector<Bytes>& values) {
  std::vector<Record> records;
  for (const Bytes& value : values) {
    absl::StatusOr<Record> record = VerifySigned(value, config_.domain, wall);
    const bool good =
        record.ok() && record->expiry > wall && StorageKey(config_.domain, record->prefix) == key;
    if (good) records.push_back(*std::move(record));
    if (!good) ++counters.bad_record;
  }
  return Newest(std::move(records));
}

// The walk's end, or nullopt to go on zeroing.
std::optional<ResolveOutput> Resolver::Impl::Judge(const Walk& walk, const std::vector<Record>& records,
                                                   GetOutcome outcome, UnixTime wall, ResolveStep* step) {
  if (outcome == GetOutcome::kUnreachable) {
    step->answer = StepAnswer::kUnreachable;
    // Beneath an aggregate no key can hold anything: all that lives there is under the aggregate's own key,
    // and whatever that one answers is the whole truth.
    if (Beneath(walk)) return std::nullopt;
    // From there on a longer record may be hidden behind the silence: nothing shorter may stand in for it.
    return Failed(walk);
  }
  const Record* longest = nullptr;
  for (const Record& record : records) {
    const bool covers = record.prefix.Contains(walk.question.address);
    if (covers && (longest == nullptr || record.prefix.length > longest->prefix.length)) longest = &record;
  }
  if (longest != nullptr) {
    step->answer = StepAnswer::kFound;
    return FoundIn(walk, *longest, wall);
  }
  if (!records.empty()) step->answer = StepAnswer::kNotCovering;
  // "This continues until the address is all zeroes": here, until all that is left is the domain's own
  // prefix.
  if (walk.at == config_.domain.prefix.address) return Nothing(walk);
  return std::nullopt;
}

ResolveOutput Resolver::Impl::FoundIn(const Walk& walk, const Record& longest, UnixTime wall) const {
  const Ipv6& address = walk.question.address;
  const Prefix aggregate = Aggregate(address);
  ResolveOutput output = Outcome(walk.question.id, address, ResolveOutcome::kFound, longest.prefix, {});
  output.records.push_back(longest);
  UnixTime expiry = longest.expiry;
  for (const Record& record : walk.aggregate) {
    if (record == longest || !aggregate.Contains(record.prefix)) continue;
    output.records.push_back(record);
    expiry = std::min(expiry, record.expiry);
  }
  std::stable_sort(output.records.begin() + 1, output.records.end(), LongerFirst);
  if (longest.prefix.length < aggregate.length) output.covering = Hole(address, walk.aggregate);
  output.hard_lifetime = std::min<Duration>(config_.found_lifetime, expiry - wall);
  output.soft_lifetime = output.hard_lifetime * config_.soft_percent / 100;
  return output;
}

ResolveOutput Resolver::Impl::Nothing(const Walk& walk) const {
  const Ipv6& address = walk.question.address;
  return Outcome(walk.question.id, address, ResolveOutcome::kAbsent, Hole(address, walk.aggregate),
                 config_.absent_lifetime);
}

ResolveOutput Resolver::Impl::Failed(const Walk& walk) {
  const Prefix aggregate = Aggregate(walk.question.address);
  const auto cached = cache_.find(aggregate);
  const Duration last = cached == cache_.end() ? Duration(0) : cached->second.failed;
  const Duration lifetime = std::clamp(2 * last, config_.failed_lifetime, config_.failed_lifetime_max);
  return Outcome(walk.question.id, walk.question.address, ResolveOutcome::kUnreachable, aggregate, lifetime);
}

// The aggregate's key holds everything at or beneath it, so the widest piece around the address
// that touches none of its records is known to hold nothing; nothing wider was asked for.
Prefix Resolver::Impl::Hole(const Ipv6& address, const std::vector<Record>& records) const {
  // A shorter record with the aggregate's network address has the same key, but lies around it, not in it.
  const int aggregate = Aggregate(address).length;
  for (int length = aggregate; length < 128; ++length) {
    const Prefix hole = Prefix::Of(address, length);
    const bool empty = std::none_of(records.begin(), records.end(), [&](const Record& r) {
      return r.prefix.length >= aggregate && hole.Overlaps(r.prefix);
    });
    if (empty) return hole;
  }
  return Prefix::Of(address, 128);
}

void Resolver::Impl::Finish(BootTime now, Walk walk, ResolveOutput output) {
  in_flight_.erase(Aggregate(walk.question.address));
  output.steps = std::move(walk.steps);
  output.time = now - walk.question.asked;
  Remember(now, output);
  outputs_.push_back(output);
  waiting_ -= walk.waiting.size();
  for (const Question& question : walk.waiting) {
    if (FromCache(now, question) || Join(question)) continue;
    StartWalk(now, question);
  }
}

void Resolver::Impl::Remember(BootTime now, const ResolveOutput& output) {
  constexpr size_t kMaxPieces = 64;
  const Prefix aggregate = Aggregate(output.address);
  if (!cache_.contains(aggregate) && cache_.size() >= config_.max_cached) cache_.erase(cache_.begin());
  Cached& cached = cache_[aggregate];
  std::erase_if(cached.pieces,
                [&](const auto& p) { return p.second.hard <= now || output.covering.Overlaps(p.first); });
  if (cached.pieces.size() >= kMaxPieces) cached.pieces.clear();
  cached.failed = output.outcome == ResolveOutcome::kUnreachable ? output.hard_lifetime : Duration(0);
  cached.pieces[output.covering] = {output, now + output.soft_lifetime, now + output.hard_lifetime};
}

std::optional<ResolverOutput> Resolver::Impl::NextOutput() {
  if (outputs_.empty()) return std::nullopt;
  std::optional<ResolverOutput> output(std::move(outputs_.front()));
  outputs_.pop_front();
  return output;
}

Resolver::Resolver(ResolverConfig config) : impl_(std::make_unique<Impl>(std::move(config))) {}
Resolver::~Resolver() = default;
void Resolver::Resolve(BootTime now, UnixTime, uint64_t id, const Ipv6& address, bool fresh, bool hurry) {
  impl_->Resolve(now, id, address, fresh, hurry);
}
bool Resolver::Knows(BootTime now, const Ipv6& address) const { return impl_->Knows(now, address); }
bool Resolver::OnGet(BootTime now, UnixTime wall, const GetOutput& answer) {
  return impl_->OnGet(now, wall, answer);
}
std::optional<ResolverOutput> Resolver::NextOutput() { return impl_->NextOutput(); }
void Resolver::Forget(const Ipv6& address) { impl_->Forget(address); }
const ResolverCounters& Resolver::counters() const { return impl_->counters; }
size_t Resolver::cached() const { return impl_->cached(); }

}  // namespace ov6
