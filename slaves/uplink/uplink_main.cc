// SPDX-License-Identifier: Apache-2.0
// ov6-uplink: the overlay's slave on a router behind NAT.
#include "slaves/runtime/slave_main.h"
#include "slaves/uplink/uplink.h"

namespace ov6 {
namespace {

int Main(int argc, char** argv) {
  SlaveProcess process(SlaveKind::kUplink, ParseCommandLine(SlaveKind::kUplink, argc, argv));
  Uplink uplink(process);
  SlaveCallbacks callbacks;
  callbacks.configured = [&](const boost::json::object& config) { return uplink.Configure(config); };
  callbacks.reconfigured = [&](const boost::json::object& config) { return uplink.Reconfigure(config); };
  callbacks.status = [&] { return uplink.StatusJson(); };
  callbacks.port = [&](const PortCapsule& capsule) { uplink.OnPort(capsule); };
  callbacks.call = [&](const CallCapsule& call, const SessionHandlers::Respond& respond) {
    uplink.OnCall(call, respond);
  };
  callbacks.leave = [&](Callback done) { uplink.Leave(std::move(done)); };
  return process.Run(std::move(callbacks));
}

}  // namespace
}  // namespace ov6

int main(int argc, char** argv) { return ov6::Main(argc, argv); }
