// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/node_layout.h"

#include <algorithm>
#include <boost/json/array.hpp>

#include "userspace/base/text.h"

namespace ov6 {
namespace {

namespace json = boost::json;

constexpr int kSubnetLength = 64;

std::string Text(std::string_view text) { return std::string(text); }

void AddOnce(std::vector<Prefix>* list, const Prefix& prefix) {
  if (std::find(list->begin(), list->end(), prefix) == list->end()) list->push_back(prefix);
}

// The widest prefix with room for a site that is delegated to the key in the domain.
std::optional<Prefix> WidestDelegated(const Config& config, const Domain& domain, const PublicKey& key) {
  std::optional<Prefix> widest;
  for (const DelegationToken& token : config.delegations) {
    const Prefix& prefix = token.chain.back().prefix;
    const bool fits = prefix.length <= kSubnetLength && domain.prefix.Contains(prefix);
    if (token.domain != domain.name || token.chain.back().subject != key || !fits) continue;
    if (!widest || prefix.length < widest->length) widest = prefix;
  }
  return widest;
}

std::optional<Prefix> Own(const Config& config, const Domain& domain, const NodeKey& key) {
  if (domain.trust != Domain::Trust::kAnchors) return key.Owned(domain);
  return WidestDelegated(config, domain, key.key.public_key());
}

bool HasMoved(const Config& config, const std::string& domain, const Prefix& prefix) {
  return std::any_of(config.moved.begin(), config.moved.end(), [&](const MovedPrefix& moved) {
    return moved.domain == domain && moved.prefix.Contains(prefix);
  });
}

absl::StatusOr<SitePlace> PlaceAuto(const Config& config, const SitePrefix& site, size_t number,
                                    NodeLayout* layout) {
  const auto found = layout->own.find(site.domain);
  const std::string asked = "key \"prefixes\" asks for an automatic subnet of \"" + site.domain + "\", ";
  if (found == layout->own.end()) {
    return ConfigError(config.file, site.line,
                       asked +
                           "where nothing is delegated to this node's key; \"delegation\" should name a file "
                           "that `ov6ctl delegate` made for it, or the prefix be an explicit one");
  }
  const Prefix& own = found->second;
  const int bits = kSubnetLength - own.length;
  if (bits < 16 && number >= (size_t{1} << bits)) {
    return ConfigError(config.file, site.line,
                       asked + "but " + own.ToString() + " has no subnet " + std::to_string(number) +
                           "; it should be an explicit prefix");
  }
  if (!HasMoved(config, site.domain, own)) AddOnce(&layout->registrations[site.domain], own);
  AddOnce(&layout->rejects, own);
  return SitePlace{Subnet(own, number), site.domain};
}

absl::StatusOr<SitePlace> Place(const Config& config, const NodeKey& key, const SitePrefix& site,
                                size_t number, NodeLayout* layout) {
  const Domain& domain = *config.FindDomain(site.domain);
  if (!site.prefix) return PlaceAuto(config, site, number, layout);
  if (!MayClaim(config, domain, key, *site.prefix)) {
    const auto own = layout->own.find(site.domain);
    const std::string held = own == layout->own.end() ? "nothing" : own->second.ToString();
    return ConfigError(config.file, site.line,
                       "key \"prefixes\" has " + site.prefix->ToString() + ", but in the domain \"" +
                           site.domain + "\" (trust = \"" + Text(ToString(domain.trust)) +
                           "\") this node's key holds " + held + "; it should be inside that, or \"" +
                           site.domain + ":auto\", or \"delegation\" name a file with a delegation of it");
  }
  const auto own = layout->own.find(site.domain);
  const bool cut = site.cut && own != layout->own.end() && own->second.Contains(*site.prefix);
  const Prefix& registered = cut ? own->second : *site.prefix;
  if (!HasMoved(config, site.domain, registered)) AddOnce(&layout->registrations[site.domain], registered);
  if (cut) AddOnce(&layout->rejects, registered);
  return SitePlace{*site.prefix, site.domain};
}

// A site's address if there is a site in the domain, else one of the router's own, which is registered as
// a site would be: subnet 0, which no site gets. None where it holds nothing.
std::optional<SelfPlace> PlaceSelf(const Config& config, const Domain& domain, NodeLayout* layout) {
  for (const auto& site : layout->sites) {
    for (const SitePlace& place : site) {
      if (place.domain == domain.name && place.IsSubnet())
        return SelfPlace{domain.name, place.RouterAddress(), false};
    }
  }
  const auto own = layout->own.find(domain.name);
  if (config.UplinkOf(domain.name) != nullptr) return std::nullopt;
  if (own == layout->own.end() || HasMoved(config, domain.name, own->second)) return std::nullopt;
  AddOnce(&layout->registrations[domain.name], own->second);
  AddOnce(&layout->rejects, own->second);
  return SelfPlace{domain.name, SitePlace{own->second, domain.name}.RouterAddress(), true};
}

absl::Status CheckMappings(const Config& config, const NodeLayout& layout) {
  for (const MappingConfig& mapping : config.mappings) {
    const auto refuse = [&](const Prefix& ours, const std::string& what) {
      return ConfigError(config.file, mapping.line,
                         "the mapping " + mapping.prefix.ToString() + " leads away what is " + what + " (" +
                             ours.ToString() + "); it should be another prefix");
    };
    for (const auto& site : layout.sites) {
      for (const SitePlace& place : site) {
        if (place.prefix.Contains(mapping.prefix)) return refuse(place.prefix, "a site's of this router");
      }
    }
    for (const Prefix& own : layout.rejects) {
      if (own == mapping.prefix) return refuse(own, "this router's own");
    }
  }
  return absl::OkStatus();
}

json::object NodeJson(const NodeKey& key) {
  return {{"public_key", ToHex(key.key.public_key())}, {"modifier", ToHex(key.modifier)}};
}

std::vector<Locator> OwnLocators(const std::vector<DeviceState>& devices) {
  std::vector<Locator> locators;
  for (const DeviceState& device : devices) {
    if (device.value.role != OV6_DEVICE_UNDERLAY || locators.size() == OV6_MAX_LOCATORS) continue;
    const auto encapsulation = static_cast<Encapsulation>(device.value.encapsulation);
    const bool udp = encapsulation == Encapsulation::kUdp;
    locators.push_back({.address = Ipv4::FromBe(device.value.address),
                        .encapsulation = encapsulation,
                        .port = udp ? __builtin_bswap16(device.value.udp_port) : uint16_t{0}});
  }
  return locators;
}

// Where STUN is answered: at the tunnel ports.
json::array StunJson(const std::vector<DeviceState>& devices) {
  json::array servers;
  for (const DeviceState& device : devices) {
    if (device.value.role != OV6_DEVICE_UNDERLAY) continue;
    servers.emplace_back(
        Endpoint{Ipv4::FromBe(device.value.address), __builtin_bswap16(device.value.udp_port)}.ToString());
  }
  return servers;
}

json::array LocatorsJson(const std::vector<Locator>& locators) {
  json::array array;
  for (const Locator& locator : locators) {
    array.push_back({{"address", locator.address.ToString()},
                     {"encapsulation", Text(ToString(locator.encapsulation))},
                     {"port", locator.port},
                     {"mtu", locator.mtu}});
  }
  return array;
}

SlavePlan PlanManagement(const Config& config, const NodeLayout& layout) {
  std::vector<Prefix> taken;
  for (const Domain& domain : config.domains) AddOnce(&taken, domain.prefix);
  for (const auto& site : layout.sites) {
    for (const SitePlace& place : site) AddOnce(&taken, place.prefix);
  }
  for (const MappingConfig& mapping : config.mappings) AddOnce(&taken, mapping.prefix);
  SlavePlan plan;
  plan.name = "management";
  plan.kind = SlaveKind::kManagement;
  plan.prefixes = {Prefix{}};
  plan.port = true;
  plan.config["taken"] = Strings(taken);
  return plan;
}

json::object DomainJson(const Domain& domain) {
  json::array anchors;
  for (const PublicKey& anchor : domain.anchors) anchors.emplace_back(ToHex(anchor));
  json::array aggregates(domain.aggregates.begin(), domain.aggregates.end());
  const bool zeroing = domain.resolving == Domain::Resolving::kZeroing;
  return {{"name", domain.name},
          {"prefix", domain.prefix.ToString()},
          {"aggregate", domain.aggregate},
          {"aggregates", std::move(aggregates)},
          {"resolver", zeroing ? "zeroing" : "aggregates"},
          {"prove", domain.prove},
          {"trust", Text(ToString(domain.trust))},
          {"security", domain.security},
          {"anchors", std::move(anchors)}};
}

SlavePlan PlanGateway(const Config& config, const NodeLayout& layout, size_t site,
                      const std::vector<DeviceState>& devices) {
  SlavePlan plan;
  const std::string& remote = config.sites[site].remote;
  plan.name = remote.empty() ? "gw" + std::to_string(site) : remote;
  plan.kind = SlaveKind::kGateway;
  plan.remote = !remote.empty();
  plan.interface = config.sites[site].interface;
  for (const DeviceState& device : devices) {
    if (device.interface == plan.interface) plan.ifindex = device.ifindex;
  }
  json::array advertise, routed;
  for (const SitePlace& place : layout.sites[site]) {
    plan.prefixes.push_back(place.prefix);
    if (!place.IsSubnet()) {
      routed.emplace_back(place.prefix.ToString());
      continue;
    }
    advertise.push_back({{"prefix", place.prefix.ToString()},
                         {"domain", place.domain},
                         {"domain_prefix", config.FindDomain(place.domain)->prefix.ToString()}});
  }
  plan.config = {{"interface", plan.interface},
                 {"ifindex", plan.ifindex},
                 {"mtu", OverlayMtu(devices)},
                 {"routed", std::move(routed)},
                 {"advertise", std::move(advertise)}};
  if (plan.remote) {
    plan.config["remote"] = plan.config["segments"] = true;
    plan.config["stun"] = StunJson(devices);
  }
  if (const Domain* own = config.FindDomain(config.sites[site].own)) {
    plan.claims = true;
    plan.config["own"] = {{"domain", DomainJson(*own)}};
  }
  return plan;
}

SlavePlan PlanResolver(const Config& config, const ResolverConfig& resolver,
                       const std::vector<DeviceState>& devices) {
  SlavePlan plan;
  plan.name = resolver.name;
  plan.kind = SlaveKind::kDht;
  plan.prefixes = {resolver.prefix};
  plan.port = plan.remote = true;
  plan.domain = resolver.domain;
  plan.config = {{"remote", true},
                 {"mtu", OverlayMtu(devices)},
                 {"domain", DomainJson(*config.FindDomain(resolver.domain))}};
  return plan;
}

// Those in the domain that are this key's; others in the files are some other router's.
json::array AddDelegations(const Config& config, const PublicKey& key, SlavePlan* plan) {
  json::array texts;
  for (const DelegationToken& token : config.delegations) {
    if (token.domain != plan->domain || token.chain.back().subject != key) continue;
    plan->delegations.push_back(token);
    AddOnce(&plan->own, token.chain.back().prefix);
    texts.emplace_back(EncodeToken(token));
  }
  return texts;
}

json::object RingJson(const RingConfig& ring) {
  return {{"lookups", ToString(ring.lookups)},   {"successors", ring.successors},
          {"replicas", ring.replicas},           {"reads", ring.reads},
          {"table_members", ring.table_members}, {"table_budget", ring.table_budget}};
}

SlavePlan PlanDht(const Config& config, const NodeLayout& layout, const NodeKey& key,
                  const SlaveConfig& slave, const std::vector<DeviceState>& devices) {
  const Domain& domain = *config.FindDomain(slave.domain);
  SlavePlan plan;
  plan.name = slave.name;
  plan.kind = slave.kind;
  plan.prefixes = {domain.prefix};
  for (const MovedPrefix& moved : config.moved) {
    if (moved.domain == domain.name) AddOnce(&plan.prefixes, moved.prefix);
  }
  plan.port = true;
  plan.domain = domain.name;
  if (const auto found = layout.registrations.find(domain.name); found != layout.registrations.end())
    plan.registrations = found->second;
  plan.locators = OwnLocators(devices);
  std::vector<Prefix> awaited;
  for (const Prefix& prefix : plan.registrations) {
    if (layout.awaited.contains(prefix)) awaited.push_back(prefix);
  }
  json::array bootstrap;
  for (const Endpoint& peer : slave.bootstrap) bootstrap.emplace_back(peer.ToString());
  if (const auto own = layout.own.find(domain.name); own != layout.own.end()) AddOnce(&plan.own, own->second);
  plan.config = {{"domain", DomainJson(domain)},
                 {"engine", slave.engine},
                 {"listen", slave.listen.ToString()},
                 {"bootstrap", std::move(bootstrap)},
                 {"ring", RingJson(slave.ring)},
                 {"registration_s", slave.registration},
                 {"lifetime_s", slave.lifetime},
                 {"stale_s", slave.stale},
                 {"registrations", Strings(plan.registrations)},
                 {"awaited", Strings(awaited)},
                 {"delegations", AddDelegations(config, key.key.public_key(), &plan)},
                 {"locators", LocatorsJson(plan.locators)}};
  return plan;
}

// It takes every packet for the domain that has no better way. The prefixes are what it has to find assigned.
SlavePlan PlanUplink(const Config& config, const NodeLayout& layout, const SlaveConfig& slave) {
  SlavePlan plan;
  plan.name = slave.name;
  plan.kind = slave.kind;
  plan.prefixes = {config.FindDomain(slave.domain)->prefix};
  plan.port = true;
  plan.domain = slave.domain;
  std::vector<Prefix> sites;
  for (const auto& site : layout.sites) {
    for (const SitePlace& place : site) {
      if (place.domain == slave.domain) AddOnce(&sites, place.prefix);
    }
  }
  plan.config = {{"masters", json::array(slave.masters.begin(), slave.masters.end())},
                 {"token", slave.token},
                 {"proxy", slave.proxy},
                 {"authorities", slave.authorities.string()},
                 {"sites", Strings(sites)}};
  return plan;
}

}  // namespace

Prefix Subnet(const Prefix& aggregate, size_t number) {
  Prefix subnet{aggregate.address, kSubnetLength};
  for (int byte = 7; byte >= 0 && number != 0; --byte, number >>= 8) {
    subnet.address.bytes[static_cast<size_t>(byte)] |= static_cast<uint8_t>(number);
  }
  return subnet;
}

bool MayClaim(const Config& config, const Domain& domain, const NodeKey& key, const Prefix& prefix) {
  if (config.UplinkOf(domain.name) != nullptr) return true;  // the master there says what is whose
  const PublicKey& own = key.key.public_key();
  if (domain.trust == Domain::Trust::kOpen) return true;
  if (domain.trust == Domain::Trust::kSelf && key.Owned(domain).Contains(prefix)) return true;
  const bool anchor = std::find(domain.anchors.begin(), domain.anchors.end(), own) != domain.anchors.end();
  return anchor || FindToken(config.delegations, domain.name, own, prefix) != nullptr;
}

Ipv6 SitePlace::RouterAddress() const {
  Ipv6 address = prefix.address;
  address.bytes[15] = 1;
  return address;
}

int OverlayMtu(const std::vector<DeviceState>& devices) {
  int mtu = 65535;
  for (const DeviceState& device : devices) {
    if (device.value.role != OV6_DEVICE_UNDERLAY) continue;
    mtu = std::min(mtu, device.value.mtu - Overhead(static_cast<Encapsulation>(device.value.encapsulation)));
  }
  return std::max(mtu, OV6_MIN_MTU);
}

uint32_t LeastSecurity(const Config& config) {
  uint32_t least = 0;
  for (const Domain& domain : config.domains) least = std::max(least, domain.security);
  return least;
}

std::string SlavePlan::Executable() const { return "ov6-" + Text(ToString(kind)); }

absl::StatusOr<NodeLayout> LayOut(const Config& config, const NodeKey& key) {
  NodeLayout layout;
  for (const Domain& domain : config.domains) {
    if (const auto own = Own(config, domain, key)) layout.own[domain.name] = *own;
  }
  for (size_t i = 0; i < config.sites.size(); ++i) {
    std::vector<SitePlace> places;
    for (const SitePrefix& site : config.sites[i].prefixes) {
      auto place = Place(config, key, site, i + 1, &layout);
      if (!place.ok()) return place.status();
      if (places.empty() && layout.site_addresses.size() == i)
        layout.site_addresses.push_back(place->RouterAddress());
      if (!HasMoved(config, place->domain, place->prefix)) places.push_back(*std::move(place));
    }
    if (layout.site_addresses.size() == i) layout.site_addresses.emplace_back();
    layout.sites.push_back(std::move(places));
  }
  for (const SlaveConfig& slave : config.slaves) {
    if (const auto self = PlaceSelf(config, *config.FindDomain(slave.domain), &layout))
      layout.selves.push_back(*self);
  }
  const bool any_site = !layout.sites.empty() && !layout.sites.front().empty();
  if (layout.selves.empty() && !config.mappings.empty() && any_site) {
    const SitePlace& first = layout.sites.front().front();
    layout.selves.push_back({first.domain, first.RouterAddress(), false});
  }
  if (absl::Status status = CheckMappings(config, layout); !status.ok()) return status;
  return layout;
}

std::vector<SlavePlan> PlanSlaves(const Config& config, const NodeLayout& layout, const NodeKey& key,
                                  const std::vector<DeviceState>& devices) {
  std::vector<SlavePlan> plans = {PlanManagement(config, layout)};
  for (size_t i = 0; i < config.sites.size(); ++i) plans.push_back(PlanGateway(config, layout, i, devices));
  for (const SlaveConfig& slave : config.slaves) {
    plans.push_back(slave.kind == SlaveKind::kUplink ? PlanUplink(config, layout, slave)
                                                     : PlanDht(config, layout, key, slave, devices));
  }
  for (const ResolverConfig& resolver : config.resolvers)
    plans.push_back(PlanResolver(config, resolver, devices));
  uid_t uid = config.node.uid_base;
  for (SlavePlan& plan : plans) {
    if (!plan.remote) plan.uid = uid++;
    plan.config["name"] = plan.name;
    plan.config["kind"] = Text(ToString(plan.kind));
    plan.config["node"] = NodeJson(key);
    for (const SlavePlan& other : plans) {
      if (&other != &plan)
        plan.others.insert(plan.others.end(), other.prefixes.begin(), other.prefixes.end());
    }
  }
  return plans;
}

}  // namespace ov6
