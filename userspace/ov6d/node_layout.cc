// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/node_layout.h"

#include <algorithm>
#include <boost/json/array.hpp>

#include "userspace/ov6d/text.h"

namespace ov6 {
namespace {

namespace json = boost::json;

constexpr int kSubnetLength = 64;

std::string Text(std::string_view text) { return std::string(text); }

// Subnet `number` of an aggregate: the bits between it and /64.
Prefix Subnet(const Prefix& aggregate, size_t number) {
  Prefix subnet{aggregate.address, kSubnetLength};
  for (int byte = 7; byte >= 0 && number != 0; --byte, number >>= 8) {
    subnet.address.bytes[static_cast<size_t>(byte)] |= static_cast<uint8_t>(number);
  }
  return subnet;
}

void AddOnce(std::vector<Prefix>* list, const Prefix& prefix) {
  if (std::find(list->begin(), list->end(), prefix) == list->end()) list->push_back(prefix);
}

absl::StatusOr<SitePlace> Place(const Config& config, const SitePrefix& site, size_t number,
                                NodeLayout* layout) {
  const Domain& domain = *config.FindDomain(site.domain);
  if (!site.prefix) {
    const Prefix& own = layout->own.at(site.domain);
    AddOnce(&layout->registrations[site.domain], own);
    AddOnce(&layout->rejects, own);
    return SitePlace{Subnet(own, number), site.domain};
  }
  if (domain.trust != Domain::Trust::kOpen && !layout->own.at(site.domain).Contains(*site.prefix)) {
    return ConfigError(config.file, site.line,
                       "key \"prefixes\" has " + site.prefix->ToString() + ", but in the domain \"" +
                           site.domain + "\" (trust = \"self\") this node's key holds " +
                           layout->own.at(site.domain).ToString() + "; it should be inside that, or \"" +
                           site.domain + ":auto\"");
  }
  AddOnce(&layout->registrations[site.domain], *site.prefix);
  return SitePlace{*site.prefix, site.domain};
}

// A site's address if there is a site in the domain, else one of the router's own, which is registered as
// a site would be: subnet 0, which no site gets.
SelfPlace PlaceSelf(const Domain& domain, NodeLayout* layout) {
  for (const auto& site : layout->sites) {
    for (const SitePlace& place : site) {
      if (place.domain == domain.name) return {domain.name, place.RouterAddress(), false};
    }
  }
  const Prefix& own = layout->own.at(domain.name);
  AddOnce(&layout->registrations[domain.name], own);
  AddOnce(&layout->rejects, own);
  return {domain.name, SitePlace{own, domain.name}.RouterAddress(), true};
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

SlavePlan PlanGateway(const Config& config, const NodeLayout& layout, size_t site,
                      const std::vector<DeviceState>& devices) {
  SlavePlan plan;
  plan.name = "gw" + std::to_string(site);
  plan.kind = SlaveKind::kGateway;
  plan.interface = config.sites[site].interface;
  for (const DeviceState& device : devices) {
    if (device.interface == plan.interface) plan.ifindex = device.ifindex;
  }
  json::array advertise;
  for (const SitePlace& place : layout.sites[site]) {
    plan.prefixes.push_back(place.prefix);
    advertise.push_back({{"prefix", place.prefix.ToString()},
                         {"domain", place.domain},
                         {"domain_prefix", config.FindDomain(place.domain)->prefix.ToString()}});
  }
  plan.config = {{"interface", plan.interface},
                 {"ifindex", plan.ifindex},
                 {"mtu", OverlayMtu(devices)},
                 {"advertise", std::move(advertise)}};
  return plan;
}

SlavePlan PlanDht(const Config& config, const NodeLayout& layout, const SlaveConfig& slave,
                  const std::vector<DeviceState>& devices) {
  const Domain& domain = *config.FindDomain(slave.domain);
  SlavePlan plan;
  plan.name = slave.name;
  plan.kind = slave.kind;
  plan.prefixes = {domain.prefix};
  plan.port = true;
  plan.domain = domain.name;
  if (const auto found = layout.registrations.find(domain.name); found != layout.registrations.end())
    plan.registrations = found->second;
  plan.locators = OwnLocators(devices);
  json::array bootstrap;
  for (const Endpoint& peer : slave.bootstrap) bootstrap.emplace_back(peer.ToString());
  plan.config = {{"domain",
                  {{"name", domain.name},
                   {"prefix", domain.prefix.ToString()},
                   {"aggregate", domain.aggregate},
                   {"trust", domain.trust == Domain::Trust::kOpen ? "open" : "self"},
                   {"aggregates", json::array(domain.aggregates.begin(), domain.aggregates.end())},
                   {"resolver", domain.resolving == Domain::Resolving::kZeroing ? "zeroing" : "aggregates"}}},
                 {"engine", slave.engine},
                 {"listen", slave.listen.ToString()},
                 {"bootstrap", std::move(bootstrap)},
                 {"registration_s", slave.registration},
                 {"lifetime_s", slave.lifetime},
                 {"stale_s", slave.stale},
                 {"registrations", Strings(plan.registrations)},
                 {"locators", LocatorsJson(plan.locators)}};
  return plan;
}

}  // namespace

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

std::string SlavePlan::Executable() const { return "ov6-" + Text(ToString(kind)); }

absl::StatusOr<NodeLayout> LayOut(const Config& config, const NodeKey& key) {
  NodeLayout layout;
  for (const Domain& domain : config.domains) layout.own[domain.name] = key.Owned(domain);
  for (size_t i = 0; i < config.sites.size(); ++i) {
    std::vector<SitePlace> places;
    for (const SitePrefix& site : config.sites[i].prefixes) {
      auto place = Place(config, site, i + 1, &layout);
      if (!place.ok()) return place.status();
      places.push_back(*std::move(place));
    }
    layout.sites.push_back(std::move(places));
  }
  for (const SlaveConfig& slave : config.slaves) {
    layout.selves.push_back(PlaceSelf(*config.FindDomain(slave.domain), &layout));
  }
  if (layout.selves.empty() && !config.mappings.empty() && !layout.sites.empty()) {
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
  for (const SlaveConfig& slave : config.slaves) plans.push_back(PlanDht(config, layout, slave, devices));
  uid_t uid = config.node.uid_base;
  for (SlavePlan& plan : plans) {
    plan.uid = uid++;
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
