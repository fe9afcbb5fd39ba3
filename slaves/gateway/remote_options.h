// SPDX-License-Identifier: Apache-2.0
// The command line of a remote gateway.
#ifndef OV6_SLAVES_GATEWAY_REMOTE_OPTIONS_H
#define OV6_SLAVES_GATEWAY_REMOTE_OPTIONS_H

#include <string>
#include <vector>

#include "ov6/address.h"
#include "slaves/gateway/firewall.h"
#include "slaves/runtime/master_url.h"
#include "slaves/runtime/transport_choice.h"

namespace ov6 {

enum class RouteChoice {
  kAuto,     // the overlays' prefixes if the machine has native IPv6, else everything
  kDefault,  // everything
  kDomain,   // the overlays' prefixes
};

struct RemoteGatewayOptions {
  std::vector<MasterUrl> masters;
  std::string name;
  std::vector<Prefix> prefixes;  // asked for; none: what the master has for the token
  std::string interface;         // the LAN's device
  std::string own_key;           // directory of the key that the prefix is cut from
  std::string token_file, ca, certificate, key, proxy;
  std::string tun = "ov6-site";
  RouteChoice routes = RouteChoice::kAuto;
  TransportRule transport = TransportRule::kAuto;
  std::vector<Ipv6> resolvers;
  bool firewall = true;
  bool show_firewall = false;  // print it and end
  std::vector<Opening> openings;
  bool debug = false;
};

// Prints and exits for --help and for what is wrong.
RemoteGatewayOptions ParseRemoteOptions(int argc, char** argv);

}  // namespace ov6

#endif
