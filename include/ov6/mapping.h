// SPDX-License-Identifier: Apache-2.0
// Routes, locators, mappings and negatives as user space handles them. The
// kernel's form of each stands in abi/; the conversions are at the end.
#ifndef OV6_MAPPING_H
#define OV6_MAPPING_H

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ov6/abi/mapping.h"
#include "ov6/abi/route.h"
#include "ov6/abi/slave.h"
#include "ov6/address.h"
#include "ov6/time.h"

namespace ov6 {

using SlaveId = uint32_t;

enum class SlaveKind : uint8_t {
  kOperator = OV6_KIND_OPERATOR,
  kManagement = OV6_KIND_MANAGEMENT,
  kDht = OV6_KIND_DHT,
  kGateway = OV6_KIND_GATEWAY,
  kMulticast = OV6_KIND_MULTICAST,
  kAnycast = OV6_KIND_ANYCAST,
  kResiliency = OV6_KIND_RESILIENCY,
  kBridge = OV6_KIND_BRIDGE,
  kUplink = OV6_KIND_UPLINK,
};
std::string_view ToString(SlaveKind kind);  // "dht", "gateway", ...
std::optional<SlaveKind> ParseSlaveKind(std::string_view text);

enum class Action : uint8_t {
  kNone = OV6_ACTION_NONE,
  kTunnel = OV6_ACTION_TUNNEL,
  kSite = OV6_ACTION_SITE,
  kPort = OV6_ACTION_PORT,
  kPass = OV6_ACTION_PASS,
  kReject = OV6_ACTION_REJECT,
};
std::string_view ToString(Action action);  // "tunnel", "site", "port", "pass", "reject"
std::optional<Action> ParseAction(std::string_view text);

struct Route {
  SlaveId slave = OV6_SLAVE_OPERATOR;
  Action action = Action::kNone;
  uint8_t flags = 0;  // enum ov6_route_flags
  bool operator==(const Route&) const = default;
};

enum class Encapsulation : uint8_t {
  k6in4 = OV6_ENCAPSULATION_6IN4,
  kUdp = OV6_ENCAPSULATION_UDP,
};
std::string_view ToString(Encapsulation encapsulation);  // "6in4", "udp"
std::optional<Encapsulation> ParseEncapsulation(std::string_view text);
// Bytes the outer header takes: 20 or 28.
int Overhead(Encapsulation encapsulation);

inline constexpr uint8_t kAcceptOnly = 255;  // a locator's priority: accept from it, never send to it

struct Locator {
  Ipv4 address;
  Encapsulation encapsulation = Encapsulation::k6in4;
  uint16_t port = 0;        // UDP destination, host byte order; 0 under 6in4
  uint8_t priority = 1;     // lower is better; or kAcceptOnly
  uint16_t mtu = 0;         // biggest outer packet, bytes; 0: as the egress device
  bool fixed_port = false;  // from our tunnel port to theirs and back, for NATs on the way
  auto operator<=>(const Locator&) const = default;
  std::string ToString() const;  // "198.51.100.2" or "198.51.100.2:6080/udp"
};

// Expiries are absolute; nullopt: never.
struct Mapping {
  std::vector<Locator> locators;  // 1 to OV6_MAX_LOCATORS, best first
  std::optional<BootTime> soft_expiry;
  std::optional<BootTime> hard_expiry;
  SlaveId slave = OV6_SLAVE_OPERATOR;
  uint8_t flags = 0;  // enum ov6_mapping_flags
  uint16_t span = 0;  // seconds from when it was last confirmed to hard_expiry; 65535: or more, 0: not said
  bool operator==(const Mapping&) const = default;
};

struct Negative {
  BootTime expiry{};
  SlaveId slave = OV6_SLAVE_OPERATOR;
  uint8_t icmp_code = 0;
  bool failed = false;  // could not be asked, rather than absent
  bool operator==(const Negative&) const = default;
};

struct SlaveEntry {
  std::string name;  // 1 to 11 characters
  SlaveKind kind = SlaveKind::kOperator;
  bool stale = false;
  std::optional<uint16_t> port;  // slot
  std::vector<Prefix> prefixes;  // at most OV6_SLAVE_MAX_PREFIXES
  bool operator==(const SlaveEntry&) const = default;
};

ov6_route ToAbi(const Route& route);
Route FromAbi(const ov6_route& value);
ov6_mapping ToAbi(const Mapping& mapping);
Mapping FromAbi(const ov6_mapping& value);
ov6_negative ToAbi(const Negative& negative);
Negative FromAbi(const ov6_negative& value);
ov6_slave ToAbi(const SlaveEntry& slave);
SlaveEntry FromAbi(const ov6_slave& value);

}  // namespace ov6

#endif
