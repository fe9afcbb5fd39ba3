// SPDX-License-Identifier: Apache-2.0
// The router that the rows are about: two sites, one underlay, two slave ports, and the tables
// it starts with. The devices are real (the kernel's routes are asked), the traffic is not.
#ifndef OV6_TESTS_PACKET_WORLD_H
#define OV6_TESTS_PACKET_WORLD_H

#include <string>

#include "ov6/abi/config.h"
#include "ov6/abi/device.h"
#include "ov6/abi/mapping.h"
#include "ov6/abi/route.h"
#include "ov6/abi/slave.h"
#include "tests/packet/packet_builder.h"
#include "tests/packet/programs.h"

namespace ov6::packet {

inline constexpr Mac kLanMac{2, 0, 0, 0, 1, 1}, kHostMac{2, 0, 0, 0, 1, 2};
inline constexpr Mac kLan2Mac{2, 0, 0, 0, 2, 1}, kHost2Mac{2, 0, 0, 0, 2, 2};
inline constexpr Mac kInnerRouterMac{2, 0, 0, 0, 2, 3};
inline constexpr Mac kWanMac{2, 0, 0, 0, 3, 1}, kPeerMac{2, 0, 0, 0, 3, 2}, kGatewayMac{2, 0, 0, 0, 3, 3};
inline constexpr Mac kPortMac{2, 0, 0, 0, 4, 1}, kFarMac{2, 0, 0, 0, 4, 2};

inline const std::string kHost = "fd00:1:0:1::11", kRouter = "fd00:1:0:1::1", kHost2 = "fd00:1:0:2::22";
inline const std::string kBehind = "fd00:1:0:5::55";  // behind a router at lan2, by its link-local address
inline const std::string kBehindGlobal = "fd00:1:0:6::66";  // the same by another address of its
inline const std::string kRemote = "fd00:2::22";            // mapped to kPeer by 6in4
inline const std::string kRemoteUdp = "fd00:3::33";         // mapped to kFarPeer by UDP, behind the gateway
inline const std::string kUnmapped = "fd00:9::99";
inline const std::string kWan = "198.51.100.1", kPeer = "198.51.100.2", kFarPeer = "203.0.113.3";

inline constexpr uint32_t kDht = 7, kManagement = 8;
inline constexpr uint16_t kDhtSlot = 1, kManagementSlot = 2;

uint32_t Ifindex(const std::string& device);
void ReadMac(const std::string& device, uint8_t* mac);
void HangTcAt(const std::string& device, int program);

// Makes the devices at the first call; sets all tables to how they start.
void ResetWorld();

ov6_prefix Prefix(const std::string& text);  // "fd00::/8"
void SetRoute(const std::string& prefix, ov6_action action, uint32_t slave = 0, uint8_t flags = 0);
void DeleteRoute(const std::string& prefix);
ov6_locator Locator(const std::string& address, ov6_encapsulation encapsulation = OV6_ENCAPSULATION_6IN4);
ov6_mapping Mapping(const ov6_locator& locator);
void SetMapping(const std::string& prefix, const ov6_mapping& mapping);
// A direct path to there, by UDP between the tunnel ports; `answered`: its peer has, a moment ago.
ov6_mapping Direct(const std::string& peer, bool answered = true);
ov6_mapping Former(const std::string& place);  // a mapping of who had the prefix before us
void SetNegative(const std::string& prefix, uint8_t code, uint64_t expiry = 0);
ov6_device Device(const std::string& name);
void SetDevice(const std::string& name, const ov6_device& device);
ov6_config Config();
uint64_t BootTime();
// An empty bucket that stays empty for the test's time.
void EmptyBucket(const std::string& source, ov6_bucket_purpose purpose);
void EmptyPuntBudget();

Frame FromHost();  // to the router, at lan
Frame ToHost();
Frame FromPeer();  // at wan
Frame ToPeer();
// What is behind that device is another machine's, and ov6d has its port.
void SetElsewhere(const std::string& device);
ov6_port_header PortHeader(ov6_port_type type, const std::string& ingress, uint8_t reason = 0);

}  // namespace ov6::packet

#endif
