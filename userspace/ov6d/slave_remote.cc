// SPDX-License-Identifier: Apache-2.0
// Slaves from elsewhere (docs/slave-protocol.md section 8): who they are by their tokens, their sessions over
// TCP and TLS, and what follows when one is silent or gone.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "userspace/base/text.h"
#include "userspace/ov6d/slave_service.h"

namespace ov6 {
namespace {

using boost::system::error_code;

}  // namespace

// A session that is nobody's yet; `place` is held until it is somebody's, or over.
struct SlaveService::Newcomer {
  std::weak_ptr<SlaveSession> session;
  Endpoint from;
  std::shared_ptr<Crowd::Place> place;
  Slave* slave = nullptr;
};

void SlaveService::AcceptRemote(std::unique_ptr<Stream> stream, const Endpoint& from,
                                std::shared_ptr<Crowd::Place> place) {
  if (ending_) return;
  const auto session = std::make_shared<SlaveSession>(env_.io, std::move(stream), counters_.sessions);
  const auto newcomer = std::make_shared<Newcomer>(Newcomer{session, from, std::move(place), nullptr});
  if (newcomer->place) {
    newcomer->place->make_way = [weak = newcomer->session] {
      if (const auto crowded = weak.lock()) crowded->Close(absl::UnavailableError("others take its place"));
    };
  }
  SlaveSession::Handlers handlers = RemoteHandlers(newcomer);
  handlers.poll = [this, newcomer](std::unique_ptr<Stream> polled, std::string read) {
    polls_.Accept(std::move(polled), newcomer->from, std::move(newcomer->place), std::move(read));
  };
  session->Start(std::move(handlers));
}

PollServer::Handlers SlaveService::PollHandlers() {
  return {[this](const UpgradeRequest& request, std::unique_ptr<Stream> stream, const Endpoint& from) {
            return OpenPolled(request, std::move(stream), from);
          },
          [this](const Endpoint& from, Refusal refusal) {
            ++counters_.unknown_tokens;
            return Refuse(from, std::move(refusal));
          }};
}

std::optional<Refusal> SlaveService::OpenPolled(const UpgradeRequest& request, std::unique_ptr<Stream> stream,
                                                const Endpoint& from) {
  const auto session = std::make_shared<SlaveSession>(env_.io, std::move(stream), counters_.sessions);
  const auto newcomer = std::make_shared<Newcomer>(Newcomer{session, from, nullptr, nullptr});
  return session->StartOpen(RemoteHandlers(newcomer), request);
}

SlaveSession::Handlers SlaveService::RemoteHandlers(const std::shared_ptr<Newcomer>& newcomer) {
  SlaveSession::Handlers handlers;
  handlers.request = [this, newcomer](const UpgradeRequest& request) {
    return OnRemoteRequest(*newcomer, request);
  };
  handlers.opened = [this, newcomer] {
    newcomer->place.reset();
    OnRemoteOpened(*newcomer->slave);
  };
  handlers.capsule = [this, newcomer](Capsule capsule) {
    OnRemoteCapsule(*newcomer->slave, std::move(capsule));
  };
  handlers.closed = [this, newcomer](const absl::Status& why) {
    Slave* slave = newcomer->slave;
    if (slave != nullptr && slave->session == newcomer->session.lock()) OnRemoteClosed(*slave, why);
  };
  handlers.datagram = [this, newcomer](const DatagramView& datagram) {
    // One that resolves says what it knows, and gives no packets.
    newcomer->slave->site ? newcomer->slave->site->FromGateway(datagram)
                          : void(++counters_.sessions.unknown_capsules);
  };
  handlers.drained = [newcomer] {
    if (newcomer->slave->site) newcomer->slave->site->OnDrained();
  };
  return handlers;
}

// By its token, or by the name in its certificate.
const RemoteToken* SlaveService::TokenOf(const SlaveSession& session, const UpgradeRequest& request) const {
  if (env_.tokens == nullptr) return nullptr;
  if (!request.token.empty()) return env_.tokens->FindBySecret(request.token);
  const std::string name = session.stream().PeerName();
  return name.empty() ? nullptr : env_.tokens->FindByName(name);
}

Refusal SlaveService::Refuse(const Endpoint& from, Refusal refusal) {
  strangers_log_.Warn(env_.clock(), from.ToString() + " was refused: " + refusal.sentence);
  return refusal;
}

// A session that lives is left alone until the other one is known to be right.
std::optional<Refusal> SlaveService::OnRemoteRequest(Newcomer& newcomer, const UpgradeRequest& request) {
  if (ending_) return Refusal{503, "ov6d is ending."};
  const auto session = newcomer.session.lock();
  const RemoteToken* token = TokenOf(*session, request);
  Slave* slave = token == nullptr ? nullptr : Find(token->name);
  if (slave == nullptr || !slave->plan.remote) {
    ++counters_.unknown_tokens;
    return Refuse(
        newcomer.from,
        {401, "Nobody is known here by this token or certificate; \"ov6ctl token new\" makes one."});
  }
  if (const auto why = WhyAway(*slave)) return Refuse(newcomer.from, {503, *why + " at this master."});
  UpgradeRequest wanted = request;
  if (wanted.name.empty()) {
    wanted.name = token->name;
    wanted.kind = token->kind;
  }
  if (wanted.name != token->name || wanted.kind != token->kind) {
    return Refuse(newcomer.from, {403, "This token is for the slave \"" + token->name + "\" of kind " +
                                           std::string(ToString(token->kind)) + "."});
  }
  if (wanted.prefixes.empty() && !slave->plan.claims) wanted.prefixes = slave->plan.prefixes;
  if (slave->session && !slave->silent && !slave->said_goodbye && !token->replace) {
    return Refuse(newcomer.from, {409, "\"" + token->name + "\" has a session already, from " +
                                           slave->from.ToString() + "."});
  }
  // What an earlier session has claimed is not this one's.
  if (slave->plan.claims && !wanted.prefixes.empty())
    return Refuse(newcomer.from, {403, "This token is for a prefix that the session claims by its own key."});
  if (const auto refusal =
          env_.master.slaves().CheckPrefixes(wanted.name, wanted.prefixes, slave->plan.ToPermission()))
    return Refuse(newcomer.from, *refusal);
  if (slave->session) slave->session->Close(absl::UnavailableError("another session takes its place"));
  if (auto refusal = OnRequest(*slave, wanted)) return refusal;
  slave->session = session;
  slave->request = std::move(wanted);
  slave->from = newcomer.from;
  slave->started = env_.clock();
  slave->silent = slave->said_goodbye = false;
  slave->claimed.reset();
  FillRandom(slave->challenge);
  slave->status.clear();
  ++slave->starts;
  newcomer.slave = slave;
  return std::nullopt;
}

void SlaveService::OnRemoteOpened(Slave& slave) {
  slave.log.Info(env_.clock(), fmt::format("slave {} is up from {}, id {}", slave.plan.name,
                                           slave.from.ToString(), *slave.id));
  AssignAll(slave);
  if (slave.plan.port) OpenRemotePort(slave);
  slave.site = env_.remote_site(slave.plan.name);
  if (slave.site) slave.site->Attach(slave.session, slave.request.segments);
  ArmRemoteTick();
}

// RFC 9484 section 4.7.1: each takes the place of the one before.
void SlaveService::AssignAll(Slave& slave) {
  AddressAssignCapsule assigned;
  for (const Prefix& prefix : PrefixesOf(slave)) assigned.prefixes.push_back({0, false, prefix});
  slave.session->Send(assigned);
}

void SlaveService::OnRemoteCapsule(Slave& slave, Capsule capsule) {
  if (const auto* request = std::get_if<AddressRequestCapsule>(&capsule)) {
    AddressAssignCapsule answer;
    for (const AssignedPrefix& asked : request->prefixes) answer.prefixes.push_back(Assign(slave, asked));
    return slave.session->Send(answer);
  }
  if (const auto* mappings = std::get_if<MappingsCapsule>(&capsule))
    return slave.session->Send(ApplyRemote(slave, *mappings));
  if (const auto* advertisement = std::get_if<RouteAdvertisementCapsule>(&capsule))
    return OnRemoteAdvertisement(slave, *advertisement);
  const auto* status = std::get_if<StatusCapsule>(&capsule);
  if (status != nullptr && status->json.size() > kMaxRemoteStatus) {
    slave.log.Warn(env_.clock(), "a STATUS of slave " + slave.plan.name + " is longer than 4096 bytes");
    return;
  }
  OnCapsule(slave, std::move(capsule));
}

// One that was silent speaks; and what it has when it is silent is what it has when it is heard again.
void SlaveService::OnRemoteAdvertisement(Slave& slave, const RouteAdvertisementCapsule& capsule) {
  if (slave.silent) ReturnFromSilence(slave);
  OnAdvertisement(slave, capsule);
  if (slave.id) slave.request.prefixes = env_.master.slaves().Find(*slave.id)->entry.prefixes;
}

// What the slave has anyway, if it asks for that or for anything of that length; else nothing.
AssignedPrefix SlaveService::Assign(const Slave& slave, const AssignedPrefix& asked) {
  for (const Prefix& prefix : PrefixesOf(slave)) {
    const bool any = asked.prefix.address == Ipv6{} && asked.prefix.length == prefix.length;
    if (!asked.ipv4 && (any || asked.prefix == prefix)) return {asked.request, false, prefix};
  }
  const Prefix nothing{asked.ipv4 ? Ipv6{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}} : Ipv6{}, 128};
  return {asked.request, asked.ipv4, nothing};
}

void SlaveService::OnRemoteClosed(Slave& slave, const absl::Status& why) {
  slave.log.Info(env_.clock(), fmt::format("session of slave {} from {} ended: {}", slave.plan.name,
                                           slave.from.ToString(), Message(why)));
  slave.session.reset();
  if (slave.site) slave.site->Attach(nullptr, false);
  slave.site.reset();
  Withdraw(slave);
  TellDrained(slave);
}

// A site at once: nothing of it goes on without its session. What one has resolved goes on as a local
// slave's.
void SlaveService::Withdraw(Slave& slave) {
  slave.port.reset();
  if (!slave.id) return;
  const SlaveId id = *std::exchange(slave.id, std::nullopt);
  slave.plan.port ? env_.master.Vanish(env_.clock(), id) : env_.master.Goodbye(id);
}

void SlaveService::OpenRemotePort(Slave& slave) {
  const auto found = handles_.find(slave.plan.name);
  if (found == handles_.end()) return;
  const PortHandles handles = found->second;
  handles_.erase(found);
  const auto show = [weak = std::weak_ptr(slave.session)](std::span<const uint8_t> payload) {
    const auto session = weak.lock();
    if (!session || !session->SendDatagram(kPortContext, payload)) return false;
    session->Flush();
    return true;
  };
  auto port = RemotePort::Open(env_.io, handles, *slave.id, env_.clock, show);
  if (port.ok()) {
    slave.port = *std::move(port);
    return;
  }
  spdlog::error("the port of slave {} can't be used: {}", slave.plan.name, Message(port.status()));
  slave.session->Close(port.status());
}

MappingsAckCapsule SlaveService::ApplyRemote(Slave& slave, const MappingsCapsule& capsule) {
  MappingsAckCapsule ack{capsule.sequence, {}};
  if (slave.port && slave.id) {
    const BootTime now = env_.clock();
    ack = slave.port->resolver().OnMappings(now, capsule, [&](const MappingsCapsule& admitted) {
      return env_.master.Apply(now, *slave.id, admitted);
    });
    if (!ack.refused.empty())
      slave.log.Warn(now, "slave " + slave.plan.name + ": a mapping was refused: " + ack.refused[0].reason);
    return ack;
  }
  for (size_t i = 0; i < capsule.changes.size(); ++i)
    ack.refused.push_back({i, slave.plan.port ? "the slave has no routes now" : "a gateway has no mappings"});
  return ack;
}

boost::json::object SlaveService::ResolverJson(const RemotePort& port) {
  const RemoteResolver::Counters& c = port.resolver().counters();
  return {{"punted", c.punted},
          {"bad_punt", c.bad_punt},
          {"asked", c.asked},
          {"returned", c.returned},
          {"held", port.resolver().held()},
          {"standing", port.resolver().standing()},
          {"changes_refused", c.changes_refused},
          {"dropped_rate", c.dropped_rate},
          {"dropped_held", c.dropped_held},
          {"dropped_patience", c.dropped_patience},
          {"dropped_ring", port.not_sent()}};
}

// Slaves elsewhere come and go while the daemon runs.
void SlaveService::ReplanRemote(const std::vector<SlavePlan>& plans) {
  std::vector<std::string> gone;
  for (const auto& [name, slave] : slaves_) {
    const bool planned = std::any_of(plans.begin(), plans.end(),
                                     [&, &key = name](const SlavePlan& plan) { return plan.name == key; });
    if (slave.plan.remote && !planned) gone.push_back(name);
  }
  for (const std::string& name : gone) {
    CloseRemote(name, absl::PermissionDeniedError("its token was taken away"));
    Erase(name);
  }
  for (const SlavePlan& plan : plans) {
    if (plan.remote && Find(plan.name) == nullptr) slaves_[plan.name].plan = plan;
  }
}

// One that can't take it while it runs takes it when it comes again.
void SlaveService::ReconfigureRemote(Slave& slave) {
  if (!slave.session || slave.request.plain) return;
  const std::weak_ptr<SlaveSession> weak = slave.session;
  slave.session->Call("reconfigure", ConfigOf(slave), [weak](const absl::StatusOr<std::string>& result) {
    const auto session = weak.lock();
    if (!result.ok() && session) session->Close(result.status());
  });
}

void SlaveService::CloseElsewhere() {
  for (const auto& [name, slave] : slaves_) CloseRemote(name, absl::UnavailableError("ov6d ends"));
}

bool SlaveService::IsElsewhere(const std::string& name) const {
  const auto found = slaves_.find(name);
  return found != slaves_.end() && found->second.plan.remote;
}

void SlaveService::CloseRemote(const std::string& name, const absl::Status& why) {
  Slave* slave = Find(name);
  if (slave != nullptr && slave->plan.remote && slave->session) slave->session->Close(why);
}

absl::Status SlaveService::EndSession(const std::string& name) {
  const Slave* slave = Find(name);
  if (slave == nullptr || !slave->session)
    return absl::FailedPreconditionError("\"" + name + "\" has no session; \"ov6ctl token del\" forgets it");
  CloseRemote(name, absl::UnavailableError("the operator ended it"));
  return absl::OkStatus();
}

boost::json::object SlaveService::RemoteJson(const Slave& slave) const {
  boost::json::object object{
      {"from", slave.session ? boost::json::value(slave.from.ToString()) : boost::json::value()}};
  if (slave.session) {
    const auto round_trip = slave.session->round_trip();
    object["transport"] = slave.session->stream().Name();
    object["rtt_us"] =
        round_trip
            ? boost::json::value(std::chrono::duration_cast<std::chrono::microseconds>(*round_trip).count())
            : boost::json::value();
    object["queued"] = slave.session->queued();
    object["segments"] = slave.request.segments;
  }
  if (slave.port) object["resolver"] = ResolverJson(*slave.port);
  const auto site = env_.remote_site(slave.plan.name);
  if (!site) return object;
  const RemoteSiteCounters& c = site->counters();
  object["packets"] = {{"sent", c.sent},
                       {"received", c.received},
                       {"dropped_queue", c.dropped_queue},
                       {"dropped_waiting", c.dropped_waiting},
                       {"dropped_malformed", c.dropped_malformed},
                       {"dropped_device", c.dropped_device}};
  return object;
}

// --- silence -----------------------------------------------------------------------

void SlaveService::ArmRemoteTick() {
  if (std::exchange(ticking_, true)) return;
  if (ticked_ == BootTime{}) ticked_ = BootClock::now();
  remote_timer_.expires_after(kPingInterval);
  remote_timer_.async_wait([this](error_code error) {
    ticking_ = false;
    if (!error && RemoteTick()) return ArmRemoteTick();
    ticked_ = {};
  });
}

// A tick that is late says that this process stood still: what came meanwhile is still to be read.
bool SlaveService::RemoteTick() {
  const BootTime now = BootClock::now();
  const bool late = now - std::exchange(ticked_, now) > kSilentAfter;
  bool any = false;
  for (auto& [name, slave] : slaves_) {
    if (!slave.plan.remote || !slave.session || !slave.session->open()) continue;
    any = true;
    late ? slave.session->Ping() : CheckSilence(slave);
  }
  return any;
}

// Polls say something once in a round trip, however many PINGs there are.
Duration SlaveService::SilentAfter(const SlaveSession& session) {
  const Duration round_trip = session.polled() ? session.round_trip().value_or(Duration(0)) : Duration(0);
  return std::clamp(2 * round_trip, kSilentAfter, kEndAfter);
}

// A path that stands still for a moment keeps its session; packets are told at once that nobody is there.
void SlaveService::CheckSilence(Slave& slave) {
  const Duration silence = slave.request.plain ? slave.session->Unacknowledged() : slave.session->Silence();
  if (silence >= kEndAfter)
    return slave.session->Close(absl::UnavailableError("nothing was heard of it for 15 s"));
  const Duration limit = SilentAfter(*slave.session);
  if (silence >= limit && slave.said_goodbye)
    return slave.session->Close(absl::UnavailableError("nothing was heard of it after its goodbye"));
  if (silence >= limit && !slave.silent) {
    slave.log.Info(env_.clock(), "slave " + slave.plan.name +
                                     " has fallen silent: its routes are withdrawn until it is heard");
    slave.silent = true;
    Withdraw(slave);
  } else if (silence < limit && slave.silent) {
    ReturnFromSilence(slave);
  }
  if (slave.session) slave.session->Ping();  // it may have ended, if its routes could not come back
}

void SlaveService::ReturnFromSilence(Slave& slave) {
  slave.silent = false;
  if (slave.said_goodbye) return;
  if (const auto refusal = OnRequest(slave, slave.request))
    return slave.session->Close(absl::PermissionDeniedError(refusal->sentence));
  if (slave.plan.port) OpenRemotePort(slave);
  slave.log.Info(env_.clock(), "slave " + slave.plan.name + " is heard again");
}

}  // namespace ov6
