// SPDX-License-Identifier: Apache-2.0
#include "slaves/dht/dht_slave.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/json.hpp>
#include <memory>
#include <utility>

#include "ov6/move.h"
#include "slaves/dht/dht_config.h"

namespace ov6 {
namespace {

// RFC 4443 section 3.1.
constexpr uint8_t kNoRoute = 0, kAddressUnreachable = 3;
constexpr size_t kHeldPerAddress = 256;
constexpr size_t kMaxUnproven = 4096;
constexpr size_t kMaxFormers = 4096;
constexpr Duration kUnprovenSoft = std::chrono::seconds(1);  // how soon a use of an accept-only mapping asks

uint32_t Milliseconds(Duration d) {
  const auto count = std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
  return static_cast<uint32_t>(std::clamp<int64_t>(count, 0, UINT32_MAX));
}

int64_t Microseconds(Duration d) { return std::chrono::duration_cast<std::chrono::microseconds>(d).count(); }

ResolverConfig ConfigFor(const Domain& domain, const DhtSlave::Lifetimes& lifetimes) {
  ResolverConfig config;
  config.domain = domain;
  config.found_lifetime = lifetimes.mapping;
  config.stale_limit = lifetimes.stale;
  config.seed = lifetimes.seed;
  return config;
}

}  // namespace

DhtSlave::DhtSlave(const Domain& domain, Session& session, FramePort& port, SubmitRequest submit,
                   DhtClock clock, const Lifetimes& lifetimes, std::shared_ptr<RecordVerifier> verifier)
    : domain_(domain),
      session_(session),
      port_(port),
      submit_(std::move(submit)),
      clock_(std::move(clock)),
      resolver_(ConfigFor(domain, lifetimes), std::move(verifier)) {}

void DhtSlave::OnPort(const PortCapsule& port) {
  self_ = port.slave;
  held_.Clear();
  held_.SetLimits(
      {kHeldPerAddress, port.frame_count / 2});  // the other half stays with the kernel to receive into
}

void DhtSlave::OnFrames(std::span<const Frame> frames) {
  const BootTime now = clock_.boot();
  for (const Frame& frame : frames) OnFrame(now, frame);
  Run(now);
}

void DhtSlave::OnFrame(BootTime now, const Frame& frame) {
  const auto punt = ParsePunt(frame.bytes);
  if (!punt) {
    ++counters_.bad_punt;
    return port_.Release(frame);
  }
  Count(punt->reason);
  if (const auto dropped = held_.Hold(punt->key, frame, punt->reason)) port_.Release(*dropped);
  if (asked_.contains(punt->key)) return;
  // A source that what is cached does not explain may have moved: a verification asks past the cache.
  const bool verify = punt->reason == OV6_PUNT_VERIFY;
  if (!verify && resolver_.Knows(now, punt->key)) {
    asked_.insert(punt->key);
    return Ask(punt->key, {Purpose::kPacket, nullptr, 0}, {});
  }
  const auto kind = verify ? LookupQueue::kVerify : LookupQueue::kMiss;
  lookups_.Offer(now, kind, punt->source, punt->key);
}

void DhtSlave::OnTimer() {
  const BootTime now = clock_.boot();
  if (const auto address = stale_.Probe(now)) AskAgain(now, *address);
  if (prover_ != nullptr) prover_->OnTimer(now);
  OnSettled();
  Run(now);
}

void DhtSlave::AskAgain(BootTime now, const Ipv6& address) {
  again_.insert(address);
  lookups_.Offer(now, LookupQueue::kRefresh, {}, address);
}

// Starts what may start. `now` is when what led here began: what was offered then has not waited.
void DhtSlave::Run(BootTime now) {
  Drain();
  while (const auto start = lookups_.Next(now)) {
    StartLookup(*start);
    Drain();
  }
  DropGivenUp();
}

void DhtSlave::StartLookup(const LookupQueue::Start& start) {
  const bool refresh = start.kind == LookupQueue::kRefresh;
  if (!refresh) asked_.insert(start.address);
  ResolveOptions options;
  options.fresh = refresh || start.kind == LookupQueue::kVerify;
  options.force = refresh && again_.erase(start.address) != 0;
  options.hurry = start.hurry;
  const Purpose purpose = refresh                              ? Purpose::kRefresh
                          : start.kind == LookupQueue::kVerify ? Purpose::kVerify
                                                               : Purpose::kPacket;
  Ask(start.address, {purpose, nullptr, start.ticket}, options);
}

void DhtSlave::DropGivenUp() {
  for (const Ipv6& address : lookups_.TakeDropped()) {
    if (asked_.contains(address)) continue;
    for (const auto& held : held_.Take(address)) {
      ++counters_.dropped_budget;
      port_.Release(held.frame);
    }
  }
}

void DhtSlave::Count(ov6_punt_reason reason) {
  switch (reason) {
    case OV6_PUNT_MISS:
      ++counters_.punted_miss;
      break;
    case OV6_PUNT_ROUTE:
      ++counters_.punted_route;
      break;
    case OV6_PUNT_VERIFY:
      ++counters_.punted_verify;
      break;
  }
}

void DhtSlave::OnRefresh(std::span<const Ipv6> addresses) {
  const BootTime now = clock_.boot();
  for (const Ipv6& address : addresses) lookups_.Offer(now, LookupQueue::kRefresh, {}, address);
  Run(now);
}

void DhtSlave::OnResolveCall(const std::string& argument, Respond respond) {
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse(argument, error);
  const auto* object = error ? nullptr : value.if_object();
  const auto* text = object == nullptr ? nullptr : object->if_contains("address");
  const auto address =
      text != nullptr && text->is_string() ? Ipv6::Parse(std::string(text->get_string())) : std::nullopt;
  if (!address)
    return respond(
        absl::InvalidArgumentError("the argument " + argument + " should be {\"address\": an IPv6 address}"));
  if (!domain_.prefix.Contains(*address)) {
    return respond(absl::InvalidArgumentError(address->ToString() + " is not inside the domain " +
                                              domain_.name + ", " + domain_.prefix.ToString()));
  }
  const auto then = [respond = std::move(respond)](const ResolveOutput& o) { respond(ResolveJson(o)); };
  Ask(*address, {Purpose::kPacket, then, 0}, {.force = true});
  Drain();
}

void DhtSlave::Lookup(const Ipv6& address, Then then) {
  Ask(address, {Purpose::kPacket, std::move(then), 0}, {.fresh = true, .force = true});
  Drain();
}

bool DhtSlave::Learn(const Record& record) {
  const BootTime now = clock_.boot();
  const Record* before = resolver_.Around(now, record.prefix);
  const std::vector<Locator> locators = before == nullptr ? std::vector<Locator>() : before->locators;
  if (!resolver_.Learn(now, clock_.Wall(), record)) return false;
  std::erase_if(formers_, [&](const auto& former) { return former.second.until <= now; });
  if (formers_.size() < kMaxFormers) formers_[record.prefix] = {locators, now + kMoveTime};
  Ask(record.prefix.address, {Purpose::kRefresh, nullptr, 0}, {});
  Drain();
  return true;
}

void DhtSlave::Ask(const Ipv6& address, Question question, ResolveOptions options) {
  const uint64_t id = next_question_++;
  questions_.emplace(id, std::move(question));
  resolver_.Resolve(clock_.boot(), clock_.Wall(), id, address, options);
}

bool DhtSlave::OnGet(const GetOutput& output) {
  const bool own = resolver_.OnGet(clock_.boot(), clock_.Wall(), output);
  Run(clock_.boot());
  return own;
}

// Submitting may answer at once and so come back here; the outer drain goes on with what that gave.
void DhtSlave::Drain() {
  if (draining_) return;
  draining_ = true;
  while (auto output = resolver_.NextOutput()) {
    if (const auto* get = std::get_if<GetRequest>(&*output)) {
      submit_(*get);
    } else {
      OnResolved(std::get<ResolveOutput>(*output));
    }
  }
  draining_ = false;
}

void DhtSlave::OnResolved(const ResolveOutput& output) {
  const auto found = questions_.find(output.id);
  if (found == questions_.end()) return;
  const Question question = std::move(found->second);
  questions_.erase(found);
  if (question.ticket != 0) lookups_.Finish(clock_.boot(), question.ticket, output.messages);
  NoteStale(output);
  if (question.then) return question.then(output);
  const bool prove = prover_ != nullptr && output.outcome == ResolveOutcome::kFound && !output.stale;
  prove ? Prove(output, question.purpose) : Answer(output, question.purpose);
}

void DhtSlave::Answer(const ResolveOutput& output, Purpose purpose) {
  if (purpose == Purpose::kUpdate) return Send(Mappings(output), [](bool) {});
  if (purpose == Purpose::kRefresh) return OnRefreshed(output);
  OnPacketResolved(output);
}

// The first that answers carries traffic; the others follow as they prove themselves.
void DhtSlave::Prove(const ResolveOutput& output, Purpose purpose) {
  const auto state = prover_->Prove(clock_.boot(), output.records.front());
  if (state == LocatorProver::State::kAsking && Presumed(output.records.front())) {
    ResolveOutput brief = output;
    brief.soft_lifetime = brief.hard_lifetime = LocatorProver::kPresumed;
    Answer(brief, purpose);
    return Await(output, Purpose::kUpdate);
  }
  if (state == LocatorProver::State::kAsking) return Await(output, purpose);
  if (state == LocatorProver::State::kFailed) return OnUnproven(output, purpose);
  ProveBeneath(output);
  Answer(output, purpose);
}

void DhtSlave::AddFormer(const Record& record, std::vector<Locator>* locators) const {
  const auto former = formers_.find(record.prefix);
  if (former == formers_.end() || former->second.until <= clock_.boot()) return;
  for (Locator old : former->second.locators) {
    const bool known = std::any_of(locators->begin(), locators->end(),
                                   [&](const Locator& locator) { return locator.address == old.address; });
    if (known || locators->size() >= OV6_MAX_LOCATORS) continue;
    old.priority = kAcceptOnly;
    locators->push_back(old);
  }
}

bool DhtSlave::Presumed(const Record& record) const {
  const BootTime now = clock_.boot();
  return std::any_of(record.locators.begin(), record.locators.end(), [&](const Locator& locator) {
    return prover_->Presumed(now, record.prefix, locator.address);
  });
}

void DhtSlave::ProveBeneath(const ResolveOutput& output) {
  for (const Record& record : output.records) {
    prover_->Prove(clock_.boot(), record);
    const std::vector<Locator> usable = Usable(output, record);
    if (usable == record.locators || !prover_->Asking(record.prefix)) continue;
    ResolveOutput part = output;
    part.records = {record};
    part.covering = record == output.records.front() ? output.covering : record.prefix;
    Await(part, Purpose::kUpdate);
  }
}

void DhtSlave::Await(const ResolveOutput& output, Purpose purpose) {
  if (unproven_.size() >= kMaxUnproven) return OnUnproven(output, purpose);
  const Prefix& prefix = output.records.front().prefix;
  const auto [first, last] = unproven_.equal_range(prefix);
  const bool update = purpose == Purpose::kUpdate;
  if (update && std::any_of(first, last, [&](const auto& other) {
        return other.second.purpose == purpose && other.second.output.covering == output.covering;
      })) {
    return;
  }
  unproven_.emplace(prefix, Unproven{output, purpose, clock_.boot()});
}

void DhtSlave::OnProbed(const Endpoint& from, const PeeringMessage& message) {
  if (prover_ == nullptr) return;
  prover_->OnProbed(clock_.boot(), from, message);
  OnSettled();
}

void DhtSlave::OnSettled() {
  if (prover_ == nullptr) return;
  const BootTime now = clock_.boot();
  for (const Prefix& prefix : prover_->TakeSettled()) {
    std::vector<Unproven> waiting;
    const auto [first, last] = unproven_.equal_range(prefix);
    for (auto it = first; it != last; ++it) waiting.push_back(std::move(it->second));
    unproven_.erase(first, last);
    for (Unproven& one : waiting) {
      ResolveOutput& output = one.output;
      output.hard_lifetime -= now - one.since;
      output.soft_lifetime = std::min(output.soft_lifetime, output.hard_lifetime);
      output.hard_lifetime > Duration(0) ? Prove(output, one.purpose) : OnUnproven(output, one.purpose);
    }
  }
}

// Who comes from there is heard, but nothing goes there; who wants to go there is told that nobody answers.
// What has run out while its locators were asked is as good as silent: what waits for it must not wait for
// ever.
void DhtSlave::OnUnproven(const ResolveOutput& output, Purpose purpose) {
  if (purpose == Purpose::kUpdate) return;
  ++counters_.unproven;
  if (purpose == Purpose::kVerify && output.hard_lifetime > Duration(0)) return Answer(output, purpose);
  ResolveOutput silent = output;
  silent.outcome = ResolveOutcome::kUnreachable;
  silent.records.clear();
  silent.soft_lifetime = silent.hard_lifetime = LocatorProver::kFailureLifetime;
  Answer(silent, purpose);
}

std::vector<Locator> DhtSlave::Usable(const ResolveOutput& output, const Record& record) const {
  std::vector<Locator> locators = record.locators;
  if (prover_ == nullptr) return locators;
  // What the DHT can't be asked about may not be able to prove itself again either.
  const BootTime now = output.stale ? BootTime::min() : clock_.boot();
  for (Locator& locator : locators) {
    if (!prover_->Proven(now, record.prefix, locator.address) &&
        !prover_->Presumed(now, record.prefix, locator.address)) {
      locator.priority = kAcceptOnly;
    }
  }
  return locators;
}

// Whether the DHT is there, and whose mapping goes on without it.
void DhtSlave::NoteStale(const ResolveOutput& output) {
  const BootTime now = clock_.boot();
  counters_.stale += output.stale ? 1 : 0;
  if (output.stale) return stale_.Add(now, output.address, now + output.hard_lifetime);
  if (output.outcome == ResolveOutcome::kUnreachable) return;
  stale_.Remove(output.address);
  if (output.cached) return;
  for (const Ipv6& address : stale_.Answered(now)) AskAgain(now, address);
}

void DhtSlave::OnPacketResolved(const ResolveOutput& output) {
  switch (output.outcome) {
    case ResolveOutcome::kFound:
      ++counters_.found;
      break;
    case ResolveOutcome::kAbsent:
      ++counters_.absent;
      break;
    case ResolveOutcome::kUnreachable:
      ++counters_.unreachable;
      break;
  }
  Send(Changes(output), [this, address = output.address](bool taken) {
    asked_.erase(address);
    taken ? Return(address) : Drop(address);
  });
}

void DhtSlave::OnRefreshed(const ResolveOutput& output) {
  if (output.outcome == ResolveOutcome::kUnreachable) {
    ++counters_.refresh_failed;
    return;
  }
  if (output.outcome == ResolveOutcome::kAbsent) ++counters_.refresh_gone;
  const bool found = output.outcome == ResolveOutcome::kFound;
  Send(Changes(output), [this, found, records = output.records](bool taken) {
    if (found) ++(taken ? counters_.refreshed : counters_.refresh_failed);
    if (taken && on_installed_) std::for_each(records.begin(), records.end(), on_installed_);
  });
}

// New mappings before old ones go, and a negative last: a withdrawal would take it along.
std::vector<MappingChange> DhtSlave::Changes(const ResolveOutput& output) {
  const BootTime now = clock_.boot();
  const bool failed = output.outcome == ResolveOutcome::kUnreachable;
  std::vector<MappingChange> changes = Mappings(output);
  const auto gone = failed ? std::vector<Prefix>() : installed_.Gone(now, output, changes);
  for (const MappingChange& change : changes) installed_.Add(now, std::get<MappingAdd>(change));
  for (const Prefix& prefix : gone) {
    ++counters_.withdrawn;
    installed_.Remove(prefix);
    changes.push_back(MappingWithdraw{prefix});
  }
  if (output.outcome == ResolveOutcome::kFound) return changes;
  changes.push_back(MappingNegative{output.covering, Milliseconds(output.hard_lifetime),
                                    failed ? kAddressUnreachable : kNoRoute, failed});
  return changes;
}

// The first record holds for what the resolver says it covers; the others lie beneath it.
std::vector<MappingChange> DhtSlave::Mappings(const ResolveOutput& output) const {
  std::vector<MappingChange> changes;
  for (const Record& record : output.records) {
    const bool first = changes.empty();
    const Duration left = record.expiry - clock_.Wall();
    const Duration lifetime = output.stale ? output.hard_lifetime : std::min(output.hard_lifetime, left);
    if (Milliseconds(lifetime) == 0) continue;
    std::vector<Locator> locators = Usable(output, record);
    AddFormer(record, &locators);
    const bool mute = std::all_of(locators.begin(), locators.end(),
                                  [](const Locator& locator) { return locator.priority == kAcceptOnly; });
    const Duration soft = std::min(mute ? kUnprovenSoft : output.soft_lifetime, lifetime);
    changes.push_back(MappingAdd{first ? output.covering : record.prefix, locators, Milliseconds(soft),
                                 Milliseconds(lifetime), output.stale, Milliseconds(output.age)});
  }
  return changes;
}

void DhtSlave::Send(std::vector<MappingChange> changes, std::function<void(bool taken)> done) {
  const auto sent = std::make_shared<std::vector<MappingChange>>(changes);
  session_.SendMappings(std::move(changes), [this, sent, done = std::move(done)](
                                                const absl::StatusOr<Session::Refusals>& refusals) {
    if (!refusals.ok()) NoteRefusal(std::string(refusals.status().message()));
    if (refusals.ok()) OnRefusals(*sent, *refusals);
    done(refusals.ok());
  });
}

void DhtSlave::OnRefusals(const std::vector<MappingChange>& changes, const Session::Refusals& refusals) {
  counters_.mappings_refused += refusals.size();
  if (!refusals.empty()) NoteRefusal(refusals.front().reason);
  for (const auto& refusal : refusals) {
    if (refusal.index >= changes.size()) continue;
    if (const auto* add = std::get_if<MappingAdd>(&changes[refusal.index])) installed_.Remove(add->prefix);
  }
}

void DhtSlave::NoteRefusal(const std::string& sentence) {
  if (sentence != last_refusal_) spdlog::warn("a mapping was not taken: {}", sentence);
  last_refusal_ = sentence;
}

// Also after a refusal: the datapath then ends them under a name of its own (PUNT_LOOP).
void DhtSlave::Return(const Ipv6& address) {
  std::vector<Frame> frames;
  for (const auto& held : held_.Take(address)) {
    Resubmit(held.frame, held.reason == OV6_PUNT_VERIFY ? OV6_PORT_RESUBMIT_IN : OV6_PORT_RESUBMIT_OUT,
             self_);
    frames.push_back(held.frame);
  }
  counters_.returned += frames.size();
  port_.Transmit(frames);
}

void DhtSlave::Drop(const Ipv6& address) {
  for (const auto& held : held_.Take(address)) {
    ++counters_.dropped_session;
    port_.Release(held.frame);
  }
}

boost::json::object LookupsJson(const DhtSlave& slave) {
  namespace json = boost::json;
  const LookupQueue& lookups = slave.lookups();
  const LookupQueue::Counters& c = lookups.counters();
  json::object out;
  constexpr std::pair<const char*, LookupQueue::Class> kNames[] = {
      {"refresh", LookupQueue::kRefresh}, {"miss", LookupQueue::kMiss}, {"verify", LookupQueue::kVerify}};
  for (const auto& [name, kind] : kNames) {
    out[name] = json::object{{"waiting", lookups.waiting(kind)},
                             {"in_flight", lookups.in_flight(kind)},
                             {"sources", lookups.sources(kind)},
                             {"started", c.started[kind]},
                             {"messages", c.messages[kind]}};
  }
  out["waited"] = c.waited;
  out["dropped_source_full"] = c.dropped_source_full;
  out["dropped_queue_full"] = c.dropped_queue_full;
  out["dropped_patience"] = c.dropped_patience;
  out["dropped_sources_full"] = c.dropped_sources_full;
  out["dropped_refresh"] = c.dropped_refresh;
  out["dropped_packets"] = slave.counters().dropped_budget;
  out["held_packets"] = slave.held().size();
  out["stale"] = slave.stale();
  out["over_budget"] = slave.resolver().counters().over_budget;
  out["resolver_overflow"] = slave.resolver().counters().overflow;
  return out;
}

std::string ResolveJson(const ResolveOutput& output) {
  namespace json = boost::json;
  json::array steps;
  for (const ResolveStep& step : output.steps) {
    steps.push_back(json::object{{"key", step.key.ToString()},
                                 {"answer", std::string(ToString(step.answer))},
                                 {"records", step.records},
                                 {"hops", step.hops},
                                 {"overflowed", step.overflowed},
                                 {"messages", step.messages},
                                 {"bytes", step.bytes},
                                 {"rtt_us", Microseconds(step.rtt)}});
  }
  const bool found = output.outcome == ResolveOutcome::kFound && !output.records.empty();
  return json::serialize(
      json::object{{"address", output.address.ToString()},
                   {"outcome", std::string(ToString(output.outcome))},
                   {"prefix", found ? output.records.front().prefix.ToString() : output.covering.ToString()},
                   {"locators", found ? LocatorsJson(output.records.front().locators) : json::array()},
                   {"steps", std::move(steps)},
                   {"rounds", output.rounds},
                   {"messages", output.messages},
                   {"bytes", output.bytes},
                   {"stale", output.stale},
                   {"time_us", Microseconds(output.time)}});
}

}  // namespace ov6
