// SPDX-License-Identifier: Apache-2.0
#include "ov6/mapping.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <iterator>

namespace ov6 {
namespace {

template <typename E>
struct Name {
  E value;
  std::string_view text;
};

constexpr Name<SlaveKind> kKinds[] = {
    {SlaveKind::kOperator, "operator"},
    {SlaveKind::kManagement, "management"},
    {SlaveKind::kDht, "dht"},
    {SlaveKind::kGateway, "gateway"},
    {SlaveKind::kMulticast, "multicast"},
    {SlaveKind::kAnycast, "anycast"},
    {SlaveKind::kResiliency, "resiliency"},
    {SlaveKind::kBridge, "bridge"},
    {SlaveKind::kUplink, "uplink"},
};
constexpr Name<Action> kActions[] = {
    {Action::kNone, "none"}, {Action::kTunnel, "tunnel"}, {Action::kSite, "site"},
    {Action::kPort, "port"}, {Action::kPass, "pass"},     {Action::kReject, "reject"},
};
constexpr Name<Encapsulation> kEncapsulations[] = {{Encapsulation::k6in4, "6in4"},
                                                   {Encapsulation::kUdp, "udp"}};

template <typename E, size_t N>
std::string_view TextOf(const Name<E> (&names)[N], E value) {
  const auto it =
      std::find_if(std::begin(names), std::end(names), [&](const auto& n) { return n.value == value; });
  return it == std::end(names) ? "unknown" : it->text;
}

template <typename E, size_t N>
std::optional<E> ValueOf(const Name<E> (&names)[N], std::string_view text) {
  const auto it =
      std::find_if(std::begin(names), std::end(names), [&](const auto& n) { return n.text == text; });
  return it == std::end(names) ? std::nullopt : std::optional<E>(it->value);
}

uint64_t ExpiryToAbi(const std::optional<BootTime>& t) { return t ? ToNanoseconds(*t) : 0; }

std::optional<BootTime> ExpiryFromAbi(uint64_t ns) {
  return ns == 0 ? std::nullopt : std::optional<BootTime>(FromNanoseconds(ns));
}

ov6_locator LocatorToAbi(const Locator& l) {
  ov6_locator value{};
  value.address = l.address.ToBe();
  value.port = htons(l.port);
  value.encapsulation = static_cast<__u8>(l.encapsulation);
  value.priority = l.priority;
  value.mtu = l.mtu;
  value.flags = l.fixed_port ? OV6_LOCATOR_FIXED_PORT : 0;
  return value;
}

Locator LocatorFromAbi(const ov6_locator& v) {
  return {Ipv4::FromBe(v.address),
          static_cast<Encapsulation>(v.encapsulation),
          ntohs(v.port),
          v.priority,
          v.mtu,
          (v.flags & OV6_LOCATOR_FIXED_PORT) != 0};
}

}  // namespace

std::string_view ToString(SlaveKind kind) { return TextOf(kKinds, kind); }
std::optional<SlaveKind> ParseSlaveKind(std::string_view text) { return ValueOf(kKinds, text); }
std::string_view ToString(Action action) { return TextOf(kActions, action); }
std::optional<Action> ParseAction(std::string_view text) { return ValueOf(kActions, text); }
std::string_view ToString(Encapsulation encapsulation) { return TextOf(kEncapsulations, encapsulation); }
std::optional<Encapsulation> ParseEncapsulation(std::string_view text) {
  return ValueOf(kEncapsulations, text);
}

int Overhead(Encapsulation encapsulation) { return encapsulation == Encapsulation::kUdp ? 28 : 20; }

std::string Locator::ToString() const {
  if (encapsulation == Encapsulation::k6in4) return address.ToString();
  return address.ToString() + ":" + std::to_string(port) + "/udp";
}

ov6_route ToAbi(const Route& route) {
  ov6_route value{};
  value.slave = route.slave;
  value.action = static_cast<__u8>(route.action);
  value.flags = route.flags;
  return value;
}

Route FromAbi(const ov6_route& value) {
  return {value.slave, static_cast<Action>(value.action), value.flags};
}

ov6_mapping ToAbi(const Mapping& mapping) {
  ov6_mapping value{};
  value.soft_expiry = ExpiryToAbi(mapping.soft_expiry);
  value.hard_expiry = ExpiryToAbi(mapping.hard_expiry);
  value.slave = mapping.slave;
  value.flags = mapping.flags;
  value.span = mapping.span;
  value.locator_count = static_cast<__u8>(std::min<size_t>(mapping.locators.size(), OV6_MAX_LOCATORS));
  for (size_t i = 0; i < value.locator_count; ++i) value.locators[i] = LocatorToAbi(mapping.locators[i]);
  return value;
}

Mapping FromAbi(const ov6_mapping& value) {
  Mapping mapping;
  mapping.soft_expiry = ExpiryFromAbi(value.soft_expiry);
  mapping.hard_expiry = ExpiryFromAbi(value.hard_expiry);
  mapping.slave = value.slave;
  mapping.flags = value.flags;
  mapping.span = value.span;
  for (size_t i = 0; i < value.locator_count && i < OV6_MAX_LOCATORS; ++i) {
    mapping.locators.push_back(LocatorFromAbi(value.locators[i]));
  }
  return mapping;
}

ov6_negative ToAbi(const Negative& negative) {
  ov6_negative value{};
  value.expiry = ToNanoseconds(negative.expiry);
  value.slave = negative.slave;
  value.icmp_code = negative.icmp_code;
  value.reason = negative.failed ? OV6_NEGATIVE_FAILED : OV6_NEGATIVE_ABSENT;
  return value;
}

Negative FromAbi(const ov6_negative& value) {
  return {FromNanoseconds(value.expiry), value.slave, value.icmp_code, value.reason == OV6_NEGATIVE_FAILED};
}

ov6_slave ToAbi(const SlaveEntry& slave) {
  ov6_slave value{};
  std::memcpy(value.name, slave.name.data(), std::min<size_t>(slave.name.size(), sizeof(value.name) - 1));
  value.kind = static_cast<__u8>(slave.kind);
  value.state = slave.stale ? OV6_SLAVE_STALE : OV6_SLAVE_UP;
  value.port = slave.port.value_or(OV6_PORT_NONE);
  value.prefix_count = static_cast<__u32>(std::min<size_t>(slave.prefixes.size(), OV6_SLAVE_MAX_PREFIXES));
  for (size_t i = 0; i < value.prefix_count; ++i) value.prefixes[i] = slave.prefixes[i].ToAbi();
  return value;
}

SlaveEntry FromAbi(const ov6_slave& value) {
  SlaveEntry slave;
  slave.name.assign(value.name, strnlen(value.name, sizeof(value.name)));
  slave.kind = static_cast<SlaveKind>(value.kind);
  slave.stale = value.state == OV6_SLAVE_STALE;
  if (value.port != OV6_PORT_NONE) slave.port = value.port;
  for (size_t i = 0; i < value.prefix_count && i < OV6_SLAVE_MAX_PREFIXES; ++i) {
    slave.prefixes.push_back(Prefix::FromAbi(value.prefixes[i]));
  }
  return slave;
}

}  // namespace ov6
