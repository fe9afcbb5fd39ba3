// SPDX-License-Identifier: Apache-2.0
// The datapath in memory, for tests of what stands above it: the semantics of
// ov6/datapath.h, limits and failures at will.
#ifndef OV6_USERSPACE_DATAPATH_FAKE_FAKE_DATAPATH_H
#define OV6_USERSPACE_DATAPATH_FAKE_FAKE_DATAPATH_H

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "ov6/datapath.h"

namespace ov6 {

class FakeDatapath : public Datapath {
 public:
  struct Limits {
    size_t routes = 16384, mappings = 131072, negatives = 131072, slaves = 1024;
  };
  struct Port {
    std::string name;
    SlaveId slave = 0;
    PortHandles handles;  // the fake's own fds: an open /dev/null each
  };

  FakeDatapath() = default;
  FakeDatapath(const FakeDatapath&) = delete;
  FakeDatapath& operator=(const FakeDatapath&) = delete;
  ~FakeDatapath() override;

  absl::Status SetRoute(const Prefix& prefix, const Route& route) override;
  absl::Status DeleteRoute(const Prefix& prefix) override;
  absl::StatusOr<std::vector<std::pair<Prefix, Route>>> Routes() override;
  absl::Status SetMapping(const Prefix& prefix, const Mapping& mapping) override;
  absl::Status DeleteMapping(const Prefix& prefix) override;
  absl::StatusOr<std::vector<std::pair<Prefix, Mapping>>> Mappings() override;
  absl::Status SetNegative(const Prefix& prefix, const Negative& negative) override;
  absl::Status DeleteNegative(const Prefix& prefix) override;
  absl::StatusOr<std::vector<std::pair<Prefix, Negative>>> Negatives() override;
  absl::Status SetSlave(SlaveId id, const SlaveEntry& slave) override;
  absl::Status DeleteSlave(SlaveId id) override;
  absl::StatusOr<std::vector<std::pair<SlaveId, SlaveEntry>>> Slaves() override;
  absl::Status SetConfig(const ov6_config& config) override;
  absl::StatusOr<ov6_config> Config() override;
  absl::StatusOr<std::array<ov6_count, OV6_VERDICT_MAX>> Verdicts() override;

  absl::StatusOr<DeviceState> AttachDevice(const DeviceSpec& spec) override;
  absl::Status DetachDevice(const std::string& interface) override;
  std::vector<DeviceState> Devices() const override;
  absl::StatusOr<PortHandles> CreatePort(const std::string& name, SlaveId slave, uint16_t slot) override;
  absl::StatusOr<PortHandles> ReopenPort(uint16_t slot, SlaveId slave) override;
  absl::Status DestroyPort(uint16_t slot) override;
  int EventFd() const override { return -1; }
  absl::Status DrainEvents(const std::function<void(const ov6_event&)>& handler) override;
  void ForgetWays() override {}
  void WaysAreWatched() override {}
  absl::Status DetachAll() override;

  // --- the test's side ---
  void set_limits(const Limits& limits) { limits_ = limits; }
  // The next `times` calls of the method ("SetRoute", "CreatePort", ...) answer `status`.
  void FailNext(const std::string& method, absl::Status status, int times = 1);
  void AddEvent(const ov6_event& event) { events_.push_back(event); }
  void Count(ov6_verdict verdict, uint64_t packets, uint64_t bytes);

  const std::map<Prefix, Route>& routes() const { return routes_; }
  const std::map<Prefix, Mapping>& mappings() const { return mappings_; }
  const std::map<Prefix, Negative>& negatives() const { return negatives_; }
  const std::map<SlaveId, SlaveEntry>& slaves() const { return slaves_; }
  const std::map<uint16_t, Port>& ports() const { return ports_; }
  const std::vector<std::string>& calls() const { return calls_; }  // methods that change, in order
  bool detached() const { return detached_; }

 private:
  absl::Status Enter(const std::string& method);
  absl::Status EnterChange(const std::string& method);

  Limits limits_;
  std::map<std::string, std::pair<absl::Status, int>> failures_;
  std::vector<std::string> calls_;
  std::map<Prefix, Route> routes_;
  std::map<Prefix, Mapping> mappings_;
  std::map<Prefix, Negative> negatives_;
  std::map<SlaveId, SlaveEntry> slaves_;
  std::map<std::string, DeviceState> devices_;
  std::map<uint16_t, Port> ports_;
  std::vector<ov6_event> events_;
  ov6_config config_{};
  std::array<ov6_count, OV6_VERDICT_MAX> verdicts_{};
  uint32_t next_ifindex_ = 100;
  bool detached_ = false;
};

}  // namespace ov6

#endif
