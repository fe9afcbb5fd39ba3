// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/direct_paths.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "userspace/base/crypto.h"
#include "userspace/base/text.h"

namespace ov6 {
namespace {

namespace json = boost::json;

constexpr size_t kUserBytes = 6, kPasswordBytes = 18;  // RFC 8445 section 5.3: 24 and 128 bits at least
constexpr double kStrangersRate = 500, kStrangersBurst = 200;  // answers a second
constexpr uint8_t kBest = 1;

std::string StateText(PathCheck::State state) {
  switch (state) {
    case PathCheck::State::kWaiting:
      return "waiting";
    case PathCheck::State::kProbing:
      return "probing";
    case PathCheck::State::kUp:
      return "up";
    case PathCheck::State::kFailed:
      break;
  }
  return "failed";
}

Locator LocatorAt(const Endpoint& place, uint8_t priority) {
  return {place.address, Encapsulation::kUdp, place.port, priority, 0, true};
}

}  // namespace

DirectPaths::DirectPaths(Environment environment)
    : env_(std::move(environment)),
      reflexive_(env_.random),
      strangers_(kStrangersRate, kStrangersBurst),
      timer_(env_.io) {}

DirectPaths::~DirectPaths() { *alive_ = false; }

void DirectPaths::SetEnds(std::vector<TunnelEnd> ends) {
  ends_ = std::move(ends);
  Arm();
}

bool DirectPaths::IsOwn(const Endpoint& place) const {
  return std::any_of(ends_.begin(), ends_.end(),
                     [&](const TunnelEnd& end) { return end.address == place.address; });
}

std::string DirectPaths::RandomText(size_t bytes) const {
  std::vector<uint8_t> random(bytes);
  env_.random(random);
  return ToHex(random);
}

// --- peers -------------------------------------------------------------------------

DirectPaths::Peer* DirectPaths::Covering(const Ipv6& address) {
  for (const auto& [name, peer] : peers_) {
    for (const Prefix& prefix : peer->prefixes) {
      if (prefix.Contains(address)) return peer.get();
    }
  }
  return nullptr;
}

// The master elsewhere that this slave has a session with, if there is a path to it.
const DirectPaths::Peer* DirectPaths::RelayFor(const std::string& slave) const {
  const auto found = std::find_if(peers_.begin(), peers_.end(), [&](const auto& entry) {
    return entry.second->relays && entry.second->slave == slave;
  });
  return found == peers_.end() ? nullptr : found->second.get();
}

// Inside what the slave carries, and nothing of our own.
absl::Status DirectPaths::CheckPrefixes(const std::string& slave, const std::vector<Prefix>& prefixes) const {
  if (prefixes.empty() || prefixes.size() > kMaxPrefixes)
    return absl::InvalidArgumentError("a peer has 1 to 8 prefixes");
  const auto id = env_.master.slaves().FindByName(slave);
  for (const Prefix& prefix : prefixes) {
    const auto route = env_.master.routes().Lookup(prefix.address);
    if (!id || !route || route->second.slave != *id || !route->first.Contains(prefix))
      return absl::PermissionDeniedError(prefix.ToString() + " is not what " + slave + " carries");
  }
  return absl::OkStatus();
}

absl::StatusOr<DirectPaths::Peer*> DirectPaths::Find(const std::string& slave,
                                                     const std::vector<Prefix>& prefixes) {
  if (absl::Status status = CheckPrefixes(slave, prefixes); !status.ok()) return status;
  const auto known = peers_.find(prefixes.front());
  if (known != peers_.end() && known->second->slave == slave && known->second->prefixes == prefixes)
    return known->second.get();
  if (known != peers_.end()) Remove(known);
  if (peers_.size() >= kMaxPeers) return absl::ResourceExhaustedError("there are too many direct paths");
  StunCredentials local{RandomText(kUserBytes), RandomText(kPasswordBytes)};
  auto peer = std::make_unique<Peer>(Peer{slave, prefixes, PathCheck(std::move(local), env_.random), {}});
  peer->used = env_.clock();
  peer->place = Prefix::Of(prefixes.front().address, kNobodyLength);
  return (peers_[prefixes.front()] = std::move(peer)).get();
}

void DirectPaths::Remove(Peers::iterator found) {
  const Peer& peer = *found->second;
  if (const auto id = env_.master.slaves().FindByName(peer.slave)) {
    for (const Prefix& prefix : peer.prefixes) env_.master.EndDirect(*id, prefix);
    if (BringsAlone(peer)) env_.master.EndDirect(*id, *peer.brings);
    if (peer.relays) {
      for (const Prefix& prefix : PrefixesOf(peer.slave)) env_.master.EndDirect(*id, prefix);
    }
  }
  peers_.erase(found);
}

// A mapping that is used through a path alone is not asked about by the kernel.
bool DirectPaths::OnUsed(const Ipv6& address) {
  const BootTime now = env_.clock();
  if (Peer* peer = Covering(address)) {
    peer->used = now;
    const auto id = env_.master.slaves().FindByName(peer->slave);
    if (!peer->via || !id) return false;
    const Mapping* around = env_.master.mappings().LeadingTo(now, *id, peer->prefixes.front(), *peer->via);
    return around != nullptr && around->soft_expiry && *around->soft_expiry <= now;
  }
  for (const auto& [name, peer] : peers_) {
    if (peer->relays) peer->used = now;
  }
  return false;
}

// Where it is sent to, as good as `best`, and where it was heard.
std::vector<Locator> DirectPaths::PlacesOf(const Peer& peer, uint8_t best) const {
  std::vector<Locator> places;
  if (const auto path = peer.check.path()) places.push_back(LocatorAt(*path, best));
  for (const Endpoint& place : peer.check.Heard(env_.clock()))
    places.push_back(LocatorAt(place, kAcceptOnly));
  return places;
}

// What the kernel is to know now.
void DirectPaths::Write(Peer& peer) {
  WritePeer(peer);
  if (!peer.relays) return;
  WriteSources(peer, PrefixesOf(peer.slave));
  auto places = PlacesOf(peer, kAcceptOnly);
  if (places == peer.brings_from) return;
  peer.brings_from = std::move(places);
  for (const auto& [name, other] : peers_) {
    if (other->slave == peer.slave && !other->relays) WritePeer(*other);
  }
}

void DirectPaths::WritePeer(Peer& peer) {
  WritePath(peer);
  if (peer.brings && *peer.brings != peer.prefixes.front()) WriteSources(peer, {*peer.brings});
}

// What comes for a peer from where its master is comes from it, too.
std::vector<Locator> DirectPaths::WithRelay(const Peer& peer, std::vector<Locator> places) const {
  const Peer* relay = RelayFor(peer.slave);
  const auto relayed =
      relay == nullptr || relay == &peer ? std::vector<Locator>() : PlacesOf(*relay, kAcceptOnly);
  if (!relayed.empty()) places.insert(places.begin() + 1, relayed.front());
  if (places.size() > OV6_MAX_LOCATORS) places.resize(OV6_MAX_LOCATORS);
  return places;
}

// The path, and where the peer may come from: by its master, too.
void DirectPaths::WritePath(Peer& peer) {
  const BootTime now = env_.clock();
  const auto path = peer.check.path();
  std::vector<Locator> locators = PlacesOf(peer, kBest);
  const auto id = env_.master.slaves().FindByName(peer.slave);
  if (!id) return;
  if (locators.empty()) {
    for (const Prefix& prefix : peer.prefixes) env_.master.EndDirect(*id, prefix);
    return;
  }
  locators = WithRelay(peer, std::move(locators));
  for (const Prefix& prefix : peer.prefixes) {
    const BootTime send_until = path ? peer.check.consent_until() : now;
    const absl::Status status =
        peer.via ? env_.master.SetShortcut(now, *id, prefix, locators, send_until, *peer.via)
                 : env_.master.SetDirect(now, *id, prefix, locators, send_until, now + PathCheck::kAccept);
    if (!status.ok()) spdlog::debug("the direct path to {}: {}", prefix.ToString(), Message(status));
  }
}

// Whose packets come from where the peer is, besides its own: whomever its master relays for, and a member's
// other sites.
void DirectPaths::WriteSources(const Peer& peer, const std::vector<Prefix>& prefixes) {
  const BootTime now = env_.clock();
  auto places = PlacesOf(peer, kAcceptOnly);
  const auto id = env_.master.slaves().FindByName(peer.slave);
  if (places.empty() || !id) return;
  places = WithRelay(peer, std::move(places));
  for (const Prefix& prefix : prefixes) {
    const absl::Status status =
        env_.master.SetDirect(now, *id, prefix, places, now, now + PathCheck::kAccept);
    if (!status.ok()) spdlog::debug("what is brought for {}: {}", prefix.ToString(), Message(status));
  }
}

// No other path's places stand for the same.
bool DirectPaths::BringsAlone(const Peer& peer) const {
  return peer.brings && std::none_of(peers_.begin(), peers_.end(), [&](const auto& entry) {
           const Peer& other = *entry.second;
           return &other != &peer && (other.brings == peer.brings || other.prefixes.front() == *peer.brings);
         });
}

// What has become of the path since then.
void DirectPaths::Follow(Peer& peer, PathCheck::State before) {
  const PathCheck::State state = peer.check.state();
  if (state == before) return;
  const std::string name = peer.prefixes.front().ToString();
  if (state == PathCheck::State::kUp) {
    ++counters_.came_up;
    peer.pause = kFirstPause;
    spdlog::info("a direct path leads to {}, by {}", name, peer.check.path()->ToString());
  } else if (before == PathCheck::State::kUp) {
    ++counters_.fell_silent;
    spdlog::info("the direct path to {} is silent: {} carries its packets", name, peer.slave);
  }
  if (state != PathCheck::State::kFailed) return;
  ++counters_.failed;
  peer.next_offer = env_.clock() + peer.pause;
  peer.pause = std::min<Duration>(peer.pause * 2, kLongestPause);
}

// --- STUN --------------------------------------------------------------------------

void DirectPaths::OnDatagram(const std::string& interface, const Endpoint& from,
                             std::span<const uint8_t> bytes) {
  const auto message = ParseStun(bytes);
  if (!message || from.port == 0 || from.address.IsMartian()) {
    ++counters_.malformed;
    return;
  }
  if (message->kind == StunMessage::Kind::kRequest) return OnRequest(interface, from, bytes, *message);
  if (message->kind == StunMessage::Kind::kSuccess) return OnAnswer(interface, from, bytes, *message);
  ++counters_.unexpected;
}

// "OURS:THEIRS" (RFC 8445 section 7.2.2); theirs may not have come yet.
void DirectPaths::OnRequest(const std::string& interface, const Endpoint& from,
                            std::span<const uint8_t> bytes, const StunMessage& request) {
  if (request.unknown) {
    ++counters_.unexpected;
    return;
  }
  if (!request.username) return AnswerStranger(interface, from, request);
  const std::string user = request.username->substr(0, request.username->find(':'));
  const auto found = std::find_if(peers_.begin(), peers_.end(), [&](const auto& entry) {
    return entry.second->check.local().user == user;
  });
  if (found == peers_.end() || !HasIntegrity(bytes, request, found->second->check.local().password)) {
    ++counters_.unauthentic;
    return;
  }
  Peer& peer = *found->second;
  peer.interface = interface;
  peer.check.OnRequest(env_.clock(), from);
  // The kernel accepts what comes from there before the peer knows that it may send.
  Write(peer);
  StunMessage answer;
  answer.kind = StunMessage::Kind::kSuccess;
  answer.transaction = request.transaction;
  answer.mapped = from;
  Send(interface, from, WriteStun(answer, peer.check.local().password));
  Tick();
}

void DirectPaths::OnAnswer(const std::string& interface, const Endpoint& from, std::span<const uint8_t> bytes,
                           const StunMessage& answer) {
  const BootTime now = env_.clock();
  if (reflexive_.OnAnswer(now, from, answer)) {
    TellPlaces();
    return Arm();
  }
  const auto found = std::find_if(peers_.begin(), peers_.end(), [&](const auto& entry) {
    return entry.second->check.Expects(from, answer.transaction);
  });
  if (found == peers_.end()) {
    ++counters_.unexpected;
    return;
  }
  Peer& peer = *found->second;
  if (!HasIntegrity(bytes, answer, peer.check.remote().password)) {
    ++counters_.unauthentic;
    return;
  }
  const PathCheck::State before = peer.check.state();
  peer.interface = interface;
  peer.check.OnAnswer(now, from, answer.transaction);
  Write(peer);
  Follow(peer, before);
  Arm();
}

// 40 bytes for at least 20: with the headers of IPv4 and UDP less than half as much again (RFC 8489 section
// 14.2 has no shorter answer).
void DirectPaths::AnswerStranger(const std::string& interface, const Endpoint& from,
                                 const StunMessage& request) {
  if (!env_.answers_strangers) {
    ++counters_.unexpected;
    return;
  }
  if (!strangers_.Take(env_.clock())) {
    ++counters_.limited;
    return;
  }
  ++counters_.answered;
  StunMessage answer;
  answer.kind = StunMessage::Kind::kSuccess;
  answer.transaction = request.transaction;
  answer.mapped = from;
  Send(interface, from, WriteStun(answer));
}

void DirectPaths::SendProbe(const Peer& peer, const PathCheck::Probe& probe) {
  if (probe.strange && !strange_places_.Take(env_.clock())) {
    ++counters_.withheld;
    return;
  }
  StunMessage request;
  request.transaction = probe.transaction;
  request.username = peer.check.remote().user + ":" + peer.check.local().user;
  Send(peer.interface, probe.to, WriteStun(request, peer.check.remote().password));
}

void DirectPaths::Send(const std::string& interface, const Endpoint& to, std::span<const uint8_t> bytes) {
  if (!interface.empty() && env_.send(interface, to, bytes)) return;
  for (const TunnelEnd& end : ends_) {
    if (end.interface != interface && env_.send(end.interface, to, bytes)) return;
  }
}

// --- time --------------------------------------------------------------------------

void DirectPaths::Tick() {
  const BootTime now = env_.clock();
  for (const auto& [server, transaction] : reflexive_.OnTimer(now)) {
    StunMessage request;
    request.transaction = transaction;
    Send({}, server, WriteStun(request));
  }
  for (auto at = peers_.begin(); at != peers_.end();) {
    const auto found = at++;
    Peer& peer = *found->second;
    const PathCheck::State before = peer.check.state();
    const auto probes = peer.check.OnTimer(now);
    for (const PathCheck::Probe& probe : probes) SendProbe(peer, probe);
    AskAgain(peer);
    Follow(peer, before);
    // Not at each tick: there are as many as there are peers.
    const bool look = !probes.empty() || peer.check.state() == PathCheck::State::kFailed;
    if (look && !MayStay(peer)) {
      Remove(found);
      continue;
    }
    if (peer.offering && peer.check.state() != PathCheck::State::kUp) peer.used = now;
    if (now >= peer.used + kIdle) Remove(found);
  }
  Arm();
}

void DirectPaths::Arm() {
  std::optional<BootTime> next = reflexive_.NextDeadline();
  const auto sooner = [&next](const std::optional<BootTime>& time) {
    if (time && (!next || *time < *next)) next = time;
  };
  for (const auto& [name, peer] : peers_) {
    sooner(peer->check.NextDeadline());
    sooner(peer->used + kIdle);
  }
  if (!next) return;
  timer_.expires_after(std::chrono::ceil<std::chrono::milliseconds>(
      std::max<Duration>(*next - env_.clock(), std::chrono::milliseconds(1))));
  timer_.async_wait([this, alive = alive_](boost::system::error_code error) {
    if (!error && *alive) Tick();
  });
}

json::object DirectPaths::Json() const {
  json::array peers;
  for (const auto& [name, peer] : peers_) {
    const auto path = peer->check.path();
    peers.push_back({{"prefixes", Strings(peer->prefixes)},
                     {"slave", peer->slave},
                     {"state", StateText(peer->check.state())},
                     {"path", path ? json::value(path->ToString()) : json::value()}});
  }
  json::array places;
  for (const Endpoint& place : reflexive_.places()) places.emplace_back(place.ToString());
  const DirectCounters& c = counters_;
  return {{"outside", std::move(places)},
          {"peers", std::move(peers)},
          {"offers", c.offers},
          {"offers_failed", c.offers_failed},
          {"offers_taken", c.offers_taken},
          {"passed_on", c.passed_on},
          {"withheld", c.withheld},
          {"came_up", c.came_up},
          {"fell_silent", c.fell_silent},
          {"failed", c.failed},
          {"answered", c.answered},
          {"limited", c.limited},
          {"malformed", c.malformed},
          {"unauthentic", c.unauthentic},
          {"unexpected", c.unexpected}};
}

}  // namespace ov6
