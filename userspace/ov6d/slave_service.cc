// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/slave_service.h"

#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json.hpp>
#include <utility>

#include "ov6/leave.h"
#include "userspace/base/solicitation_socket.h"
#include "userspace/base/text.h"
#include "userspace/ov6d/port_channel.h"

namespace ov6 {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using boost::system::error_code;

constexpr gid_t kNoGroup = 65534;  // never the group that may inspect
const char* const kManagement = "management";

struct SocketPair {
  int ours = -1, theirs = -1;
  ~SocketPair() {
    if (ours >= 0) ::close(ours);
    if (theirs >= 0) ::close(theirs);
  }
  bool Make(int type) {
    int ends[2];
    if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) != 0) return false;
    ours = ends[0];
    theirs = ends[1];
    return true;
  }
};

}  // namespace

SlaveService::SlaveService(Environment environment, std::vector<SlavePlan> plans)
    : env_(std::move(environment)), management_timer_(env_.io), polls_(env_.io, PollHandlers()) {
  for (SlavePlan& plan : plans) slaves_[plan.name].plan = std::move(plan);
}

SlaveService::~SlaveService() {
  for (const auto& [name, handles] : handles_) CloseHandles(handles);
  for (const auto& [name, slave] : slaves_) {
    if (slave.port_channel >= 0) ::close(slave.port_channel);
  }
}

// --- processes ----------------------------------------------------------------

void SlaveService::StartManagement() {
  if (ending_ || Find(kManagement) == nullptr) return;
  const absl::Status status = Start(kManagement);
  if (status.ok()) return;
  spdlog::error("the management slave was not started: {}", Message(status));
  RestartManagement();
}

void SlaveService::RestartManagement() {
  if (ending_) return;
  management_timer_.expires_after(management_delay_);
  management_delay_ = std::min(management_delay_ * 2, kLongestDelay);
  management_timer_.async_wait([this](error_code error) {
    if (!error) StartManagement();
  });
}

absl::Status SlaveService::Start(const std::string& name) {
  Slave* slave = Find(name);
  if (slave == nullptr) return absl::NotFoundError("no slave named \"" + name + "\" is configured");
  if (slave->plan.remote)
    return absl::FailedPreconditionError("the slave \"" + name + "\" is elsewhere: it comes by itself");
  if (ending_) return absl::UnavailableError("ov6d is ending and starts no slave any more");
  if (slave->forgotten) return absl::NotFoundError("the slave \"" + name + "\" was deleted");
  if (const auto why = WhyAway(*slave)) return absl::FailedPreconditionError(*why);
  if (slave->process) return absl::AlreadyExistsError("the slave \"" + name + "\" runs already");
  if (slave->session) slave->session->Close(absl::UnavailableError("its process has ended"));
  const absl::Status status = Launch(*slave);
  ++(status.ok() ? counters_.spawned : counters_.spawn_failed);
  return status;
}

absl::Status SlaveService::Launch(Slave& slave) {
  SocketPair session, channel;
  if (!session.Make(SOCK_STREAM) || !channel.Make(SOCK_SEQPACKET)) {
    return absl::ErrnoToStatus(errno, "making the slave's sockets failed");
  }
  const auto raw = RawSocketFor(slave.plan);
  if (!raw.ok()) return raw.status();
  SpawnRequest request{(env_.libexec / slave.plan.Executable()).string(),
                       {"--name", slave.plan.name},
                       slave.plan.uid,
                       kNoGroup,
                       {session.theirs, channel.theirs}};
  for (const Prefix& prefix : slave.plan.prefixes) {
    request.arguments.insert(request.arguments.end(), {"--prefix", prefix.ToString()});
  }
  if (*raw >= 0) request.inherited.push_back(*raw);
  const auto spawned = env_.spawner.Spawn(request);
  if (*raw >= 0) ::close(*raw);
  if (!spawned.ok()) return spawned.status();
  Watch(slave, *spawned);
  Accept(slave.plan.name, PlainStream(UniqueFd(std::exchange(session.ours, -1))),
         std::exchange(channel.ours, -1));
  return absl::OkStatus();
}

absl::StatusOr<int> SlaveService::RawSocketFor(const SlavePlan& plan) const {
  if (plan.kind != SlaveKind::kGateway) return -1;
  return OpenSolicitationSocket(plan.interface, plan.ifindex);
}

void SlaveService::Watch(Slave& slave, const SpawnedProcess& spawned) {
  slave.started = env_.clock();
  ++slave.starts;
  slave.status.clear();
  spdlog::info("slave {} started, pid {}", slave.plan.name, spawned.pid);
  slave.process =
      std::make_unique<SlaveProcess>(env_.io, spawned, [this, name = slave.plan.name](int status) {
        // Not inside the process's own handler.
        asio::post(env_.io, [this, name, status] { OnExited(name, status); });
      });
}

void SlaveService::OnExited(const std::string& name, int status) {
  Slave& slave = *Find(name);
  slave.process.reset();
  ++counters_.exited;
  spdlog::log(status == 0 ? spdlog::level::info : spdlog::level::warn, "slave {} ended with status {}", name,
              status);
  const bool all = std::none_of(slaves_.begin(), slaves_.end(),
                                [](const auto& entry) { return entry.second.process != nullptr; });
  TellDrained(slave);
  if (all && all_ended_) return std::exchange(all_ended_, nullptr)();
  if (ending_) return;
  if (slave.forgotten) return Erase(name);
  if (name == kManagement) {
    if (env_.clock() - slave.started > kGoodLife) management_delay_ = kFirstDelay;
    return RestartManagement();
  }
  const std::string argument = json::serialize(json::object{{"name", name}, {"status", status}});
  Call(kManagement, "exited", argument, [name](const absl::StatusOr<std::string>& result) {
    if (!result.ok())
      spdlog::warn("management was not told that {} ended: {}", name, Message(result.status()));
  });
}

void SlaveService::Stop(const std::string& name, std::function<void()> done) {
  KillLater(name);
  Call(name, "shutdown", "", [done = std::move(done)](const absl::StatusOr<std::string>&) { done(); });
}

void SlaveService::Restart(Slave& slave) {
  if (!slave.process) return;
  slave.process->Signal(SIGTERM);
  KillLater(slave.plan.name);
}

void SlaveService::KillLater(const std::string& name) {
  const Slave& slave = *Find(name);
  if (!slave.process) return;
  After(kKillTime, [this, name, pid = slave.process->pid()] {
    const Slave* late = Find(name);
    if (late != nullptr && late->process && late->process->pid() == pid) late->process->Signal(SIGKILL);
  });
}

void SlaveService::After(Duration delay, std::function<void()> then) {
  auto timer = std::make_unique<asio::steady_timer>(env_.io, delay);
  timer->async_wait([then = std::move(then)](error_code error) {
    if (!error) then();
  });
  // An expired one's handler may still have to run; it does not once its timer is gone.
  const auto long_over = asio::steady_timer::clock_type::now() - std::chrono::seconds(10);
  std::erase_if(timers_, [&](const auto& old) { return old->expiry() < long_over; });
  timers_.push_back(std::move(timer));
}

void SlaveService::ShutdownAll(std::function<void()> done) {
  ending_ = true;
  CloseElsewhere();
  management_timer_.cancel();
  all_ended_ = std::move(done);
  bool any = false;
  for (const auto& [name, slave] : slaves_) {
    if (!slave.process) continue;
    any = true;
    Stop(name, [] {});
  }
  if (!any) asio::post(env_.io, std::exchange(all_ended_, nullptr));
}

void SlaveService::TerminateAll(std::function<void()> done) {
  ending_ = true;
  CloseElsewhere();
  management_timer_.cancel();
  all_ended_ = std::move(done);
  bool any = false;
  for (const auto& [name, slave] : slaves_) {
    if (!slave.process) continue;
    any = true;
    slave.process->Signal(SIGTERM);
  }
  auto timer = std::make_unique<asio::steady_timer>(env_.io, std::chrono::seconds(any ? 1 : 0));
  timer->async_wait([this](error_code error) {
    if (!error && all_ended_) std::exchange(all_ended_, nullptr)();  // the death signal takes the rest
  });
  timers_.push_back(std::move(timer));
}

// --- sessions -------------------------------------------------------------------

void SlaveService::Accept(const std::string& name, std::unique_ptr<Stream> stream, int port_channel) {
  Slave& slave = slaves_.at(name);
  if (slave.session) slave.session->Close(absl::UnavailableError("a successor came"));
  slave.port_channel = port_channel;
  slave.said_goodbye = false;
  slave.session = std::make_shared<SlaveSession>(env_.io, std::move(stream), counters_.sessions);
  slave.session->Start({[this, &slave](const UpgradeRequest& request) { return OnRequest(slave, request); },
                        [this, &slave] { OnOpened(slave); },
                        [this, &slave](Capsule capsule) { OnCapsule(slave, std::move(capsule)); },
                        [this, &slave](const absl::Status& why) { OnClosed(slave, why); }});
}

std::optional<Refusal> SlaveService::OnRequest(Slave& slave, const UpgradeRequest& request) {
  const std::string& name = slave.plan.name;
  if (request.plain && !slave.plan.remote)
    return Refusal{426, "A slave that ov6d has started says Ov6-Version: 1."};
  const auto outcome = env_.master.Register(request, slave.plan.ToPermission());
  if (const auto* refusal = std::get_if<Refusal>(&outcome)) {
    slave.log.Warn(env_.clock(), "slave " + name + " was refused: " + refusal->sentence);
    return *refusal;
  }
  const SlaveId id = std::get<SlaveId>(outcome);
  // The port before the routes that lead to it.
  if (const auto slot = env_.master.slaves().Find(id)->entry.port) {
    auto port = MakePort(name, id, *slot);
    if (!port.ok()) {
      env_.master.slaves().Remove(id);
      spdlog::error("the port of slave {} can't be made: {}", name, Message(port.status()));
      return Refusal{409, "The port can't be made: " + Message(port.status()) + "."};
    }
    handles_[name] = *port;
  }
  if (absl::Status status = env_.master.Activate(id); !status.ok()) {
    spdlog::error("routes of slave {}: {}", name, Message(status));
    env_.master.Vanish(env_.clock(), id);
    DropHandles(name);
    return Refusal{409, "The routes can't be set: " + Message(status) + "."};
  }
  slave.id = id;
  return std::nullopt;
}

absl::StatusOr<PortHandles> SlaveService::MakePort(const std::string& name, SlaveId id, uint16_t slot) {
  auto handles =
      ports_.contains(slot) ? env_.datapath.ReopenPort(slot, id) : env_.datapath.CreatePort(name, id, slot);
  if (handles.ok()) ports_.insert(slot);
  return handles;
}

void SlaveService::OnOpened(Slave& slave) {
  const std::string& name = slave.plan.name;
  spdlog::info("slave {} is up, id {}", name, *slave.id);
  const auto found = handles_.find(name);
  if (found == handles_.end()) return;
  const PortHandles handles = found->second;
  handles_.erase(found);
  const absl::Status status = SendPortDescriptors(slave.port_channel, handles);
  CloseHandles(handles);
  if (!status.ok()) {
    spdlog::error("slave {}: {}", name, Message(status));
    return slave.session->Close(status);  // without its port it can't do its work
  }
  slave.session->Send(handles.geometry);
}

void SlaveService::OnCapsule(Slave& slave, Capsule capsule) {
  if (const auto* advertisement = std::get_if<RouteAdvertisementCapsule>(&capsule)) {
    OnAdvertisement(slave, *advertisement);
  } else if (const auto* mappings = std::get_if<MappingsCapsule>(&capsule)) {
    OnMappings(slave, *mappings);
  } else if (const auto* call = std::get_if<CallCapsule>(&capsule)) {
    OnCall(slave, *call);
  } else if (auto* status = std::get_if<StatusCapsule>(&capsule)) {
    slave.status = std::move(status->json);
  }
}

void SlaveService::OnAdvertisement(Slave& slave, const RouteAdvertisementCapsule& capsule) {
  if (!slave.id) return;
  if (!capsule.prefixes.empty()) {
    const auto status = env_.master.Advertise(*slave.id, capsule.prefixes, PermissionOf(slave));
    if (!status.ok())
      slave.log.Warn(env_.clock(), "advertisement of slave " + slave.plan.name + ": " + Message(status));
    return;
  }
  slave.log.Info(env_.clock(), "slave " + slave.plan.name + " says goodbye");
  slave.said_goodbye = true;
  // What is drained here comes back to what it leaves.
  if (slave.away_until && !slave.plan.remote && !slave.forgotten)
    return env_.master.Vanish(env_.clock(), *std::exchange(slave.id, std::nullopt));
  slave.port.reset();
  const SlaveEntry entry = env_.master.slaves().Find(*slave.id)->entry;
  env_.master.Goodbye(*std::exchange(slave.id, std::nullopt));
  DropPort(entry);
}

void SlaveService::OnMappings(Slave& slave, const MappingsCapsule& capsule) {
  MappingsAckCapsule ack{capsule.sequence, {}};
  if (slave.id) {
    ack = env_.master.Apply(env_.clock(), *slave.id, capsule);
  } else {
    for (size_t i = 0; i < capsule.changes.size(); ++i) ack.refused.push_back({i, "the slave said goodbye"});
  }
  for (const auto& refusal : ack.refused) {
    spdlog::debug("mapping of slave {} refused: {}", slave.plan.name, refusal.reason);
  }
  slave.session->Send(ack);
}

void SlaveService::OnClosed(Slave& slave, const absl::Status& why) {
  spdlog::info("session of slave {} ended: {}", slave.plan.name, Message(why));
  slave.session.reset();
  if (slave.port_channel >= 0) ::close(std::exchange(slave.port_channel, -1));
  DropHandles(slave.plan.name);
  if (slave.id) env_.master.Vanish(env_.clock(), *std::exchange(slave.id, std::nullopt));
  // A process without a session is of no use to anyone; one that said goodbye should end by itself.
  if (!slave.process) return TellDrained(slave);
  if (!slave.said_goodbye) slave.process->Signal(SIGTERM);
  KillLater(slave.plan.name);
}

void SlaveService::DropHandles(const std::string& name) {
  const auto found = handles_.find(name);
  if (found == handles_.end()) return;
  CloseHandles(found->second);
  handles_.erase(found);
}

void SlaveService::DropPort(const SlaveEntry& entry) {
  if (!entry.port || ports_.erase(*entry.port) == 0) return;
  const absl::Status status = env_.datapath.DestroyPort(*entry.port);
  if (!status.ok()) spdlog::warn("port of slave {}: {}", entry.name, Message(status));
}

// --- the datapath's events --------------------------------------------------------

void SlaveService::DrainEvents() {
  std::map<SlaveId, std::set<Ipv6>> wanted;
  std::vector<ov6_event> relayed;
  const absl::Status status = env_.datapath.DrainEvents([&](const ov6_event& event) {
    ++counters_.events;
    const Ipv6 address = Prefix::FromAbi(event.prefix).address;
    const bool refresh = event.type == OV6_EVENT_REFRESH;
    if (refresh || (event.type == OV6_EVENT_USED && env_.direct_used(address)))
      wanted[event.slave].insert(address);
    if (event.type == OV6_EVENT_RELAYED && relayed.size() < kMaxRelayed) relayed.push_back(event);
  });
  if (!status.ok()) spdlog::warn("reading events: {}", Message(status));
  TellOfRelayed(relayed);
  for (const auto& [name, slave] : slaves_) {
    const auto found = slave.id ? wanted.find(*slave.id) : wanted.end();
    if (found == wanted.end()) continue;
    RefreshCapsule refresh;
    for (const Ipv6& address : found->second) {
      refresh.addresses.push_back(address);
      if (refresh.addresses.size() < kMaxRefreshes) continue;
      slave.session->Send(std::exchange(refresh, {}));
    }
    if (!refresh.addresses.empty()) slave.session->Send(refresh);
    wanted.erase(found);
  }
  for (const auto& [id, addresses] : wanted) counters_.events_without_slave += addresses.size();
}

// One more packet of the same sender tells again, should this be lost.
void SlaveService::TellOfRelayed(const std::vector<ov6_event>& relayed) {
  for (const ov6_event& event : relayed) {
    const auto slave = std::find_if(slaves_.begin(), slaves_.end(),
                                    [&](const auto& entry) { return entry.second.id == event.slave; });
    if (slave == slaves_.end()) continue;
    const json::object argument{{"destination", Prefix::FromAbi(event.prefix).address.ToString()},
                                {"peer", Ipv4::FromBe(event.peer).ToString()}};
    Call(slave->first, "relayed", json::serialize(argument), [](const absl::StatusOr<std::string>&) {});
  }
}

void SlaveService::RetireUnplanned() {
  std::vector<SlaveId> retired;
  for (const auto& [id, registered] : env_.master.slaves().slaves()) {
    const Slave* slave = Find(registered.entry.name);
    if (slave != nullptr && slave->plan.prefixes == registered.entry.prefixes) continue;
    spdlog::info("{} with its prefixes is not configured any more: withdrawn", registered.entry.name);
    retired.push_back(id);
  }
  for (const SlaveId id : retired) env_.master.Goodbye(id);
}

void SlaveService::Sweep() {
  EndAway();
  for (const auto& [name, slave] : slaves_) {
    if (slave.port) slave.port->resolver().Sweep(env_.clock());
  }
  env_.master.Sweep(env_.clock(), [this](const SlaveEntry& entry) {
    spdlog::warn("slave {} did not come back: its routes and mappings are withdrawn", entry.name);
    DropPort(entry);
  });
}

// --- what is shown -----------------------------------------------------------------

SlaveService::Slave* SlaveService::Find(const std::string& name) {
  const auto found = slaves_.find(name);
  return found == slaves_.end() ? nullptr : &found->second;
}

std::string SlaveService::StateOf(const Slave& slave) const {
  if (slave.forgotten) return "ending";
  if (slave.drained) return "draining";
  if (!slave.id && WhyAway(slave)) return "drained";
  if (slave.id) return "up";
  if (slave.plan.remote) return slave.session ? "silent" : "away";
  if (slave.process) return "starting";
  return env_.master.slaves().FindByName(slave.plan.name) ? "stale" : "stopped";
}

size_t SlaveService::up() const {
  return static_cast<size_t>(std::count_if(slaves_.begin(), slaves_.end(),
                                           [](const auto& entry) { return entry.second.id.has_value(); }));
}

json::array SlaveService::SlavesJson() const {
  json::array list;
  for (const auto& [name, slave] : slaves_) {
    const auto id = slave.id ? slave.id : env_.master.slaves().FindByName(name);
    const RegisteredSlave* registered = id ? env_.master.slaves().Find(*id) : nullptr;
    json::object item{{"name", name},
                      {"kind", std::string(ToString(slave.plan.kind))},
                      {"state", StateOf(slave)},
                      {"uid", slave.plan.remote ? json::value() : json::value(slave.plan.uid)},
                      {"restarts", slave.starts > 0 ? slave.starts - 1 : 0}};
    item["id"] = id ? json::value(*id) : json::value();
    item["pid"] = slave.process ? json::value(slave.process->pid()) : json::value();
    const bool has_port = registered != nullptr && registered->entry.port;
    item["port"] = has_port ? json::value(*registered->entry.port) : json::value();
    item["interface"] = slave.plan.port ? "ov6-" + name : slave.plan.interface;
    item["prefixes"] = Strings(registered != nullptr ? registered->entry.prefixes : slave.plan.prefixes);
    const auto life = std::chrono::duration_cast<std::chrono::seconds>(env_.clock() - slave.started).count();
    item["uptime_s"] = slave.process || slave.session ? life : 0;
    if (slave.away_until) item["away_s"] = AwaySeconds(slave);
    if (slave.plan.remote) item["remote"] = RemoteJson(slave);
    error_code error;
    const json::value status = json::parse(slave.status, error);
    item["status"] = error ? json::value(json::object()) : status;
    list.push_back(std::move(item));
  }
  return list;
}

}  // namespace ov6
