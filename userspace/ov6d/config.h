// SPDX-License-Identifier: Apache-2.0
// The daemon's configuration, and nothing but: what the file says, checked. An error
// is one sentence with file, line and key, what the file says and what would be right.
#ifndef OV6_USERSPACE_OV6D_CONFIG_H
#define OV6_USERSPACE_OV6D_CONFIG_H

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "ov6/datapath.h"
#include "ov6/ring_config.h"
#include "userspace/wire/record.h"

namespace ov6 {

inline constexpr uint16_t kDefaultChordPort = 4646;

struct NodeConfig {
  std::filesystem::path state = "/var/lib/ov6";  // directory of the key
  std::filesystem::path run = "/run/ov6";        // directory of sockets, lock and bpf/
  std::string group = "ov6";                     // name or number of the group that may inspect and control
  uint32_t uid_base = 64000;                     // slaves run as this uid and the following ones
  std::filesystem::path libexec;                 // directory of the slaves' executables; empty: ov6d's own
};

struct UnderlayConfig {
  std::string interface;        // IPv4 device the tunnels use; required
  std::optional<Ipv4> address;  // our end of the tunnels; default: the interface's first, whichever it is
  Encapsulation encapsulation = Encapsulation::k6in4;  // what peers are asked to send us: 6in4 or udp
  uint16_t udp_port = OV6_UDP_PORT;                    // where tunnel packets in UDP arrive
  Attach attach = Attach::kAuto;                       // auto, native or tc
};

// A prefix a site holds: cut from the key, or given.
struct SitePrefix {
  std::string domain;
  std::optional<Prefix> prefix;  // a /64, or a longer one that was moved here; nullopt: "auto"
  int line = 0;
  bool cut = false;  // from what this router holds, as an automatic one is: registered with that
};

// A prefix that was a site's here and is another router's now.
struct MovedPrefix {
  std::string domain;
  Prefix prefix;
  bool operator==(const MovedPrefix&) const = default;
};

struct SiteConfig {
  std::string interface;          // LAN device; required
  std::string remote = {};        // the slave elsewhere that serves it, by a TUN device here; not in the file
  Attach attach = Attach::kAuto;  // auto, native or tc
  std::vector<SitePrefix> prefixes;  // "DOMAIN:auto" or "DOMAIN:PREFIX"; required
  // Of one elsewhere, and not in the file: the domain in which it brings a prefix of its own key, and by what
  // right this router has that prefix, once it has.
  std::string own = {};
  std::optional<DelegationToken> claim = {};
};

// A slave elsewhere that resolves a part of a domain. Not in the file: it goes with its token.
struct ResolverConfig {
  std::string name, domain;
  Prefix prefix;
};

// A file of delegations to this router's key, a token a line ("ov6ctl delegate"); `#` begins a comment.
struct DelegationFile {
  std::filesystem::path path;
  std::string domain;  // of the [[domain]] that names it; empty: a [[site]] does
  int line = 0;
};

struct SlaveConfig {
  std::string name;                            // 1 to 11 of [a-z0-9-]; default: the kind
  SlaveKind kind = SlaveKind::kDht;            // dht or uplink
  std::string domain;                          // name of a [[domain]]; required
  std::string engine = "chord";                // chord
  Endpoint listen{Ipv4{}, kDefaultChordPort};  // IPv4 address and UDP port
  std::vector<Endpoint> bootstrap;             // members to join by; empty: found a new ring
  int64_t registration = 600;                  // seconds a record of ours holds, 10-86400; renewed at half
  int64_t lifetime = 300;                      // seconds a mapping holds, 1-86400; less if its record ends
  int64_t stale = 3600;                        // seconds it goes on past that while nobody can be asked
  RingConfig ring;  // lookups, successors, replicas, reads, table_members, table_budget
  // uplink
  std::vector<std::string> masters;  // https://HOST[:PORT], or http:// where that is safe; required
  std::filesystem::path
      token_file;          // with the token of this name, as `ov6ctl token new` printed it; required
  std::string token = {};  // what it holds; LoadConfig reads it
  std::string proxy;       // of HTTP, [USER:PASSWORD@]HOST:PORT; empty: none
  std::filesystem::path authorities;  // PEM, whose certificates a master may have; empty: the system's
  int line = 0;
};

// A tunnel whose other end is set by hand: any router of RFC 4213, or UDP with the IPv6 packet right behind
// it.
struct MappingConfig {
  Prefix prefix;                  // required; neither ::/0 nor around a domain
  std::vector<Locator> locators;  // 1 to 4, best first; required
  int line = 0;                   // of the locators
};

// Where slaves from elsewhere connect. Without a certificate it is plain HTTP: for a reverse proxy, or a
// network that is trusted.
struct ListenConfig {
  Endpoint address{Ipv4{}, 443};             // IPv4 address and TCP port; required
  std::filesystem::path certificate, key;    // PEM; both or none
  std::filesystem::path client_authorities;  // PEM; whose client certificates stand for a token
};

// Limits of the datapath; what they mean stands in ov6/abi/config.h.
struct DatapathConfig {
  uint8_t dscp = 0;                                            // of the outer header, 0-63
  uint32_t punt_rate = OV6_DEFAULT_PUNT_RATE;                  // packets per second and CPU
  uint32_t punt_burst = OV6_DEFAULT_PUNT_BURST;                // packets
  uint32_t punt_source_rate = OV6_DEFAULT_PUNT_SOURCE_RATE;    // packets per second of one source
  uint32_t punt_source_burst = OV6_DEFAULT_PUNT_SOURCE_BURST;  // packets
  uint32_t icmp_rate = OV6_DEFAULT_ICMP_RATE;                  // ICMPv6 errors per second to one source
  uint32_t icmp_burst = OV6_DEFAULT_ICMP_BURST;                // ICMPv6 errors
  uint32_t path_mtu_lifetime = OV6_DEFAULT_PATH_MTU_LIFETIME;  // seconds
  uint32_t front_sets = 32768;                                 // of the front cache, for each CPU; 0: none
  uint32_t reassembly_rate = 10000;  // reassembled tunnel packets per second, underlay and encapsulation
};

struct Config {
  std::string file;  // for sentences
  NodeConfig node;
  DatapathConfig datapath;
  std::vector<UnderlayConfig> underlays;
  // name, prefix, aggregate (bits, default 48), trust (self, anchors or open; default self), anchors,
  // security (default 1 under self)
  std::vector<Domain> domains;
  std::vector<DelegationFile> delegation_files;  // "delegation" of domains and sites
  std::vector<DelegationToken> delegations;      // what they hold; LoadConfig reads them
  std::vector<SiteConfig> sites;
  std::vector<SlaveConfig> slaves;
  std::vector<MappingConfig> mappings;
  std::vector<ListenConfig> listeners;  // [[listen]]
  std::vector<ResolverConfig> resolvers;
  std::vector<MovedPrefix> moved;  // not in the file: see site_moves.h

  const Domain* FindDomain(std::string_view name) const;
  // The uplink that serves a domain, or null: this router is no member of its DHT then.
  const SlaveConfig* UplinkOf(std::string_view domain) const;
};

// "FILE:LINE: SENTENCE"; what stands in no file is the sentence alone.
absl::Status ConfigError(const std::string& file, int line, const std::string& sentence);
// No locator is this router's own; underlays whose address is not known yet don't count.
// ov6d's own slaves and devices have it, gw1 for one.
bool IsReservedSlaveName(std::string_view name);
absl::Status CheckOwnLocators(const Config& config);
absl::StatusOr<Config> ParseConfig(std::string_view text, const std::string& file);
// With the delegations in the files it names.
absl::StatusOr<Config> LoadConfig(const std::filesystem::path& file);

}  // namespace ov6

#endif
