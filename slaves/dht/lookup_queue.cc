// SPDX-License-Identifier: Apache-2.0
#include "slaves/dht/lookup_queue.h"

#include <algorithm>

namespace ov6 {
namespace {

constexpr int kExpectedMessages = 32;  // charged at the start
constexpr auto kPoll = std::chrono::milliseconds(20);

}  // namespace

LookupQueue::LookupQueue(const Limits& limits) : limits_(limits), all_(limits.all.rate, limits.all.burst) {
  for (const Share& share : limits_.classes)
    kinds_.push_back({TokenBucket(share.rate, share.burst), {}, {}, {}, 0, 0});
}

// --- waiting -------------------------------------------------------------------

void LookupQueue::Offer(BootTime now, Class kind, const PuntSource& from, const Ipv6& address) {
  const PuntSource name = kind == kRefresh ? PuntSource{} : from;  // refreshes are one source
  Source* source = SourceOf(now, kind, name);
  if (source == nullptr) {
    ++counters_.dropped_sources_full;
    if (!interests_.contains(address)) dropped_.push_back(address);
    return;
  }
  if (Waits(*source, address)) return;
  MakeRoom(kind, source);
  Waiter waiter{address, 0, now};
  if (kind != kRefresh) {
    Interest& interest = interests_[address];
    if (interest.waiters++ == 0) interest.generation = next_generation_++;
    waiter.generation = interest.generation;
  }
  if (!std::exchange(source->listed, true)) kinds_[kind].turns.push_back(name);
  source->queue.push_back(waiter);
  ++kinds_[kind].waiting;
}

LookupQueue::Source* LookupQueue::SourceOf(BootTime now, Class kind, const PuntSource& name) {
  Kind& of = kinds_[kind];
  auto it = of.sources.find(name);
  if (it == of.sources.end()) {
    if (of.sources.size() >= limits_.sources && !EvictIdle(&of)) return nullptr;
    const Share& share = kind == kRefresh ? limits_.classes[kRefresh] : limits_.source;
    it = of.sources.emplace(name, Source{TokenBucket(share.rate, share.burst), {}, 0, false, now}).first;
  }
  it->second.used = now;
  return &it->second;
}

// The one that has been quiet for longest. It comes back with a full bucket: the class's own still holds.
bool LookupQueue::EvictIdle(Kind* kind) {
  auto oldest = kind->sources.end();
  for (auto it = kind->sources.begin(); it != kind->sources.end(); ++it) {
    const bool idle = !it->second.listed && it->second.in_flight == 0;
    if (idle && (oldest == kind->sources.end() || it->second.used < oldest->second.used)) oldest = it;
  }
  if (oldest == kind->sources.end()) return false;
  kind->sources.erase(oldest);
  return true;
}

bool LookupQueue::Waits(const Source& source, const Ipv6& address) const {
  return std::any_of(source.queue.begin(), source.queue.end(),
                     [&](const Waiter& w) { return w.address == address && Live(w); });
}

// Not those whose address another source has started meanwhile.
bool LookupQueue::Live(const Waiter& waiter) const {
  if (waiter.generation == 0) return true;  // a refresh
  const auto it = interests_.find(waiter.address);
  return it != interests_.end() && it->second.generation == waiter.generation;
}

void LookupQueue::MakeRoom(Class kind, Source* source) {
  const bool refresh = kind == kRefresh;
  if (!refresh && source->queue.size() >= limits_.source_waiting)
    return DropOldest(kind, source, &counters_.dropped_source_full);
  if (kinds_[kind].waiting < limits_.waiting) return;
  Source* longest = Longest(kind);
  if (longest != nullptr)
    DropOldest(kind, longest, refresh ? &counters_.dropped_refresh : &counters_.dropped_queue_full);
}

LookupQueue::Source* LookupQueue::Longest(Class kind) {
  Source* longest = nullptr;
  for (const PuntSource& name : kinds_[kind].turns) {
    Source& source = kinds_[kind].sources.at(name);
    if (longest == nullptr || source.queue.size() > longest->queue.size()) longest = &source;
  }
  return longest;
}

// May leave an empty queue in `turns`: its turn finds nothing.
void LookupQueue::DropOldest(Class kind, Source* source, uint64_t* counter) {
  const Waiter waiter = source->queue.front();
  source->queue.pop_front();
  --kinds_[kind].waiting;
  if (!Live(waiter)) return;
  ++*counter;
  const auto it = interests_.find(waiter.address);
  if (kind == kRefresh || it == interests_.end() || --it->second.waiters > 0) return;
  interests_.erase(it);
  dropped_.push_back(waiter.address);
}

// Now and then: it looks at all sources.
void LookupQueue::ExpireOld(BootTime now, Class kind) {
  Kind& of = kinds_[kind];
  if (now - of.swept < kPoll) return;
  of.swept = now;
  std::erase_if(of.turns, [&](const PuntSource& name) {
    Source& source = of.sources.at(name);
    while (!source.queue.empty() && source.queue.front().since + limits_.patience <= now)
      DropOldest(kind, &source, &counters_.dropped_patience);
    source.listed = !source.queue.empty();
    return !source.listed;
  });
}

// --- starting --------------------------------------------------------------------

std::optional<LookupQueue::Start> LookupQueue::Next(BootTime now) {
  ExpireOld(now, kMiss);
  ExpireOld(now, kVerify);
  if (auto start = NextOf(now, kRefresh)) return start;
  const Class first = verify_next_ ? kVerify : kMiss;
  const Class second = verify_next_ ? kMiss : kVerify;
  verify_next_ = !verify_next_;
  if (auto start = NextOf(now, first)) return start;
  return NextOf(now, second);
}

bool LookupQueue::MayStart(BootTime now, Class kind) {
  Kind& of = kinds_[kind];
  return flights_.size() < limits_.all.in_flight && of.in_flight < limits_.classes[kind].in_flight &&
         all_.Has(now) && of.bucket.Has(now);
}

// Each source with somebody waiting gets one turn.
std::optional<LookupQueue::Start> LookupQueue::NextOf(BootTime now, Class kind) {
  if (kinds_[kind].waiting == 0) return std::nullopt;
  if (!MayStart(now, kind)) return std::nullopt;
  std::deque<PuntSource>& turns = kinds_[kind].turns;
  for (size_t left = turns.size(); left > 0; --left) {
    const PuntSource name = turns.front();
    turns.pop_front();
    Source& source = kinds_[kind].sources.at(name);
    auto start = Turn(now, kind, name, &source);
    source.listed = !source.queue.empty();
    if (source.listed) turns.push_back(name);
    if (start) return start;
  }
  return std::nullopt;
}

std::optional<LookupQueue::Start> LookupQueue::Turn(BootTime now, Class kind, const PuntSource& name,
                                                    Source* source) {
  while (!source->queue.empty() && !Live(source->queue.front())) {
    source->queue.pop_front();
    --kinds_[kind].waiting;
  }
  const size_t most = kind == kRefresh ? limits_.classes[kRefresh].in_flight : limits_.source.in_flight;
  if (source->queue.empty() || source->in_flight >= most || !source->bucket.Has(now)) return std::nullopt;
  const Waiter waiter = source->queue.front();
  source->queue.pop_front();
  --kinds_[kind].waiting;
  return Launch(now, kind, name, source, waiter);
}

LookupQueue::Start LookupQueue::Launch(BootTime now, Class kind, const PuntSource& name, Source* source,
                                       const Waiter& waiter) {
  if (kind != kRefresh) interests_.erase(waiter.address);
  const uint64_t ticket = next_ticket_++;
  flights_.emplace(ticket, Flight{kind, name});
  ++source->in_flight;
  ++kinds_[kind].in_flight;
  ++counters_.started[kind];
  source->bucket.Charge(now, kExpectedMessages);
  kinds_[kind].bucket.Charge(now, kExpectedMessages);
  all_.Charge(now, kExpectedMessages);
  const bool waited = waiter.since < now;
  counters_.waited += waited ? 1 : 0;
  return {ticket, kind, waiter.address, waited || kinds_[kMiss].waiting + kinds_[kVerify].waiting > 0};
}

void LookupQueue::Finish(BootTime now, uint64_t ticket, int messages) {
  const auto flight = flights_.extract(ticket);
  if (flight.empty()) return;
  Kind& of = kinds_[flight.mapped().kind];
  Source& source = of.sources.at(flight.mapped().source);
  --of.in_flight;
  --source.in_flight;
  counters_.messages[flight.mapped().kind] += static_cast<uint64_t>(messages);
  const double rest = messages - kExpectedMessages;
  source.bucket.Charge(now, rest);
  of.bucket.Charge(now, rest);
  all_.Charge(now, rest);
}

BootTime LookupQueue::NextDeadline(BootTime now) const {
  const bool any = std::any_of(kinds_.begin(), kinds_.end(), [](const Kind& k) { return k.waiting > 0; });
  return any ? now + kPoll : BootTime::max();
}

}  // namespace ov6
