// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/config.h"

#include <net/if.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>

#include "userspace/ov6d/config_reader.h"
#include "userspace/ov6d/delegation_files.h"
#include "userspace/wire/ownership.h"

namespace ov6 {
namespace {

constexpr int64_t kLastUid = 0x7ffffff0;
constexpr int64_t kMostPackets = 10'000'000;  // a second, or in a burst
constexpr int64_t kDay = 24 * 3600;
constexpr int64_t kFirstFreePort = 1024;    // below it a socket needs CAP_NET_BIND_SERVICE
constexpr int64_t kSmallestDatagram = 576;  // any IPv4 host takes it: RFC 791
constexpr int kLongestAggregate = 64;       // OwnedPrefix cuts no longer ones
constexpr int64_t kDefaultSecurity = 1;     // 2^16 hashes at the first start: some 20 ms
const char* const kAnchorWanted = "64 hexadecimal digits, as `ov6ctl key show` prints a public key";
const char* const kNameWanted = "1 to 11 of the characters a-z, 0-9 and \"-\"";
const char* const kPrefixWanted = "an IPv6 prefix such as fd00::/8, no bits set behind its length";
const char* const kInterfaceWanted = "the name of an interface, 1 to 15 characters";
const char* const kSitePrefixWanted =
    "\"DOMAIN:auto\" or \"DOMAIN:PREFIX\" with a domain of this file and a /64 inside it";

bool IsName(const std::string& name) {
  return !name.empty() && name.size() < OV6_SLAVE_NAME_SIZE &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
}

template <typename T>
bool Take(std::optional<T> value, T* out) {
  if (value) *out = *value;
  return value.has_value();
}

bool TakeAttach(const std::string& text, Attach* out) {
  if (text == "auto") *out = Attach::kAuto;
  if (text == "native") *out = Attach::kNative;
  if (text == "tc") *out = Attach::kTc;
  return text == "auto" || text == "native" || text == "tc";
}

void ReadInterface(ConfigReader& reader, std::string* out) {
  reader.Require("interface", kInterfaceWanted);
  reader.Parsed("interface", kInterfaceWanted, [out](const std::string& text) {
    *out = text;
    return !text.empty() && text.size() < IFNAMSIZ && text.find('/') == std::string::npos;
  });
}

void ReadAttach(ConfigReader& reader, Attach* out) {
  reader.Parsed("attach", "\"auto\", \"native\" or \"tc\"",
                [out](const std::string& text) { return TakeAttach(text, out); });
}

void ReadPath(ConfigReader& reader, std::string_view key, std::filesystem::path* out) {
  reader.Parsed(key, "an absolute path", [out](const std::string& text) {
    *out = text;
    return out->is_absolute();
  });
}

absl::Status ReadNode(ConfigReader& reader, Config* config) {
  NodeConfig& node = config->node;
  int64_t uid_base = node.uid_base;
  ReadPath(reader, "state", &node.state);
  ReadPath(reader, "run", &node.run);
  reader.String("group", &node.group);
  reader.Integer("uid_base", 1, kLastUid, &uid_base);
  ReadPath(reader, "libexec", &node.libexec);
  node.uid_base = static_cast<uint32_t>(uid_base);
  return reader.Finish();
}

absl::Status ReadDatapath(ConfigReader& reader, Config* config) {
  DatapathConfig& datapath = config->datapath;
  const auto number = [&reader](std::string_view key, int64_t first, int64_t last, auto* out) {
    int64_t value = *out;
    reader.Integer(key, first, last, &value);
    *out = static_cast<std::remove_reference_t<decltype(*out)>>(value);
  };
  number("dscp", 0, 63, &datapath.dscp);
  number("punt_rate", 1, kMostPackets, &datapath.punt_rate);
  number("punt_burst", 1, kMostPackets, &datapath.punt_burst);
  number("punt_source_rate", 1, kMostPackets, &datapath.punt_source_rate);
  number("punt_source_burst", 1, kMostPackets, &datapath.punt_source_burst);
  number("icmp_rate", 1, kMostPackets, &datapath.icmp_rate);
  number("icmp_burst", 1, kMostPackets, &datapath.icmp_burst);
  number("path_mtu_lifetime", 1, kDay, &datapath.path_mtu_lifetime);
  number("reassembly_rate", 1, kMostPackets, &datapath.reassembly_rate);
  return reader.Finish();
}

absl::Status ReadUnderlay(ConfigReader& reader, Config* config) {
  UnderlayConfig underlay;
  int64_t port = underlay.udp_port;
  ReadInterface(reader, &underlay.interface);
  reader.Parsed("address", "an IPv4 address a tunnel can end at, such as 198.51.100.1",
                [&](const std::string& text) {
                  underlay.address = Ipv4::Parse(text);
                  return underlay.address && !underlay.address->IsMartian();
                });
  reader.Parsed("encapsulation", "\"6in4\" or \"udp\"", [&](const std::string& text) {
    return Take(ParseEncapsulation(text), &underlay.encapsulation);
  });
  reader.Integer("udp_port", 1, 65535, &port);
  if (port < kFirstFreePort) {
    reader.Fail("udp_port", "key \"udp_port\" is " + std::to_string(port) +
                                ", a port that needs a privilege which ov6d gives up (CAP_NET_BIND_SERVICE); "
                                "it should be a number from 1024 to 65535");
  }
  ReadAttach(reader, &underlay.attach);
  underlay.udp_port = static_cast<uint16_t>(port);
  config->underlays.push_back(std::move(underlay));
  return reader.Finish();
}

bool TakeTrust(const std::string& text, Domain::Trust* out) {
  for (const auto trust : {Domain::Trust::kSelf, Domain::Trust::kAnchors, Domain::Trust::kOpen}) {
    if (text != ToString(trust)) continue;
    *out = trust;
    return true;
  }
  return false;
}

// Who may claim a prefix of the domain.
void ReadTrust(ConfigReader& reader, Domain* domain) {
  reader.Parsed("trust", "\"self\", \"anchors\" or \"open\"",
                [&](const std::string& text) { return TakeTrust(text, &domain->trust); });
  const bool anchored = domain->trust == Domain::Trust::kAnchors;
  int64_t security = domain->trust == Domain::Trust::kSelf ? kDefaultSecurity : 0;
  reader.EachString("anchors", kAnchorWanted, [&](const std::string& text, int) {
    const auto bytes = FromHex(text);
    if (!bytes.ok() || bytes->size() != sizeof(PublicKey)) return false;
    std::copy(bytes->begin(), bytes->end(), domain->anchors.emplace_back().begin());
    return true;
  });
  if (reader.ok() && anchored == domain->anchors.empty()) {
    reader.Fail(anchored ? "trust" : "anchors",
                anchored
                    ? "key \"trust\" is \"anchors\", and there are none; \"anchors\" should be a list of " +
                          std::string(kAnchorWanted)
                    : "key \"anchors\" has keys; it should be left out, or \"trust\" be \"anchors\"");
  }
  reader.Integer("security", 0, kMaxSecurity, &security);
  if (domain->trust != Domain::Trust::kSelf && security != 0) {
    reader.Fail("security",
                "key \"security\" is " + std::to_string(security) +
                    "; it should be left out, or \"trust\" be \"self\": elsewhere no prefix is cut "
                    "from a key");
  }
  domain->security = static_cast<uint32_t>(security);
}

void ReadDelegation(ConfigReader& reader, const std::string& domain, Config* config) {
  DelegationFile file{{}, domain, reader.LineOf("delegation")};
  ReadPath(reader, "delegation", &file.path);
  if (!file.path.empty()) config->delegation_files.push_back(std::move(file));
}

void CheckDomain(ConfigReader& reader, const Config& config, const Domain& domain) {
  for (const Domain& other : config.domains) {
    if (other.name == domain.name) {
      reader.Fail("name", "key \"name\" is \"" + domain.name +
                              "\", as an earlier domain's; it should be a name of its own");
    }
    if (other.prefix.Overlaps(domain.prefix)) {
      reader.Fail("prefix", "key \"prefix\" is \"" + domain.prefix.ToString() + "\", which overlaps " +
                                other.prefix.ToString() + " of the domain \"" + other.name +
                                "\"; it should be a prefix of its own");
    }
  }
}

absl::Status ReadDomain(ConfigReader& reader, Config* config) {
  Domain domain;
  int64_t aggregate = domain.aggregate;
  reader.Require("name", kNameWanted);
  reader.Parsed("name", kNameWanted, [&](const std::string& text) {
    domain.name = text;
    return IsName(text);
  });
  reader.Require("prefix", kPrefixWanted);
  reader.Parsed("prefix", kPrefixWanted,
                [&](const std::string& text) { return Take(Prefix::Parse(text), &domain.prefix); });
  reader.Integer("aggregate", domain.prefix.length, kLongestAggregate, &aggregate);
  ReadTrust(reader, &domain);
  ReadDelegation(reader, domain.name, config);
  domain.aggregate = static_cast<int>(aggregate);
  reader.EachInteger("aggregates", domain.prefix.length, 128,
                     [&](int64_t length) { domain.aggregates.push_back(static_cast<int>(length)); });
  reader.Boolean("prove", &domain.prove);
  reader.Parsed("resolver", "\"aggregates\" or \"zeroing\"", [&](const std::string& text) {
    if (text == "zeroing") domain.resolving = Domain::Resolving::kZeroing;
    return text == "zeroing" || text == "aggregates";
  });
  if (domain.aggregate < domain.prefix.length) {
    reader.Fail("prefix", "key \"prefix\" is \"" + domain.prefix.ToString() +
                              "\", longer than the aggregate " + std::to_string(domain.aggregate) +
                              "; it should be at most that long");
  }
  CheckDomain(reader, *config, domain);
  config->domains.push_back(std::move(domain));
  return reader.Finish();
}

std::optional<SitePrefix> ParseSitePrefix(const std::string& text, int line) {
  const size_t colon = text.find(':');
  if (colon == text.npos) return std::nullopt;
  SitePrefix prefix{text.substr(0, colon), std::nullopt, line};
  const std::string rest = text.substr(colon + 1);
  if (rest == "auto") return prefix;
  prefix.prefix = Prefix::Parse(rest);
  if (!prefix.prefix || prefix.prefix->length != 64) return std::nullopt;
  return prefix;
}

absl::Status ReadSite(ConfigReader& reader, Config* config) {
  SiteConfig site;
  ReadInterface(reader, &site.interface);
  ReadAttach(reader, &site.attach);
  ReadDelegation(reader, "", config);
  reader.Require("prefixes", "a list of " + std::string(kSitePrefixWanted));
  reader.EachString("prefixes", kSitePrefixWanted, [&](const std::string& text, int line) {
    const auto prefix = ParseSitePrefix(text, line);
    if (prefix) site.prefixes.push_back(*prefix);
    return prefix.has_value();
  });
  if (reader.ok() && site.prefixes.empty()) {
    reader.Fail("prefixes",
                "key \"prefixes\" is empty; it should be a list of " + std::string(kSitePrefixWanted));
  }
  config->sites.push_back(std::move(site));
  return reader.Finish();
}

void CheckSlave(ConfigReader& reader, const Config& config, const SlaveConfig& slave) {
  if (config.FindDomain(slave.domain) == nullptr) {
    reader.Fail("domain", "key \"domain\" is \"" + slave.domain +
                              "\"; it should be the name of a [[domain]] of this file");
  }
  const bool taken = std::any_of(config.slaves.begin(), config.slaves.end(),
                                 [&](const SlaveConfig& other) { return other.name == slave.name; });
  const bool gateway = slave.name.starts_with("gw") && slave.name.size() > 2 &&
                       slave.name.find_first_not_of("0123456789", 2) == std::string::npos;
  // ov6-self, ov6-selfp and ov6-master are devices of ov6d's own.
  static const std::set<std::string> kReserved = {"management", "self", "selfp", "master", "daemon"};
  if (taken || gateway || kReserved.contains(slave.name)) {
    reader.Fail("name",
                "key \"name\" is \"" + slave.name + "\", which is taken; it should be a name of its own");
  }
  for (const SlaveConfig& other : config.slaves) {
    if (other.domain == slave.domain) {
      reader.Fail("domain", "key \"domain\" is \"" + slave.domain + "\", which the slave \"" + other.name +
                                "\" serves already; it should be a domain of its own");
    }
    if (other.listen.port == slave.listen.port) {
      reader.Fail("listen", "key \"listen\" is \"" + slave.listen.ToString() + "\", whose port the slave \"" +
                                other.name + "\" has already; it should be another port");
    }
  }
}

absl::Status ReadSlave(ConfigReader& reader, Config* config) {
  SlaveConfig slave;
  reader.Require("kind", "\"dht\"");
  reader.Parsed("kind", "\"dht\" (gateways and the management slave are started for every site)",
                [](const std::string& text) { return text == "dht"; });
  slave.name = std::string(ToString(slave.kind));
  reader.Parsed("name", kNameWanted, [&](const std::string& text) {
    slave.name = text;
    return IsName(text);
  });
  reader.Require("domain", "the name of a [[domain]] of this file");
  reader.String("domain", &slave.domain);
  reader.Parsed("engine", "\"chord\"", [&](const std::string& text) { return text == "chord"; });
  reader.Parsed("listen", "an IPv4 address and a port, such as 0.0.0.0:4646", [&](const std::string& text) {
    return Take(Endpoint::Parse(text), &slave.listen) && slave.listen.port != 0;
  });
  reader.EachString("bootstrap", "an IPv4 address and a port, such as 198.51.100.2:4646",
                    [&](const std::string& text, int) {
                      const auto peer = Endpoint::Parse(text);
                      if (peer) slave.bootstrap.push_back(*peer);
                      return peer && peer->port != 0 && !peer->address.IsMartian();
                    });
  reader.Integer("registration", 10, 86400, &slave.registration);
  reader.Integer("lifetime", 1, 86400, &slave.lifetime);
  reader.Integer("stale", 0, 86400, &slave.stale);
  CheckSlave(reader, *config, slave);
  config->slaves.push_back(std::move(slave));
  return reader.Finish();
}

// The keys that say where a tunnel ends; `key`: the address's.
void ReadLocatorKeys(ConfigReader& reader, std::string_view key, Locator* locator) {
  const std::string wanted = "the IPv4 address of the tunnel's other end, such as 198.51.100.2";
  reader.Require(key, wanted);
  reader.Parsed(key, wanted, [&](const std::string& text) {
    return Take(Ipv4::Parse(text), &locator->address) && !locator->address.IsMartian();
  });
  reader.Parsed("encapsulation", "\"6in4\" or \"udp\"", [&](const std::string& text) {
    return Take(ParseEncapsulation(text), &locator->encapsulation);
  });
  const bool udp = locator->encapsulation == Encapsulation::kUdp;
  int64_t port = udp ? OV6_UDP_PORT : 0, mtu = locator->mtu;
  reader.Integer("port", 1, 65535, &port);
  reader.Integer("mtu", kSmallestDatagram, 65535, &mtu);
  if (!udp && port != 0) {
    reader.Fail("port", "key \"port\" is " + std::to_string(port) +
                            ", and 6in4 has none; it should be left out, or \"encapsulation\" be \"udp\"");
  }
  locator->port = static_cast<uint16_t>(port);
  locator->mtu = static_cast<uint16_t>(mtu);
}

absl::Status ReadLocator(ConfigReader& reader, MappingConfig* mapping) {
  Locator locator;
  int64_t priority = static_cast<int64_t>(mapping->locators.size()) + 1;
  ReadLocatorKeys(reader, "address", &locator);
  reader.Integer("priority", 0, 255, &priority);
  locator.priority = static_cast<uint8_t>(priority);
  mapping->locators.push_back(locator);
  return reader.Finish();
}

void CheckMapping(ConfigReader& reader, const Config& config, const MappingConfig& mapping) {
  const std::string text = "key \"prefix\" is \"" + mapping.prefix.ToString() + "\"";
  if (mapping.prefix.length == 0) {
    reader.Fail("prefix", text + ", which is the management slave's; it should be longer, such as 2000::/3");
  }
  for (const MappingConfig& other : config.mappings) {
    if (other.prefix == mapping.prefix) {
      reader.Fail("prefix", text + ", as an earlier mapping's; it should be a prefix of its own");
    }
  }
  for (const Domain& domain : config.domains) {
    if (mapping.prefix.Contains(domain.prefix)) {
      reader.Fail("prefix", text + ", which covers the domain \"" + domain.name +
                                "\", so that nothing in it would be asked for; it should be outside " +
                                domain.prefix.ToString() + ", or a part of it");
    }
  }
  if (mapping.locators.empty() || mapping.locators.size() > OV6_MAX_LOCATORS) {
    reader.Fail("locators", "key \"locators\" has " + std::to_string(mapping.locators.size()) +
                                " tables; it should be 1 to " + std::to_string(OV6_MAX_LOCATORS));
  }
}

absl::Status ReadMapping(ConfigReader& reader, Config* config) {
  MappingConfig mapping;
  reader.Require("prefix", kPrefixWanted);
  reader.Parsed("prefix", kPrefixWanted,
                [&](const std::string& text) { return Take(Prefix::Parse(text), &mapping.prefix); });
  const bool listed = reader.Has("locators");
  mapping.line = reader.LineOf(listed ? "locators" : "via");
  if (listed) {
    reader.EachTable("locators", "tables such as { address = \"198.51.100.2\" }",
                     [&](ConfigReader& table) { return ReadLocator(table, &mapping); });
  } else {
    ReadLocatorKeys(reader, "via", &mapping.locators.emplace_back());
  }
  std::stable_sort(mapping.locators.begin(), mapping.locators.end(),
                   [](const Locator& a, const Locator& b) { return a.priority < b.priority; });
  CheckMapping(reader, *config, mapping);
  config->mappings.push_back(std::move(mapping));
  return reader.Finish();
}

using ReadTable = absl::Status (*)(ConfigReader&, Config*);

absl::Status ReadTables(const toml::table& root, std::string_view key, ReadTable read, Config* config) {
  const toml::node* node = root.get(key);
  if (node == nullptr) return absl::OkStatus();
  const std::string where = "[[" + std::string(key) + "]]";
  const auto* array = node->as_array();
  for (size_t i = 0; array != nullptr && i < array->size(); ++i) {
    const auto* table = array->get(i)->as_table();
    if (table == nullptr) array = nullptr;
    if (table == nullptr) break;
    ConfigReader reader(*table, config->file, where);
    if (absl::Status status = read(reader, config); !status.ok()) return status;
  }
  if (array != nullptr) return absl::OkStatus();
  return ConfigError(
      config->file, static_cast<int>(node->source().begin.line),
      "\"" + std::string(key) + "\" is not a list of tables; it should be written as " + where);
}

absl::Status ReadTableOf(const toml::table& root, std::string_view key, ReadTable read, Config* config) {
  const toml::node* node = root.get(key);
  if (node == nullptr) return absl::OkStatus();
  const std::string where = "[" + std::string(key) + "]";
  if (!node->is_table()) {
    return ConfigError(config->file, static_cast<int>(node->source().begin.line),
                       "\"" + std::string(key) + "\" is not a table; it should be written as " + where);
  }
  ConfigReader reader(*node->as_table(), config->file, where);
  return read(reader, config);
}

absl::Status ReadRoot(const toml::table& root, Config* config) {
  for (const auto& [key, node] : root) {
    static const std::set<std::string, std::less<>> kKnown = {"node", "datapath", "underlay", "domain",
                                                              "site", "slave",    "mapping"};
    if (kKnown.contains(key.str())) continue;
    return ConfigError(
        config->file, static_cast<int>(key.source().begin.line),
        "unknown key \"" + std::string(key.str()) +
            "\"; known are: [node], [datapath], [[underlay]], [[domain]], [[site]], [[slave]], "
            "[[mapping]]");
  }
  absl::Status status = ReadTableOf(root, "node", ReadNode, config);
  if (status.ok()) status = ReadTableOf(root, "datapath", ReadDatapath, config);
  if (!status.ok()) return status;
  // Domains before what names them.
  const std::pair<std::string_view, ReadTable> lists[] = {{"underlay", ReadUnderlay},
                                                          {"domain", ReadDomain},
                                                          {"site", ReadSite},
                                                          {"slave", ReadSlave},
                                                          {"mapping", ReadMapping}};
  for (const auto& [key, read] : lists) {
    if (status = ReadTables(root, key, read, config); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status CheckSitePrefix(const Config& config, const SitePrefix& site, size_t subnets) {
  const Domain* domain = config.FindDomain(site.domain);
  if (domain == nullptr) {
    return ConfigError(config.file, site.line,
                       "key \"prefixes\" names the domain \"" + site.domain +
                           "\"; it should be the name of a [[domain]] of this file");
  }
  if (!site.prefix) {
    if (domain->trust == Domain::Trust::kAnchors) return absl::OkStatus();  // the delegation says how many
    const int bits = 64 - domain->aggregate;
    if (bits >= 16 || subnets < (size_t{1} << bits)) return absl::OkStatus();
    return ConfigError(config.file, site.line,
                       "key \"prefixes\" asks for the automatic subnet " + std::to_string(subnets) +
                           " of \"" + site.domain + "\", whose aggregate " +
                           std::to_string(domain->aggregate) + " leaves room for " +
                           std::to_string((size_t{1} << bits) - 1) + "; it should be an explicit prefix");
  }
  if (domain->prefix.Contains(*site.prefix)) return absl::OkStatus();
  return ConfigError(config.file, site.line,
                     "key \"prefixes\" has " + site.prefix->ToString() + ", which is not inside " +
                         domain->prefix.ToString() + " of the domain \"" + site.domain +
                         "\"; it should be a /64 inside it");
}

absl::Status CheckSites(const Config& config) {
  std::set<Prefix> seen;
  for (size_t i = 0; i < config.sites.size(); ++i) {
    for (const SitePrefix& site : config.sites[i].prefixes) {
      if (absl::Status status = CheckSitePrefix(config, site, i + 1); !status.ok()) return status;
      if (!site.prefix || seen.insert(*site.prefix).second) continue;
      return ConfigError(config.file, site.line,
                         "key \"prefixes\" has " + site.prefix->ToString() +
                             " for the second time; it should be a prefix of its own");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckInterfaces(const Config& config) {
  std::set<std::string> seen;
  const auto check = [&](const std::string& interface) {
    if (seen.insert(interface).second) return absl::OkStatus();
    return absl::InvalidArgumentError(config.file + ": the interface \"" + interface +
                                      "\" stands in two tables; a device is one underlay or one site");
  };
  absl::Status status;
  for (const auto& underlay : config.underlays) status.Update(check(underlay.interface));
  for (const auto& site : config.sites) status.Update(check(site.interface));
  return status;
}

// What no single table shows.
absl::Status Validate(const Config& config) {
  if (config.underlays.empty()) {
    return absl::InvalidArgumentError(config.file +
                                      ": there is no [[underlay]]; it should name the interface "
                                      "through which other routers are reached");
  }
  absl::Status status = CheckInterfaces(config);
  if (status.ok()) status = CheckSites(config);
  if (status.ok()) status = CheckOwnLocators(config);
  return status;
}

}  // namespace

absl::Status ConfigError(const std::string& file, int line, const std::string& sentence) {
  return absl::InvalidArgumentError(file + ":" + std::to_string(line) + ": " + sentence);
}

const Domain* Config::FindDomain(std::string_view name) const {
  const auto found =
      std::find_if(domains.begin(), domains.end(), [&](const Domain& domain) { return domain.name == name; });
  return found == domains.end() ? nullptr : &*found;
}

absl::Status CheckOwnLocators(const Config& config) {
  for (const MappingConfig& mapping : config.mappings) {
    for (const Locator& locator : mapping.locators) {
      const bool own = std::any_of(config.underlays.begin(), config.underlays.end(),
                                   [&](const UnderlayConfig& u) { return u.address == locator.address; });
      if (!own) continue;
      return ConfigError(
          config.file, mapping.line,
          "the mapping " + mapping.prefix.ToString() + " leads to " + locator.address.ToString() +
              ", which is this router's own; it should be the address of the tunnel's other end");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Config> ParseConfig(std::string_view text, const std::string& file) {
  const toml::parse_result parsed = toml::parse(text, file);
  if (!parsed) {
    return ConfigError(file, static_cast<int>(parsed.error().source().begin.line),
                       "this is not TOML: " + std::string(parsed.error().description()));
  }
  Config config;
  config.file = file;
  absl::Status status = ReadRoot(parsed.table(), &config);
  if (status.ok()) status = Validate(config);
  if (!status.ok()) return status;
  return config;
}

absl::StatusOr<Config> LoadConfig(const std::filesystem::path& file) {
  std::ifstream stream(file);
  std::stringstream text;
  text << stream.rdbuf();
  if (!stream) {
    return absl::NotFoundError(file.string() + ": the configuration can't be read: " + std::strerror(errno));
  }
  auto config = ParseConfig(text.str(), file.string());
  if (!config.ok()) return config;
  if (absl::Status status = ReadDelegations(&*config); !status.ok()) return status;
  return config;
}

}  // namespace ov6
