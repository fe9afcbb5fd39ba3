// SPDX-License-Identifier: Apache-2.0
// ov6-dht: a DHT slave; its engine is Chord.
#include <spdlog/spdlog.h>

#include <array>
#include <boost/json.hpp>
#include <optional>
#include <random>
#include <utility>

#include "slaves/dht/dht_config.h"
#include "slaves/dht/dht_memory.h"
#include "slaves/dht/dht_slave.h"
#include "slaves/dht/peering.h"
#include "slaves/dht/record_checker.h"
#include "slaves/dht/record_query.h"
#include "slaves/dht/registrar.h"
#include "slaves/engine/chord/chord_engine.h"
#include "slaves/runtime/engine_driver.h"
#include "slaves/runtime/port_driver.h"
#include "slaves/runtime/slave_main.h"
#include "userspace/base/bytes.h"

namespace ov6 {
namespace {

constexpr auto kSaveDelay = std::chrono::seconds(1);
constexpr auto kSaveRetry = std::chrono::seconds(10);
constexpr auto kLeavePoll = std::chrono::milliseconds(10);
constexpr auto kFinishTime =
    std::chrono::milliseconds(400);  // for lookups under way, before it leaves the ring

DhtClock SystemClock() {
  return {BootClock::now,
          [] { return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()); }};
}

chord::ChordConfig MakeChordConfig(const DhtConfig& config, const DhtClock& clock, RecordChecker& checker) {
  chord::ChordConfig chord;
  static_cast<RingConfig&>(chord) = config.ring;
  chord.self = config.Self();
  chord.slot = Sha1(config.public_key).front() % chord::kSlots;
  chord.incarnation = static_cast<uint64_t>(clock.wall().time_since_epoch().count());
  chord.network = config.domain.name;
  chord.bootstrap = config.bootstrap;
  chord.seed = std::random_device{}() | uint64_t{std::random_device{}()} << 32;
  FillRandom(chord.secret);
  chord.checker = [&checker](const Key& key, std::span<const uint8_t> value, BootTime) {
    return checker.Check(key, value);
  };
  return chord;
}

uint64_t RandomNonce() {
  std::array<uint8_t, 8> bytes{};
  FillRandom(bytes);
  return ByteReader(bytes).U64();
}

void SayWhereSeen(const SeenOutput& seen) {
  if (seen.at.address == seen.believed.address)
    return spdlog::info("other nodes see this one at {} again, as it should be", seen.at.ToString());
  spdlog::warn(
      "other nodes see this one at {}, not at {}: behind a NAT, or since its address has changed, it can ask "
      "and publish, but is no member of the ring",
      seen.at.ToString(), seen.believed.ToString());
}

void SayTwin(const TwinOutput& output) {
  if (output.slot)
    return spdlog::warn("{} has this node's place in the ring; trying slot {}", output.twin.ToString(),
                        *output.slot);
  spdlog::warn("{} has this node's place in the ring, and all eight of this address are taken: staying out",
               output.twin.ToString());
}

// What the master answers may leave something to be done sooner than the timers were set for.
class WakingSession : public Session {
 public:
  WakingSession(Session& session, Callback answered) : session_(session), answered_(std::move(answered)) {}

  void Call(const std::string& method, const std::string& argument, Result result) override {
    session_.Call(method, argument, Waking(std::move(result)));
  }
  void SendMappings(std::vector<MappingChange> changes, Acknowledged acknowledged) override {
    session_.SendMappings(std::move(changes), Waking(std::move(acknowledged)));
  }
  void Advertise(const std::vector<Prefix>& prefixes) override { session_.Advertise(prefixes); }

 private:
  template <typename Answer>
  std::function<void(Answer)> Waking(std::function<void(Answer)> then) const {
    return [this, then = std::move(then)](Answer answer) {
      then(std::move(answer));
      answered_();
    };
  }

  Session& session_;
  Callback answered_;
};

class Dht {
 public:
  explicit Dht(SlaveProcess& process)
      : process_(process),
        session_(process.session(),
                 [this] {
                   Register();
                   ArmLookups();
                 }),
        port_(process.loop(), kPortDescriptor,
              {[this](std::span<const Frame> frames) {
                 if (leaving_) return Release(frames);
                 slave_->OnFrames(frames);
                 ArmLookups();
               },
               [this](const PortCapsule& capsule) { slave_->OnPort(capsule); },
               [this](const absl::Status& status) { process_.Fail(status); }}),
        register_timer_(process.loop()),
        lookup_timer_(process.loop()),
        save_timer_(process.loop()),
        leave_timer_(process.loop()) {}

  absl::Status Configure(const boost::json::object& json);
  void OnPort(const PortCapsule& capsule) { port_.OnPortCapsule(capsule); }
  void OnRefresh(const RefreshCapsule& capsule);
  void OnCall(const CallCapsule& call, SessionHandlers::Respond respond);
  void OnRecordCall(const CallCapsule& call, SessionHandlers::Respond respond);
  absl::Status Reconfigure(const boost::json::object& json);
  absl::Status OnRelayedCall(const std::string& argument);
  void OnMeetCall(const std::string& argument, SessionHandlers::Respond respond);
  std::string StatusJson() const;
  void Leave(Callback done);

 private:
  void OnOutput(const Output& output);
  void StartEngineAnew();
  void Start(const absl::StatusOr<std::string>& saved);
  void Save();
  void SaveSoon();
  void Register();
  void ArmLookups();
  void Release(std::span<const Frame> frames);
  void FinishLookups(BootTime until, Callback done);
  void WaitUntilLeft(Callback done);
  boost::json::value EngineState() const;
  std::string StateJson() const;

  SlaveProcess& process_;
  WakingSession session_;
  PortDriver port_;
  const DhtClock clock_ = SystemClock();
  DhtConfig config_;
  std::unique_ptr<UdpSocket> socket_;
  std::optional<RecordChecker> checker_;  // the engine's judge
  std::unique_ptr<chord::ChordEngine> engine_;
  std::optional<EngineDriver> driver_;
  std::optional<Registrar> registrar_;
  std::optional<DhtSlave> slave_;
  std::optional<Peering> peering_;
  std::optional<RecordQuery> query_;
  Timer register_timer_;
  Timer lookup_timer_;
  Timer save_timer_;
  Timer leave_timer_;
  DhtMemory memory_;
  DhtMemory saved_;  // what the master keeps of it
  bool saving_ = false;
  bool leaving_ = false;
};

absl::Status Dht::Configure(const boost::json::object& json) {
  auto config = ParseDhtConfig(json);
  if (!config.ok()) return config.status();
  config_ = *std::move(config);
  auto socket = UdpSocket::Bind(process_.loop(), config_.listen);
  if (!socket.ok()) return socket.status();
  socket_ = *std::move(socket);
  config_.listen = socket_->local();
  checker_.emplace(config_.domain, [this] { return clock_.Wall(); });
  chord::ChordConfig chord = MakeChordConfig(config_, clock_, *checker_);
  if (const std::string wrong = Validate(chord); !wrong.empty()) return absl::InvalidArgumentError(wrong);
  const auto submit = [this](Request request) { driver_->Submit(std::move(request)); };
  engine_ = std::make_unique<chord::ChordEngine>(std::move(chord));
  driver_.emplace(process_.loop(), *engine_, *socket_, [this](const Output& output) { OnOutput(output); });
  driver_->SetSource(config_.Self().address);
  registrar_.emplace(config_, session_, submit, clock_);
  const DhtSlave::Lifetimes lifetimes{config_.lifetime, config_.stale_limit, std::random_device{}()};
  slave_.emplace(config_.domain, session_, port_, submit, clock_, lifetimes, checker_->verifier());
  query_.emplace(config_.domain, submit, clock_);
  const auto send = [this](const Endpoint& to, const Bytes& bytes, std::optional<Ipv4> source) {
    return socket_->Send(to, bytes, source);
  };
  peering_.emplace(config_, session_, *registrar_, *slave_, *query_, send, RandomNonce, clock_);
  driver_->SetFilter([this](const Endpoint& from, std::span<const uint8_t> bytes) {
    const bool own = peering_->OnDatagram(from, socket_->asked_at(), bytes);
    if (own) ArmLookups();
    return own;
  });
  process_.session().Call("saved", "", [this](const absl::StatusOr<std::string>& saved) { Start(saved); });
  spdlog::info("Chord at {} for {} ({})", config_.Self().ToString(), config_.domain.prefix.ToString(),
               config_.domain.name);
  return absl::OkStatus();
}

// What was saved helps; a master that doesn't give it is no reason not to start.
void Dht::Start(const absl::StatusOr<std::string>& saved) {
  if (saved.ok()) memory_ = saved_ = ParseDhtMemory(*saved);
  if (!saved.ok()) spdlog::warn("nothing remembered: {}", std::string(saved.status().message()));
  engine_->Remember(memory_.peers);
  registrar_->Resume(memory_.sequence);
  driver_->Start();
  Register();
}

void Dht::SaveSoon() {
  memory_.sequence = registrar_->last_sequence();
  if (saving_ || memory_ == saved_) return;
  saving_ = true;
  save_timer_.After(kSaveDelay, [this] { Save(); });
}

void Dht::Save() {
  memory_.sequence = registrar_->last_sequence();
  const DhtMemory now = memory_;
  process_.session().Call("save", ToJson(now), [this, now](const absl::StatusOr<std::string>& result) {
    saving_ = false;
    if (result.ok()) {
      saved_ = now;
      return SaveSoon();
    }
    spdlog::debug("not saved: {}", std::string(result.status().message()));
    saving_ = true;
    save_timer_.After(kSaveRetry, [this] { Save(); });
  });
}

void Dht::OnOutput(const Output& output) {
  const auto* get = std::get_if<GetOutput>(&output);
  if (get != nullptr && !query_->OnGet(*get)) slave_->OnGet(*get);
  if (const auto* put = std::get_if<PutOutput>(&output)) registrar_->OnPut(*put);
  if (const auto* peers = std::get_if<PeersOutput>(&output)) memory_.peers = peers->peers;
  if (const auto* seen = std::get_if<SeenOutput>(&output)) SayWhereSeen(*seen);
  if (const auto* twin = std::get_if<TwinOutput>(&output)) SayTwin(*twin);
  ArmLookups();
  if (std::holds_alternative<JoinedOutput>(output)) {
    spdlog::info("joined the ring");
    registrar_->OnJoined();
    peering_->mobility().OnJoined();
  }
  Register();
}

void Dht::Register() {
  registrar_->OnTimer();
  SaveSoon();
  register_timer_.At(registrar_->NextDeadline(), [this] { Register(); });
}

void Dht::ArmLookups() {
  lookup_timer_.At(std::min(slave_->NextDeadline(), peering_->NextDeadline()), [this] {
    slave_->OnTimer();
    peering_->OnTimer();
    ArmLookups();
  });
}

// What may change while we run: prefixes, delegations, and the router's addresses, with which the node takes
// another place in the ring.
absl::Status Dht::Reconfigure(const boost::json::object& json) {
  auto config = ParseDhtConfig(json);
  if (!config.ok()) return config.status();
  config->listen.port = config_.listen.port;
  if (!OnlyPlacesDiffer(*config, config_))
    return absl::FailedPreconditionError("more has changed than prefixes and addresses");
  const bool elsewhere = config->Self() != config_.Self();
  config_ = *std::move(config);
  registrar_->Reconfigure(config_);
  peering_->mobility().Reconfigure(config_);
  if (elsewhere) StartEngineAnew();
  Register();
  ArmLookups();
  return absl::OkStatus();
}

void Dht::StartEngineAnew() {
  spdlog::info("Chord is at {} now", config_.Self().ToString());
  auto engine = std::make_unique<chord::ChordEngine>(MakeChordConfig(config_, clock_, *checker_));
  engine->Remember(memory_.peers);
  engine.swap(engine_);
  driver_->SetSource(config_.Self().address);
  driver_->Replace(*engine_);
}

// The datapath relayed a packet of somebody who does not know yet that the prefix has moved.
absl::Status Dht::OnRelayedCall(const std::string& argument) {
  const auto object = ObjectIn("the argument", argument);
  if (!object.ok()) return object.status();
  const auto to = StringField(*object, "destination");
  const auto by = StringField(*object, "peer");
  const auto destination = to.ok() ? Ipv6::Parse(*to) : std::nullopt;
  const auto peer = by.ok() ? Ipv4::Parse(*by) : std::nullopt;
  if (!destination || !peer)
    return absl::InvalidArgumentError("the argument has no destination (IPv6) and peer (IPv4)");
  peering_->mobility().OnRelayed(*destination, *peer);
  ArmLookups();
  return absl::OkStatus();
}

void Dht::OnMeetCall(const std::string& argument, SessionHandlers::Respond respond) {
  peering_->meetings().OnCall(argument, std::move(respond));
  ArmLookups();
}

void Dht::OnRefresh(const RefreshCapsule& capsule) {
  if (!slave_) return;
  slave_->OnRefresh(capsule.addresses);
  ArmLookups();
}

void Dht::OnCall(const CallCapsule& call, SessionHandlers::Respond respond) {
  if (!slave_) return respond(absl::UnavailableError("the slave is not configured yet"));
  if (call.method == "state") return respond(StateJson());
  if (call.method == "resolve") return slave_->OnResolveCall(call.argument, std::move(respond));
  if (call.method == "record") return query_->OnCall(call.argument, std::move(respond));
  if (call.method == "meet") return OnMeetCall(call.argument, std::move(respond));
  if (call.method == "relayed") return respond(Done(OnRelayedCall(call.argument)));
  if (call.method == "revoke" || call.method == "renew" || call.method == "registered")
    return OnRecordCall(call, std::move(respond));
  respond(absl::UnimplementedError("ov6-dht does not know the call " + call.method));
}

// revoke, renew and registered: what the record of a prefix should be, answered when the DHT holds it.
void Dht::OnRecordCall(const CallCapsule& call, SessionHandlers::Respond respond) {
  const auto object = ObjectIn("the argument", call.argument);
  const auto text = object.ok() ? StringField(*object, "prefix") : object.status();
  const auto prefix = text.ok() ? Prefix::Parse(*text) : std::nullopt;
  if (!prefix) {
    return respond(absl::InvalidArgumentError("the argument " + call.argument +
                                              " should be {\"prefix\": an IPv6 prefix}"));
  }
  const auto change = call.method == "revoke"  ? &Registrar::Revoke
                      : call.method == "renew" ? &Registrar::Renew
                                               : &Registrar::AwaitStored;
  ((*registrar_).*change)(*prefix, std::move(respond));
  Register();
}

boost::json::value Dht::EngineState() const {
  return boost::json::parse(engine_->StateJson(BootClock::now()));
}

std::string Dht::StateJson() const {
  boost::json::value state = EngineState();
  state.as_object()["resolutions"] = LookupsJson(*slave_);
  state.as_object()["records"] = ChecksJson(*checker_);
  state.as_object()["peering"] = peering_->StateJson();
  return boost::json::serialize(state);
}

std::string Dht::StatusJson() const {
  const DhtSlave::Counters& c = slave_->counters();
  const HoldQueue::Counters& h = slave_->held().counters();
  const PortCounters& p = port_.counters();
  return boost::json::serialize(boost::json::object{{"engine", config_.engine},
                                                    {"mode", chord::ToString(engine_->View().mode)},
                                                    {"self", config_.Self().ToString()},
                                                    {"seen_at", EngineState().at("seen_at")},
                                                    {"trust", std::string(ToString(config_.domain.trust))},
                                                    {"registered", registrar_->registered()},
                                                    {"registrations", config_.registrations.size()},
                                                    {"revoked", registrar_->revoked()},
                                                    {"second_claims", checker_->second_claims()},
                                                    {"forged", checker_->counters().forged},
                                                    {"sign_refused", registrar_->counters().sign_refused},
                                                    {"store_failed", registrar_->counters().store_failed},
                                                    {"punted_miss", c.punted_miss},
                                                    {"punted_route", c.punted_route},
                                                    {"punted_verify", c.punted_verify},
                                                    {"bad_punt", c.bad_punt},
                                                    {"found", c.found},
                                                    {"absent", c.absent},
                                                    {"unreachable", c.unreachable},
                                                    {"refreshed", c.refreshed},
                                                    {"refresh_failed", c.refresh_failed},
                                                    {"refresh_gone", c.refresh_gone},
                                                    {"stale", c.stale},
                                                    {"withdrawn", c.withdrawn},
                                                    {"unproven", c.unproven},
                                                    {"mappings_refused", c.mappings_refused},
                                                    {"returned", c.returned},
                                                    {"held", slave_->held().size()},
                                                    {"dropped_address_full", h.dropped_key_full},
                                                    {"dropped_all_full", h.dropped_all_full},
                                                    {"dropped_session", c.dropped_session},
                                                    {"port_received", p.received},
                                                    {"port_transmitted", p.transmitted},
                                                    {"bad_record", slave_->resolver().counters().bad_record},
                                                    {"send_failed", socket_->counters().send_failed},
                                                    {"dropped_budget", c.dropped_budget},
                                                    {"counters", EngineState().at("counters")}});
}

void Dht::Release(std::span<const Frame> frames) {
  for (const Frame& frame : frames) port_.Release(frame);
}

// Nothing new is taken; what waits for an answer has its time.
void Dht::Leave(Callback done) {
  if (!driver_) return done();
  register_timer_.Cancel();
  leaving_ = true;
  FinishLookups(BootClock::now() + kFinishTime, std::move(done));
}

void Dht::FinishLookups(BootTime until, Callback done) {
  if (slave_->held().size() == 0 || BootClock::now() >= until) {
    driver_->Submit(LeaveRequest{});
    return WaitUntilLeft(std::move(done));
  }
  leave_timer_.After(kLeavePoll, [this, until, done = std::move(done)] { FinishLookups(until, done); });
}

void Dht::WaitUntilLeft(Callback done) {
  if (engine_->Left()) return done();
  leave_timer_.After(kLeavePoll, [this, done = std::move(done)] { WaitUntilLeft(done); });
}

int Main(int argc, char** argv) {
  SlaveProcess process(SlaveKind::kDht, ParseCommandLine(SlaveKind::kDht, argc, argv));
  Dht dht(process);
  SlaveCallbacks callbacks;
  callbacks.configured = [&](const boost::json::object& config) { return dht.Configure(config); };
  callbacks.reconfigured = [&](const boost::json::object& config) { return dht.Reconfigure(config); };
  callbacks.status = [&] { return dht.StatusJson(); };
  callbacks.port = [&](const PortCapsule& capsule) { dht.OnPort(capsule); };
  callbacks.refresh = [&](const RefreshCapsule& capsule) { dht.OnRefresh(capsule); };
  callbacks.call = [&](const CallCapsule& call, SessionHandlers::Respond respond) {
    dht.OnCall(call, std::move(respond));
  };
  callbacks.leave = [&](Callback done) { dht.Leave(std::move(done)); };
  return process.Run(std::move(callbacks));
}

}  // namespace
}  // namespace ov6

int main(int argc, char** argv) { return ov6::Main(argc, argv); }
