// SPDX-License-Identifier: Apache-2.0
#include "slaves/dht/dht_slave.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "slaves/dht/dht_config.h"

namespace ov6 {
namespace {

// RFC 4443 section 3.1.
constexpr uint8_t kNoRoute = 0, kAddressUnreachable = 3;
constexpr size_t kHeldPerAddress = 256;
constexpr int kSoftPercent = 80;

uint32_t Milliseconds(Duration d) {
  const auto count = std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
  return static_cast<uint32_t>(std::clamp<int64_t>(count, 0, UINT32_MAX));
}

int64_t Microseconds(Duration d) { return std::chrono::duration_cast<std::chrono::microseconds>(d).count(); }

ResolverConfig ConfigFor(const Domain& domain) {
  ResolverConfig config;
  config.domain = domain;
  return config;
}

// What the lookup cost the DHT: nodes asked; for a key that nobody answered, what its rounds send at most.
int Messages(const ResolveOutput& output) {
  constexpr int kUnanswered = 12;
  int messages = 0;
  for (const ResolveStep& step : output.steps)
    messages += step.answer == StepAnswer::kUnreachable ? kUnanswered : step.hops;
  return messages;
}

}  // namespace

DhtSlave::DhtSlave(const Domain& domain, Session& session, FramePort& port, SubmitRequest submit,
                   DhtClock clock)
    : domain_(domain),
      session_(session),
      port_(port),
      submit_(std::move(submit)),
      clock_(std::move(clock)),
      resolver_(ConfigFor(domain)) {}

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
    return Ask(punt->key, {Purpose::kPacket, nullptr}, false);
  }
  const auto kind = verify ? LookupQueue::kVerify : LookupQueue::kMiss;
  lookups_.Offer(now, kind, punt->source, punt->key);
}

void DhtSlave::OnTimer() { Run(clock_.boot()); }

// Starts what may start. `now` is when what led here began: what was offered then has not waited.
void DhtSlave::Run(BootTime now) {
  Drain();
  while (const auto start = lookups_.Next(now)) {
    const bool refresh = start->kind == LookupQueue::kRefresh;
    if (!refresh) asked_.insert(start->address);
    const bool fresh = refresh || start->kind == LookupQueue::kVerify;
    Ask(start->address, {refresh ? Purpose::kRefresh : Purpose::kPacket, nullptr, start->ticket}, fresh,
        start->hurry);
    Drain();
  }
  DropGivenUp();
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
  Ask(*address, {Purpose::kPacket, std::move(respond)}, true);
  Drain();
}

void DhtSlave::Ask(const Ipv6& address, Question question, bool fresh, bool hurry) {
  const uint64_t id = next_question_++;
  questions_.emplace(id, std::move(question));
  resolver_.Resolve(clock_.boot(), clock_.Wall(), id, address, fresh, hurry);
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
  if (question.ticket != 0) lookups_.Finish(clock_.boot(), question.ticket, Messages(output));
  if (question.respond) return question.respond(ResolveJson(output));
  if (question.purpose == Purpose::kRefresh) return OnRefreshed(output);
  OnPacketResolved(output);
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
  if (output.outcome != ResolveOutcome::kFound) {
    ++counters_.refresh_failed;
    return;
  }
  Send(Mappings(output), [this](bool taken) { ++(taken ? counters_.refreshed : counters_.refresh_failed); });
}

std::vector<MappingChange> DhtSlave::Changes(const ResolveOutput& output) const {
  if (output.outcome == ResolveOutcome::kFound) return Mappings(output);
  const bool failed = output.outcome == ResolveOutcome::kUnreachable;
  return {MappingNegative{output.covering, Milliseconds(output.hard_lifetime),
                          failed ? kAddressUnreachable : kNoRoute, failed}};
}

// The first record holds for what the resolver says it covers; the others lie beneath it, and one that
// reaches past the aggregate is left out: longer ones elsewhere, not asked for, would hide behind it.
std::vector<MappingChange> DhtSlave::Mappings(const ResolveOutput& output) const {
  std::vector<MappingChange> changes;
  for (const Record& record : output.records) {
    const bool first = changes.empty();
    if (!first && record.prefix.length < domain_.aggregate) continue;
    const Duration lifetime = std::min<Duration>(output.hard_lifetime, record.expiry - clock_.Wall());
    if (Milliseconds(lifetime) == 0) continue;
    const Duration soft = first ? std::min(output.soft_lifetime, lifetime) : lifetime * kSoftPercent / 100;
    changes.push_back(MappingAdd{first ? output.covering : record.prefix, record.locators, Milliseconds(soft),
                                 Milliseconds(lifetime)});
  }
  return changes;
}

void DhtSlave::Send(std::vector<MappingChange> changes, std::function<void(bool taken)> done) {
  session_.SendMappings(std::move(changes),
                        [this, done = std::move(done)](const absl::StatusOr<Session::Refusals>& refusals) {
                          if (!refusals.ok()) NoteRefusal(std::string(refusals.status().message()));
                          if (refusals.ok()) counters_.mappings_refused += refusals->size();
                          if (refusals.ok() && !refusals->empty()) NoteRefusal(refusals->front().reason);
                          done(refusals.ok());
                        });
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
                                 {"rtt_us", Microseconds(step.rtt)}});
  }
  const bool found = output.outcome == ResolveOutcome::kFound && !output.records.empty();
  return json::serialize(
      json::object{{"address", output.address.ToString()},
                   {"outcome", std::string(ToString(output.outcome))},
                   {"prefix", found ? output.records.front().prefix.ToString() : output.covering.ToString()},
                   {"locators", found ? LocatorsJson(output.records.front().locators) : json::array()},
                   {"steps", std::move(steps)},
                   {"time_us", Microseconds(output.time)}});
}

}  // namespace ov6
