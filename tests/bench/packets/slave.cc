// SPDX-License-Identifier: Apache-2.0
// A slave that drops, returns or makes small packets, as it is told by calls: the same on a port, as ov6d
// starts it in the place of ov6-uplink, and elsewhere, as the gateway of a site:
//
//   bench_slave --name NAME                    descriptors 3 and 4 as every slave has them
//   bench_slave MASTER-URL NAME TOKEN-FILE
//
// Calls: drain, echo, source (argument: {"source", "destination"}, IPv6 addresses); counts.
#include <signal.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <optional>
#include <utility>

#include "slaves/runtime/port_driver.h"
#include "slaves/runtime/remote_session.h"
#include "slaves/runtime/slave_main.h"
#include "userspace/base/files.h"

namespace ov6 {
namespace {

constexpr size_t kPacket = 64, kIpv6Header = 40, kSource = 8, kDestination = 24;
constexpr size_t kBurst = 64;

enum class Mode { kDrain, kEcho, kSource };

// What is done with packets, and how many there were.
struct Task {
  Mode mode = Mode::kDrain;
  std::array<uint8_t, kPacket> made{};
  uint64_t received = 0, sent = 0;

  absl::StatusOr<std::string> Call(const CallCapsule& call) {
    if (call.method == "counts")
      return boost::json::serialize(boost::json::object{{"received", received}, {"sent", sent}});
    if (call.method == "reconfigure") return std::string("{}");
    if (call.method == "drain") return Become(Mode::kDrain);
    if (call.method == "echo") return Become(Mode::kEcho);
    if (call.method != "source") return absl::UnimplementedError("there is no call " + call.method);
    const auto argument = ObjectIn("the argument", call.argument);
    const auto status = argument.ok() ? Make(*argument) : argument.status();
    return status.ok() ? Become(Mode::kSource) : status;
  }

  static void TurnRound(std::span<uint8_t> packet) {
    if (packet.size() < kIpv6Header) return;
    std::swap_ranges(packet.begin() + kSource, packet.begin() + kDestination, packet.begin() + kDestination);
  }

 private:
  absl::StatusOr<std::string> Become(Mode next) {
    mode = next;
    return std::string("{}");
  }
  absl::Status Make(const boost::json::object& argument) {
    const auto source = StringField(argument, "source"), destination = StringField(argument, "destination");
    if (!source.ok()) return source.status();
    if (!destination.ok()) return destination.status();
    const auto from = Ipv6::Parse(*source), to = Ipv6::Parse(*destination);
    if (!from || !to) return absl::InvalidArgumentError("source or destination is no IPv6 address");
    made = {0x60, 0, 0, 0, 0, kPacket - kIpv6Header, 17, 64};
    std::copy(from->bytes.begin(), from->bytes.end(), made.begin() + kSource);
    std::copy(to->bytes.begin(), to->bytes.end(), made.begin() + kDestination);
    made[kIpv6Header + 5] = kPacket - kIpv6Header;
    return absl::OkStatus();
  }
};

// --- on a port -------------------------------------------------------------------

class NearSlave {
 public:
  explicit NearSlave(SlaveOptions options)
      : process_(SlaveKind::kUplink, std::move(options)),
        port_(process_.loop(), kPortDescriptor,
              {[this](std::span<const Frame> frames) { OnFrames(frames); },
               [this](const PortCapsule& capsule) { capsule_ = capsule; },
               [this](const absl::Status& status) { process_.Fail(status); }}) {}

  int Run() {
    SlaveCallbacks callbacks;
    callbacks.configured = [this](const boost::json::object& config) {
      const auto prefixes = PrefixListField(config, "prefixes");
      if (prefixes.ok()) process_.session().Advertise(*prefixes);
      return prefixes.status();
    };
    callbacks.status = [] { return std::string("{}"); };
    callbacks.port = [this](const PortCapsule& capsule) { port_.OnPortCapsule(capsule); };
    callbacks.call = [this](const CallCapsule& call, const SessionHandlers::Respond& respond) {
      const bool idle = task_.mode != Mode::kSource;
      respond(task_.Call(call));
      if (idle && task_.mode == Mode::kSource) Fill();
    };
    return process_.Run(std::move(callbacks));
  }

 private:
  void OnFrames(std::span<const Frame> frames) {
    task_.received += frames.size();
    if (task_.mode != Mode::kEcho) {
      for (const Frame& frame : frames) port_.Release(frame);
      return;
    }
    for (const Frame& frame : frames) {
      Task::TurnRound(PacketIn(frame));
      Resubmit(frame, OV6_PORT_DELIVER, capsule_.slave);
    }
    task_.sent += frames.size();
    port_.Transmit(frames);
  }
  void Fill() {
    if (task_.mode != Mode::kSource) return;
    std::vector<Frame> frames;
    for (Frame frame; frames.size() < kBurst && port_.Allocate(&frame); frames.push_back(frame))
      WriteDelivery(capsule_, task_.made, &frame);
    task_.sent += frames.size();
    port_.Transmit(frames);
    process_.loop().Post([this] { Fill(); });
  }

  SlaveProcess process_;
  PortDriver port_;
  PortCapsule capsule_;
  Task task_;
};

// --- elsewhere -------------------------------------------------------------------

class FarSlave {
 public:
  FarSlave(MasterUrl master, const std::string& name, const std::string& token)
      : session_(loop_, OptionsOf(std::move(master), name, token), MakeHandlers(), Retry::Uniform) {}

  int Run() {
    session_.Start();
    return loop_.Run();
  }

 private:
  static RemoteOptions OptionsOf(MasterUrl master, const std::string& name, const std::string& token) {
    RemoteOptions options;
    options.masters = {std::move(master)};
    options.request = {SlaveKind::kGateway, name, {}};
    options.token = [token] { return token; };
    options.transport = TransportRule::kUpgrade;
    return options;
  }
  RemoteSession::Handlers MakeHandlers() {
    RemoteSession::Handlers handlers;
    handlers.assigned = [this](const AddressAssignCapsule& capsule) {
      std::vector<Prefix> prefixes;
      for (const AssignedPrefix& assigned : capsule.prefixes) prefixes.push_back(assigned.prefix);
      session_.up()->Advertise(prefixes);
    };
    handlers.datagram = [this](const DatagramView& datagram) { OnPacket(datagram.payload); };
    handlers.caught_up = [this] {
      if (session_.up() != nullptr) session_.up()->Push();
    };
    handlers.drained = [this] { Fill(); };
    handlers.call = [this](const CallCapsule& call, const SessionHandlers::Respond& respond) {
      const bool idle = task_.mode != Mode::kSource;
      respond(task_.Call(call));
      if (idle && task_.mode == Mode::kSource) Fill();
    };
    handlers.lost = [] {};
    return handlers;
  }
  void OnPacket(std::span<const uint8_t> packet) {
    ++task_.received;
    if (task_.mode != Mode::kEcho || packet.size() != kPacket) return;
    std::array<uint8_t, kPacket> back;
    std::copy(packet.begin(), packet.end(), back.begin());
    Task::TurnRound(back);
    task_.sent += session_.up()->SendDatagram(kPacketContext, back) ? 1 : 0;
  }
  void Fill() {
    SessionClient* session = session_.up();
    if (session == nullptr || task_.mode != Mode::kSource || !session->TakesPackets()) return;
    for (size_t i = 0; i < kBurst; ++i)
      task_.sent += session->SendDatagram(kPacketContext, task_.made) ? 1 : 0;
    session->Push();
    loop_.Post([this] { Fill(); });
  }

  Loop loop_;
  Task task_;
  RemoteSession session_;
};

int Main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]).starts_with("--"))
    return NearSlave(ParseCommandLine(SlaveKind::kUplink, argc, argv)).Run();
  const auto master = argc == 4 ? MasterUrl::Parse(argv[1]) : absl::InvalidArgumentError("MASTER NAME TOKEN");
  auto token = master.ok() ? ReadFile(argv[3]) : master.status();
  StartLog("bench_slave");
  if (!token.ok()) {
    spdlog::error("{}", std::string(token.status().message()));
    return 2;
  }
  ::signal(SIGPIPE, SIG_IGN);
  token->erase(token->find_last_not_of('\n') + 1);
  return FarSlave(*master, argv[2], *token).Run();
}

}  // namespace
}  // namespace ov6

int main(int argc, char** argv) { return ov6::Main(argc, argv); }
