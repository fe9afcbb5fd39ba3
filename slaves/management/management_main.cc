// SPDX-License-Identifier: Apache-2.0
// ov6-management: the slave of ::/0 and of the other slaves' lives.
#include <spdlog/spdlog.h>

#include <boost/json.hpp>
#include <utility>

#include "slaves/management/management_slave.h"
#include "slaves/runtime/port_driver.h"
#include "slaves/runtime/slave_main.h"

namespace ov6 {
namespace {

constexpr auto kAskInterval = std::chrono::seconds(5);  // in case an `exited` was missed

class Management {
 public:
  explicit Management(SlaveProcess& process)
      : process_(process),
        port_(process.loop(), kPortDescriptor,
              {[this](std::span<const Frame> frames) { slave_.OnFrames(BootClock::now(), frames); },
               [this](const PortCapsule& capsule) { slave_.OnPort(capsule); },
               [this](const absl::Status& status) { process_.Fail(status); }}),
        slave_(process.session(), port_),
        ask_timer_(process.loop()),
        start_timer_(process.loop()) {}

  absl::Status Configure(const boost::json::object& config);
  absl::Status ReadTaken(const boost::json::object& config);
  void OnPort(const PortCapsule& capsule) { port_.OnPortCapsule(capsule); }
  void OnCall(const CallCapsule& call, const SessionHandlers::Respond& respond);
  std::string StatusJson() const { return slave_.StatusJson(BootClock::now()); }

 private:
  void AskForSlaves();
  void StartDue();

  SlaveProcess& process_;
  PortDriver port_;
  ManagementSlave slave_;
  Timer ask_timer_;
  Timer start_timer_;
};

absl::Status Management::Configure(const boost::json::object& config) {
  if (absl::Status status = ReadTaken(config); !status.ok()) return status;
  AskForSlaves();
  return absl::OkStatus();
}

absl::Status Management::ReadTaken(const boost::json::object& config) {
  auto taken = PrefixListField(config, "taken");
  if (!taken.ok()) return taken.status();
  slave_.Configure(*std::move(taken));
  return absl::OkStatus();
}

void Management::AskForSlaves() {
  process_.session().Call("slaves", "", [this](const absl::StatusOr<std::string>& result) {
    const absl::Status status = result.ok() ? slave_.OnSlaves(BootClock::now(), *result) : result.status();
    if (!status.ok()) spdlog::warn("asking for the slaves: {}", std::string(status.message()));
    StartDue();
  });
  ask_timer_.After(kAskInterval, [this] { AskForSlaves(); });
}

void Management::StartDue() {
  slave_.StartDue(BootClock::now(), [this] {
    process_.loop().Post([this] { StartDue(); });  // a failed start sets a new deadline
    return BootClock::now();
  });
  if (const auto deadline = slave_.NextDeadline()) start_timer_.At(*deadline, [this] { StartDue(); });
}

void Management::OnCall(const CallCapsule& call, const SessionHandlers::Respond& respond) {
  absl::Status status = absl::UnimplementedError("ov6-management does not know the call " + call.method);
  if (call.method == "state") return respond(StatusJson());
  if (call.method == "slaves") {
    AskForSlaves();
    status = absl::OkStatus();
  }
  if (call.method == "exited") status = slave_.OnExited(BootClock::now(), call.argument);
  if (call.method == "start") status = slave_.OnWanted(BootClock::now(), call.argument);
  StartDue();
  respond(Done(status));
}

int Main(int argc, char** argv) {
  SlaveProcess process(SlaveKind::kManagement, ParseCommandLine(SlaveKind::kManagement, argc, argv));
  Management management(process);
  SlaveCallbacks callbacks;
  callbacks.configured = [&](const boost::json::object& config) { return management.Configure(config); };
  callbacks.reconfigured = [&](const boost::json::object& config) { return management.ReadTaken(config); };
  callbacks.status = [&] { return management.StatusJson(); };
  callbacks.port = [&](const PortCapsule& capsule) { management.OnPort(capsule); };
  callbacks.call = [&](const CallCapsule& call, const SessionHandlers::Respond& respond) {
    management.OnCall(call, respond);
  };
  return process.Run(std::move(callbacks));
}

}  // namespace
}  // namespace ov6

int main(int argc, char** argv) { return ov6::Main(argc, argv); }
