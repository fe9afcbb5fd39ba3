// SPDX-License-Identifier: Apache-2.0
#include "slaves/engine/resolver/resolver.h"

#include <algorithm>
#include <deque>
#include <map>
#include <utility>

#include "slaves/engine/resolver/cache.h"
#include "slaves/engine/resolver/records.h"
#include "slaves/engine/resolver/walk.h"
#include "userspace/wire/storage_key.h"

namespace ov6 {
namespace {

constexpr int kFullKey = 12;  // messages that a key takes, its second page included

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
  Impl(ResolverConfig config, std::shared_ptr<RecordVerifier> verifier)
      : config_(std::move(config)),
        verifier_(verifier ? std::move(verifier) : std::make_shared<RecordVerifier>(config_.domain)),
        aggregate_length_(StorageLengths(config_.domain).back()),
        cache_(config_),
        next_get_(config_.first_request_id) {}

  void Resolve(BootTime now, UnixTime wall, uint64_t id, const Ipv6& address, ResolveOptions options);
  bool Knows(BootTime now, const Ipv6& address) const;
  bool OnGet(BootTime now, UnixTime wall, const GetOutput& answer);
  std::optional<ResolverOutput> NextOutput();
  bool Learn(BootTime now, UnixTime wall, const Record& record) { return cache_.Learn(now, wall, record); }
  const ResolverCache& cache() const { return cache_; }

  ResolverCounters counters;
  size_t cached() const { return cache_.size(); }

 private:
  struct Question {
    uint64_t id = 0;
    Ipv6 address;
    BootTime asked{};
    ResolveOptions options;
  };
  // One address on its way; others of its aggregate wait for what it learns.
  struct Flight {
    Question question;
    bool zeroing = false;
    Walk walk;
    ResolveOutput tally;  // steps and costs
    int dearest = 0;      // messages of the dearest key so far
    std::vector<Question> waiting;
  };
  struct Get {
    uint64_t flight = 0;
    Ipv6 key;
    BootTime sent{};
  };

  Prefix Aggregate(const Ipv6& address) const { return Prefix::Of(address, aggregate_length_); }
  bool FromCache(BootTime now, const Question& question);
  void Tell(BootTime now, const Question& question, ResolveOutput output, bool cached);
  bool Join(const Question& question);
  void Refuse(const Question& question);
  void Start(BootTime now, UnixTime wall, const Question& question);
  void Advance(BootTime now, UnixTime wall, uint64_t id);
  bool AskAll(BootTime now, uint64_t id, const std::vector<Ipv6>& keys);
  bool Shared(const Ipv6& address, const Ipv6& key) const;
  ResolveStep StepOf(const Flight& flight, const Ipv6& key, const KeyAnswer& answer) const;
  void Finish(BootTime now, UnixTime wall, uint64_t id);

  const ResolverConfig config_;
  const std::shared_ptr<RecordVerifier> verifier_;
  const int aggregate_length_;
  ResolverCache cache_;
  uint64_t next_get_;
  uint64_t next_flight_ = 1;
  std::map<uint64_t, Flight> flights_;
  std::map<uint64_t, Get> gets_;
  std::map<Prefix, uint64_t> in_flight_;  // aggregate -> flight
  size_t waiting_ = 0;
  std::deque<ResolverOutput> outputs_;
};

// --- asking ------------------------------------------------------------------------

void Resolver::Impl::Resolve(BootTime now, UnixTime wall, uint64_t id, const Ipv6& address,
                             ResolveOptions options) {
  const Question question{id, address, now, options};
  ++counters.resolved;
  if (!config_.domain.prefix.Contains(address)) {
    ++counters.outside;
    ResolveOutput output;
    output.outcome = ResolveOutcome::kAbsent;
    output.covering = output.piece = Prefix::Of(address, 128);
    output.soft_lifetime = output.hard_lifetime = config_.absent_lifetime;
    return Tell(now, question, std::move(output), false);
  }
  if (FromCache(now, question) || Join(question)) return;
  Start(now, wall, question);
}

bool Resolver::Impl::Knows(BootTime now, const Ipv6& address) const {
  return cache_.Answer(now, address) || cache_.AnswerFailed(now, address, Aggregate(address));
}

bool Resolver::Impl::FromCache(BootTime now, const Question& question) {
  std::optional<ResolveOutput> output;
  if (!question.options.fresh && !question.options.force) output = cache_.Answer(now, question.address);
  if (!output && !question.options.force)
    output = cache_.AnswerFailed(now, question.address, Aggregate(question.address));
  if (!output) return false;
  ++counters.cached;
  Tell(now, question, *std::move(output), true);
  return true;
}

void Resolver::Impl::Tell(BootTime now, const Question& question, ResolveOutput output, bool cached) {
  output.id = question.id;
  output.address = question.address;
  output.time = now - question.asked;
  output.cached = cached;
  counters.stale += output.stale ? 1 : 0;
  outputs_.push_back(std::move(output));
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
  flights_.at(it->second).waiting.push_back(question);
  return true;
}

// No room: the asker may come again in a second. Nothing is remembered of it.
void Resolver::Impl::Refuse(const Question& question) {
  ++counters.overflow;
  ResolveOutput output;
  output.covering = Prefix::Of(question.address, 128);
  output.soft_lifetime = output.hard_lifetime = config_.failed_lifetime;
  Tell(question.asked, question, std::move(output), false);
}

void Resolver::Impl::Start(BootTime now, UnixTime wall, const Question& question) {
  if (flights_.size() >= config_.max_walks) return Refuse(question);
  const bool zeroing = config_.domain.resolving == Domain::Resolving::kZeroing && !question.options.hurry;
  const uint64_t id = next_flight_++;
  flights_.emplace(
      id,
      Flight{question, zeroing, Walk(config_.domain, question.address, zeroing, cache_.full()), {}, 0, {}});
  in_flight_[Aggregate(question.address)] = id;
  Advance(now, wall, id);
}

// --- the keys ----------------------------------------------------------------------

void Resolver::Impl::Advance(BootTime now, UnixTime wall, uint64_t id) {
  Flight& flight = flights_.at(id);
  while (!flight.walk.Outstanding()) {
    const std::vector<Ipv6> keys = flight.walk.Next();
    if (keys.empty()) return Finish(now, wall, id);
    const int cost = std::min(flight.dearest, kFullKey) * static_cast<int>(keys.size());
    if (!flight.zeroing && flight.tally.messages + cost > config_.max_messages && flight.dearest > 0) {
      ++counters.over_budget;
      for (const Ipv6& key : keys) flight.walk.Take(key, {});
      continue;
    }
    if (AskAll(now, id, keys)) ++flight.tally.rounds;
  }
}

// Whether any of them is asked, rather than known.
bool Resolver::Impl::AskAll(BootTime now, uint64_t id, const std::vector<Ipv6>& keys) {
  Flight& flight = flights_.at(id);
  const ResolveOptions& options = flight.question.options;
  bool asked = false;
  for (const Ipv6& key : keys) {
    const KeyAnswer* known = cache_.Shared(now, key);
    if (known != nullptr && !flight.zeroing && !options.fresh && !options.force) {
      ++counters.shared;
      flight.walk.Take(key, *known);
      continue;
    }
    asked = true;
    ++counters.gets;
    gets_[next_get_] = {id, key, now};
    outputs_.push_back(GetRequest{next_get_++, LookupKey(config_.domain, key)});
  }
  return asked;
}

// A key of addresses outside the aggregate too.
bool Resolver::Impl::Shared(const Ipv6& address, const Ipv6& key) const {
  return key.Masked(aggregate_length_) == key && key != Aggregate(address).address;
}

bool Resolver::Impl::OnGet(BootTime now, UnixTime wall, const GetOutput& answer) {
  const auto it = gets_.find(answer.id);
  if (it == gets_.end()) return answer.id >= config_.first_request_id && answer.id < next_get_;
  const Get get = it->second;
  gets_.erase(it);
  Flight& flight = flights_.at(get.flight);
  const Key key = LookupKey(config_.domain, get.key);
  KeyAnswer known{answer.outcome != GetOutcome::kUnreachable, answer.overflowed,
                  ReadRecords(*verifier_, wall, key, answer.values, &counters.bad_record)};
  // What the DHT takes for good and has run out on the way here says nothing about what comes after it.
  if (answer.outcome == GetOutcome::kFound && known.records.empty()) known.answered = false;
  ResolveStep step = StepOf(flight, get.key, known);
  step.hops = answer.hops;
  step.rtt = now - get.sent;
  step.messages = answer.messages;
  step.bytes = answer.bytes;
  flight.tally.steps.push_back(step);
  flight.tally.messages += answer.messages;
  flight.tally.bytes += answer.bytes;
  flight.dearest = std::max(flight.dearest, answer.messages);
  if (known.answered) cache_.NoteFull(get.key, known.overflowed);
  if (known.answered && Shared(flight.question.address, get.key)) cache_.LearnShared(now, get.key, known);
  flight.walk.Take(get.key, std::move(known));
  Advance(now, wall, get.flight);
  return true;
}

ResolveStep Resolver::Impl::StepOf(const Flight& flight, const Ipv6& key, const KeyAnswer& answer) const {
  const std::vector<Record> counting = ThatCount(answer.records);
  ResolveStep step;
  step.key = key;
  step.records = static_cast<int>(counting.size());
  step.overflowed = answer.overflowed;
  if (!counting.empty()) step.answer = StepAnswer::kNotCovering;
  if (LongestAround(counting, flight.question.address) != nullptr) step.answer = StepAnswer::kFound;
  if (!answer.answered) step.answer = StepAnswer::kUnreachable;
  return step;
}

// --- answering ---------------------------------------------------------------------

void Resolver::Impl::Finish(BootTime now, UnixTime wall, uint64_t id) {
  Flight flight = std::move(flights_.extract(id).mapped());
  const Prefix aggregate = Aggregate(flight.question.address);
  in_flight_.erase(aggregate);
  Findings findings = flight.walk.Judge();
  const bool sure = findings.sure;
  sure ? cache_.Learn(now, wall, std::move(findings)) : cache_.LearnFailure(now, aggregate);
  std::optional<ResolveOutput> output = sure ? cache_.Answer(now, flight.question.address)
                                             : cache_.AnswerFailed(now, flight.question.address, aggregate);
  output->steps = std::move(flight.tally.steps);
  output->rounds = flight.tally.rounds;
  output->messages = flight.tally.messages;
  output->bytes = flight.tally.bytes;
  Tell(now, flight.question, *std::move(output), false);
  waiting_ -= flight.waiting.size();
  for (Question& question : flight.waiting) {
    question.options.fresh = question.options.force = false;  // this was
    if (FromCache(now, question) || Join(question)) continue;
    Start(now, wall, question);
  }
}

std::optional<ResolverOutput> Resolver::Impl::NextOutput() {
  if (outputs_.empty()) return std::nullopt;
  std::optional<ResolverOutput> output(std::move(outputs_.front()));
  outputs_.pop_front();
  return output;
}

Resolver::Resolver(ResolverConfig config, std::shared_ptr<RecordVerifier> verifier)
    : impl_(std::make_unique<Impl>(std::move(config), std::move(verifier))) {}
Resolver::~Resolver() = default;
void Resolver::Resolve(BootTime now, UnixTime wall, uint64_t id, const Ipv6& address,
                       ResolveOptions options) {
  impl_->Resolve(now, wall, id, address, options);
}
bool Resolver::Knows(BootTime now, const Ipv6& address) const { return impl_->Knows(now, address); }
bool Resolver::OnGet(BootTime now, UnixTime wall, const GetOutput& answer) {
  return impl_->OnGet(now, wall, answer);
}
std::optional<ResolverOutput> Resolver::NextOutput() { return impl_->NextOutput(); }
bool Resolver::Learn(BootTime now, UnixTime wall, const Record& record) {
  return impl_->Learn(now, wall, record);
}
std::map<Prefix, const Record*> Resolver::Records(BootTime now) const { return impl_->cache().Records(now); }
const Record* Resolver::Around(BootTime now, const Prefix& prefix) const {
  return impl_->cache().Around(now, prefix);
}
const ResolverCounters& Resolver::counters() const { return impl_->counters; }
size_t Resolver::cached() const { return impl_->cached(); }

}  // namespace ov6
