// SPDX-License-Identifier: Apache-2.0
#include "slaves/gateway/remote_gateway.h"

#include <signal.h>
#include <spdlog/spdlog.h>

#include <boost/json.hpp>
#include <iostream>
#include <utility>

#include "ov6/leave.h"
#include "slaves/gateway/gateway.h"
#include "slaves/gateway/nft.h"
#include "slaves/gateway/privileges.h"
#include "slaves/runtime/slave_main.h"
#include "userspace/base/files.h"
#include "userspace/base/netlink.h"
#include "userspace/base/solicitation_socket.h"
#include "userspace/base/text.h"

namespace ov6 {
namespace {

constexpr auto kStatusInterval = std::chrono::seconds(1);
constexpr Prefix kEverything{};

RemoteOptions SessionOptionsOf(const RemoteGatewayOptions& options, std::optional<TlsContext> tls,
                               std::function<std::string()> token) {
  RemoteOptions session;
  session.masters = options.masters;
  session.proxy = ProxyWords::FromEnvironment();
  session.proxy.given = options.proxy;
  session.tls = std::move(tls);
  session.request = {SlaveKind::kGateway, options.name, options.prefixes};
  if (!options.own_key.empty()) session.request.prefixes.clear();  // it is claimed
  session.request.segments = true;
  session.token = std::move(token);
  session.transport = options.transport;
  return session;
}

}  // namespace

RemoteGateway::RemoteGateway(Loop& loop, RemoteGatewayOptions options, std::optional<NodeKey> key,
                             std::optional<TlsContext> tls, int raw, unsigned ifindex)
    : loop_(loop),
      options_(std::move(options)),
      key_(std::move(key)),
      advertiser_(loop, raw, options_.interface, ifindex),
      network_(options_.interface, ifindex),
      tun_(loop, options_.tun),
      session_(loop, SessionOptionsOf(options_, std::move(tls), [this] { return Token(); }), MakeHandlers(),
               Retry::Uniform),
      claim_timer_(loop),
      patience_timer_(loop),
      status_timer_(loop),
      leave_timer_(loop) {}

RemoteSession::Handlers RemoteGateway::MakeHandlers() {
  RemoteSession::Handlers handlers;
  handlers.assigned = [this](const AddressAssignCapsule&) { AskConfig(); };
  handlers.datagram = [this](const DatagramView& datagram) { tun_.OnDatagram(datagram); };
  handlers.drained = [this] { tun_.OnDrained(); };
  handlers.caught_up = [this] { tun_.OnCaughtUp(); };
  handlers.call = [this](const CallCapsule& call, const SessionHandlers::Respond& respond) {
    OnCall(call, respond);
  };
  handlers.moved = [this] { OnMoved(); };
  handlers.lost = [this] { OnLost(); };
  return handlers;
}

absl::Status RemoteGateway::Start() {
  if (absl::Status status = advertiser_.Prepare(); !status.ok()) return status;
  auto monitor = netlink::Monitor::Open();
  if (!monitor.ok()) return monitor.status();
  monitor_ = *std::move(monitor);
  monitor_descriptor_.emplace(loop_, monitor_->fd());
  WatchDevices();
  session_.Start();
  return absl::OkStatus();
}

void RemoteGateway::WatchDevices() {
  monitor_descriptor_->WhenReadable([this] {
    if (leaving_) return;
    monitor_->Drain();
    if (absl::Status status = network_.Restore(); !status.ok()) return Fail(status);
    WatchDevices();
  });
}

// A file that can't be read for the moment leaves the token as it was.
std::string RemoteGateway::Token() {
  if (options_.token_file.empty()) return {};
  if (auto text = ReadFile(options_.token_file); text.ok()) token_ = *std::move(text);
  while (!token_.empty() && (token_.back() == '\n' || token_.back() == ' ')) token_.pop_back();
  return token_;
}

// --- up ------------------------------------------------------------------------

// Both after a first and after another assignment: the configuration has the prefixes too.
void RemoteGateway::AskConfig() {
  SessionClient* session = session_.up();
  session->Call("config", "", [this, session](absl::StatusOr<std::string> config) {
    if (session_.up() != session || leaving_) return;
    config.ok() ? Configure(*config) : session_.GiveUp(config.status());
  });
}

void RemoteGateway::Configure(const std::string& text) {
  const auto object = ObjectIn("the configuration", text);
  const auto config = object.ok() ? ReadGatewayConfig(*object) : object.status();
  if (!config.ok()) return session_.GiveUp(config.status());
  const auto offer = ReadOffer(*object);
  if (!offer.ok()) return session_.GiveUp(offer.status());
  if (*offer && session_.up() != claimed_by_) {
    if (const absl::Status status = Claim(**offer); !status.ok()) session_.GiveUp(status);
    return;
  }
  if (absl::Status status = Apply(*config); !status.ok()) return Fail(status);
  if (last_status_.empty()) ReportStatus();
}

// The prefix comes as an assignment, behind which the configuration is asked for again.
absl::Status RemoteGateway::Claim(const OwnOffer& offer) {
  if (!key_)
    return absl::PermissionDeniedError(
        "the master's token is for a prefix of the site's own key, which --own-key should name");
  const auto wanted = options_.prefixes.empty() ? std::nullopt : std::optional(options_.prefixes.front());
  const auto subnet = OwnSubnet(offer.domain, *key_, wanted);
  if (!subnet.ok()) return subnet.status();
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  SessionClient* session = session_.up();
  claimed_by_ = session;
  session->Call("claim", MakeClaim(offer, *key_, *subnet, options_.name, now),
                [this, session](const absl::StatusOr<std::string>& answer) {
                  if (session_.up() == session && !answer.ok()) session_.GiveUp(answer.status());
                });
  claim_timer_.After(kClaimRenewal, [this, offer] {
    if (session_.up() != claimed_by_) return;
    if (const absl::Status status = Claim(offer); !status.ok()) session_.GiveUp(status);
  });
  return absl::OkStatus();
}

std::vector<Prefix> RemoteGateway::Routes(const GatewayConfig& config) const {
  if (config.prefixes.empty()) return {};
  const bool only_domains = options_.routes == RouteChoice::kDomain ||
                            (options_.routes == RouteChoice::kAuto && HasNativeIpv6(options_.tun));
  return only_domains && !config.domains.empty() ? config.domains : std::vector{kEverything};
}

absl::Status RemoteGateway::Apply(const GatewayConfig& config) {
  routes_ = Routes(config);
  const bool same = config_.prefixes == config.prefixes;
  config_ = config;
  // After the look at native routes, which end with a machine's life as a host.
  absl::Status status = std::exchange(forwarding_, true) ? absl::OkStatus() : network_.EnableForwarding();
  if (status.ok()) status = network_.SetAddresses(config.advertise);
  const auto tun = status.ok() ? tun_.Join(session_.sender(), config) : status;
  if (tun.ok()) status = network_.SetRoutes(*tun, routes_);
  status.Update(tun.status());
  if (!status.ok()) return status;
  patience_timer_.Cancel();
  session_.Settle(same);
  session_.up()->Advertise(config.prefixes);
  advertiser_.Set(Advertisement());
  spdlog::info("{} has {}, MTU {}; {} goes to the master{}", options_.interface,
               PrefixesText(config.prefixes, "no prefix"), config.mtu, PrefixesText(routes_, "no prefix"),
               config.segments ? ", TCP in large segments" : "");
  return absl::OkStatus();
}

// RFC 4191 section 2.3: hosts with another router send only the overlays' packets here.
RouterAdvertisement RemoteGateway::Advertisement() const {
  RouterAdvertisement advertisement;
  advertisement.prefixes = config_.advertise;
  advertisement.mtu = static_cast<uint32_t>(config_.mtu);
  advertisement.resolvers = options_.resolvers;
  if (routes_ == std::vector{kEverything}) return advertisement;
  advertisement.router_lifetime = std::chrono::seconds(0);
  advertisement.routes = routes_;
  return advertisement;
}

// --- calls ---------------------------------------------------------------------

void RemoteGateway::OnCall(const CallCapsule& call, const SessionHandlers::Respond& respond) {
  if (call.method == "state") return respond(StatusJson());
  if (call.method == "shutdown") {
    respond("{}");
    return OnShutdown();
  }
  if (call.method == "drain") {
    const auto object = ObjectIn("the argument", call.argument);
    const auto seconds = object.ok() ? IntegerField(*object, "away_s") : object.status();
    respond(Done(seconds.status()));
    return seconds.ok() ? session_.MoveOn(std::chrono::seconds(*seconds)) : void();
  }
  if (call.method != "reconfigure")
    return respond(absl::UnimplementedError("ov6-gateway does not know the call " + call.method));
  const auto object = ObjectIn("the configuration", call.argument);
  const auto config = object.ok() ? ReadGatewayConfig(*object) : object.status();
  respond(Done(config.ok() ? Apply(*config) : config.status()));
}

// The master ends or wants this session ended, not this machine's site.
void RemoteGateway::OnShutdown() {
  session_.up()->Advertise({});
  session_.up()->Flush([this] { session_.GiveUp(absl::UnavailableError("the master ends the session")); });
}

void RemoteGateway::ReportStatus() {
  std::string status = StatusJson();
  SessionClient* session = session_.up();
  if (session != nullptr && status != last_status_) session->SendStatus(status);
  last_status_ = std::move(status);
  status_timer_.After(kStatusInterval, [this] { ReportStatus(); });
}

std::string RemoteGateway::StatusJson() const {
  boost::json::array prefixes;
  for (const Prefix& prefix : config_.prefixes) prefixes.emplace_back(prefix.ToString());
  boost::json::object status{
      {"interface", options_.interface}, {"prefixes", std::move(prefixes)}, {"mtu", config_.mtu}};
  status["firewall"] = options_.firewall;
  advertiser_.AppendStatus(&status);
  tun_.AppendStatus(&status);
  return boost::json::serialize(status);
}

// --- down ----------------------------------------------------------------------

void RemoteGateway::OnMoved() {
  SessionClient* const sender = session_.sender();
  if (sender == nullptr) return tun_.Leave();
  const auto joined = tun_.Join(sender, config_);
  if (!joined.ok()) Fail(joined.status());
}

void RemoteGateway::OnLost() {
  tun_.Leave();
  claimed_by_ = nullptr;
  claim_timer_.Cancel();
  patience_timer_.After(kPatience, [this] {
    spdlog::warn("no session for a minute: hosts are told that there is no way");
    advertiser_.Set(WithoutWay(Advertisement()));
  });
}

void RemoteGateway::Leave() {
  if (std::exchange(leaving_, true)) return;
  spdlog::info("leaving");
  patience_timer_.Cancel();
  status_timer_.Cancel();
  if (session_.up() != nullptr) session_.up()->Advertise({});
  leave_timer_.After(kGoodbyeTime, [this] { Finish(0); });
  session_.Stop([this] { Finish(0); });
}

void RemoteGateway::Finish(int code) {
  leave_timer_.Cancel();
  advertiser_.SayFarewell();
  tun_.Leave();
  network_.Undo();
  loop_.Stop(code);
}

void RemoteGateway::Fail(const absl::Status& status) {
  spdlog::error("{}", std::string(status.message()));
  leaving_ = true;
  Finish(1);
}

// --- the process ---------------------------------------------------------------

namespace {

absl::StatusOr<std::optional<TlsContext>> MakeTls(const RemoteGatewayOptions& options) {
  auto tls = TlsContext::Client({options.certificate, options.key, options.ca});
  if (!tls.ok()) return tls.status();
  return std::optional(*std::move(tls));
}

void WarnOfPlain(const RemoteGatewayOptions& options) {
  for (const MasterUrl& master : options.masters) {
    if (!master.tls && !options.token_file.empty() && !master.host.starts_with("127."))
      spdlog::warn("{}: the token and all packets go there unencrypted", master.ToString());
  }
}

absl::Status Serve(const RemoteGatewayOptions& options) {
  const auto link = netlink::GetLink(options.interface);
  if (!link.ok()) return link.status();
  if (!options.token_file.empty()) {
    if (const auto token = ReadFile(options.token_file); !token.ok()) return token.status();
  }
  std::optional<NodeKey> key;
  if (!options.own_key.empty()) {
    auto loaded = LoadNodeKey(options.own_key);
    if (!loaded.ok()) return loaded.status();
    key = *std::move(loaded);
  }
  auto tls = MakeTls(options);
  if (!tls.ok()) return tls.status();
  const auto raw = OpenSolicitationSocket(options.interface, link->ifindex);
  if (!raw.ok()) return raw.status();
  const UniqueFd socket(*raw);
  if (absl::Status status = KeepNetAdmin(); !status.ok()) return status;
  WarnOfPlain(options);
  // Before there is a way in; a site without the firewall it was promised is not served.
  if (options.firewall) {
    if (absl::Status status = RunNft(FirewallRules(options.tun, options.openings)); !status.ok())
      return absl::Status(status.code(),
                          std::string(status.message()) +
                              ": the site would be open to everybody; --no-firewall if that is meant");
  }
  absl::Status status;
  {
    Loop loop;
    RemoteGateway gateway(loop, options, std::move(key), *std::move(tls), socket.get(), link->ifindex);
    loop.OnSignal({SIGTERM, SIGINT}, [&](int) { gateway.Leave(); });
    status = gateway.Start();
    if (status.ok() && loop.Run() != 0) status = absl::AbortedError("ended");
  }
  if (options.firewall) status.Update(RunNft(FirewallRemoval()));
  return status;
}

}  // namespace

int RunRemoteGateway(int argc, char** argv) {
  const RemoteGatewayOptions options = ParseRemoteOptions(argc, argv);
  if (options.show_firewall) {
    std::cout << FirewallRules(options.tun, options.openings);
    return 0;
  }
  StartLog("ov6-gateway");
  if (options.debug) spdlog::set_level(spdlog::level::debug);
  ::signal(SIGPIPE, SIG_IGN);
  const absl::Status status = Serve(options);
  if (status.ok()) return 0;
  if (!absl::IsAborted(status)) spdlog::error("{}", std::string(status.message()));
  return 1;
}

}  // namespace ov6
