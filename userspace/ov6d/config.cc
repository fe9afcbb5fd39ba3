// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/config.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>

#include "absl/strings/ascii.h"
#include "userspace/base/files.h"
#include "userspace/ov6d/config_reader.h"
#include "userspace/ov6d/config_tables.h"
#include "userspace/ov6d/delegation_files.h"

namespace ov6 {
namespace {

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
                                                              "site", "slave",    "mapping",  "listen"};
    if (kKnown.contains(key.str())) continue;
    return ConfigError(
        config->file, static_cast<int>(key.source().begin.line),
        "unknown key \"" + std::string(key.str()) +
            "\"; known are: [node], [datapath], [[underlay]], [[domain]], [[site]], [[slave]], "
            "[[mapping]], [[listen]]");
  }
  absl::Status status = ReadTableOf(root, "node", ReadNode, config);
  if (status.ok()) status = ReadTableOf(root, "datapath", ReadDatapath, config);
  if (!status.ok()) return status;
  // Domains before what names them.
  const std::pair<std::string_view, ReadTable> lists[] = {{"underlay", ReadUnderlay}, {"domain", ReadDomain},
                                                          {"site", ReadSite},         {"slave", ReadSlave},
                                                          {"mapping", ReadMapping},   {"listen", ReadListen}};
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
    if (config.UplinkOf(site.domain) != nullptr) {
      return ConfigError(
          config.file, site.line,
          "key \"prefixes\" asks for an automatic subnet of \"" + site.domain +
              "\", which an uplink serves; it should be the prefix that `ov6ctl token new` gave "
              "on the master");
    }
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

// The slave could not read a file that is root's alone, so that it is told.
absl::Status ReadUplinkTokens(Config* config) {
  for (SlaveConfig& slave : config->slaves) {
    if (slave.kind != SlaveKind::kUplink) continue;
    auto text = ReadFile(slave.token_file);
    if (!text.ok()) {
      return ConfigError(config->file, slave.line,
                         "the token can't be read: " + std::string(text.status().message()));
    }
    slave.token = std::string(absl::StripAsciiWhitespace(*text));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ConfigError(const std::string& file, int line, const std::string& sentence) {
  return absl::InvalidArgumentError(file.empty() ? sentence
                                                 : file + ":" + std::to_string(line) + ": " + sentence);
}

const Domain* Config::FindDomain(std::string_view name) const {
  const auto found =
      std::find_if(domains.begin(), domains.end(), [&](const Domain& domain) { return domain.name == name; });
  return found == domains.end() ? nullptr : &*found;
}

const SlaveConfig* Config::UplinkOf(std::string_view domain) const {
  const auto found = std::find_if(slaves.begin(), slaves.end(), [&](const SlaveConfig& slave) {
    return slave.kind == SlaveKind::kUplink && slave.domain == domain;
  });
  return found == slaves.end() ? nullptr : &*found;
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
  if (absl::Status status = ReadUplinkTokens(&*config); !status.ok()) return status;
  return config;
}

}  // namespace ov6
