// SPDX-License-Identifier: Apache-2.0
// A gateway whose master is elsewhere: the session, the TUN device, the LAN's addresses and advertisements,
// in step. While no session is up the LAN keeps its addresses, and hosts are told that there is no way; a
// minute later also that this is no router.
#ifndef OV6_SLAVES_GATEWAY_REMOTE_GATEWAY_H
#define OV6_SLAVES_GATEWAY_REMOTE_GATEWAY_H

#include <string>

#include "slaves/gateway/advertiser.h"
#include "slaves/gateway/gateway_config.h"
#include "slaves/gateway/own_prefix.h"
#include "slaves/gateway/remote_options.h"
#include "slaves/gateway/site_network.h"
#include "slaves/gateway/site_tun.h"
#include "slaves/runtime/remote_session.h"
#include "userspace/base/netlink_monitor.h"

namespace ov6 {

class RemoteGateway {
 public:
  static constexpr Duration kPatience = std::chrono::seconds(60);  // without a session, as a router

  // `key`: that the prefix is cut from, if the site has one. `raw`: see OpenSolicitationSocket.
  RemoteGateway(Loop& loop, RemoteGatewayOptions options, std::optional<NodeKey> key,
                std::optional<TlsContext> tls, int raw, unsigned ifindex);

  absl::Status Start();
  void Leave();  // undoes everything and stops the loop with 0

 private:
  RemoteSession::Handlers MakeHandlers();
  std::string Token();
  void AskConfig();
  void Configure(const std::string& text);
  absl::Status Apply(const GatewayConfig& config);
  absl::Status Claim(const OwnOffer& offer);
  std::vector<Prefix> Routes(const GatewayConfig& config) const;
  RouterAdvertisement Advertisement() const;
  void OnCall(const CallCapsule& call, const SessionHandlers::Respond& respond);
  void OnShutdown();
  void WatchDevices();
  void OnMoved();
  void OnLost();
  void ReportStatus();
  std::string StatusJson() const;
  void Finish(int code);
  void Fail(const absl::Status& status);

  Loop& loop_;
  const RemoteGatewayOptions options_;
  const std::optional<NodeKey> key_;
  GatewayConfig config_;
  std::vector<Prefix> routes_;  // into the TUN device
  std::string token_;
  Advertiser advertiser_;
  SiteNetwork network_;
  std::optional<netlink::Monitor> monitor_;
  std::optional<Descriptor> monitor_descriptor_;
  SiteTun tun_;
  RemoteSession session_;
  SessionClient* claimed_by_ = nullptr;  // the session in which the prefix was claimed last
  Timer claim_timer_;
  Timer patience_timer_;
  Timer status_timer_;
  Timer leave_timer_;
  std::string last_status_;
  bool forwarding_ = false;
  bool leaving_ = false;
};

}  // namespace ov6

#endif
