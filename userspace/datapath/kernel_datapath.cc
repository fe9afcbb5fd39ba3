// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel_datapath.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if_arp.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "spdlog/spdlog.h"
#include "userspace/base/netlink.h"
#include "userspace/datapath/door.h"
#include "userspace/datapath/libbpf_log.h"
#include "userspace/datapath/map_tables.h"
#include "userspace/datapath/own_veth.h"
#include "userspace/datapath/pins.h"
#include "userspace/datapath/port_thread.h"
#include "userspace/datapath/privileges.h"
#include "userspace/datapath/programs.h"
#include "userspace/datapath/slave_port.h"

namespace ov6 {
namespace {

namespace fs = std::filesystem;

// Maps that are the datapath's own business.
struct DeviceMaps {
  TypedMap<uint32_t, ov6_device> devices;
  TypedMap<uint32_t, uint32_t> slave_ports, port_devices, port_sockets;
};

absl::Status NoPort(uint16_t slot) {
  return absl::NotFoundError("there is no port in slot " + std::to_string(slot));
}

// What is gone already was removed well enough.
absl::Status Tolerant(absl::Status status) { return absl::IsNotFound(status) ? absl::OkStatus() : status; }

ov6_device DeviceValue(const DeviceSpec& spec, const netlink::Link& link) {
  ov6_device value{};
  value.role = static_cast<uint8_t>(spec.role);
  value.flags = link.hardware_type == ARPHRD_ETHER ? 0 : OV6_DEVICE_NO_LINK;
  value.mtu = static_cast<uint16_t>(std::min(link.mtu, 65535u));
  std::memcpy(value.mac, link.mac.data(), sizeof(value.mac));
  value.slot = OV6_PORT_NONE;
  if (spec.role == OV6_DEVICE_UNDERLAY) {
    value.encapsulation = static_cast<uint8_t>(spec.encapsulation);
    value.udp_port = htons(spec.udp_port);
    value.address = spec.address.ToBe();
  } else {
    std::memcpy(value.icmp_source, spec.icmp_source.bytes.data(), sizeof(value.icmp_source));
    if (spec.elsewhere) value.flags |= OV6_DEVICE_ELSEWHERE;
  }
  return value;
}

ov6_device PortValue(const SlavePort& port, uint16_t slot) {
  ov6_device value{};
  value.role = OV6_DEVICE_PORT;
  value.flags = OV6_DEVICE_XDP_TARGET | OV6_DEVICE_XDP_DOOR;
  value.mtu = static_cast<uint16_t>(port.near().mtu);
  std::memcpy(value.mac, port.near().mac.data(), sizeof(value.mac));
  value.slot = slot;
  return value;
}

class KernelDatapath : public MapTables<Datapath> {
 public:
  KernelDatapath(fs::path bpffs, Programs programs, TableMaps tables, DeviceMaps maps, RawMap events,
                 std::unique_ptr<PortThread> thread, uint32_t fib_ifindex, uint32_t front_sets)
      : MapTables<Datapath>(std::move(tables)),
        bpffs_(std::move(bpffs)),
        programs_(std::move(programs)),
        maps_(std::move(maps)),
        events_(std::move(events)),
        thread_(std::move(thread)),
        fib_ifindex_(fib_ifindex),
        front_sets_(front_sets) {}

  ~KernelDatapath() override {
    for (const auto& [slot, port] : ports_) ForgetPort(slot, *port).IgnoreError();
    ring_buffer__free(ring_);
  }

  // The rest of opening: what the kernel holds from a predecessor, and the event ring.
  absl::Status Adopt();

  absl::Status SetConfig(const ov6_config& config) override;
  absl::StatusOr<DeviceState> AttachDevice(const DeviceSpec& spec) override;
  absl::Status DetachDevice(const std::string& interface) override;
  std::vector<DeviceState> Devices() const override;
  absl::StatusOr<PortHandles> CreatePort(const std::string& name, SlaveId slave, uint16_t slot) override;
  absl::StatusOr<PortHandles> ReopenPort(uint16_t slot, SlaveId slave) override;
  absl::Status DestroyPort(uint16_t slot) override;
  int EventFd() const override { return ring_buffer__epoll_fd(ring_); }
  absl::Status DrainEvents(const std::function<void(const ov6_event&)>& handler) override;
  void ForgetWays() override { front().AllChanged(); }
  void WaysAreWatched() override { front().Told(); }
  absl::Status DetachAll() override;

 private:
  absl::Status AdoptDevice(uint32_t ifindex, const ov6_device& value);
  absl::Status RemoveStalePins();
  absl::Status PublishSelf();
  absl::Status SetDevice(uint32_t ifindex, const ov6_device& value);
  absl::Status DeleteDevice(uint32_t ifindex);  // what is gone already was removed well enough
  // The door that was chosen in the end: under kAuto a refused XDP program means TC.
  absl::StatusOr<DoorChoice> HangPrograms(const DeviceSpec& spec, const netlink::Link& link);
  absl::Status ForgetOldDevice(const std::string& interface, uint32_t ifindex);
  absl::Status PublishPort(uint16_t slot, const SlavePort& port);
  absl::Status ForgetPort(uint16_t slot, const SlavePort& port);
  uint32_t LargestMtu() const;

  fs::path bpffs_;
  Programs programs_;
  DeviceMaps maps_;
  RawMap events_;
  std::unique_ptr<PortThread> thread_;
  uint32_t fib_ifindex_, front_sets_;
  std::map<std::string, DeviceState> devices_;
  std::map<uint16_t, std::unique_ptr<SlavePort>> ports_;
  ring_buffer* ring_ = nullptr;
  const std::function<void(const ov6_event&)>* handler_ = nullptr;  // while events are drained
};

absl::Status KernelDatapath::Adopt() {
  auto devices = maps_.devices.All();
  if (!devices.ok()) return devices.status();
  for (const auto& [ifindex, value] : *devices) {
    if (ifindex == fib_ifindex_) continue;
    if (auto status = AdoptDevice(ifindex, value); !status.ok()) return status;
  }
  if (auto status = PublishSelf(); !status.ok()) return status;
  for (uint32_t slot = 0; slot < OV6_MAX_PORTS; ++slot) {
    if (auto status = Tolerant(maps_.slave_ports.Delete(slot)); !status.ok()) return status;
    if (auto status = Tolerant(maps_.port_devices.Delete(slot)); !status.ok()) return status;
  }
  if (auto status = RemoveStalePins(); !status.ok()) return status;
  const auto deliver = [](void* self, void* data, size_t size) {
    const auto* handler = static_cast<KernelDatapath*>(self)->handler_;
    if (handler == nullptr || size < sizeof(ov6_event)) return 0;
    ov6_event event;
    std::memcpy(&event, data, sizeof(event));
    (*handler)(event);
    return 0;
  };
  ring_ = ring_buffer__new(events_.fd(), deliver, this, nullptr);
  if (ring_ == nullptr) return absl::ErrnoToStatus(errno, "mapping the map \"events\"");
  // The map's configuration, with what is ours in it.
  auto config = Config();
  if (!config.ok()) return config.status();
  if (auto status = SetConfig(*config); !status.ok()) return status;
  return front().Set(front_sets_);
}

absl::Status KernelDatapath::SetDevice(uint32_t ifindex, const ov6_device& value) {
  absl::Status status = maps_.devices.Set(ifindex, value);
  front().AllChanged();
  return status;
}

absl::Status KernelDatapath::DeleteDevice(uint32_t ifindex) {
  absl::Status status = Tolerant(maps_.devices.Delete(ifindex));
  front().AllChanged();
  return status;
}

absl::Status KernelDatapath::AdoptDevice(uint32_t ifindex, const ov6_device& value) {
  auto link = netlink::GetLink(ifindex);
  if (!link.ok() && !absl::IsNotFound(link.status())) return link.status();
  if (!link.ok() || value.role == OV6_DEVICE_PORT) {
    if (link.ok() && link->name.starts_with("ov6-")) {
      if (auto status = RemoveNearEnd(link->name); !status.ok()) return status;
    }
    return DeleteDevice(ifindex);
  }
  DeviceState state;
  state.interface = link->name;
  state.ifindex = ifindex;
  state.value = value;
  state.door = (value.flags & OV6_DEVICE_XDP_DOOR) != 0 ? "native" : "tc";
  state.reason = "Left by an earlier ov6d.";
  devices_[link->name] = state;
  return absl::OkStatus();
}

// Its MAC address, for packets that the kernel is to fragment and send: they enter the stack there.
absl::Status KernelDatapath::PublishSelf() {
  auto link = netlink::GetLink(fib_ifindex_);
  if (!link.ok()) return link.status();
  ov6_device value{};
  std::memcpy(value.mac, link->mac.data(), sizeof(value.mac));
  value.slot = OV6_PORT_NONE;
  return SetDevice(fib_ifindex_, value);
}

absl::Status KernelDatapath::RemoveStalePins() {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(LinksFolder(bpffs_), error)) {
    auto ifindex = DeviceOfXdpPin(entry.path());
    if (!ifindex.ok()) return ifindex.status();
    if (*ifindex != 0) continue;
    if (auto status = DetachXdp(entry.path()); !status.ok()) return status;
  }
  return error ? absl::ErrnoToStatus(error.value(), LinksFolder(bpffs_).string()) : absl::OkStatus();
}

absl::Status KernelDatapath::SetConfig(const ov6_config& config) {
  ov6_config ours = config;
  ours.abi_version = OV6_ABI_VERSION;
  ours.fib_ifindex = fib_ifindex_;
  return MapTables<Datapath>::SetConfig(ours);
}

absl::StatusOr<DoorChoice> KernelDatapath::HangPrograms(const DeviceSpec& spec, const netlink::Link& link) {
  const bool site = spec.role == OV6_DEVICE_SITE;
  auto choice = ChooseDoor(spec.attach, link, netlink::GetXdpFacts(link));
  if (!choice.ok()) return choice.status();
  const auto with_header = HasLinkHeader(link);
  if (!with_header.ok()) return with_header.status();
  const UniqueFd& tc = *with_header ? (site ? programs_.tc_site : programs_.tc_underlay)
                                    : (site ? programs_.tc_site_l3 : programs_.tc_underlay_l3);
  if (auto status = AttachTc(link, tc.get()); !status.ok()) return status;
  const fs::path pin = XdpPin(bpffs_, link.name);
  if (!choice->native) {
    if (auto status = DetachXdp(pin); !status.ok()) return status;
    return choice;
  }
  const int xdp = site ? programs_.xdp_site.get() : programs_.xdp_underlay.get();
  const auto attached = AttachXdp(link, xdp, pin).status();
  if (attached.ok()) return choice;
  if (spec.attach == Attach::kNative) return attached;
  return DoorChoice{false, "TC, because " + std::string(attached.message())};
}

// A device of the same name with another ifindex: the old one is gone.
absl::Status KernelDatapath::ForgetOldDevice(const std::string& interface, uint32_t ifindex) {
  const auto old = devices_.find(interface);
  if (old == devices_.end() || old->second.ifindex == ifindex) return absl::OkStatus();
  return DeleteDevice(old->second.ifindex);
}

absl::StatusOr<DeviceState> KernelDatapath::AttachDevice(const DeviceSpec& spec) {
  if (spec.role != OV6_DEVICE_SITE && spec.role != OV6_DEVICE_UNDERLAY) {
    return absl::InvalidArgumentError(spec.interface + " can be attached as a site or as an underlay only");
  }
  auto link = netlink::GetLink(spec.interface);
  if (!link.ok()) return link.status();
  if (auto status = ForgetOldDevice(spec.interface, link->ifindex); !status.ok()) return status;
  const bool had_programs = devices_.contains(spec.interface);
  auto choice = HangPrograms(spec, *link);
  if (!choice.ok()) {
    if (!had_programs) DetachTc(*link).IgnoreError();
    return choice.status();
  }
  DeviceState state{spec.interface, link->ifindex, DeviceValue(spec, *link), choice->native ? "native" : "tc",
                    ""};
  state.reason = choice->reason;
  if (choice->native) {
    const auto target = ChooseRedirectTarget(*link, netlink::GetXdpFeatures(link->ifindex));
    state.value.flags = OV6_DEVICE_XDP_DOOR | (target.native ? OV6_DEVICE_XDP_TARGET : 0);
    state.reason += "; " + target.reason;
  }
  state.reason += ".";
  // Last, so that the programs of a new device pass everything on until both hang.
  if (auto status = SetDevice(link->ifindex, state.value); !status.ok()) return status;
  return devices_[spec.interface] = state;
}

absl::Status KernelDatapath::DetachDevice(const std::string& interface) {
  const auto device = devices_.find(interface);
  if (device == devices_.end()) return absl::NotFoundError(interface + " is not attached");
  const uint32_t ifindex = device->second.ifindex;
  devices_.erase(device);
  absl::Status result = DeleteDevice(ifindex);
  result.Update(DetachXdp(XdpPin(bpffs_, interface)));
  const auto link = netlink::GetLink(ifindex);
  if (link.ok()) result.Update(DetachTc(*link));
  return result;
}

std::vector<DeviceState> KernelDatapath::Devices() const {
  std::vector<DeviceState> states;
  for (const auto& [name, state] : devices_) states.push_back(state);
  return states;
}

uint32_t KernelDatapath::LargestMtu() const {
  uint32_t mtu = 0;
  for (const auto& [name, state] : devices_) mtu = std::max<uint32_t>(mtu, state.value.mtu);
  return mtu;
}

absl::StatusOr<PortHandles> KernelDatapath::CreatePort(const std::string& name, SlaveId slave,
                                                       uint16_t slot) {
  if (slot >= OV6_MAX_PORTS) {
    return absl::InvalidArgumentError("slot " + std::to_string(slot) + " is not below " +
                                      std::to_string(OV6_MAX_PORTS));
  }
  if (ports_.contains(slot)) {
    return absl::AlreadyExistsError("slot " + std::to_string(slot) + " has a port already");
  }
  auto port =
      SlavePort::Create(name, PortGeometry(slot, slave, PortMtu(LargestMtu())), programs_, thread_.get());
  if (!port.ok()) return port.status();
  auto status = PublishPort(slot, **port);
  auto handles = status.ok() ? (*port)->Handles() : absl::StatusOr<PortHandles>(status);
  if (!handles.ok()) {
    ForgetPort(slot, **port).IgnoreError();
    return handles.status();
  }
  ports_[slot] = *std::move(port);
  return handles;
}

// The socket first: a packet that finds the port finds everything.
absl::Status KernelDatapath::PublishPort(uint16_t slot, const SlavePort& port) {
  const uint32_t ifindex = port.near().ifindex;
  if (auto status = maps_.port_sockets.Set(slot, static_cast<uint32_t>(port.xsk_fd())); !status.ok())
    return status;
  if (auto status = SetDevice(ifindex, PortValue(port, slot)); !status.ok()) return status;
  if (auto status = maps_.slave_ports.Set(slot, ifindex); !status.ok()) return status;
  return maps_.port_devices.Set(slot, ifindex);
}

absl::Status KernelDatapath::ForgetPort(uint16_t slot, const SlavePort& port) {
  absl::Status status = Tolerant(maps_.slave_ports.Delete(slot));
  status.Update(Tolerant(maps_.port_devices.Delete(slot)));
  status.Update(Tolerant(maps_.port_sockets.Delete(slot)));
  status.Update(DeleteDevice(port.near().ifindex));
  return status;
}

absl::StatusOr<PortHandles> KernelDatapath::ReopenPort(uint16_t slot, SlaveId slave) {
  const auto port = ports_.find(slot);
  if (port == ports_.end()) return NoPort(slot);
  port->second->set_slave(slave);
  return port->second->Handles();
}

absl::Status KernelDatapath::DestroyPort(uint16_t slot) {
  const auto port = ports_.find(slot);
  if (port == ports_.end()) return NoPort(slot);
  auto status = ForgetPort(slot, *port->second);
  ports_.erase(port);
  return status;
}

absl::Status KernelDatapath::DrainEvents(const std::function<void(const ov6_event&)>& handler) {
  handler_ = &handler;
  const int result = ring_buffer__consume(ring_);
  handler_ = nullptr;
  return result < 0 ? absl::ErrnoToStatus(-result, "reading the map \"events\"") : absl::OkStatus();
}

absl::Status KernelDatapath::DetachAll() {
  absl::Status result;
  while (!ports_.empty()) result.Update(DestroyPort(ports_.begin()->first));
  while (!devices_.empty()) result.Update(DetachDevice(std::string(devices_.begin()->first)));
  std::error_code error;
  for (const fs::path& folder : {LinksFolder(bpffs_), MapsFolder(bpffs_), ProgramsFolder(bpffs_)}) {
    fs::remove_all(folder, error);
    if (error) result.Update(absl::ErrnoToStatus(error.value(), "removing " + folder.string()));
  }
  result.Update(RemoveOwnVeth());
  return result;
}

TableMaps TakeTables(std::map<std::string, UniqueFd>& maps) {
  const auto take = [&](const char* name) { return RawMap(name, std::move(maps[name])); };
  TableMaps tables;
  tables.routes = TypedMap<ov6_prefix, ov6_route>(take("routes"));
  tables.mappings = TypedMap<ov6_prefix, ov6_mapping>(take("mappings"));
  tables.negatives = TypedMap<ov6_prefix, ov6_negative>(take("negatives"));
  tables.slaves = TypedMap<uint32_t, ov6_slave>(take("slaves"));
  tables.config = TypedMap<uint32_t, ov6_config>(take("config"));
  tables.verdicts = take("verdicts");
  return tables;
}

DeviceMaps TakeDeviceMaps(std::map<std::string, UniqueFd>& maps) {
  const auto take = [&](const char* name) { return RawMap(name, std::move(maps[name])); };
  return {TypedMap<uint32_t, ov6_device>(take("devices")), TypedMap<uint32_t, uint32_t>(take("slave_ports")),
          TypedMap<uint32_t, uint32_t>(take("port_devices")),
          TypedMap<uint32_t, uint32_t>(take("port_sockets"))};
}

absl::Status CheckPinnedAbi(const fs::path& bpffs) {
  auto config = OpenPin(MapsFolder(bpffs) / "config", false);
  if (absl::IsNotFound(config.status())) return absl::OkStatus();
  return config.ok() ? CheckAbiVersion(config->get(), bpffs) : config.status();
}

}  // namespace

namespace {

uint64_t MachineMemory() {  // bytes
  return static_cast<uint64_t>(std::max(sysconf(_SC_PHYS_PAGES), 0l)) *
         static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Datapath>> OpenKernelDatapath(const KernelDatapathOptions& options) {
  RouteLibbpfLog();
  if (auto status = CheckPrivileges(); !status.ok()) return status;
  if (auto status = CheckBpffs(options.bpffs); !status.ok()) return status;
  if (auto status = MakePinFolders(options.bpffs, options.group); !status.ok()) return status;
  if (auto status = CheckPinnedAbi(options.bpffs); !status.ok()) return status;
  auto thread = PortThread::Start();
  if (!thread.ok()) return thread.status();
  const uint32_t cpus = PossibleCpus();
  const uint32_t front_sets = FrontSets(options.front_sets, cpus, MachineMemory());
  auto loaded = LoadObjects(options.bpffs, std::max(front_sets * cpus, 1u));
  if (!loaded.ok()) return loaded.status();
  if (auto status = ShareMapPins(options.bpffs, options.group); !status.ok()) return status;
  auto fib_ifindex = EnsureOwnVeth();
  if (!fib_ifindex.ok()) return fib_ifindex.status();
  auto front = Front::Map(loaded->maps["front_changes"].get());
  if (!front.ok()) return front.status();
  TableMaps tables = TakeTables(loaded->maps);
  tables.front = *std::move(front);
  auto datapath = std::make_unique<KernelDatapath>(
      options.bpffs, std::move(loaded->programs), std::move(tables), TakeDeviceMaps(loaded->maps),
      RawMap("events", std::move(loaded->maps["events"])), *std::move(thread), *fib_ifindex, front_sets);
  if (auto status = datapath->Adopt(); !status.ok()) return status;
  return datapath;
}

}  // namespace ov6
