// SPDX-License-Identifier: Apache-2.0
// Direct paths between a router behind NAT and a member of the ring that is not its master, or a router
// behind NAT whose master that one is: the first one's master's part, and the member's (docs/peering.md,
// MEET).
#include <algorithm>
#include <boost/json.hpp>

#include "userspace/base/text.h"
#include "userspace/ov6d/direct_paths.h"

namespace ov6 {
namespace {

namespace json = boost::json;

constexpr int kPlaceLength = 64;

}  // namespace

// --- the master -------------------------------------------------------------------

// Whether a DHT slave here resolves it.
bool DirectPaths::IsFar(const Ipv6& address) const {
  const auto route = env_.master.routes().Lookup(address);
  const RegisteredSlave* slave = route ? env_.master.slaves().Find(route->second.slave) : nullptr;
  return slave != nullptr && route->second.action == Action::kTunnel &&
         (route->second.flags & OV6_ROUTE_RELAY) == 0 && slave->entry.kind == SlaveKind::kDht &&
         !env_.is_elsewhere(slave->entry.name);
}

// What a path to that address may stand for: a subnet of whoever the map-cache says has all of it.
// Unavailable: it does not say so yet.
absl::StatusOr<DirectPaths::FarEnd> DirectPaths::FarPlace(const Ipv6& address) const {
  const auto none = absl::NotFoundError("no direct path leads to " + address.ToString());
  const MappingControl& control = env_.master.mappings();
  const auto* around = control.SaidAround({address, 128});
  if (around == nullptr && !control.IsNegative(env_.clock(), address))
    return absl::UnavailableError("who has " + address.ToString() + " is not known yet");
  if (around == nullptr || (around->second.flags & (OV6_MAPPING_DIRECT | OV6_MAPPING_FORMER)) != 0 ||
      around->second.locators.empty() || around->second.locators.front().priority == kAcceptOnly)
    return none;
  const Prefix place = Prefix::Of(address, std::max(around->first.length, kPlaceLength));
  const auto inside = control.mappings().upper_bound(place);
  if (inside != control.mappings().end() && place.Contains(inside->first)) return none;
  return FarEnd{place, around->first};
}

// The asker's first prefix: where its site has several, the others go on as before.
void DirectPaths::Introduce(const std::string& slave, const Prefix& to, json::object offer, Reply reply) {
  const auto prefixes = PrefixesOf(slave);
  const auto route = env_.master.routes().Lookup(to.address);
  if (prefixes.empty()) return reply(absl::NotFoundError("the session has no prefix"));
  offer["to"] = to.ToString();
  offer["prefix"] = prefixes.front().ToString();
  env_.call(env_.master.slaves().Find(route->second.slave)->entry.name, "meet", json::serialize(offer),
            [this, alive = alive_, to, reply = std::move(reply)](const absl::StatusOr<std::string>& answer) {
              reply(*alive ? WithSources(to, answer) : answer);
            });
}

// The member itself brings by its path what is of all its record, from whichever of its sites.
absl::StatusOr<std::string> DirectPaths::WithSources(const Prefix& to,
                                                     const absl::StatusOr<std::string>& answer) const {
  const auto far = FarPlace(to.address);
  boost::system::error_code error;
  json::value description = json::parse(answer.ok() ? *answer : "", error);
  if (error || !description.is_object() || !far.ok() || description.get_object().contains("ring"))
    return answer;
  description.get_object()["brings"] = far->record.ToString();
  return json::serialize(description);
}

// --- the member -------------------------------------------------------------------

// Whose site, or sites of this machine, have all of it: the slave elsewhere, or nobody's name for this
// machine.
std::optional<std::string> DirectPaths::SiteAround(const Prefix& prefix) const {
  const auto elsewhere = [this](const Route& route) {
    const RegisteredSlave* slave = env_.master.slaves().Find(route.slave);
    return slave != nullptr && env_.is_elsewhere(slave->entry.name) ? slave->entry.name : std::string();
  };
  const auto& routes = env_.master.routes().routes();
  const auto around = env_.master.routes().Around(prefix);
  if (!around || around->second.action != Action::kSite) return std::nullopt;
  const std::string site = elsewhere(around->second);
  for (auto inside = routes.upper_bound(prefix); inside != routes.end() && prefix.Contains(inside->first);
       ++inside) {
    if (inside->second.action != Action::kSite || elsewhere(inside->second) != site) return std::nullopt;
  }
  return site;
}

// Of a peer whose master is elsewhere: while all that it rests on stands. It comes by itself to be checked,
// and once it does not any more only a new word of its master's brings it back.
bool DirectPaths::MayStay(const Peer& peer) const {
  const bool failed = peer.check.state() == PathCheck::State::kFailed;
  if (peer.strange) return env_.clock() < peer.vouched + kVouchedStale && (peer.wanted || !failed);
  if (!peer.via) return true;
  const auto id = env_.master.slaves().FindByName(peer.slave);
  return id && !failed && SiteAround(peer.here) == "" &&
         env_.master.mappings().LeadingTo(env_.clock(), *id, peer.prefixes.front(), *peer.via) != nullptr;
}

// The slave has found that this master speaks for the prefix and is where he says; and the map-cache agrees.
void DirectPaths::OnMet(const std::string& slave, const json::object& argument, Reply reply) {
  const auto prefix = Prefix::Parse(TextIn(argument, "prefix")), to = Prefix::Parse(TextIn(argument, "to"));
  const auto from = Ipv4::Parse(TextIn(argument, "from")), at = Ipv4::Parse(TextIn(argument, "at"));
  const auto id = env_.master.slaves().FindByName(slave);
  if (!prefix || !to || !from || !at || !id)
    return reply(absl::InvalidArgumentError(
        "\"prefix\", \"to\", \"from\" and \"at\" should be prefixes and addresses"));
  const auto site = SiteAround(*to);
  if (!site) return reply(absl::NotFoundError(to->ToString() + " is no site of this router's"));
  const MappingControl& control = env_.master.mappings();
  if (control.SaidAround(*prefix) == nullptr)
    return reply(absl::UnavailableError("who has " + prefix->ToString() + " is not known yet"));
  if (!control.IsAt(env_.clock(), *id, *prefix, *from))
    return reply(absl::PermissionDeniedError(prefix->ToString() + " is not reached by " + from->ToString()));
  const Met met{*prefix, *to, *from, *at};
  if (!site->empty()) return PassOn(*site, met, argument, std::move(reply));
  reply(Take(slave, met, argument));
}

// To a router behind NAT whose master this is: it is told what its master has found, and says the rest
// itself.
void DirectPaths::PassOn(const std::string& site, const Met& met, const json::object& argument, Reply reply) {
  ++counters_.passed_on;
  json::object offer{{"user", TextIn(argument, "user")}, {"password", TextIn(argument, "password")}};
  offer["candidates"] = argument.contains("candidates") ? argument.at("candidates") : json::array();
  offer["prefixes"] = Strings({met.prefix});
  offer["ring"] = true;
  AskSite(site, offer, std::move(reply));
}

// To a site of this machine. Nothing is sent until the other's check has come.
absl::StatusOr<std::string> DirectPaths::Take(const std::string& slave, const Met& met,
                                              const json::object& argument) {
  const auto id = env_.master.slaves().FindByName(slave);
  if (env_.master.mappings().LeadingTo(env_.clock(), *id, met.prefix, met.from) == nullptr)
    return absl::PermissionDeniedError(met.prefix.ToString() + " has a record of its own");
  const auto end =
      std::find_if(ends_.begin(), ends_.end(), [&](const TunnelEnd& e) { return e.address == met.at; });
  if (end == ends_.end()) return absl::NotFoundError(met.at.ToString() + " is the end of no tunnel");
  const auto of_him = std::count_if(peers_.begin(), peers_.end(),
                                    [&](const auto& entry) { return entry.second->via == met.from; });
  if (!peers_.contains(met.prefix) && static_cast<size_t>(of_him) >= kMaxVia)
    return absl::ResourceExhaustedError("there are too many direct paths by " + met.from.ToString());
  const auto peer = Find(slave, {met.prefix});
  if (!peer.ok()) return peer.status();
  (*peer)->via = met.from;
  (*peer)->here = met.to;
  json::object offer = argument;
  offer["candidates"] = json::array();
  const StunCredentials local = (*peer)->check.local();
  if (absl::Status status = Start(**peer, offer); !status.ok()) return status;
  ++counters_.offers_taken;
  return json::serialize(
      json::object{{"user", local.user}, {"password", local.password}, {"port", end->udp_port}});
}

}  // namespace ov6
