// SPDX-License-Identifier: Apache-2.0
#include "slaves/uplink/uplink.h"

#include <spdlog/spdlog.h>

#include <boost/json.hpp>
#include <utility>

#include "userspace/base/text.h"

namespace ov6 {
namespace {

constexpr auto kSayInterval = std::chrono::seconds(1);
constexpr uint8_t kAddressUnreachable = 3;  // RFC 4443 section 3.1

}  // namespace

Uplink::Uplink(SlaveProcess& process)
    : process_(process),
      port_(process.loop(), kPortDescriptor,
            {[this](std::span<const Frame> frames) {
               carrier_.OnFrames(frames);
               if (session_ && session_->up() != nullptr) session_->up()->Push();
             },
             [this](const PortCapsule& capsule) { carrier_.OnPort(capsule); },
             [this](const absl::Status& status) { process_.Fail(status); }}),
      carrier_(port_, [this](const Ipv6& address) { OnMet(address); }),
      unreachable_timer_(process.loop()) {}

RemoteSession::Handlers Uplink::MakeHandlers() {
  RemoteSession::Handlers handlers;
  handlers.assigned = [this](const AddressAssignCapsule&) { AskConfig(); };
  handlers.datagram = [this](const DatagramView& datagram) { OnDatagram(datagram); };
  handlers.caught_up = [this] { carrier_.Flush(); };
  handlers.call = [this](const CallCapsule& call, const SessionHandlers::Respond& respond) {
    OnMastersCall(call, respond);
  };
  handlers.lost = [this] { OnLost(); };
  return handlers;
}

absl::Status Uplink::Configure(const boost::json::object& config) {
  auto read = ReadUplinkConfig(config);
  if (!read.ok()) return read.status();
  config_ = *std::move(read);
  auto tls = TlsContext::Client({"", "", config_.authorities});
  if (!tls.ok()) return tls.status();
  RemoteOptions options;
  options.masters = config_.masters;
  options.proxy.given = config_.proxy;
  options.tls = *std::move(tls);
  options.request = {SlaveKind::kGateway, process_.options().name, {}};
  options.token = [this] { return config_.token; };
  session_ =
      std::make_unique<RemoteSession>(process_.loop(), std::move(options), MakeHandlers(), Retry::Uniform);
  process_.session().Advertise(config_.prefixes);
  SayUnreachable();
  session_->Start();
  return absl::OkStatus();
}

absl::Status Uplink::Reconfigure(const boost::json::object& config) {
  auto read = ReadUplinkConfig(config);
  if (!read.ok()) return read.status();
  UplinkConfig same = *read;
  same.sites = config_.sites;
  if (same != config_) return absl::FailedPreconditionError("more than the sites has changed");
  config_ = *std::move(read);
  return absl::OkStatus();
}

// --- up ------------------------------------------------------------------------

void Uplink::AskConfig() {
  SessionClient* session = session_->up();
  session->Call("config", "", [this, session](const absl::StatusOr<std::string>& config) {
    if (session_->up() != session) return;
    const absl::Status status = config.ok() ? Join(*config) : config.status();
    if (!status.ok()) session_->GiveUp(status);
  });
}

// What comes here for a prefix that no site has would find no way on, and nobody answers what it sends.
absl::Status Uplink::Join(const std::string& text) {
  const auto object = ObjectIn("the master's configuration", text);
  const auto config = object.ok() ? ReadGatewayConfig(*object) : object.status();
  if (!config.ok()) return config.status();
  assigned_ = config->prefixes;
  for (const Prefix& site : config_.sites) {
    if (std::any_of(assigned_.begin(), assigned_.end(), [&](const Prefix& p) { return p.Contains(site); }))
      continue;
    spdlog::warn(
        "a site here has {}, but the master gives this router {}: \"prefixes\" of [[site]] should name that",
        site.ToString(), PrefixesText(assigned_, "nothing"));
  }
  carrier_.Join(assigned_,
                [this](PacketBytes packet) { return session_->up()->SendDatagram(kPacketContext, packet); });
  TakeBackUnreachable();
  TellStun(*object);
  spdlog::info("{} is reached by {}", PrefixesText(assigned_, "nothing"), session_->master().ToString());
  return absl::OkStatus();
}

void Uplink::OnDatagram(const DatagramView& datagram) {
  if (datagram.context != kPacketContext) {
    ++unknown_context_;
    return;
  }
  carrier_.OnPacket(datagram.payload);
}

// --- direct paths, which are ov6d's ----------------------------------------------

// A master that answers no STUN names no servers.
void Uplink::TellStun(const boost::json::object& config) {
  const auto* servers = config.if_contains("stun");
  if (servers == nullptr) return;
  process_.session().Call("stun", boost::json::serialize(boost::json::object{{"servers", *servers}}),
                          [](const absl::StatusOr<std::string>& result) {
                            if (!result.ok()) spdlog::warn("{}", std::string(result.status().message()));
                          });
}

void Uplink::OnMet(const Ipv6& address) {
  const BootTime now = BootClock::now();
  const Prefix place = Prefix::Of(address, 64);
  const auto known = told_.find(place);
  if (known != told_.end() && now < known->second + kTellInterval) return;
  if (known == told_.end() && told_.size() >= kMaxTold) {
    std::erase_if(told_, [&](const auto& entry) { return now >= entry.second + kTellInterval; });
    if (told_.size() >= kMaxTold) return;
  }
  told_[place] = now;
  process_.session().Call("carried",
                          boost::json::serialize(boost::json::object{{"address", address.ToString()}}),
                          [](const auto&) {});
}

// --- calls ---------------------------------------------------------------------

// "peer" and "direct" go on to the master elsewhere as they are.
void Uplink::OnCall(const CallCapsule& call, const SessionHandlers::Respond& respond) {
  if (call.method == "state") return respond(StatusJson());
  if (call.method == "peer" || call.method == "direct") {
    SessionClient* session = session_ ? session_->up() : nullptr;
    if (session == nullptr) return respond(absl::UnavailableError("no session with a master is up"));
    return session->Call(call.method, call.argument, respond);
  }
  respond(absl::UnimplementedError("ov6-uplink does not know the call " + call.method));
}

void Uplink::OnMastersCall(const CallCapsule& call, const SessionHandlers::Respond& respond) {
  if (call.method == "state") return respond(StatusJson());
  if (call.method == "direct") return process_.session().Call("direct", call.argument, respond);
  if (call.method == "reconfigure") return respond(Done(Join(call.argument)));
  if (call.method != "shutdown")
    return respond(absl::UnimplementedError("ov6-uplink does not know the call " + call.method));
  respond("{}");
  session_->up()->Flush([this] { session_->GiveUp(absl::UnavailableError("the master ends the session")); });
}

// --- down ----------------------------------------------------------------------

void Uplink::OnLost() {
  carrier_.Leave();
  SayUnreachable();
}

// It ends by itself should this process end. Direct paths go on meanwhile.
void Uplink::SayUnreachable() {
  std::vector<MappingChange> changes;
  const auto lifetime = std::chrono::duration_cast<std::chrono::milliseconds>(kNegativeLifetime).count();
  for (const Prefix& prefix : config_.prefixes)
    changes.push_back(MappingNegative{prefix, static_cast<uint32_t>(lifetime), kAddressUnreachable, true});
  process_.session().SendMappings(std::move(changes), [](const auto&) {});
  unreachable_timer_.After(kSayInterval, [this] { SayUnreachable(); });
}

void Uplink::TakeBackUnreachable() {
  unreachable_timer_.Cancel();
  std::vector<MappingChange> changes;
  for (const Prefix& prefix : config_.prefixes) changes.push_back(MappingWithdraw{prefix});
  process_.session().SendMappings(std::move(changes), [](const auto&) {});
}

void Uplink::Leave(Callback done) {
  unreachable_timer_.Cancel();
  if (!session_) return done();
  if (session_->up() != nullptr) session_->up()->Advertise({});
  session_->Stop(std::move(done));
}

std::string Uplink::StatusJson() const {
  const bool up = session_ && session_->up() != nullptr;
  boost::json::object status{{"up", up},
                             {"master", session_ ? session_->master().ToString() : ""},
                             {"prefixes", Strings(assigned_)}};
  carrier_.AppendStatus(&status);
  status["dropped"].as_object()["ring_full"] = port_.lost();
  status["unknown_context"] = unknown_context_;
  return boost::json::serialize(status);
}

}  // namespace ov6
