// SPDX-License-Identifier: Apache-2.0
#include <spdlog/spdlog.h>

#include <boost/json.hpp>

#include "slaves/gateway/advertiser.h"
#include "slaves/gateway/gateway.h"
#include "slaves/gateway/gateway_config.h"
#include "slaves/runtime/slave_main.h"

namespace ov6 {
namespace {

class LocalGateway {
 public:
  explicit LocalGateway(SlaveProcess& process) : process_(process) {}

  absl::Status Configure(const boost::json::object& config);
  // Other prefixes or another MTU from now on; hosts are told at once.
  absl::Status Reconfigure(const boost::json::object& config);
  std::string StatusJson() const;
  void Leave(Callback done);

 private:
  absl::Status ReadConfig(const boost::json::object& config);
  void Advertise();

  SlaveProcess& process_;
  std::string interface_;
  unsigned ifindex_ = 0;
  GatewayConfig config_;
  std::optional<Advertiser> advertiser_;
};

absl::Status LocalGateway::ReadConfig(const boost::json::object& config) {
  const auto interface = StringField(config, "interface");
  const auto ifindex = IntegerField(config, "ifindex");
  auto read = ReadGatewayConfig(config);
  for (const absl::Status& status : {interface.status(), ifindex.status(), read.status()}) {
    if (!status.ok()) return status;
  }
  if (ifindex_ != 0 && (interface_ != *interface || ifindex_ != static_cast<unsigned>(*ifindex)))
    return absl::FailedPreconditionError("the site's device is another one");
  interface_ = *interface;
  ifindex_ = static_cast<unsigned>(*ifindex);
  config_ = *std::move(read);
  return absl::OkStatus();
}

void LocalGateway::Advertise() {
  RouterAdvertisement advertisement;
  advertisement.prefixes = config_.advertise;
  advertisement.mtu = static_cast<uint32_t>(config_.mtu);
  advertiser_->Set(std::move(advertisement));
  spdlog::info("serving {} with {} prefixes, MTU {}", interface_, config_.advertise.size(), config_.mtu);
}

absl::Status LocalGateway::Configure(const boost::json::object& config) {
  if (absl::Status status = ReadConfig(config); !status.ok()) return status;
  advertiser_.emplace(process_.loop(), kRawDescriptor, interface_, ifindex_);
  if (absl::Status status = advertiser_->Prepare(); !status.ok()) return status;
  process_.session().Advertise(config_.prefixes);
  Advertise();
  return absl::OkStatus();
}

absl::Status LocalGateway::Reconfigure(const boost::json::object& config) {
  if (absl::Status status = ReadConfig(config); !status.ok()) return status;
  Advertise();
  return absl::OkStatus();
}

std::string LocalGateway::StatusJson() const {
  boost::json::array prefixes;
  for (const Prefix& prefix : config_.prefixes) prefixes.emplace_back(prefix.ToString());
  boost::json::object status{
      {"interface", interface_}, {"prefixes", std::move(prefixes)}, {"mtu", config_.mtu}};
  if (advertiser_) advertiser_->AppendStatus(&status);
  return boost::json::serialize(status);
}

// The site is detached.
void LocalGateway::Leave(Callback done) {
  if (advertiser_) advertiser_->SayFarewell();
  done();
}

}  // namespace

int RunLocalGateway(int argc, char** argv) {
  SlaveProcess process(SlaveKind::kGateway, ParseCommandLine(SlaveKind::kGateway, argc, argv));
  LocalGateway gateway(process);
  SlaveCallbacks callbacks;
  callbacks.configured = [&](const boost::json::object& config) { return gateway.Configure(config); };
  callbacks.reconfigured = [&](const boost::json::object& config) { return gateway.Reconfigure(config); };
  callbacks.status = [&] { return gateway.StatusJson(); };
  callbacks.call = [&](const CallCapsule& call, const SessionHandlers::Respond& respond) {
    if (call.method == "state") return respond(gateway.StatusJson());
    respond(absl::UnimplementedError("ov6-gateway does not know the call " + call.method));
  };
  callbacks.leave = [&](Callback done) { gateway.Leave(std::move(done)); };
  return process.Run(std::move(callbacks));
}

}  // namespace ov6
