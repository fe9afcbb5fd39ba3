// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/remote_control.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/json.hpp>
#include <optional>
#include <utility>

#include "userspace/base/netlink.h"
#include "userspace/base/text.h"
#include "userspace/wire/upgrade.h"

namespace ov6 {
namespace {

namespace json = boost::json;

constexpr int kSubnetLength = 64;
constexpr int kNoUnderlay = 65535;        // the MTU while there is none
constexpr uint64_t kMostSubnets = 65536;  // of an aggregate that are looked at

SiteConfig SiteFor(const RemoteToken& token) {
  SiteConfig site;
  site.interface = RemoteControl::DeviceOf(token.name);
  site.remote = token.name;
  if (token.own())
    site.own = token.domain;
  else
    site.prefixes = {{token.domain, token.prefix, 0, true}};
  return site;
}

// The biggest IPv6 packet through every underlay, as OverlayMtu() says it once they are attached.
int MtuOf(const Config& config) {
  int mtu = kNoUnderlay;
  for (const UnderlayConfig& underlay : config.underlays) {
    const auto link = netlink::GetLink(underlay.interface);
    if (link.ok()) mtu = std::min(mtu, static_cast<int>(link->mtu) - Overhead(underlay.encapsulation));
  }
  return std::max(mtu, OV6_MIN_MTU);
}

absl::Status CheckName(const Config& config, const std::string& name) {
  if (!IsSlaveName(name))
    return absl::InvalidArgumentError("\"" + name +
                                      "\" is no slave's name: 1 to 11 characters of a-z, 0-9, -");
  const bool slave = std::any_of(config.slaves.begin(), config.slaves.end(),
                                 [&](const SlaveConfig& s) { return s.name == name; });
  if (slave || name == "gw" || IsReservedSlaveName(name))
    return absl::AlreadyExistsError("\"" + name + "\" is taken");
  const bool device = std::any_of(config.sites.begin(), config.sites.end(), [&](const SiteConfig& s) {
    return s.interface == RemoteControl::DeviceOf(name);
  });
  if (device) return absl::AlreadyExistsError("\"" + RemoteControl::DeviceOf(name) + "\" is a site's device");
  return absl::OkStatus();
}

// nullopt, or why the configuration has no room for it any more.
std::optional<std::string> WhyNotServed(const Config& config, const RemoteToken& token) {
  if (config.FindDomain(token.domain) == nullptr)
    return "it is in the domain " + token.domain + ", which the configuration has no more";
  const absl::Status status = CheckName(config, token.name);
  return status.ok() ? std::nullopt : std::optional(Message(status));
}

bool IsTaken(const NodeLayout& layout, const Prefix& prefix) {
  for (const auto& places : layout.sites) {
    for (const SitePlace& place : places) {
      if (place.prefix.Contains(prefix) || prefix.Contains(place.prefix)) return true;
    }
  }
  return false;
}

// The last subnets of the aggregate: the first ones are the file's sites', by their order.
absl::StatusOr<Prefix> FreeSubnet(const NodeLayout& layout, const std::string& domain) {
  const auto own = layout.own.find(domain);
  if (own == layout.own.end())
    return absl::FailedPreconditionError("this router holds nothing in the domain \"" + domain + "\"");
  const int bits = kSubnetLength - own->second.length;
  const uint64_t all = bits >= 63 ? uint64_t{1} << 63 : uint64_t{1} << std::max(bits, 0);
  for (uint64_t number = all - 1, tried = 0; number > 0 && tried < kMostSubnets; --number, ++tried) {
    const Prefix subnet = Subnet(own->second, number);
    if (!IsTaken(layout, subnet)) return subnet;
  }
  return absl::ResourceExhaustedError(own->second.ToString() + " has no free subnet any more");
}

// "auto", "own" (::/0), or a /64 that is this router's to give away.
absl::StatusOr<Prefix> PrefixFor(const Config& config, const NodeLayout& layout, const NodeKey& key,
                                 const Domain& domain, const std::string& wanted) {
  if (wanted == "auto") return FreeSubnet(layout, domain.name);
  if (wanted == "own") {
    if (domain.trust == Domain::Trust::kSelf) return Prefix{};
    return absl::InvalidArgumentError(
        "in the domain \"" + domain.name +
        "\" no prefix is cut from a key; the prefix should be \"auto\" or a /64");
  }
  const auto prefix = Prefix::Parse(wanted);
  if (!prefix || prefix->length != kSubnetLength)
    return absl::InvalidArgumentError("the prefix is \"" + wanted +
                                      "\"; it should be \"auto\", \"own\" or a /64");
  if (IsTaken(layout, *prefix)) return absl::AlreadyExistsError(prefix->ToString() + " is a site's already");
  if (MayClaim(config, domain, key, *prefix)) return *prefix;
  return absl::PermissionDeniedError(prefix->ToString() + " is not this router's to give away");
}

// What a slave elsewhere is to resolve: a part of the domain. Sites in it are routed before it is asked.
absl::StatusOr<Prefix> AreaFor(const Config& config, const Domain& domain, const std::string& wanted) {
  const auto prefix = Prefix::Parse(wanted);
  if (!prefix || !domain.prefix.Contains(*prefix) || prefix->length > domain.aggregate)
    return absl::InvalidArgumentError(
        "the prefix is \"" + wanted + "\"; what a slave resolves should be inside " +
        domain.prefix.ToString() + ", and a /" + std::to_string(domain.aggregate) + " at most");
  for (const SlaveConfig& slave : config.slaves) {
    if (slave.domain == domain.name && *prefix == domain.prefix)
      return absl::AlreadyExistsError("the slave \"" + slave.name + "\" resolves all of \"" + domain.name +
                                      "\"; another may resolve a part");
  }
  for (const ResolverConfig& other : config.resolvers) {
    if (other.prefix == *prefix)
      return absl::AlreadyExistsError(prefix->ToString() + " is what \"" + other.name + "\" resolves");
  }
  return *prefix;
}

}  // namespace

absl::Status RemoteControl::Load(Config* config) {
  if (absl::Status status = tokens_.Load(); !status.ok()) return status;
  for (const RemoteToken& token : tokens_.tokens()) {
    if (const auto why = WhyNotServed(*config, token)) {
      spdlog::warn("the slave {} elsewhere is not served: {}", token.name, *why);
    } else {
      AddTo(token, config);
    }
  }
  return absl::OkStatus();
}

absl::Status RemoteControl::MakeDevices(const Config& config) {
  for (const SiteConfig& site : config.sites) {
    if (site.remote.empty()) continue;
    if (absl::Status status = MakeDevice(site.remote, MtuOf(config)); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status RemoteControl::FollowDevices(const Config& config) {
  const int mtu = MtuOf(config);
  absl::Status status;
  for (const auto& [name, site] : sites_) {
    if (!site->Gone()) {
      if (mtu != kNoUnderlay) status.Update(site->SetMtu(mtu));
      continue;
    }
    spdlog::warn("somebody deleted the device {}: it is made again", site->device());
    status.Update(MakeDevice(name, mtu));
  }
  return status;
}

absl::Status RemoteControl::MakeDevice(const std::string& name, int mtu) {
  auto device = TunDevice::Make(DeviceOf(name), false, mtu);
  if (!device.ok()) return device.status();
  sites_[name] = std::make_shared<RemoteSite>(io_, *std::move(device));
  return absl::OkStatus();
}

absl::Status RemoteControl::Listen(const std::vector<ListenConfig>& listeners) {
  for (const ListenConfig& config : listeners) {
    auto listener = RemoteListener::Listen(io_, config);
    if (!listener.ok()) return listener.status();
    spdlog::info("slaves from elsewhere may connect to {}, {}", config.address.ToString(),
                 config.certificate.empty() ? "plain" : "by TLS");
    listeners_.push_back(*std::move(listener));
  }
  return absl::OkStatus();
}

void RemoteControl::Start(const RemoteListener::Handler& handler) {
  for (const auto& listener : listeners_) listener->Start(handler);
}

absl::StatusOr<RemoteControl::Added> RemoteControl::Add(const Config& config, const NodeLayout& layout,
                                                        const NodeKey& key, const json::object& body) {
  RemoteToken token;
  token.name = TextIn(body, "name");
  token.domain = TextIn(body, "domain");
  token.made = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  const auto* replace = body.if_contains("replace");
  token.replace = replace != nullptr && replace->is_bool() && replace->get_bool();
  if (const std::string kind = TextIn(body, "kind"); !kind.empty()) {
    const auto parsed = ParseSlaveKind(kind);
    if (!parsed || (*parsed != SlaveKind::kGateway && *parsed != SlaveKind::kDht))
      return absl::InvalidArgumentError("the kind is \"" + kind +
                                        "\"; a slave elsewhere is a gateway, or resolves (dht)");
    token.kind = *parsed;
  }
  if (absl::Status status = tokens_.CheckRoom(token.name); !status.ok()) return status;
  if (absl::Status status = CheckName(config, token.name); !status.ok()) return status;
  const Domain* domain = config.FindDomain(token.domain);
  if (domain == nullptr) return absl::NotFoundError("no [[domain]] is named \"" + token.domain + "\"");
  const std::string wanted = TextIn(body, "prefix");
  const auto prefix = token.kind == SlaveKind::kDht ? AreaFor(config, *domain, wanted)
                                                    : PrefixFor(config, layout, key, *domain, wanted);
  if (!prefix.ok()) return prefix.status();
  token.prefix = *prefix;
  const bool gateway = token.kind == SlaveKind::kGateway;
  absl::Status status = gateway ? MakeDevice(token.name, MtuOf(config)) : absl::OkStatus();
  if (!status.ok()) return status;
  const auto secret = tokens_.Add(token, TextIn(body, "token"));
  if (!secret.ok()) {
    sites_.erase(token.name);
    return secret.status();
  }
  return Added{token,
               {{"name", token.name},
                {"kind", std::string(ToString(token.kind))},
                {"prefix", token.own() ? "own" : token.prefix.ToString()},
                {"domain", token.domain},
                {"token", *secret}}};
}

void RemoteControl::AddTo(const RemoteToken& token, Config* config) {
  if (token.kind == SlaveKind::kGateway)
    config->sites.push_back(SiteFor(token));
  else
    config->resolvers.push_back({token.name, token.domain, token.prefix});
}

bool RemoteControl::RemoveFrom(const std::string& name, Config* config) {
  std::erase_if(config->resolvers, [&](const ResolverConfig& resolver) { return resolver.name == name; });
  return std::erase_if(config->sites, [&](const SiteConfig& site) { return site.remote == name; }) != 0;
}

absl::Status RemoteControl::Remove(const std::string& name) {
  if (absl::Status status = tokens_.Remove(name); !status.ok()) return status;
  sites_.erase(name);
  return absl::OkStatus();
}

std::shared_ptr<RemoteSite> RemoteControl::SiteOf(const std::string& name) const {
  const auto found = sites_.find(name);
  return found == sites_.end() ? nullptr : found->second;
}

std::shared_ptr<RemoteSite> RemoteControl::SiteAt(uint32_t ifindex) const {
  const auto found =
      std::ranges::find_if(sites_, [&](const auto& s) { return s.second->ifindex() == ifindex; });
  return found == sites_.end() ? nullptr : found->second;
}

json::object RemoteControl::Json() const {
  json::array listeners;
  for (const auto& listener : listeners_) {
    const ListenerCounters c = listener->counters();
    listeners.push_back({{"address", listener->address().ToString()},
                         {"tls", !listener->config().certificate.empty()},
                         {"accepted", c.accepted},
                         {"refused_source", c.refused_source},
                         {"refused_full", c.refused_full},
                         {"silent", c.silent},
                         {"waited", c.waited},
                         {"no_descriptor", c.no_descriptor}});
  }
  return {{"tokens", tokens_.Json()}, {"listeners", std::move(listeners)}};
}

}  // namespace ov6
