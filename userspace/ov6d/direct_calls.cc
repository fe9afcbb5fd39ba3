// SPDX-License-Identifier: Apache-2.0
// What routers tell each other of direct paths, and the master in between (docs/slave-protocol.md section
// 10).
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "userspace/base/text.h"
#include "userspace/ov6d/direct_paths.h"

namespace ov6 {
namespace {

namespace json = boost::json;

constexpr size_t kShortestUser = 12, kShortestPassword = 36, kLongestWord = 64;
constexpr double kAskerRate = 10, kAskerBurst = 50;  // questions and offers a second of one slave elsewhere
constexpr uint16_t kFirstPortOfNats = 1024;          // RFC 4787 REQ-3 a, for ports like ours

absl::StatusOr<json::object> ObjectIn(const std::string& text) {
  boost::system::error_code error;
  json::value value = json::parse(text, error);
  if (error || !value.is_object()) return absl::InvalidArgumentError("the argument should be a JSON object");
  return std::move(value.get_object());
}

bool IsSet(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains({name.data(), name.size()});
  return value != nullptr && value->is_bool() && value->get_bool();
}

// An answer, and not silence or want of time.
bool IsNo(const absl::Status& status) {
  return absl::IsNotFound(status) || absl::IsPermissionDenied(status) || absl::IsInvalidArgument(status);
}

// A list of at most `most` texts that `parse` takes.
template <typename Value>
absl::StatusOr<std::vector<Value>> ListIn(const json::object& object, std::string_view name, size_t most) {
  const auto wrong = absl::InvalidArgumentError("\"" + std::string(name) + "\" should be a list of at most " +
                                                std::to_string(most));
  const json::value* list = object.if_contains({name.data(), name.size()});
  if (list == nullptr || !list->is_array() || list->get_array().size() > most) return wrong;
  std::vector<Value> values;
  for (const json::value& item : list->get_array()) {
    const auto value = item.is_string() ? Value::Parse(std::string(item.get_string())) : std::nullopt;
    if (!value) return wrong;
    values.push_back(*value);
  }
  return values;
}

absl::Status CheckWords(const StunCredentials& words) {
  if (words.user.size() >= kShortestUser && words.password.size() >= kShortestPassword &&
      words.user.size() <= kLongestWord && words.password.size() <= kLongestWord)
    return absl::OkStatus();
  return absl::InvalidArgumentError("\"user\" and \"password\" should have 12 and 36 to 64 characters");
}

// What a router may say of itself; the rest is for a master to say.
absl::StatusOr<json::object> Described(const json::object& said) {
  const std::string user = TextIn(said, "user"), password = TextIn(said, "password");
  const auto candidates = ListIn<Endpoint>(said, "candidates", PathCheck::kMaxCandidates);
  if (!candidates.ok()) return candidates.status();
  if (const auto status = CheckWords({user, password}); !status.ok()) return status;
  return json::object{{"user", user}, {"password", password}, {"candidates", Strings(*candidates)}};
}

}  // namespace

bool DirectPaths::Knows(SlaveKind kind, bool elsewhere, const std::string& method) {
  if (kind == SlaveKind::kDht && !elsewhere) return method == "met";
  const bool known = method == "stun" || method == "carried" || method == "peer" || method == "direct";
  return known && (elsewhere || kind == SlaveKind::kUplink);
}

void DirectPaths::OnCall(const std::string& slave, const CallCapsule& call, Reply reply) {
  const auto argument = ObjectIn(call.argument);
  if (!argument.ok()) return reply(argument.status());
  if (env_.is_elsewhere(slave)) return OnRemoteCall(slave, call, *argument, std::move(reply));
  const auto done = [&reply](const absl::Status& status) {
    reply(status.ok() ? absl::StatusOr<std::string>("{}") : status);
  };
  if (call.method == "stun") return done(OnServers(*argument));
  if (call.method == "carried") return done(OnCarried(slave, *argument));
  if (call.method == "met") return OnMet(slave, *argument, std::move(reply));
  if (call.method != "direct") return done(absl::PermissionDeniedError("only a master is asked for a peer"));
  const auto prefixes = ListIn<Prefix>(*argument, "prefixes", kMaxPrefixes);
  reply(prefixes.ok() ? OnOffer(slave, *prefixes, *argument) : prefixes.status());
}

// Of a slave elsewhere: who has an address, and what is to be told to it. The slave can't say for whom it
// speaks: its session does.
void DirectPaths::OnRemoteCall(const std::string& slave, const CallCapsule& call,
                               const json::object& argument, Reply reply) {
  auto& budget = askers_.try_emplace(slave, kAskerRate, kAskerBurst).first->second;
  if (!budget.Take(env_.clock())) return reply(absl::ResourceExhaustedError("too many questions at once"));
  if (call.method == "peer") {
    const auto address = Ipv6::Parse(TextIn(argument, "address"));
    if (!address) return reply(absl::InvalidArgumentError("\"address\" should be an IPv6 address"));
    if (!IsSet(argument, "ring") || !IsFar(*address)) return reply(WhoHas(slave, *address));
    const auto far = FarPlace(*address);
    if (!far.ok()) return reply(far.status());
    return reply(json::serialize(json::object{{"prefixes", Strings({far->place})}}));
  }
  const auto to = Prefix::Parse(TextIn(argument, "to"));
  if (call.method != "direct" || !to)
    return reply(absl::InvalidArgumentError("\"to\" should be a prefix that the call \"peer\" returned"));
  auto offer = Described(argument);
  if (!offer.ok()) return reply(offer.status());
  if (IsFar(to->address)) return Introduce(slave, *to, *std::move(offer), std::move(reply));
  const auto route = env_.master.routes().routes().find(*to);
  const RegisteredSlave* other =
      route == env_.master.routes().routes().end() ? nullptr : env_.master.slaves().Find(route->second.slave);
  if (other == nullptr || other->entry.name == slave)
    return reply(absl::NotFoundError(to->ToString() + " is no site of this router's"));
  if (!env_.is_elsewhere(other->entry.name)) return reply(OnOffer(slave, PrefixesOf(slave), *offer));
  (*offer)["prefixes"] = Strings(PrefixesOf(slave));
  AskSite(other->entry.name, *offer, std::move(reply));
}

// What a router elsewhere says of itself to such an offer, and no more than that.
void DirectPaths::AskSite(const std::string& site, const json::object& offer, Reply reply) {
  env_.call(site, "direct", json::serialize(offer),
            [reply = std::move(reply)](const absl::StatusOr<std::string>& answer) {
              const auto said = answer.ok() ? ObjectIn(*answer) : answer.status();
              const auto own = said.ok() ? Described(*said) : said.status();
              reply(own.ok() ? json::serialize(*own) : absl::StatusOr<std::string>(own.status()));
            });
}

absl::StatusOr<std::string> DirectPaths::WhoHas(const std::string& asker, const Ipv6& address) const {
  const auto route = env_.master.routes().Lookup(address);
  const RegisteredSlave* slave = route ? env_.master.slaves().Find(route->second.slave) : nullptr;
  if (!route || route->second.action != Action::kSite || slave == nullptr || slave->entry.name == asker)
    return absl::NotFoundError("no direct path leads to " + address.ToString());
  const bool elsewhere = env_.is_elsewhere(slave->entry.name);
  json::object answer{{"prefixes", Strings(elsewhere ? slave->entry.prefixes : PrefixesHere())}};
  if (!elsewhere) answer["relays"] = true;
  return json::serialize(answer);
}

// What the sites on this machine have.
std::vector<Prefix> DirectPaths::PrefixesHere() const {
  std::vector<Prefix> prefixes;
  for (const auto& [prefix, route] : env_.master.routes().routes()) {
    const RegisteredSlave* slave = env_.master.slaves().Find(route.slave);
    if (route.action != Action::kSite || slave == nullptr || env_.is_elsewhere(slave->entry.name)) continue;
    if (prefixes.size() < kMaxPrefixes) prefixes.push_back(prefix);
  }
  return prefixes;
}

std::vector<Prefix> DirectPaths::PrefixesOf(const std::string& slave) const {
  const auto id = env_.master.slaves().FindByName(slave);
  auto prefixes = id ? env_.master.slaves().Find(*id)->entry.prefixes : std::vector<Prefix>();
  if (prefixes.size() > kMaxPrefixes) prefixes.resize(kMaxPrefixes);
  return prefixes;
}

absl::Status DirectPaths::OnServers(const json::object& argument) {
  const auto servers = ListIn<Endpoint>(argument, "servers", Reflexive::kMaxServers);
  if (!servers.ok()) return servers.status();
  reflexive_.SetServers(env_.clock(), *servers);
  Tick();
  return absl::OkStatus();
}

// A packet to or from that address went the slave's way.
absl::Status DirectPaths::OnCarried(const std::string& slave, const json::object& argument) {
  const auto address = Ipv6::Parse(TextIn(argument, "address"));
  if (!address) return absl::InvalidArgumentError("\"address\" should be an IPv6 address");
  const BootTime now = env_.clock();
  if (Peer* peer = Covering(*address)) {
    if (peer->check.state() != PathCheck::State::kFailed || now < peer->next_offer) return absl::OkStatus();
    peer->wanted = true;
    Offer(*peer);
    return absl::OkStatus();
  }
  // An offer without the outside place would be half of one.
  if (!reflexive_.settled(now) || peers_.size() >= kMaxPeers) return absl::OkStatus();
  const auto nobody = nobody_.find(Prefix::Of(*address, kNobodyLength));
  if (nobody != nobody_.end() && now < nobody->second.until) return absl::OkStatus();
  if (nobody_.size() >= kMaxNobody)
    std::erase_if(nobody_, [&](const auto& entry) { return entry.second.until <= now; });
  if (nobody_.size() < kMaxNobody) Ask(slave, *address);
  return absl::OkStatus();
}

void DirectPaths::Ask(const std::string& slave, const Ipv6& address) {
  const Prefix place = Prefix::Of(address, kNobodyLength);
  nobody_[place].until = env_.clock() + kNobodyFor;
  env_.call(slave, "peer", json::serialize(json::object{{"address", address.ToString()}, {"ring", true}}),
            [this, alive = alive_, slave, place](const absl::StatusOr<std::string>& answer) {
              if (!*alive) return;
              const auto object = answer.ok() ? ObjectIn(*answer) : answer.status();
              const auto prefixes =
                  object.ok() ? ListIn<Prefix>(*object, "prefixes", kMaxPrefixes) : object.status();
              const auto peer = prefixes.ok() ? Find(slave, *prefixes) : prefixes.status();
              if (!peer.ok()) return NoteNobody(place, peer.status());
              (*peer)->place = place;
              (*peer)->relays = IsSet(*object, "relays");
              (*peer)->wanted = true;
              Offer(**peer);
            });
}

// --- what the two tell each other --------------------------------------------------

json::object DirectPaths::Description(const Peer& peer) const {
  json::array candidates;
  for (const TunnelEnd& end : ends_) candidates.emplace_back(Endpoint{end.address, end.udp_port}.ToString());
  for (const Endpoint& place : reflexive_.places()) {
    if (!IsOwn(place)) candidates.emplace_back(place.ToString());
  }
  return {{"user", peer.check.local().user},
          {"password", peer.check.local().password},
          {"candidates", std::move(candidates)}};
}

void DirectPaths::Offer(Peer& peer) {
  if (std::exchange(peer.offering, true)) return;
  ++counters_.offers;
  json::object offer = Description(peer);
  offer["to"] = peer.prefixes.front().ToString();
  env_.call(peer.slave, "direct", json::serialize(offer),
            [this, alive = alive_, name = peer.prefixes.front()](const absl::StatusOr<std::string>& answer) {
              if (*alive) OnOfferAnswered(name, answer);
            });
}

void DirectPaths::OnOfferAnswered(const Prefix& name, const absl::StatusOr<std::string>& answer) {
  const auto found = peers_.find(name);
  if (found == peers_.end()) return;
  Peer& peer = *found->second;
  peer.offering = false;
  const Prefix place = peer.place;
  const auto object = answer.ok() ? ObjectIn(*answer) : answer.status();
  const absl::Status status = object.ok() ? Start(peer, *object) : object.status();
  if (status.ok()) {
    nobody_.erase(place);
    return;
  }
  ++counters_.offers_failed;
  spdlog::debug("no direct path to {}: {}", name.ToString(), Message(status));
  if (peer.check.state() == PathCheck::State::kUp && !IsNo(status)) return;
  NoteNobody(place, status);
  Remove(found);
}

void DirectPaths::NoteNobody(const Prefix& place, const absl::Status& why) {
  Nobody& nobody = nobody_[place];
  const Duration longer = absl::IsUnavailable(why) ? kNobodyFirst : nobody.pause * 2;
  nobody.pause = std::clamp<Duration>(longer, kNobodyFirst, kNobodyFor);
  nobody.until = env_.clock() + nobody.pause;
}

// While a path is up: whether those who vouch for it still do. Silence is no answer (RFC 8767).
void DirectPaths::AskAgain(Peer& peer) {
  const BootTime now = env_.clock();
  const bool due = now >= peer.vouched + kVouched && now >= peer.next_offer;
  if (!peer.strange || peer.check.state() != PathCheck::State::kUp || !due) return;
  peer.next_offer = now + kVouched;
  Offer(peer);
}

// Who was told of this router before it knew where it is seen is told again.
void DirectPaths::TellPlaces() {
  auto places = reflexive_.places();
  if (places == told_places_) return;
  told_places_ = std::move(places);
  for (const auto& [name, peer] : peers_) {
    const bool by_uplink = !peer->via && !env_.is_elsewhere(peer->slave);
    if (by_uplink && peer->check.state() == PathCheck::State::kProbing) Offer(*peer);
  }
}

bool DirectPaths::TakesStrangers(const Prefix& name) const {
  const auto strange = std::count_if(peers_.begin(), peers_.end(), [](const auto& entry) {
    return entry.second->strange && !entry.second->wanted;
  });
  return peers_.contains(name) || static_cast<size_t>(strange) < kMaxStrange;
}

// The other end wants a path; the master vouches that these prefixes are behind it.
absl::StatusOr<std::string> DirectPaths::OnOffer(const std::string& slave,
                                                 const std::vector<Prefix>& prefixes,
                                                 const json::object& offer) {
  if (IsSet(offer, "ring") && !prefixes.empty() && !TakesStrangers(prefixes.front()))
    return absl::ResourceExhaustedError("there are too many direct paths by the ring");
  const auto peer = Find(slave, prefixes);
  if (!peer.ok()) return peer.status();
  const json::object ours = Description(**peer);
  if (absl::Status status = Start(**peer, offer); !status.ok()) return status;
  ++counters_.offers_taken;
  return json::serialize(ours);
}

// If that is well, the peer may be gone behind it: whose time is over goes at once.
absl::Status DirectPaths::Start(Peer& peer, const json::object& description) {
  const StunCredentials remote{TextIn(description, "user"), TextIn(description, "password")};
  const auto told = ListIn<Endpoint>(description, "candidates", PathCheck::kMaxCandidates);
  if (!told.ok()) return told.status();
  if (const auto status = CheckWords(remote); !status.ok()) return status;
  const BootTime now = env_.clock();
  peer.strange = IsSet(description, "ring");
  peer.vouched = now;
  const uint16_t first = peer.strange ? kFirstPortOfNats : 1;
  std::vector<Endpoint> candidates;
  for (const Endpoint& place : *told) {
    if (place.port >= first && !place.address.IsMartian() && !IsOwn(place)) candidates.push_back(place);
  }
  if (peer.strange) peer.brings.reset();
  const auto brings = Prefix::Parse(TextIn(description, "brings"));
  if (brings && CheckPrefixes(peer.slave, {*brings}).ok()) peer.brings = *brings;
  // Not idle before the caller is done with it.
  const bool up = peer.check.state() == PathCheck::State::kUp;
  peer.used = up ? std::max(peer.used, now - kIdle + std::chrono::seconds(1)) : now;
  peer.check.Start(now, remote, candidates,
                   peer.strange ? PathCheck::Told::kByRing : PathCheck::Told::kByMaster);
  Tick();
  return absl::OkStatus();
}

}  // namespace ov6
