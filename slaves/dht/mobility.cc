// SPDX-License-Identifier: Apache-2.0
#include "slaves/dht/mobility.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

namespace ov6 {
namespace {

namespace json = boost::json;

bool Names(const Record& record, const Endpoint& place) {
  if (record.control_port != place.port) return false;
  return std::any_of(record.locators.begin(), record.locators.end(),
                     [&](const Locator& locator) { return locator.address == place.address; });
}

std::string Text(const std::vector<Endpoint>& places) {
  std::string text;
  for (const Endpoint& place : places) text += (text.empty() ? "" : ", ") + place.address.ToString();
  return text;
}

}  // namespace

Mobility::Mobility(const DhtConfig& config, Parts parts) : config_(config), parts_(std::move(parts)) {
  parts_.registrar.HoldBack([this](const Prefix& prefix) { OnDue(prefix); });
  parts_.registrar.WhenSigned([this](const Prefix& prefix, bool elsewhere) { OnSigned(prefix, elsewhere); });
  parts_.slave.WhenInstalled([this](const Record& record) { OnInstalled(record); });
}

void Mobility::Reconfigure(const DhtConfig& config) {
  config_ = config;
  OnArrived();
  if (joined_) FindFormers();
}

bool Mobility::IsOurs(Ipv4 address) const {
  return std::any_of(config_.locators.begin(), config_.locators.end(),
                     [&](const Locator& own) { return own.address == address; });
}

std::vector<Endpoint> Mobility::PlacesElsewhere(const Record& record) const {
  std::vector<Endpoint> places;
  if (record.control_port == 0) return places;
  for (const Locator& locator : record.locators) {
    if (!IsOurs(locator.address)) places.push_back({locator.address, record.control_port});
  }
  return places;
}

void Mobility::Expire() {
  const BootTime now = parts_.clock.boot();
  std::erase_if(formers_, [&](const auto& former) { return former.second.until <= now; });
  std::erase_if(named_, [&](const auto& named) { return named.second <= now; });
  std::erase_if(moved_, [&](const auto& moved) { return moved.second.until <= now; });
}

// --- the new place -------------------------------------------------------------------

void Mobility::OnJoined() {
  joined_ = true;
  FindFormers();
}

void Mobility::FindFormers() {
  for (const Prefix& prefix : parts_.registrar.Held()) Claim(prefix);
}

void Mobility::Claim(const Prefix& prefix) {
  const auto former = formers_.find(prefix);
  const bool waits = former != formers_.end() && former->second.awaited;
  if (waits || !searching_.insert(prefix).second) return;
  parts_.slave.Lookup(prefix.address,
                      [this, prefix](const ResolveOutput& output) { OnFormer(prefix, output); });
}

// Where nobody can be asked there is nobody to be told either.
void Mobility::OnFormer(const Prefix& prefix, const ResolveOutput& output) {
  searching_.erase(prefix);
  const bool found =
      output.outcome == ResolveOutcome::kFound && output.records.front().prefix.Contains(prefix);
  const uint64_t above = found ? output.records.front().sequence : 0;
  const auto places = found ? PlacesElsewhere(output.records.front()) : std::vector<Endpoint>();
  if (places.empty() && IsAwaited(prefix)) {
    formers_[prefix] = {{}, parts_.clock.boot() + kMoveTime, above, true};
    return;
  }
  if (places.empty()) return parts_.registrar.Release(prefix, above);
  json::array addresses;
  for (const Endpoint& place : places) addresses.emplace_back(place.address.ToString());
  const json::object argument = {{"prefix", prefix.ToString()}, {"addresses", std::move(addresses)}};
  parts_.session.Call("former", json::serialize(argument),
                      [this, prefix, above, places](const absl::StatusOr<std::string>& result) {
                        if (!result.ok())
                          spdlog::warn("what {} still gets for {} is not accepted: {}", Text(places),
                                       prefix.ToString(), std::string(result.status().message()));
                        OnFormerAccepted(prefix, above, places);
                      });
}

void Mobility::OnFormerAccepted(const Prefix& prefix, uint64_t above, const std::vector<Endpoint>& places) {
  spdlog::info("{} was at {} before", prefix.ToString(), Text(places));
  ++counters_.formers;
  formers_[prefix] = {places, parts_.clock.boot() + kMoveTime, above, IsAwaited(prefix)};
  if (IsAwaited(prefix))
    parts_.registrar.Raise(prefix, above);
  else
    parts_.registrar.Release(prefix, above);
  NotifyFormer(prefix);
}

bool Mobility::IsAwaited(const Prefix& prefix) const {
  return std::find(config_.awaited.begin(), config_.awaited.end(), prefix) != config_.awaited.end();
}

void Mobility::OnArrived() {
  for (auto& [prefix, former] : formers_) {
    if (!former.awaited || IsAwaited(prefix)) continue;
    former.awaited = false;
    former.until = parts_.clock.boot() + kMoveTime;
    parts_.registrar.Release(prefix, former.above);
    NotifyFormer(prefix);
    NotifyCorrespondents(prefix);
  }
}

void Mobility::NotifyFormer(const Prefix& prefix) {
  const Bytes* record = parts_.registrar.RecordOf(prefix);
  const auto former = formers_.find(prefix);
  if (record == nullptr || former == formers_.end()) return;
  for (const Endpoint& place : former->second.places)
    parts_.notifier.Notify(parts_.clock.boot(), place, prefix, *record, former->second.awaited);
}

void Mobility::OnSigned(const Prefix& prefix, bool elsewhere) {
  Expire();
  NotifyFormer(prefix);
  if (elsewhere && !IsAwaited(prefix)) NotifyCorrespondents(prefix);
}

void Mobility::NotifyCorrespondents(const Prefix& prefix) {
  const Bytes* record = parts_.registrar.RecordOf(prefix);
  if (record == nullptr) return;
  for (const Record* correspondent : Correspondents()) NotifyOwner(*correspondent, prefix, *record);
  NotifyAskers(prefix, *record);
}

void Mobility::OnAsked(const Endpoint& from, const Prefix& prefix) {
  const BootTime until = parts_.clock.boot() + LocatorProver::kProofLifetime;
  askers_[{prefix, from}] = until;
  asked_at_.emplace_back(until, Asker{prefix, from});
  if (asked_at_.size() <= kMaxAskers) return;
  const auto& [oldest, asker] = asked_at_.front();
  if (const auto found = askers_.find(asker); found != askers_.end() && found->second == oldest)
    askers_.erase(found);
  asked_at_.pop_front();
}

// Those among the correspondents are told already: the same once more changes nothing.
void Mobility::NotifyAskers(const Prefix& prefix, const Bytes& record) {
  const BootTime now = parts_.clock.boot();
  for (auto it = askers_.lower_bound({prefix, Endpoint{}}); it != askers_.end() && it->first.first == prefix;
       ++it) {
    if (it->second > now) parts_.notifier.Notify(now, it->first.second, prefix, record);
  }
}

// Whoever owns the space that a mapping leads to may send to us as we send to him.
std::vector<const Record*> Mobility::Correspondents() const {
  std::vector<const Record*> correspondents;
  for (const auto& [prefix, record] : parts_.slave.resolver().Records(parts_.clock.boot())) {
    const auto places = PlacesElsewhere(*record);
    if (!places.empty() && places.size() == record->locators.size()) correspondents.push_back(record);
  }
  return correspondents;
}

// At the first place that has proven itself: nobody else is sent a record.
void Mobility::NotifyOwner(const Record& correspondent, const Prefix& prefix, const Bytes& record) {
  const BootTime now = parts_.clock.boot();
  for (const Locator& locator : correspondent.locators) {
    if (locator.priority == kAcceptOnly) continue;
    if (config_.domain.prove && !parts_.prover.Proven(now, correspondent.prefix, locator.address)) continue;
    return parts_.notifier.Notify(now, {locator.address, correspondent.control_port}, prefix, record);
  }
}

bool Mobility::OnName(const Endpoint& from, const Prefix& prefix) {
  const bool former = std::any_of(formers_.begin(), formers_.end(), [&](const auto& one) {
    const auto& places = one.second.places;
    return std::find(places.begin(), places.end(), from) != places.end();
  });
  if (!former || named_.size() >= kMaxNamed || !config_.domain.prefix.Contains(prefix)) return false;
  if (parts_.registrar.Serves(prefix)) return false;
  if (!named_.emplace(prefix, parts_.clock.boot() + kMoveTime).second) return true;
  ++counters_.named;
  parts_.slave.OnRefresh(std::vector{prefix.address});
  return true;
}

// What comes from there is accepted from now on, so that it may send here.
void Mobility::OnInstalled(const Record& record) {
  if (named_.erase(record.prefix) == 0) return;
  Expire();
  for (const auto& [prefix, former] : formers_) {
    if (const Bytes* own = parts_.registrar.RecordOf(prefix)) NotifyOwner(record, prefix, *own);
  }
}

// --- everybody -----------------------------------------------------------------------

void Mobility::Answer(const Endpoint& to, Ipv4 at, const PeeringMessage& message, bool yes) {
  const auto type = message.type == PeeringType::kNotify ? PeeringType::kNotified : PeeringType::kNamed;
  parts_.send(to, EncodePeering({type, yes, message.nonce, message.prefix}), at);
}

void Mobility::OnMessage(const Endpoint& from, Ipv4 at, const PeeringMessage& message) {
  Expire();
  switch (message.type) {
    case PeeringType::kNotify:
      if (parts_.registrar.ServesAround(message.prefix)) return OnClaimed(from, at, message);
      return Answer(from, at, message, OnNotify(from, message));
    case PeeringType::kName:
      return Answer(from, at, message, OnName(from, message.prefix));
    default:
      return parts_.notifier.OnAnswer(from, message);
  }
}

std::optional<Record> Mobility::Verify(const PeeringMessage& message) {
  if (!verify_budget_.Take(parts_.clock.boot())) {
    ++counters_.limited;
    return std::nullopt;
  }
  const auto record = VerifySigned(message.record, config_.domain, parts_.clock.Wall());
  if (record.ok() && record->prefix == message.prefix && !record->locators.empty()) return *record;
  ++counters_.refused;
  return std::nullopt;
}

bool Mobility::OnNotify(const Endpoint& from, const PeeringMessage& message) {
  const Record* known = parts_.slave.resolver().Around(parts_.clock.boot(), message.prefix);
  if (known != nullptr) return OnNews(from, message, *known);
  ++counters_.unasked;
  return false;
}

// Where all places of before are gone and the owner speaks from the new one, traffic follows at once.
bool Mobility::OnNews(const Endpoint& from, const PeeringMessage& message, const Record& known) {
  const auto unproven = DecodeSigned(message.record);
  if (unproven.ok() && known.prefix == message.prefix && unproven->record.sequence <= known.sequence) {
    ++counters_.old;
    return true;
  }
  const Record before = known;
  const auto record = Verify(message);
  if (!record) return false;
  const BootTime now = parts_.clock.boot();
  bool proven = false, kept = false;
  for (const Locator& locator : before.locators) {
    proven |= parts_.prover.Proven(now, before.prefix, locator.address);
    kept |= Names(*record, {locator.address, record->control_port});
  }
  if (proven && !kept && before.prefix == record->prefix && Names(*record, from))
    parts_.prover.Presume(now, record->prefix, from);
  if (!parts_.slave.Learn(*record)) return false;
  ++counters_.learned;
  OnMovedOn(*record, message.record);
  return true;
}

// What moved from here has moved on: senders are told of where it is now.
void Mobility::OnMovedOn(const Record& record, const Bytes& bytes) {
  const auto found = moved_.find(record.prefix);
  if (found == moved_.end() || !found->second.handed_over) return;
  found->second.to = {record.locators.front().address, record.control_port};
  found->second.record = bytes;
  found->second.decoded = record;
}

// --- the old place -------------------------------------------------------------------

// Answered when it is done; until then the same notification again changes nothing.
void Mobility::OnClaimed(const Endpoint& from, Ipv4 at, const PeeringMessage& message) {
  if (const auto found = moved_.find(message.prefix);
      found != moved_.end() && found->second.record == message.record)
    return OnClaimedAgain(from, at, message, &found->second);
  if (moved_.size() >= kMaxMoved) return;
  const auto record = Verify(message);
  if (!record || !MayTakeOver(from, *record)) return Answer(from, at, message, false);
  const BootTime now = parts_.clock.boot();
  moved_[message.prefix] = {from,           at, message.nonce, message.record, *record, now + kMoveTime,
                            message.awaited};
  if (config_.domain.prove) parts_.prover.Prove(now, *record);
  if (message.awaited) Answer(from, at, message, true);
  OnProofs();
}

// What was awaited has come, or is still awaited.
void Mobility::OnClaimedAgain(const Endpoint& from, Ipv4 at, const PeeringMessage& message, Moved* moved) {
  if (moved->handed_over || message.awaited) return Answer(from, at, message, true);
  if (!std::exchange(moved->awaited, false)) return;
  moved->nonce = message.nonce;
  moved->until = parts_.clock.boot() + kMoveTime;
  if (config_.domain.prove) parts_.prover.Prove(parts_.clock.boot(), moved->decoded);
  OnProofs();
}

// A newer record of a place that could not, or did not know to, notify us. What the DHT has never taken from
// here is not here for sure: it is claimed once more.
void Mobility::OnDue(const Prefix& prefix) {
  if (!parts_.registrar.Settled(prefix)) return Claim(prefix);
  if (moved_.contains(prefix) || !reading_.insert(prefix).second) return;
  parts_.query.Find(prefix, [this, prefix](const std::set<Bytes>& values) { OnRead(prefix, values); });
}

void Mobility::OnRead(const Prefix& prefix, const std::set<Bytes>& values) {
  reading_.erase(prefix);
  Expire();
  if (!parts_.registrar.Serves(prefix) || moved_.contains(prefix)) return;
  const BootTime now = parts_.clock.boot();
  for (const Bytes& value : values) {
    const auto record = VerifySigned(value, config_.domain, parts_.clock.Wall());
    if (!record.ok() || record->locators.empty()) continue;
    const Endpoint there{record->locators.front().address, record->control_port};
    if (!MayTakeOver(there, *record)) continue;
    ++counters_.gave_way;
    moved_[prefix] = {there, {}, std::nullopt, value, *record, now + kMoveTime};
    if (config_.domain.prove) parts_.prover.Prove(now, *record);
    return OnProofs();
  }
  parts_.registrar.Release(prefix);
}

// Newer than ours, of the same claim's root, and from where it says; ours only comes back by registering.
bool Mobility::MayTakeOver(const Endpoint& from, const Record& record) const {
  const Prefix own = *parts_.registrar.ServesAround(record.prefix);
  const Bytes* bytes = parts_.registrar.RecordOf(own);
  const auto ours =
      bytes == nullptr ? absl::StatusOr<SignedRecord>(absl::NotFoundError("")) : DecodeSigned(*bytes);
  if (!ours.ok() || RootOf(ours->record) != RootOf(record) || !Names(record, from)) return false;
  const bool newer = own != record.prefix || record.sequence > ours->record.sequence;
  return newer && std::none_of(record.locators.begin(), record.locators.end(),
                               [&](const Locator& locator) { return IsOurs(locator.address); });
}

void Mobility::OnProofs() {
  const BootTime now = parts_.clock.boot();
  std::vector<Prefix> ready, silent;
  for (auto& [prefix, moved] : moved_) {
    if (moved.asked || moved.awaited) continue;
    const bool proven = !config_.domain.prove || parts_.prover.Proven(now, prefix, moved.to.address);
    if (proven) ready.push_back(prefix);
    if (!proven && !parts_.prover.Asking(prefix)) silent.push_back(prefix);
  }
  for (const Prefix& prefix : silent) moved_.erase(prefix);
  for (const Prefix& prefix : ready) HandOver(prefix);
}

void Mobility::HandOver(const Prefix& prefix) {
  Moved& moved = moved_.at(prefix);
  moved.asked = true;
  parts_.session.Call(
      "moved", std::string(moved.record.begin(), moved.record.end()),
      [this, prefix](const absl::StatusOr<std::string>& result) { OnHandedOver(prefix, result.status()); });
}

void Mobility::OnHandedOver(const Prefix& prefix, const absl::Status& status) {
  const auto found = moved_.find(prefix);
  if (found == moved_.end()) return;
  Moved& moved = found->second;
  if (moved.nonce)
    Answer(moved.to, moved.at, {PeeringType::kNotify, false, *moved.nonce, prefix}, status.ok());
  if (!status.ok()) {
    spdlog::warn("{} is not handed over to {}: {}", prefix.ToString(), moved.to.address.ToString(),
                 std::string(status.message()));
    moved_.erase(found);
    return;
  }
  spdlog::info("{} has moved to {}", prefix.ToString(), moved.to.address.ToString());
  ++counters_.handed_over;
  moved.handed_over = true;
  for (const Record* correspondent : Correspondents()) {
    if (!Names(*correspondent, moved.to))
      parts_.notifier.Name(parts_.clock.boot(), moved.to, correspondent->prefix);
  }
  if (const auto former = formers_.find(prefix); former != formers_.end()) {
    for (const Endpoint& place : former->second.places)
      parts_.notifier.Notify(parts_.clock.boot(), place, prefix, moved.record);
  }
  parts_.slave.Learn(moved.decoded);
}

// A sender that has not heard of it: where its record says.
void Mobility::OnRelayed(const Ipv6& destination, Ipv4 peer) {
  Expire();
  const auto moved = std::find_if(moved_.begin(), moved_.end(), [&](const auto& one) {
    return one.second.handed_over && one.first.Contains(destination);
  });
  if (moved == moved_.end()) return;
  for (const Record* correspondent : Correspondents()) {
    const Endpoint place{peer, correspondent->control_port};
    if (!Names(*correspondent, place)) continue;
    ++counters_.told;
    return parts_.notifier.Notify(parts_.clock.boot(), place, moved->first, moved->second.record);
  }
}

json::object Mobility::StateJson() const {
  json::array formers, moved;
  for (const auto& [prefix, former] : formers_)
    formers.push_back({{"prefix", prefix.ToString()}, {"from", Text(former.places)}});
  for (const auto& [prefix, one] : moved_) {
    moved.push_back(
        {{"prefix", prefix.ToString()}, {"to", one.to.address.ToString()}, {"handed_over", one.handed_over}});
  }
  const Notifier::Counters& n = parts_.notifier.counters();
  return {{"here_from", std::move(formers)},
          {"from_here", std::move(moved)},
          {"formers", counters_.formers},
          {"handed_over", counters_.handed_over},
          {"gave_way", counters_.gave_way},
          {"learned", counters_.learned},
          {"named", counters_.named},
          {"told", counters_.told},
          {"old", counters_.old},
          {"unasked", counters_.unasked},
          {"refused", counters_.refused},
          {"limited", counters_.limited},
          {"notifications",
           {{"sent", n.sent},
            {"heard", n.heard},
            {"useless", n.useless},
            {"unanswered", n.unanswered},
            {"overflow", n.overflow}}}};
}

}  // namespace ov6
