// SPDX-License-Identifier: Apache-2.0
// What the file says of overlays: [[domain]], and [[slave]], which serves one.
#include <algorithm>

#include "userspace/ov6d/config_tables.h"
#include "userspace/wire/ownership.h"
#include "userspace/wire/upgrade.h"

namespace ov6 {
namespace {

constexpr int kLongestAggregate = 64;    // OwnedPrefix cuts no longer ones
constexpr int64_t kDefaultSecurity = 1;  // 2^16 hashes at the first start: some 20 ms
const char* const kAnchorWanted = "64 hexadecimal digits, as `ov6ctl key show` prints a public key";
const char* const kNameWanted = "1 to 11 of the characters a-z, 0-9 and \"-\"";

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

void CheckSlave(ConfigReader& reader, const Config& config, const SlaveConfig& slave) {
  if (config.FindDomain(slave.domain) == nullptr) {
    reader.Fail("domain", "key \"domain\" is \"" + slave.domain +
                              "\"; it should be the name of a [[domain]] of this file");
  }
  const bool taken = std::any_of(config.slaves.begin(), config.slaves.end(),
                                 [&](const SlaveConfig& other) { return other.name == slave.name; });
  if (taken || IsReservedSlaveName(slave.name)) {
    reader.Fail("name",
                "key \"name\" is \"" + slave.name + "\", which is taken; it should be a name of its own");
  }
  for (const SlaveConfig& other : config.slaves) {
    if (other.domain == slave.domain) {
      reader.Fail("domain", "key \"domain\" is \"" + slave.domain + "\", which the slave \"" + other.name +
                                "\" serves already; it should be a domain of its own");
    }
    const bool both_listen = other.kind == SlaveKind::kDht && slave.kind == SlaveKind::kDht;
    if (both_listen && other.listen.port == slave.listen.port) {
      reader.Fail("listen", "key \"listen\" is \"" + slave.listen.ToString() + "\", whose port the slave \"" +
                                other.name + "\" has already; it should be another port");
    }
  }
}

void ReadRing(ConfigReader& reader, RingConfig* ring) {
  const auto number = [&reader](std::string_view key, int64_t first, int64_t last, auto* out) {
    int64_t value = *out;
    reader.Integer(key, first, last, &value);
    *out = static_cast<std::remove_reference_t<decltype(*out)>>(value);
  };
  reader.Parsed("lookups", "\"iterative\" or \"recursive\"",
                [&](const std::string& text) { return Take(ParseLookups(text), &ring->lookups); });
  number("successors", 1, RingConfig::kMostSuccessors, &ring->successors);
  number("replicas", 1, RingConfig::kMostSuccessors, &ring->replicas);
  number("reads", 1, RingConfig::kMostSuccessors, &ring->reads);
  number("table_members", 0, RingConfig::kMostMembers, &ring->table_members);
  number("table_budget", 1, RingConfig::kMostBudget, &ring->table_budget);
  const std::string wrong = Validate(*ring);
  if (reader.ok() && !wrong.empty()) reader.Fail(reader.Has("replicas") ? "replicas" : "successors", wrong);
}

void ReadDht(ConfigReader& reader, SlaveConfig* slave) {
  reader.Parsed("engine", "\"chord\"", [&](const std::string& text) { return text == "chord"; });
  reader.Parsed("listen", "an IPv4 address and a port, such as 0.0.0.0:4646", [&](const std::string& text) {
    return Take(Endpoint::Parse(text), &slave->listen) && slave->listen.port != 0;
  });
  reader.EachString("bootstrap", "an IPv4 address and a port, such as 198.51.100.2:4646",
                    [&](const std::string& text, int) {
                      const auto peer = Endpoint::Parse(text);
                      if (peer) slave->bootstrap.push_back(*peer);
                      return peer && peer->port != 0 && !peer->address.IsMartian();
                    });
  reader.Integer("registration", 10, 86400, &slave->registration);
  reader.Integer("lifetime", 1, 86400, &slave->lifetime);
  reader.Integer("stale", 0, 86400, &slave->stale);
  ReadRing(reader, &slave->ring);
}

void ReadUplink(ConfigReader& reader, SlaveConfig* slave) {
  constexpr char kMasterWanted[] = "https://HOST[:PORT], or http:// on a network that is trusted";
  reader.Require("masters", "a list of " + std::string(kMasterWanted));
  reader.EachString("masters", kMasterWanted, [&](const std::string& text, int) {
    slave->masters.push_back(text);
    return text.starts_with("https://") || text.starts_with("http://");
  });
  if (reader.ok() && slave->masters.empty())
    reader.Fail("masters", "key \"masters\" is empty; it should be a list of " + std::string(kMasterWanted));
  reader.Require("token_file", "a file with what `ov6ctl token new` printed");
  ReadPath(reader, "token_file", &slave->token_file);
  reader.String("proxy", &slave->proxy);
  ReadPath(reader, "authorities", &slave->authorities);
}

}  // namespace

bool IsReservedSlaveName(std::string_view name) {
  if (name.starts_with("gw") && name.size() > 2 && name.find_first_not_of("0123456789", 2) == name.npos)
    return true;
  // ov6-self, ov6-selfp and ov6-master are devices of ov6d's own.
  static constexpr std::string_view kReserved[] = {"management", "self", "selfp", "master", "daemon"};
  return std::find(std::begin(kReserved), std::end(kReserved), name) != std::end(kReserved);
}

absl::Status ReadDomain(ConfigReader& reader, Config* config) {
  Domain domain;
  int64_t aggregate = domain.aggregate;
  reader.Require("name", kNameWanted);
  reader.Parsed("name", kNameWanted, [&](const std::string& text) {
    domain.name = text;
    return IsSlaveName(text);
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

absl::Status ReadSlave(ConfigReader& reader, Config* config) {
  SlaveConfig slave;
  slave.line = reader.line();
  reader.Require("kind", "\"dht\" or \"uplink\"");
  reader.Parsed("kind",
                "\"dht\" or \"uplink\" (gateways and the management slave are started for every site)",
                [&](const std::string& text) {
                  if (text == "uplink") slave.kind = SlaveKind::kUplink;
                  return text == "dht" || text == "uplink";
                });
  slave.name = std::string(ToString(slave.kind));
  reader.Parsed("name", kNameWanted, [&](const std::string& text) {
    slave.name = text;
    return IsSlaveName(text);
  });
  reader.Require("domain", "the name of a [[domain]] of this file");
  reader.String("domain", &slave.domain);
  slave.kind == SlaveKind::kUplink ? ReadUplink(reader, &slave) : ReadDht(reader, &slave);
  CheckSlave(reader, *config, slave);
  config->slaves.push_back(std::move(slave));
  return reader.Finish();
}

}  // namespace ov6
