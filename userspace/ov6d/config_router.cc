// SPDX-License-Identifier: Apache-2.0
// What the file says of the router itself: [node], [datapath], [[underlay]], [[site]], [[listen]].
#include <net/if.h>

#include "userspace/ov6d/config_tables.h"

namespace ov6 {
namespace {

constexpr int64_t kLastUid = 0x7ffffff0;
constexpr int64_t kMostPackets = 10'000'000;  // a second, or in a burst
constexpr int64_t kMostFrontSets = 65536;
constexpr int64_t kDay = 24 * 3600;
constexpr int64_t kFirstFreePort = 1024;  // below it a socket needs CAP_NET_BIND_SERVICE
const char* const kInterfaceWanted = "the name of an interface, 1 to 15 characters";
const char* const kSitePrefixWanted =
    "\"DOMAIN:auto\" or \"DOMAIN:PREFIX\" with a domain of this file and a /64 inside it";

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

}  // namespace

void ReadPath(ConfigReader& reader, std::string_view key, std::filesystem::path* out) {
  reader.Parsed(key, "an absolute path", [out](const std::string& text) {
    *out = text;
    return out->is_absolute();
  });
}

void ReadDelegation(ConfigReader& reader, const std::string& domain, Config* config) {
  DelegationFile file{{}, domain, reader.LineOf("delegation")};
  ReadPath(reader, "delegation", &file.path);
  if (!file.path.empty()) config->delegation_files.push_back(std::move(file));
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
  number("front_sets", 0, kMostFrontSets, &datapath.front_sets);
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

absl::Status ReadListen(ConfigReader& reader, Config* config) {
  ListenConfig listen;
  reader.Require("address", "an IPv4 address and a TCP port, such as 0.0.0.0:443");
  reader.Parsed("address", "an IPv4 address and a TCP port, such as 0.0.0.0:443",
                [&](const std::string& text) {
                  return Take(Endpoint::Parse(text), &listen.address) && listen.address.port != 0;
                });
  ReadPath(reader, "certificate", &listen.certificate);
  ReadPath(reader, "key", &listen.key);
  ReadPath(reader, "client_authorities", &listen.client_authorities);
  if (listen.certificate.empty() != listen.key.empty()) {
    const char* const missing = listen.key.empty() ? "key" : "certificate";
    reader.Fail("address", "key \"" + std::string(missing) +
                               "\" is missing; TLS takes both \"certificate\" and \"key\", PEM files");
  }
  if (!listen.client_authorities.empty() && listen.certificate.empty()) {
    reader.Fail("client_authorities",
                "key \"client_authorities\" stands without \"certificate\"; only over TLS is a client asked "
                "for one");
  }
  const bool twice = std::any_of(config->listeners.begin(), config->listeners.end(),
                                 [&](const ListenConfig& other) { return other.address == listen.address; });
  if (reader.ok() && twice) {
    reader.Fail("address", "key \"address\" is \"" + listen.address.ToString() +
                               "\", as an earlier [[listen]]'s; it should be an address of its own");
  }
  config->listeners.push_back(std::move(listen));
  return reader.Finish();
}

}  // namespace ov6
