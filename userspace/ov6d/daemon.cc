// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/daemon.h"

#include <fcntl.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/signal_set.hpp>
#include <optional>
#include <set>
#include <utility>

#include "userspace/base/crypto.h"
#include "userspace/base/files.h"
#include "userspace/base/netlink_monitor.h"
#include "userspace/base/text.h"
#include "userspace/base/token_bucket.h"
#include "userspace/datapath/kernel_datapath.h"
#include "userspace/datapath/own_veth.h"
#include "userspace/ov6d/arrivals.h"
#include "userspace/ov6d/bpffs.h"
#include "userspace/ov6d/control_api.h"
#include "userspace/ov6d/daemon_port.h"
#include "userspace/ov6d/delegation_files.h"
#include "userspace/ov6d/device_keeper.h"
#include "userspace/ov6d/direct_paths.h"
#include "userspace/ov6d/instance_lock.h"
#include "userspace/ov6d/operator_entries.h"
#include "userspace/ov6d/privileges.h"
#include "userspace/ov6d/reassembly.h"
#include "userspace/ov6d/remote_control.h"
#include "userspace/ov6d/self_site.h"
#include "userspace/ov6d/site_control.h"
#include "userspace/ov6d/site_setup.h"
#include "userspace/ov6d/slave_store.h"
#include "userspace/ov6d/version.h"
#include "userspace/ov6d/way_watch.h"

namespace ov6 {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr auto kSweepInterval = std::chrono::seconds(1);
// Changes of the world come in swarms; where they don't, an address that is new should be followed at once.
constexpr auto kSwarm = std::chrono::milliseconds(2);
constexpr auto kSettle = std::chrono::milliseconds(50);
constexpr double kFollowRate = 5, kFollowBurst = 5;  // a second, without waiting to settle
// What nothing tells of: that another process gave a port back, that somebody wrote to a sysctl.
constexpr auto kRetryInterval = std::chrono::seconds(10);

class Daemon {
 public:
  Daemon(Config config, std::filesystem::path executables)
      : config_(std::move(config)),
        as_written_(config_),
        executables_(std::move(executables)),
        setup_(config_.node.run / "undo.json"),
        moves_(config_.node.state),
        added_(config_.node.state),
        remote_(io_, config_.node.state),
        signals_(io_),
        sweep_timer_(io_),
        settle_timer_(io_),
        retry_timer_(io_),
        arrivals_(io_, [this](const std::set<Prefix>& missing) { FollowArrivals(missing); }) {}

  absl::Status Run();

 private:
  absl::Status Prepare();
  absl::Status OpenDatapath();
  absl::Status Adopt();
  absl::Status AttachDevices();
  absl::Status SetUpSites();
  absl::Status SetUpSelf();
  absl::Status SetOperatorEntries();
  absl::Status OpenTunnelEnds();
  absl::Status WatchWorld();
  absl::Status MakeRemoteDevices() { return remote_.MakeDevices(config_); }
  absl::Status Enable();
  absl::Status Listen();
  absl::Status Serve();
  DirectPaths::Environment DirectEnvironment();
  void WatchEvents();
  void WatchSignals();
  void AwaitWorld();
  void FollowWorld();
  void FollowSites();
  void FollowArrivals(const std::set<Prefix>& missing);
  void ArmSweep();
  void ArmRetry();
  absl::StatusOr<boost::json::object> AddRemote(const boost::json::object& body);
  absl::Status RemoveRemote(const std::string& name);
  absl::Status AddSlave(const boost::json::object& body);
  absl::Status RemoveSlave(const std::string& name);
  void Detach(SlaveService::Result reply);
  absl::Status TakeAway();

  Config config_;      // underlays have their addresses from Prepare() on
  Config as_written_;  // and the sites elsewhere, and slaves that were added
  std::filesystem::path executables_;
  const BootTime started_ = BootClock::now();
  gid_t group_ = 0;
  bool mounted_ = false;
  bool fresh_ = false;  // no predecessor left anything
  std::optional<InstanceLock> lock_, network_lock_;
  std::optional<NodeKey> key_;
  NodeLayout layout_;
  SiteSetup setup_;
  SiteMoves moves_;
  SlaveStore added_;
  asio::io_context io_;
  RemoteControl remote_;
  std::unique_ptr<Datapath> datapath_;
  std::optional<DeviceKeeper> keeper_;
  std::optional<netlink::Monitor> monitor_;
  std::unique_ptr<WayWatch> ways_;
  std::unique_ptr<DaemonPort> port_;
  std::optional<Reassembly> reassembly_;
  std::vector<TunnelEnd> ends_;           // those that reassembly_ has, or is to have
  std::set<std::string> tunnel_trouble_;  // what was said last
  std::optional<Master> master_;
  std::optional<ThreadSpawner> spawner_;
  std::optional<SlaveService> service_;
  std::optional<DirectPaths> direct_;
  std::optional<SiteControl> sites_;
  std::optional<ControlApi> api_;
  std::unique_ptr<HttpServer> control_, read_only_;
  asio::signal_set signals_;
  asio::steady_timer sweep_timer_;
  asio::steady_timer settle_timer_;
  TokenBucket follow_budget_{kFollowRate, kFollowBurst};
  asio::steady_timer retry_timer_;
  Arrivals arrivals_;
  std::vector<std::function<void()>> after_sites_;  // when slaves have been told of their sites
  std::optional<asio::posix::stream_descriptor> events_, world_;
  bool detaching_ = false;
};

absl::Status Daemon::Run() {
  absl::Status status = Prepare();
  if (status.ok()) status = OpenDatapath();
  for (const auto step : {&Daemon::Listen, &Daemon::Adopt, &Daemon::WatchWorld, &Daemon::MakeRemoteDevices,
                          &Daemon::AttachDevices, &Daemon::SetUpSites, &Daemon::SetUpSelf,
                          &Daemon::SetOperatorEntries, &Daemon::OpenTunnelEnds, &Daemon::Enable}) {
    if (status.ok()) status = (this->*step)();
  }
  if (status.ok()) status = DropPrivileges();
  if (!status.ok()) {
    if (fresh_) TakeAway().IgnoreError();  // what an earlier daemon set up stays as it is
    if (mounted_) UnmountBpffs(config_.node.run / "bpf");
    return status;
  }
  return Serve();
}

// Nothing of the network is touched here.
absl::Status Daemon::Prepare() {
  if (absl::Status status = CheckPrivileges(); !status.ok()) return status;
  AllowDescriptors();
  const auto group = FindGroup(config_.node.group);
  if (!group.ok()) return group.status();
  group_ = *group;
  absl::Status status = ResolveInterfaces(&config_);
  if (status.ok()) status = MakeDirectory(config_.node.run, 0755);
  if (!status.ok()) return status;
  auto lock = InstanceLock::Take(config_.node.run);
  if (!lock.ok()) return lock.status();
  lock_.emplace(*std::move(lock));
  auto network_lock = InstanceLock::TakeNetwork();
  if (!network_lock.ok()) return network_lock.status();
  network_lock_.emplace(*std::move(network_lock));
  auto key = LoadOrMakeNodeKey(config_.node.state, LeastSecurity(config_));
  if (!key.ok()) return key.status();
  status = moves_.Load();
  if (!status.ok()) return status;
  status = added_.Load(&as_written_);
  if (!status.ok()) return status;
  status = remote_.Load(&as_written_);
  if (!status.ok()) return status;
  moves_.ApplyTo(as_written_, &config_);
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  status = CheckDelegations(config_, key->key.public_key(), now);
  if (!status.ok()) return status;
  key_.emplace(*std::move(key));
  auto layout = LayOut(config_, *key_);
  if (!layout.ok()) return layout.status();
  layout_ = *std::move(layout);
  return setup_.Load();
}

absl::Status Daemon::OpenDatapath() {
  const auto mounted = EnsureBpffs(config_.node.run / "bpf", group_);
  if (!mounted.ok()) return mounted.status();
  mounted_ = *mounted;
  auto datapath = OpenKernelDatapath({config_.node.run / "bpf", group_, config_.datapath.front_sets});
  if (!datapath.ok()) return datapath.status();
  datapath_ = *std::move(datapath);
  return absl::OkStatus();
}

absl::Status Daemon::Adopt() {
  master_.emplace(*datapath_);
  std::set<Ipv4> own;
  for (const UnderlayConfig& underlay : config_.underlays) own.insert(*underlay.address);
  master_->mappings().SetOwnAddresses(std::move(own));
  const absl::Status status = master_->Adopt(BootClock::now());
  fresh_ = status.ok() && datapath_->Devices().empty() && master_->routes().routes().empty();
  if (status.ok() && !master_->slaves().slaves().empty()) {
    spdlog::info("adopted {} routes, {} mappings, {} slaves", master_->routes().routes().size(),
                 master_->mappings().mappings().size(), master_->slaves().slaves().size());
  }
  return status;
}

// Before anything is looked at, so that no change is missed.
absl::Status Daemon::WatchWorld() {
  auto monitor = netlink::Monitor::Open();
  if (!monitor.ok()) return monitor.status();
  monitor_.emplace(*std::move(monitor));
  auto ways = WayWatch::Open([this] { datapath_->ForgetWays(); }, [this] { datapath_->WaysAreWatched(); });
  if (!ways.ok()) return ways.status();
  ways_ = *std::move(ways);
  return absl::OkStatus();
}

absl::Status Daemon::AttachDevices() {
  keeper_.emplace(as_written_, *datapath_);
  return keeper_->AttachAll(layout_);
}

absl::Status Daemon::SetUpSites() {
  const auto missing = keeper_->missing();
  std::vector<SiteAddress> addresses;
  for (size_t i = 0; i < config_.sites.size(); ++i) {
    const std::string& interface = config_.sites[i].interface;
    if (std::find(missing.begin(), missing.end(), interface) != missing.end()) continue;
    for (const SitePlace& place : layout_.sites[i]) {
      if (!place.IsSubnet()) continue;
      addresses.push_back({interface, place.RouterAddress(), place.prefix.length});
    }
  }
  return setup_.Apply(addresses);
}

absl::Status Daemon::SetUpSelf() {
  return ApplySelf(PlanSelf(config_, layout_), static_cast<uint32_t>(OverlayMtu(datapath_->Devices())));
}

// What may be ours is written down before it is set, and what is ours after.
absl::Status Daemon::SetOperatorEntries() {
  const OperatorEntries wanted = PlanOperatorEntries(config_, layout_);
  const std::vector<Prefix> old_routes = setup_.routes(), old_mappings = setup_.mappings();
  std::vector<Prefix> routes = wanted.RoutePrefixes(), mappings = wanted.MappingPrefixes();
  routes.insert(routes.end(), old_routes.begin(), old_routes.end());
  mappings.insert(mappings.end(), old_mappings.begin(), old_mappings.end());
  absl::Status status = setup_.SaveOwned(std::move(routes), std::move(mappings));
  if (status.ok())
    status = ApplyOperatorEntries(wanted, old_routes, old_mappings, BootClock::now(), &*master_);
  if (status.ok()) status = setup_.SaveOwned(wanted.RoutePrefixes(), wanted.MappingPrefixes());
  return status;
}

// Without an end of its own a fragmented tunnel packet is lost; all others are not. What is right already is
// left alone, and what is wrong is said once.
absl::Status Daemon::OpenTunnelEnds() {
  if (!port_) {
    auto port = DaemonPort::Open(io_, *datapath_);
    if (!port.ok()) return port.status();
    port_ = *std::move(port);
    port_->CarryTo([this](uint32_t ifindex) { return remote_.SiteAt(ifindex); });
    const auto resubmit = [this](uint32_t ingress, std::span<const uint8_t> packet) {
      return port_->Resubmit(OV6_PORT_RESUBMIT_IN, ingress, packet);
    };
    const auto stun = [this](const std::string& interface, const Endpoint& from,
                             std::span<const uint8_t> message) {
      if (direct_) direct_->OnDatagram(interface, from, message);
    };
    reassembly_.emplace(Reassembly::Environment{io_, resubmit, stun, [] { return BootClock::now(); },
                                                config_.datapath.reassembly_rate});
  }
  const auto ends = keeper_->ends();
  for (const TunnelEnd& old : ends_) {
    if (std::find(ends.begin(), ends.end(), old) == ends.end()) reassembly_->Close(old.interface);
  }
  ends_ = ends;
  if (direct_) direct_->SetEnds(ends_);
  std::set<std::string> trouble;
  for (const TunnelEnd& end : ends_) {
    if (const absl::Status status = reassembly_->Open(end); !status.ok())
      trouble.insert(Message(status) + ": tunnel packets that arrive there in fragments are lost");
  }
  if (const absl::Status status = LetSelfForward(); !status.ok())
    trouble.insert(Message(status) + ": tunnel packets too big for an underlay's MTU are lost");
  for (const std::string& sentence : trouble) {
    if (!tunnel_trouble_.contains(sentence)) spdlog::warn("{}", sentence);
  }
  tunnel_trouble_ = std::move(trouble);
  return absl::OkStatus();
}

absl::Status Daemon::Enable() {
  auto config = datapath_->Config();
  if (!config.ok()) return config.status();
  config->flags |= OV6_CONFIG_ENABLED;
  const DatapathConfig& limits = config_.datapath;
  config->dscp = limits.dscp;
  config->punt_rate = limits.punt_rate;
  config->punt_burst = limits.punt_burst;
  config->punt_source_rate = limits.punt_source_rate;
  config->punt_source_burst = limits.punt_source_burst;
  config->icmp_rate = limits.icmp_rate;
  config->icmp_burst = limits.icmp_burst;
  config->path_mtu_lifetime = limits.path_mtu_lifetime;
  return datapath_->SetConfig(*config);
}

absl::Status Daemon::Listen() {
  // What Serve() starts is only constructed here: threads must be made after privileges are dropped.
  // The group may look; changing anything is root's.
  const auto listen = [this](const char* name, bool read_only) {
    return HttpServer::Listen(io_, config_.node.run / name, read_only ? 0660 : 0600, group_,
                              [this, read_only](const ApiRequest& request, const ApiRespond& respond) {
                                api_->Handle(request, read_only, respond);
                              });
  };
  auto control = listen("ov6d.sock", false);
  if (!control.ok()) return control.status();
  control_ = *std::move(control);
  auto read_only = listen("ov6d-ro.sock", true);
  if (!read_only.ok()) return read_only.status();
  read_only_ = *std::move(read_only);
  return remote_.Listen(config_.listeners);
}

absl::Status Daemon::Serve() {
  spawner_.emplace();
  ways_->Start();
  const auto libexec = config_.node.libexec.empty() ? executables_ : config_.node.libexec;
  const auto clock = [] { return BootClock::now(); };
  sites_.emplace(
      SiteControl::Environment{
          as_written_, config_, layout_, *key_, *master_, clock,
          [] { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); },
          // Not inside the call that says so: it is waited for.
          [this] { asio::post(io_, [this] { FollowSites(); }); }},
      moves_);
  const auto moved = [this](const std::string& slave, SlaveId id, std::span<const uint8_t> record) {
    return sites_->OnMoved(slave, id, record);
  };
  service_.emplace(SlaveService::Environment{
                       io_, *datapath_, *master_, *spawner_, *key_, libexec, config_.node.state, clock, moved,
                       [this](const std::string& name, const DelegationToken& token) {
                         return sites_->Claim(name, token);
                       },
                       &remote_.tokens(), [this](const std::string& name) { return remote_.SiteOf(name); },
                       [this](const std::string& name, const CallCapsule& call, SlaveService::Result reply) {
                         direct_->OnCall(name, call, std::move(reply));
                       },
                       [this](const Ipv6& address) { return direct_->OnUsed(address); }},
                   PlanSlaves(config_, layout_, *key_, datapath_->Devices()));
  direct_.emplace(DirectEnvironment());
  direct_->SetEnds(ends_);
  api_.emplace(ControlContext{config_, layout_, *key_, *datapath_, *master_, *service_, *sites_, clock,
                              started_, [this](SlaveService::Result reply) { Detach(std::move(reply)); },
                              [this] { return reassembly_ ? reassembly_->Counters() : ReassemblyCounters{}; },
                              [this](std::function<void()> then) { after_sites_.push_back(std::move(then)); },
                              &remote_, [this](const boost::json::object& body) { return AddRemote(body); },
                              [this](const std::string& name) { return RemoveRemote(name); },
                              [this](const boost::json::object& body) { return AddSlave(body); },
                              [this](const std::string& name) { return RemoveSlave(name); },
                              [this] { return direct_->Json(); },
                              [this] { return port_ ? port_->Counters() : DaemonPortCounters{}; }});
  remote_.Start([this](std::unique_ptr<Stream> stream, const Endpoint& from, RemoteListener::Place place) {
    service_->AcceptRemote(std::move(stream), from, std::move(place));
  });
  WatchSignals();
  world_.emplace(io_, ::fcntl(monitor_->fd(), F_DUPFD_CLOEXEC, 0));
  AwaitWorld();
  WatchEvents();
  ArmSweep();
  ArmRetry();
  service_->RetireUnplanned();
  service_->StartManagement();
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(BootClock::now() - started_);
  spdlog::info("ov6d {} serves {} after {} ms", kVersion, config_.node.run.string(), took.count());
  io_.run();
  return absl::OkStatus();
}

DirectPaths::Environment Daemon::DirectEnvironment() {
  const auto send = [this](const std::string& interface, const Endpoint& to, std::span<const uint8_t> bytes) {
    return reassembly_ && reassembly_->Send(interface, to, bytes);
  };
  const auto call = [this](const std::string& slave, const std::string& method, const std::string& argument,
                           DirectPaths::Reply reply) {
    // Not from inside the caller, who may be going through what the answer changes.
    asio::post(io_, [this, slave, method, argument, reply = std::move(reply)]() mutable {
      service_->Call(slave, method, argument, std::move(reply));
    });
  };
  return {io_,
          *master_,
          [] { return BootClock::now(); },
          FillRandom,
          send,
          call,
          [this](const std::string& slave) { return service_->IsElsewhere(slave); },
          !config_.listeners.empty()};
}

void Daemon::WatchSignals() {
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) signals_.add(number);
  signals_.async_wait([this](error_code error, int number) {
    if (error) return;
    if (detaching_) return WatchSignals();  // on its way to the end already
    if (number == SIGHUP) {
      spdlog::info("SIGHUP is ignored; a changed configuration takes effect with a restart");
      return WatchSignals();
    }
    spdlog::info("ov6d ends; the datapath stays");
    service_->TerminateAll([this] { io_.stop(); });
  });
}

void Daemon::WatchEvents() {
  if (!events_) {
    const int fd = datapath_->EventFd();
    if (fd < 0) return;
    events_.emplace(io_, ::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  }
  events_->async_wait(asio::posix::stream_descriptor::wait_read, [this](error_code error) {
    if (error || !events_) return;
    service_->DrainEvents();
    WatchEvents();
  });
}

void Daemon::AwaitWorld() {
  world_->async_wait(asio::posix::stream_descriptor::wait_read, [this](error_code error) {
    if (error || detaching_) return;
    settle_timer_.expires_after(follow_budget_.Take(BootClock::now()) ? kSwarm : kSettle);
    settle_timer_.async_wait([this](error_code cancelled) {
      if (cancelled || detaching_) return;
      monitor_->Drain();
      FollowWorld();
      AwaitWorld();
    });
  });
}

// What is right already is left alone, so that this may run as often as it likes.
void Daemon::FollowWorld() {
  if (const absl::Status status = remote_.FollowDevices(config_); !status.ok())
    spdlog::warn("{}", Message(status));
  const bool changed = keeper_->Follow();
  for (const auto step : {&Daemon::SetUpSites, &Daemon::SetUpSelf, &Daemon::OpenTunnelEnds}) {
    if (const absl::Status status = (this->*step)(); !status.ok()) spdlog::warn("{}", Message(status));
  }
  if (!changed) return;
  master_->mappings().SetOwnAddresses(keeper_->addresses());
  // Without any underlay slaves can do nothing but wait, with what they know.
  if (keeper_->ends().empty()) return;
  service_->Replan(PlanSlaves(config_, layout_, *key_, datapath_->Devices()));
}

// A site got a prefix, or lost one.
void Daemon::FollowSites() {
  if (detaching_) return;
  for (const auto step : {&Daemon::SetUpSites, &Daemon::SetUpSelf, &Daemon::SetOperatorEntries}) {
    if (const absl::Status status = (this->*step)(); !status.ok()) spdlog::warn("{}", Message(status));
  }
  for (size_t i = 0; i < config_.sites.size(); ++i)
    keeper_->SetSource(config_.sites[i].interface, layout_.site_addresses[i]);
  Arrivals::Expected expected;
  for (const SiteAddition& moved : moves_.additions()) expected.emplace_back(moved.prefix, moved.interface);
  arrivals_.Await(std::move(expected));
}

void Daemon::FollowArrivals(const std::set<Prefix>& missing) {
  layout_.awaited = missing;
  service_->Replan(PlanSlaves(config_, layout_, *key_, datapath_->Devices()));
  if (!missing.empty()) return;
  for (const auto& then : std::exchange(after_sites_, {})) then();
}

void Daemon::ArmSweep() {
  sweep_timer_.expires_after(kSweepInterval);
  sweep_timer_.async_wait([this](error_code error) {
    if (error || detaching_) return;
    sites_->EndClaims();
    service_->Sweep();
    ArmSweep();
  });
}

void Daemon::ArmRetry() {
  retry_timer_.expires_after(kRetryInterval);
  retry_timer_.async_wait([this](error_code error) {
    if (error || detaching_) return;
    if (const absl::Status status = OpenTunnelEnds(); !status.ok()) spdlog::warn("{}", Message(status));
    keeper_->FollowDoors();
    ArmRetry();
  });
}

absl::StatusOr<boost::json::object> Daemon::AddRemote(const boost::json::object& body) {
  auto added = remote_.Add(config_, layout_, *key_, body);
  if (!added.ok()) return added.status();
  RemoteControl::AddTo(added->token, &as_written_);
  const std::string& name = added->token.name;
  absl::Status status = sites_->Adopt();
  if (!status.ok()) {
    RemoteControl::RemoveFrom(name, &as_written_);
    remote_.Remove(name).IgnoreError();
    return status;
  }
  if (added->token.kind == SlaveKind::kGateway)
    keeper_->AddSite(as_written_.sites.back(), layout_.site_addresses.back());
  return std::move(added->answer);
}

absl::Status Daemon::RemoveRemote(const std::string& name) {
  service_->CloseRemote(name, absl::PermissionDeniedError("its token was taken away"));
  absl::Status status = remote_.Remove(name);
  if (!status.ok()) return status;
  const bool site = RemoteControl::RemoveFrom(name, &as_written_);
  status = sites_->Adopt();
  if (site) status.Update(keeper_->RemoveSite(RemoteControl::DeviceOf(name)));
  return status;
}

absl::Status Daemon::AddSlave(const boost::json::object& body) {
  if (const std::string name = TextIn(body, "name"); service_->Knows(name))
    return absl::AlreadyExistsError("there is a slave \"" + name + "\" already");
  auto slave = added_.Add(config_, body);
  if (!slave.ok()) return slave.status();
  as_written_.slaves.push_back(*slave);
  absl::Status status = sites_->Adopt();
  if (status.ok()) return status;
  as_written_.slaves.pop_back();
  added_.Remove(slave->name).IgnoreError();
  return status;
}

// A slave of the file would come again with the next start, so it is not taken away here; a session from
// elsewhere only ends, since its token is another matter.
absl::Status Daemon::RemoveSlave(const std::string& name) {
  if (!added_.Has(name)) {
    if (remote_.tokens().FindByName(name) != nullptr) return service_->EndSession(name);
    if (!service_->Knows(name)) return absl::NotFoundError("there is no slave \"" + name + "\"");
    return absl::FailedPreconditionError("\"" + name + "\" comes of the configuration, " + config_.file +
                                         ": take it out there and start ov6d anew; \"ov6ctl slave drain\" "
                                         "sends it away for a while");
  }
  if (absl::Status status = added_.Remove(name); !status.ok()) return status;
  std::erase_if(as_written_.slaves, [&](const SlaveConfig& slave) { return slave.name == name; });
  return sites_->Adopt();
}

void Daemon::Detach(SlaveService::Result reply) {
  if (detaching_) return reply(absl::FailedPreconditionError("a detach is under way"));
  detaching_ = true;
  arrivals_.Stop();
  spdlog::info("detach: slaves say goodbye, then everything is taken away");
  service_->ShutdownAll([this, reply = std::move(reply)] {
    const absl::Status status = TakeAway();
    if (!status.ok()) spdlog::error("detach: {}", std::string(status.message()));
    reply(status.ok() ? absl::StatusOr<std::string>("{}") : status);
    // The answer is written before the end.
    sweep_timer_.expires_after(std::chrono::milliseconds(100));
    sweep_timer_.async_wait([this](error_code) { io_.stop(); });
  });
}

absl::Status Daemon::TakeAway() {
  events_.reset();
  reassembly_.reset();
  port_.reset();
  absl::Status status = datapath_->DetachAll();
  status.Update(RemoveSelfRoutes());
  status.Update(setup_.Undo());
  return status;
}

}  // namespace

absl::Status RunDaemon(Config config, const std::filesystem::path& executables) {
  return Daemon(std::move(config), executables).Run();
}

}  // namespace ov6
