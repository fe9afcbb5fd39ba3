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
#include <utility>

#include "userspace/base/netlink.h"
#include "userspace/datapath/kernel_datapath.h"
#include "userspace/ov6d/bpffs.h"
#include "userspace/ov6d/control_api.h"
#include "userspace/ov6d/files.h"
#include "userspace/ov6d/instance_lock.h"
#include "userspace/ov6d/privileges.h"
#include "userspace/ov6d/site_setup.h"
#include "userspace/ov6d/version.h"

namespace ov6 {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr auto kSweepInterval = std::chrono::seconds(1);

// Before anything is touched: every interface is there, and every underlay has an address.
absl::Status CheckInterfaces(Config* config) {
  for (const SiteConfig& site : config->sites) {
    const auto link = netlink::GetLink(site.interface);
    if (!link.ok())
      return absl::NotFoundError("[[site]] interface \"" + site.interface +
                                 "\": " + std::string(link.status().message()));
  }
  for (UnderlayConfig& underlay : config->underlays) {
    const auto link = netlink::GetLink(underlay.interface);
    if (!link.ok())
      return absl::NotFoundError("[[underlay]] interface \"" + underlay.interface +
                                 "\": " + std::string(link.status().message()));
    const auto addresses = netlink::Ipv4Addresses(link->ifindex);
    if (!addresses.ok()) return addresses.status();
    if (!underlay.address && addresses->empty()) {
      return absl::FailedPreconditionError("[[underlay]] interface \"" + underlay.interface +
                                           "\" has no IPv4 address; give it one, or set the key \"address\"");
    }
    if (!underlay.address) underlay.address = addresses->front();
  }
  return absl::OkStatus();
}

class Daemon {
 public:
  Daemon(Config config, std::filesystem::path executables)
      : config_(std::move(config)),
        executables_(std::move(executables)),
        setup_(config_.node.run / "undo.json"),
        signals_(io_),
        sweep_timer_(io_) {}

  absl::Status Run();

 private:
  absl::Status Prepare();
  absl::Status OpenDatapath();
  absl::Status Adopt();
  absl::Status AttachDevices();
  absl::Status SetUpSites();
  absl::Status SetRejects();
  absl::Status Enable();
  absl::Status Listen();
  absl::Status Serve();
  void WatchEvents();
  void WatchSignals();
  void ArmSweep();
  void Detach(SlaveService::Result reply);
  absl::Status TakeAway();

  Config config_;
  std::filesystem::path executables_;
  const BootTime started_ = BootClock::now();
  gid_t group_ = 0;
  bool mounted_ = false;
  bool fresh_ = false;  // no predecessor left anything
  std::optional<InstanceLock> lock_, network_lock_;
  std::optional<NodeKey> key_;
  NodeLayout layout_;
  SiteSetup setup_;
  asio::io_context io_;
  std::unique_ptr<Datapath> datapath_;
  std::optional<Master> master_;
  std::optional<ThreadSpawner> spawner_;
  std::optional<SlaveService> service_;
  std::optional<ControlApi> api_;
  std::unique_ptr<HttpServer> control_, read_only_;
  asio::signal_set signals_;
  asio::steady_timer sweep_timer_;
  std::optional<asio::posix::stream_descriptor> events_;
  bool detaching_ = false;
};

absl::Status Daemon::Run() {
  absl::Status status = Prepare();
  if (status.ok()) status = OpenDatapath();
  for (const auto step : {&Daemon::Listen, &Daemon::Adopt, &Daemon::AttachDevices, &Daemon::SetUpSites,
                          &Daemon::SetRejects, &Daemon::Enable}) {
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
  const auto group = FindGroup(config_.node.group);
  if (!group.ok()) return group.status();
  group_ = *group;
  absl::Status status = CheckInterfaces(&config_);
  if (status.ok()) status = MakeDirectory(config_.node.run, 0755);
  if (!status.ok()) return status;
  auto lock = InstanceLock::Take(config_.node.run);
  if (!lock.ok()) return lock.status();
  lock_.emplace(*std::move(lock));
  auto network_lock = InstanceLock::TakeNetwork();
  if (!network_lock.ok()) return network_lock.status();
  network_lock_.emplace(*std::move(network_lock));
  auto key = LoadOrMakeNodeKey(config_.node.state);
  if (!key.ok()) return key.status();
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
  auto datapath = OpenKernelDatapath({config_.node.run / "bpf", group_});
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

absl::Status Daemon::AttachDevices() {
  std::set<std::string> wanted;
  std::vector<DeviceSpec> specs;
  for (const UnderlayConfig& underlay : config_.underlays) {
    specs.push_back({underlay.interface,
                     OV6_DEVICE_UNDERLAY,
                     underlay.attach,
                     *underlay.address,
                     underlay.encapsulation,
                     underlay.udp_port,
                     {}});
  }
  for (size_t i = 0; i < config_.sites.size(); ++i) {
    specs.push_back({config_.sites[i].interface,
                     OV6_DEVICE_SITE,
                     config_.sites[i].attach,
                     {},
                     {},
                     OV6_UDP_PORT,
                     layout_.sites[i].front().RouterAddress()});
  }
  for (const DeviceSpec& spec : specs) wanted.insert(spec.interface);
  for (const DeviceState& old : datapath_->Devices()) {
    if (wanted.contains(old.interface)) continue;
    if (absl::Status status = datapath_->DetachDevice(old.interface); !status.ok()) return status;
  }
  for (const DeviceSpec& spec : specs) {
    const auto state = datapath_->AttachDevice(spec);
    if (!state.ok()) return state.status();
    spdlog::info("{}: door {} ({})", state->interface, state->door, state->reason);
  }
  return absl::OkStatus();
}

absl::Status Daemon::SetUpSites() {
  std::vector<SiteAddress> addresses;
  for (size_t i = 0; i < config_.sites.size(); ++i) {
    for (const SitePlace& place : layout_.sites[i]) {
      addresses.push_back({config_.sites[i].interface, place.RouterAddress(), place.prefix.length});
    }
  }
  return setup_.Apply(addresses);
}

// The unassigned rest of our own aggregates is rejected, so that nothing loops through a default route.
absl::Status Daemon::SetRejects() {
  for (const Prefix& old : setup_.rejects()) {
    const auto& kept = layout_.rejects;
    if (std::find(kept.begin(), kept.end(), old) != kept.end()) continue;
    master_->routes().Remove(old, OV6_SLAVE_OPERATOR).IgnoreError();  // gone already
  }
  if (absl::Status status = setup_.SaveRejects(layout_.rejects); !status.ok()) return status;
  for (const Prefix& own : layout_.rejects) {
    const absl::Status status = master_->routes().Set(own, {OV6_SLAVE_OPERATOR, Action::kReject, 0});
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Daemon::Enable() {
  auto config = datapath_->Config();
  if (!config.ok()) return config.status();
  config->flags |= OV6_CONFIG_ENABLED;
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
  return absl::OkStatus();
}

absl::Status Daemon::Serve() {
  spawner_.emplace();
  const auto libexec = config_.node.libexec.empty() ? executables_ : config_.node.libexec;
  service_.emplace(SlaveService::Environment{io_, *datapath_, *master_, *spawner_, *key_, libexec,
                                             [] { return BootClock::now(); }},
                   PlanSlaves(config_, layout_, *key_, datapath_->Devices()));
  api_.emplace(ControlContext{config_, layout_, *key_, *datapath_, *master_, *service_,
                              [] { return BootClock::now(); }, started_,
                              [this](SlaveService::Result reply) { Detach(std::move(reply)); }});
  WatchSignals();
  WatchEvents();
  ArmSweep();
  service_->RetireUnplanned();
  service_->StartManagement();
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(BootClock::now() - started_);
  spdlog::info("ov6d {} serves {} after {} ms", kVersion, config_.node.run.string(), took.count());
  io_.run();
  return absl::OkStatus();
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
    if (error) return;
    service_->DrainEvents();
    WatchEvents();
  });
}

void Daemon::ArmSweep() {
  sweep_timer_.expires_after(kSweepInterval);
  sweep_timer_.async_wait([this](error_code error) {
    if (error || detaching_) return;
    service_->Sweep();
    ArmSweep();
  });
}

void Daemon::Detach(SlaveService::Result reply) {
  if (detaching_) return reply(absl::FailedPreconditionError("a detach is under way"));
  detaching_ = true;
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
  absl::Status status = datapath_->DetachAll();
  status.Update(setup_.Undo());
  return status;
}

}  // namespace

absl::Status RunDaemon(Config config, const std::filesystem::path& executables) {
  return Daemon(std::move(config), executables).Run();
}

}  // namespace ov6
