// SPDX-License-Identifier: Apache-2.0
// Direct paths between a router behind NAT and a member of the ring that is not its master: its master's
// part, and the member's (docs/peering.md, MEET).
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
absl::StatusOr<Prefix> DirectPaths::FarPlace(const Ipv6& address) const {
  const auto none = absl::NotFoundError("no direct path leads to " + address.ToString());
  const MappingControl& control = env_.master.mappings();
  const auto* around = control.Around({address, 128});
  if (around == nullptr && !control.IsNegative(env_.clock(), address))
    return absl::UnavailableError("who has " + address.ToString() + " is not known yet");
  if (around == nullptr || (around->second.flags & (OV6_MAPPING_DIRECT | OV6_MAPPING_FORMER)) != 0 ||
      around->second.locators.empty() || around->second.locators.front().priority == kAcceptOnly)
    return none;
  const Prefix place = Prefix::Of(address, std::max(around->first.length, kPlaceLength));
  const auto inside = control.mappings().upper_bound(place);
  if (inside != control.mappings().end() && place.Contains(inside->first)) return none;
  return place;
}

// The asker's first prefix: where its site has several, the others go on as before.
void DirectPaths::Introduce(const std::string& slave, const Prefix& to, const json::object& offer,
                            Reply reply) {
  const auto prefixes = PrefixesOf(slave);
  const auto route = env_.master.routes().Lookup(to.address);
  if (prefixes.empty()) return reply(absl::NotFoundError("the session has no prefix"));
  const json::object argument{{"to", to.ToString()},
                              {"prefix", prefixes.front().ToString()},
                              {"user", TextIn(offer, "user")},
                              {"password", TextIn(offer, "password")}};
  env_.call(env_.master.slaves().Find(route->second.slave)->entry.name, "meet", json::serialize(argument),
            std::move(reply));
}

// --- the member -------------------------------------------------------------------

// A site of this router's own has all of it.
bool DirectPaths::Serves(const Prefix& prefix) const {
  const auto& routes = env_.master.routes().routes();
  const auto around = env_.master.routes().Around(prefix);
  const RegisteredSlave* slave = around ? env_.master.slaves().Find(around->second.slave) : nullptr;
  if (!around || around->second.action != Action::kSite ||
      (slave != nullptr && env_.is_elsewhere(slave->entry.name)))
    return false;
  for (auto inside = routes.upper_bound(prefix); inside != routes.end() && prefix.Contains(inside->first);
       ++inside) {
    if (inside->second.action != Action::kSite) return false;
  }
  return true;
}

// Of a peer whose master is elsewhere: while all that it rests on stands. It comes by itself to be checked,
// and once it does not any more only a new word of its master's brings it back.
bool DirectPaths::MayStay(const Peer& peer) const {
  if (!peer.via) return true;
  const auto id = env_.master.slaves().FindByName(peer.slave);
  return id && peer.check.state() != PathCheck::State::kFailed && Serves(peer.here) &&
         env_.master.mappings().LeadingTo(env_.clock(), *id, peer.prefixes.front(), *peer.via) != nullptr;
}

// The slave has found that this master speaks for the prefix and is where he says; and the map-cache agrees.
// Nothing is sent until the other's check has come.
absl::StatusOr<std::string> DirectPaths::OnMet(const std::string& slave, const json::object& argument) {
  const auto prefix = Prefix::Parse(TextIn(argument, "prefix")), to = Prefix::Parse(TextIn(argument, "to"));
  const auto from = Ipv4::Parse(TextIn(argument, "from")), at = Ipv4::Parse(TextIn(argument, "at"));
  const auto id = env_.master.slaves().FindByName(slave);
  if (!prefix || !to || !from || !at || !id)
    return absl::InvalidArgumentError(
        "\"prefix\", \"to\", \"from\" and \"at\" should be prefixes and addresses");
  if (!Serves(*to)) return absl::NotFoundError(to->ToString() + " is no site of this router's");
  if (env_.master.mappings().Around(*prefix) == nullptr)
    return absl::UnavailableError("who has " + prefix->ToString() + " is not known yet");
  if (env_.master.mappings().LeadingTo(env_.clock(), *id, *prefix, *from) == nullptr)
    return absl::PermissionDeniedError(prefix->ToString() + " is not reached by " + from->ToString());
  const auto end =
      std::find_if(ends_.begin(), ends_.end(), [&](const TunnelEnd& e) { return e.address == *at; });
  if (end == ends_.end()) return absl::NotFoundError(at->ToString() + " is the end of no tunnel");
  const auto of_him = std::count_if(peers_.begin(), peers_.end(),
                                    [&](const auto& entry) { return entry.second->via == *from; });
  if (!peers_.contains(*prefix) && static_cast<size_t>(of_him) >= kMaxVia)
    return absl::ResourceExhaustedError("there are too many direct paths by " + from->ToString());
  const auto peer = Find(slave, {*prefix});
  if (!peer.ok()) return peer.status();
  (*peer)->via = *from;
  (*peer)->here = *to;
  json::object offer = argument;
  offer["candidates"] = json::array();
  if (absl::Status status = Start(**peer, offer); !status.ok()) return status;
  ++counters_.offers_taken;
  const StunCredentials& local = (*peer)->check.local();
  return json::serialize(
      json::object{{"user", local.user}, {"password", local.password}, {"port", end->udp_port}});
}

}  // namespace ov6
