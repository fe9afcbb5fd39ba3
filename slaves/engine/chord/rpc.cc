// SPDX-License-Identifier: Apache-2.0
#include "slaves/engine/chord/rpc.h"

#include <algorithm>
#include <cstdlib>

#include "slaves/engine/chord/evict.h"

namespace ov6::chord {

void RoundTrip::Add(Duration sample) {
  if (!any_) {
    any_ = true;
    mean_ = sample;
    variation_ = sample / 2;
    return;
  }
  const Duration error = sample > mean_ ? sample - mean_ : mean_ - sample;
  variation_ += (error - variation_) / 4;
  mean_ += (sample - mean_) / 8;
}

Duration RoundTrip::Timeout(const RpcConfig& config) const {
  return any_ ? std::clamp(mean_ + 4 * variation_, config.min, config.max) : config.initial;
}

bool Rpcs::Start(BootTime now, uint64_t id, const Peer& to, Bytes bytes, Done done, Options options) {
  if (calls_.size() >= config_.max_rpcs || calls_.contains(id)) return false;
  const auto known = round_trips_.find(to.endpoint);
  const Duration rto = known == round_trips_.end() ? config_.initial : known->second.Timeout(config_);
  Call& call = calls_[id];
  call = {.to = to,
          .bytes = std::move(bytes),
          .done = std::move(done),
          .options = std::move(options),
          .first = now,
          .rto = rto,
          .patience = Patience(to.endpoint, rto)};
  if (call.options.tries == 0) call.options.tries = config_.tries;
  Arm(id, &call, now + rto, call.options.on_delay ? now + call.patience : BootTime::max());
  SendNow(call);
  return true;
}

Duration Rpcs::Patience(const Endpoint& peer, Duration rto) const {
  const auto known = round_trips_.find(peer);
  const RoundTrip& usual = known == round_trips_.end() ? everybody_ : known->second;
  return usual.any() ? std::min(usual.Late(), rto) : rto;
}

void Rpcs::Arm(uint64_t id, Call* call, BootTime deadline, BootTime late) {
  deadlines_.erase({call->Next(), id});
  call->deadline = deadline;
  call->late = late;
  deadlines_.insert({call->Next(), id});
}

void Rpcs::SendNow(const Call& call) {
  if (call.options.cost) call.options.cost->Add(call.bytes.size());
  send_(call.to.endpoint, call.bytes);
}

Rpcs::Match Rpcs::OnReply(BootTime now, const Endpoint& from, const Message& reply, size_t size) {
  const auto it = calls_.find(reply.rpc);
  if (it == calls_.end() || it->second.to.endpoint != from) return Match::kUnsolicited;
  const Peer& asked = it->second.to;
  const bool other =
      asked.id != Key{} && (asked.id != reply.sender.id || asked.incarnation != reply.sender.incarnation);
  const Call call = Take(reply.rpc);
  // Karn: a retransmitted request's round trip is ambiguous.
  if (call.options.cost) call.options.cost->Add(size);
  if (call.sent == 1 && !other) Sample(from, now - call.first);
  call.done(other ? nullptr : &reply);
  return other ? Match::kIdMismatch : Match::kMatched;
}

const Bytes* Rpcs::Challenged(uint64_t id, const Endpoint& from) const {
  const auto it = calls_.find(id);
  const bool may = it != calls_.end() && it->second.to.endpoint == from && !it->second.challenged;
  return may ? &it->second.bytes : nullptr;
}

void Rpcs::SendAgain(BootTime now, uint64_t id, Bytes bytes) {
  Call& call = calls_.at(id);
  if (call.sent == 1) Sample(call.to.endpoint, now - call.first);
  call.challenged = true;
  call.bytes = std::move(bytes);
  call.first = now;
  Arm(id, &call, now + call.rto, call.late == BootTime::max() ? call.late : now + call.patience);
  SendNow(call);
}

void Rpcs::OnTimer(BootTime now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) Expire(now, deadlines_.begin()->second);
}

void Rpcs::TellLate(uint64_t id) {
  Call& call = calls_.at(id);
  const std::function<void()> tell = std::move(call.options.on_delay);
  Arm(id, &call, call.deadline, BootTime::max());
  tell();
}

void Rpcs::Expire(BootTime now, uint64_t id) {
  Call& call = calls_.at(id);
  if (call.late <= now) return TellLate(id);
  if (call.sent >= call.options.tries) {
    ++timed_out_;
    Take(id).done(nullptr);
    return;
  }
  ++retransmitted_;
  call.rto = std::min(call.rto * 2, config_.max);
  Arm(id, &call, now + call.rto, call.late);
  ++call.sent;
  SendNow(call);
}

BootTime Rpcs::NextDeadline() const {
  return deadlines_.empty() ? BootTime::max() : deadlines_.begin()->first;
}

std::optional<Duration> Rpcs::RoundTripOf(const Endpoint& peer) const {
  const auto it = round_trips_.find(peer);
  if (it == round_trips_.end()) return std::nullopt;
  return it->second.mean();
}

void Rpcs::Clear() {
  calls_.clear();
  deadlines_.clear();
}

Rpcs::Call Rpcs::Take(uint64_t id) {
  auto node = calls_.extract(id);
  deadlines_.erase({node.mapped().Next(), id});
  return std::move(node.mapped());
}

void Rpcs::Sample(const Endpoint& peer, Duration rtt) {
  everybody_.Add(rtt);
  const auto known = round_trips_.find(peer);
  if (known != round_trips_.end()) return known->second.Add(rtt);
  if (round_trips_.size() >= config_.max_peers) EvictLowest(&round_trips_);
  round_trips_[peer].Add(rtt);
}

}  // namespace ov6::chord
