// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/fake/fake_datapath.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace ov6 {
namespace {

template <typename Map>
absl::Status Set(Map& map, size_t limit, const std::string& name, const typename Map::key_type& key,
                 const typename Map::mapped_type& value) {
  if (!map.contains(key) && map.size() >= limit) {
    return absl::ResourceExhaustedError("the map \"" + name + "\" is full: it has room for " +
                                        std::to_string(limit) + " entries");
  }
  map[key] = value;
  return absl::OkStatus();
}

template <typename Map>
absl::Status Delete(Map& map, const std::string& name, const typename Map::key_type& key) {
  if (map.erase(key) == 0) return absl::NotFoundError("no such entry in the map \"" + name + "\"");
  return absl::OkStatus();
}

template <typename Map>
std::vector<std::pair<typename Map::key_type, typename Map::mapped_type>> All(const Map& map) {
  return {map.begin(), map.end()};
}

int OpenNull() { return open("/dev/null", O_RDWR | O_CLOEXEC); }

PortHandles Duplicate(const PortHandles& handles) {
  return {handles.geometry, fcntl(handles.xsk_fd, F_DUPFD_CLOEXEC, 0),
          fcntl(handles.umem_fd, F_DUPFD_CLOEXEC, 0)};
}

void CloseHandles(const PortHandles& handles) {
  close(handles.xsk_fd);
  close(handles.umem_fd);
}

absl::Status NoPort(uint16_t slot) {
  return absl::NotFoundError("there is no port in slot " + std::to_string(slot));
}

}  // namespace

FakeDatapath::~FakeDatapath() {
  for (const auto& [slot, port] : ports_) CloseHandles(port.handles);
}

void FakeDatapath::FailNext(const std::string& method, absl::Status status, int times) {
  failures_[method] = {std::move(status), times};
}

void FakeDatapath::Count(ov6_verdict verdict, uint64_t packets, uint64_t bytes) {
  verdicts_[verdict].packets += packets;
  verdicts_[verdict].bytes += bytes;
}

absl::Status FakeDatapath::Enter(const std::string& method) {
  const auto failure = failures_.find(method);
  if (failure == failures_.end() || failure->second.second <= 0) return absl::OkStatus();
  --failure->second.second;
  return failure->second.first;
}

absl::Status FakeDatapath::EnterChange(const std::string& method) {
  calls_.push_back(method);
  return Enter(method);
}

absl::Status FakeDatapath::SetRoute(const Prefix& prefix, const Route& route) {
  if (auto status = EnterChange("SetRoute"); !status.ok()) return status;
  return Set(routes_, limits_.routes, "routes", prefix, route);
}

absl::Status FakeDatapath::DeleteRoute(const Prefix& prefix) {
  if (auto status = EnterChange("DeleteRoute"); !status.ok()) return status;
  return Delete(routes_, "routes", prefix);
}

absl::StatusOr<std::vector<std::pair<Prefix, Route>>> FakeDatapath::Routes() {
  if (auto status = Enter("Routes"); !status.ok()) return status;
  return All(routes_);
}

absl::Status FakeDatapath::SetMapping(const Prefix& prefix, const Mapping& mapping) {
  if (auto status = EnterChange("SetMapping"); !status.ok()) return status;
  return Set(mappings_, limits_.mappings, "mappings", prefix, mapping);
}

absl::Status FakeDatapath::DeleteMapping(const Prefix& prefix) {
  if (auto status = EnterChange("DeleteMapping"); !status.ok()) return status;
  return Delete(mappings_, "mappings", prefix);
}

absl::StatusOr<std::vector<std::pair<Prefix, Mapping>>> FakeDatapath::Mappings() {
  if (auto status = Enter("Mappings"); !status.ok()) return status;
  return All(mappings_);
}

absl::Status FakeDatapath::SetNegative(const Prefix& prefix, const Negative& negative) {
  if (auto status = EnterChange("SetNegative"); !status.ok()) return status;
  return Set(negatives_, limits_.negatives, "negatives", prefix, negative);
}

absl::Status FakeDatapath::DeleteNegative(const Prefix& prefix) {
  if (auto status = EnterChange("DeleteNegative"); !status.ok()) return status;
  return Delete(negatives_, "negatives", prefix);
}

absl::StatusOr<std::vector<std::pair<Prefix, Negative>>> FakeDatapath::Negatives() {
  if (auto status = Enter("Negatives"); !status.ok()) return status;
  return All(negatives_);
}

absl::Status FakeDatapath::SetSlave(SlaveId id, const SlaveEntry& slave) {
  if (auto status = EnterChange("SetSlave"); !status.ok()) return status;
  return Set(slaves_, limits_.slaves, "slaves", id, slave);
}

absl::Status FakeDatapath::DeleteSlave(SlaveId id) {
  if (auto status = EnterChange("DeleteSlave"); !status.ok()) return status;
  return Delete(slaves_, "slaves", id);
}

absl::StatusOr<std::vector<std::pair<SlaveId, SlaveEntry>>> FakeDatapath::Slaves() {
  if (auto status = Enter("Slaves"); !status.ok()) return status;
  return All(slaves_);
}

absl::Status FakeDatapath::SetConfig(const ov6_config& config) {
  if (auto status = EnterChange("SetConfig"); !status.ok()) return status;
  config_ = config;
  return absl::OkStatus();
}

absl::StatusOr<ov6_config> FakeDatapath::Config() {
  if (auto status = Enter("Config"); !status.ok()) return status;
  return config_;
}

absl::StatusOr<std::array<ov6_count, OV6_VERDICT_MAX>> FakeDatapath::Verdicts() {
  if (auto status = Enter("Verdicts"); !status.ok()) return status;
  return verdicts_;
}

absl::StatusOr<DeviceState> FakeDatapath::AttachDevice(const DeviceSpec& spec) {
  if (auto status = EnterChange("AttachDevice"); !status.ok()) return status;
  const auto known = devices_.find(spec.interface);
  DeviceState state;
  state.interface = spec.interface;
  state.ifindex = known != devices_.end() ? known->second.ifindex : next_ifindex_++;
  state.value.role = static_cast<uint8_t>(spec.role);
  state.value.mtu = 1500;
  state.value.slot = OV6_PORT_NONE;
  state.value.address = spec.address.ToBe();
  state.value.encapsulation = static_cast<uint8_t>(spec.encapsulation);
  state.door = spec.attach == Attach::kNative ? "native" : "tc";
  state.reason = "a device of a test";
  return devices_[spec.interface] = state;
}

absl::Status FakeDatapath::DetachDevice(const std::string& interface) {
  if (auto status = EnterChange("DetachDevice"); !status.ok()) return status;
  if (devices_.erase(interface) == 0) return absl::NotFoundError(interface + " is not attached");
  return absl::OkStatus();
}

std::vector<DeviceState> FakeDatapath::Devices() const {
  std::vector<DeviceState> states;
  for (const auto& [name, state] : devices_) states.push_back(state);
  return states;
}

absl::StatusOr<PortHandles> FakeDatapath::CreatePort(const std::string& name, SlaveId slave, uint16_t slot) {
  if (auto status = EnterChange("CreatePort"); !status.ok()) return status;
  if (slot >= OV6_MAX_PORTS) {
    return absl::InvalidArgumentError("slot " + std::to_string(slot) + " is not below " +
                                      std::to_string(OV6_MAX_PORTS));
  }
  if (ports_.contains(slot)) {
    return absl::AlreadyExistsError("slot " + std::to_string(slot) + " has a port already");
  }
  Port port{name, slave, {}};
  port.handles = {{slot, slave, 1564, 2048, 4096, 2048, 2048, 2048, 2048}, OpenNull(), OpenNull()};
  ports_[slot] = port;
  return Duplicate(port.handles);
}

absl::StatusOr<PortHandles> FakeDatapath::ReopenPort(uint16_t slot, SlaveId slave) {
  if (auto status = EnterChange("ReopenPort"); !status.ok()) return status;
  const auto port = ports_.find(slot);
  if (port == ports_.end()) return NoPort(slot);
  port->second.slave = slave;
  port->second.handles.geometry.slave = slave;
  return Duplicate(port->second.handles);
}

absl::Status FakeDatapath::DestroyPort(uint16_t slot) {
  if (auto status = EnterChange("DestroyPort"); !status.ok()) return status;
  const auto port = ports_.find(slot);
  if (port == ports_.end()) return NoPort(slot);
  CloseHandles(port->second.handles);
  ports_.erase(port);
  return absl::OkStatus();
}

absl::Status FakeDatapath::DrainEvents(const std::function<void(const ov6_event&)>& handler) {
  if (auto status = Enter("DrainEvents"); !status.ok()) return status;
  std::vector<ov6_event> events;
  events.swap(events_);
  for (const ov6_event& event : events) handler(event);
  return absl::OkStatus();
}

absl::Status FakeDatapath::DetachAll() {
  if (auto status = EnterChange("DetachAll"); !status.ok()) return status;
  for (const auto& [slot, port] : ports_) CloseHandles(port.handles);
  ports_.clear();
  devices_.clear();
  routes_.clear();
  mappings_.clear();
  negatives_.clear();
  slaves_.clear();
  config_ = {};
  detached_ = true;
  return absl::OkStatus();
}

}  // namespace ov6
