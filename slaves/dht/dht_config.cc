// SPDX-License-Identifier: Apache-2.0
#include "slaves/dht/dht_config.h"

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "slaves/runtime/slave_main.h"
#include "userspace/wire/ownership.h"

namespace ov6 {
namespace {

namespace json = boost::json;

absl::StatusOr<const json::object*> ObjectField(const json::object& config, const char* name) {
  const auto* value = config.if_contains(name);
  if (value != nullptr && value->is_object()) return &value->get_object();
  return absl::InvalidArgumentError("the configuration's field \"" + std::string(name) +
                                    "\" should be an object");
}

absl::StatusOr<Endpoint> ParseEndpoint(const std::string& text) {
  if (const auto endpoint = Endpoint::Parse(text)) return *endpoint;
  return absl::InvalidArgumentError("\"" + text +
                                    "\" is not an IPv4 address and port such as 198.51.100.2:4646");
}

template <size_t N>
absl::Status ReadHex(const json::object& node, const char* name, std::array<uint8_t, N>* out) {
  const auto text = StringField(node, name);
  if (!text.ok()) return text.status();
  const auto bytes = FromHex(*text);
  if (!bytes.ok() || bytes->size() != N) {
    return absl::InvalidArgumentError("the node's \"" + std::string(name) + "\" should be " +
                                      std::to_string(2 * N) + " hexadecimal digits, not \"" + *text + "\"");
  }
  std::copy(bytes->begin(), bytes->end(), out->begin());
  return absl::OkStatus();
}

absl::Status ReadNode(const json::object& config, DhtConfig* out) {
  const auto node = ObjectField(config, "node");
  if (!node.ok()) return node.status();
  absl::Status status = ReadHex(**node, "public_key", &out->public_key);
  status.Update(ReadHex(**node, "modifier", &out->modifier));
  return status;
}

absl::Status ReadResolving(const json::object& domain, Domain* out) {
  const auto resolver = domain.contains("resolver") ? StringField(domain, "resolver") : "aggregates";
  if (!resolver.ok()) return resolver.status();
  if (*resolver != "aggregates" && *resolver != "zeroing") {
    return absl::InvalidArgumentError("the domain's resolver \"" + *resolver +
                                      "\" is neither \"aggregates\" nor \"zeroing\"");
  }
  if (*resolver == "zeroing") out->resolving = Domain::Resolving::kZeroing;
  if (const auto* prove = domain.if_contains("prove")) {
    if (!prove->is_bool())
      return absl::InvalidArgumentError("the domain's \"prove\" should be true or false");
    out->prove = prove->get_bool();
  }
  const auto* lengths = domain.if_contains("aggregates");
  for (const auto& length :
       lengths != nullptr && lengths->is_array() ? lengths->get_array() : json::array()) {
    if (!length.is_int64() || length.get_int64() < 0 || length.get_int64() > 128)
      return absl::InvalidArgumentError("the domain's aggregates should be prefix lengths, 0 to 128");
    out->aggregates.push_back(static_cast<int>(length.get_int64()));
  }
  return absl::OkStatus();
}

absl::Status ReadAnchors(const json::object& domain, Domain* out) {
  if (!domain.contains("anchors")) return absl::OkStatus();
  const auto anchors = StringListField(domain, "anchors");
  if (!anchors.ok()) return anchors.status();
  for (const std::string& text : *anchors) {
    const auto bytes = FromHex(text);
    if (!bytes.ok() || bytes->size() != sizeof(PublicKey))
      return absl::InvalidArgumentError("the domain's anchor \"" + text + "\" is no public key");
    std::copy(bytes->begin(), bytes->end(), out->anchors.emplace_back().begin());
  }
  return absl::OkStatus();
}

absl::Status ReadTrust(const json::object& domain, Domain* out) {
  const auto text = StringField(domain, "trust");
  if (!text.ok()) return text.status();
  const auto security = domain.contains("security") ? IntegerField(domain, "security") : int64_t{0};
  if (!security.ok()) return security.status();
  if (*security < 0 || *security > kMaxSecurity)
    return absl::InvalidArgumentError("the domain's security is " + std::to_string(*security) +
                                      ", not 0 to 3");
  out->security = static_cast<uint32_t>(*security);
  for (const auto trust : {Domain::Trust::kSelf, Domain::Trust::kAnchors, Domain::Trust::kOpen}) {
    if (*text != ToString(trust)) continue;
    out->trust = trust;
    return ReadAnchors(domain, out);
  }
  return absl::InvalidArgumentError("the domain's trust \"" + *text +
                                    "\" is none of \"self\", \"anchors\" and \"open\"");
}

absl::Status ReadDelegations(const json::object& config, DhtConfig* out) {
  if (!config.contains("delegations")) return absl::OkStatus();
  const auto texts = StringListField(config, "delegations");
  if (!texts.ok()) return texts.status();
  for (const std::string& text : *texts) {
    auto token = DecodeToken(text);
    if (!token.ok()) return token.status();
    out->delegations.push_back(*std::move(token));
  }
  return absl::OkStatus();
}

absl::Status ReadDomain(const json::object& config, DhtConfig* out) {
  const auto object = ObjectField(config, "domain");
  if (!object.ok()) return object.status();
  const auto name = StringField(**object, "name");
  const auto prefix = StringField(**object, "prefix");
  const auto aggregate = IntegerField(**object, "aggregate");
  for (const absl::Status& status : {name.status(), prefix.status(), aggregate.status()}) {
    if (!status.ok()) return status;
  }
  const auto parsed = Prefix::Parse(*prefix);
  if (!parsed)
    return absl::InvalidArgumentError("the domain's prefix \"" + *prefix + "\" is not an IPv6 prefix");
  out->domain = {*name, *parsed, static_cast<int>(*aggregate)};
  absl::Status status = ReadTrust(**object, &out->domain);
  status.Update(ReadResolving(**object, &out->domain));
  return status;
}

// Seconds, a day at most; one that is not there stays as it is.
absl::Status ReadSeconds(const json::object& config, const char* name, int64_t least, Duration* out) {
  if (!config.contains(name)) return absl::OkStatus();
  const auto value = IntegerField(config, name);
  if (!value.ok()) return value.status();
  if (*value < least || *value > 86400) {
    return absl::InvalidArgumentError("the configuration's \"" + std::string(name) + "\" is " +
                                      std::to_string(*value) + "; it should be " + std::to_string(least) +
                                      " to 86400");
  }
  *out = std::chrono::seconds(*value);
  return absl::OkStatus();
}

absl::Status ReadLifetimes(const json::object& config, DhtConfig* out) {
  Duration registration = out->registration;
  absl::Status status = ReadSeconds(config, "registration_s", 2, &registration);
  out->registration = std::chrono::duration_cast<std::chrono::seconds>(registration);
  status.Update(ReadSeconds(config, "lifetime_s", 1, &out->lifetime));
  status.Update(ReadSeconds(config, "stale_s", 0, &out->stale_limit));
  return status;
}

// One that is not there stays as it is.
absl::Status ReadNumber(const json::object& object, const char* name, auto* out) {
  if (!object.contains(name)) return absl::OkStatus();
  const auto value = IntegerField(object, name);
  if (!value.ok()) return value.status();
  using Number = std::remove_reference_t<decltype(*out)>;
  if (!std::in_range<Number>(*value)) {
    return absl::InvalidArgumentError("the ring's \"" + std::string(name) + "\" is " +
                                      std::to_string(*value) + ", which no ring has");
  }
  *out = static_cast<Number>(*value);
  return absl::OkStatus();
}

absl::Status ReadRing(const json::object& config, DhtConfig* out) {
  if (!config.contains("ring")) return absl::OkStatus();
  const auto object = ObjectField(config, "ring");
  if (!object.ok()) return object.status();
  RingConfig& ring = out->ring;
  const auto lookups =
      (*object)->contains("lookups") ? StringField(**object, "lookups") : ToString(ring.lookups);
  if (!lookups.ok()) return lookups.status();
  const auto parsed = ParseLookups(*lookups);
  if (!parsed)
    return absl::InvalidArgumentError("the ring's lookups \"" + *lookups +
                                      "\" are neither \"iterative\" nor \"recursive\"");
  ring.lookups = *parsed;
  absl::Status status = ReadNumber(**object, "successors", &ring.successors);
  status.Update(ReadNumber(**object, "replicas", &ring.replicas));
  status.Update(ReadNumber(**object, "reads", &ring.reads));
  status.Update(ReadNumber(**object, "table_members", &ring.table_members));
  status.Update(ReadNumber(**object, "table_budget", &ring.table_budget));
  const std::string wrong = Validate(ring);
  if (status.ok() && !wrong.empty()) return absl::InvalidArgumentError("the ring's " + wrong);
  return status;
}

absl::StatusOr<Locator> ReadLocator(const json::value& value) {
  if (!value.is_object())
    return absl::InvalidArgumentError("a locator of the configuration is not an object");
  const json::object& object = value.get_object();
  const auto address = StringField(object, "address");
  const auto encapsulation = StringField(object, "encapsulation");
  const auto port = IntegerField(object, "port");
  const auto mtu = IntegerField(object, "mtu");
  for (const absl::Status& status : {address.status(), encapsulation.status(), port.status(), mtu.status()}) {
    if (!status.ok()) return status;
  }
  const auto ipv4 = Ipv4::Parse(*address);
  const auto kind = ParseEncapsulation(*encapsulation);
  if (!ipv4 || !kind) {
    return absl::InvalidArgumentError("the locator " + *address + " with encapsulation " + *encapsulation +
                                      " should be an IPv4 address with 6in4 or udp");
  }
  Locator locator;
  locator.address = *ipv4;
  locator.encapsulation = *kind;
  locator.port = static_cast<uint16_t>(*port);
  locator.mtu = static_cast<uint16_t>(*mtu);
  return locator;
}

absl::Status ReadLocators(const json::object& config, DhtConfig* out) {
  const auto* list = config.if_contains("locators");
  if (list == nullptr || !list->is_array()) {
    return absl::InvalidArgumentError("the configuration's field \"locators\" should be a list of objects");
  }
  for (const auto& item : list->get_array()) {
    const auto locator = ReadLocator(item);
    if (!locator.ok()) return locator.status();
    out->locators.push_back(*locator);
  }
  if (!out->locators.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "the configuration has no locators: this router has no underlay address to be reached at");
}

absl::Status ReadEngine(const json::object& config, DhtConfig* out) {
  const auto engine = StringField(config, "engine");
  const auto listen = StringField(config, "listen");
  const auto bootstrap = StringListField(config, "bootstrap");
  for (const absl::Status& status : {engine.status(), listen.status(), bootstrap.status()}) {
    if (!status.ok()) return status;
  }
  if (*engine != "chord")
    return absl::InvalidArgumentError("the engine \"" + *engine + "\" is not known; \"chord\" is");
  out->engine = *engine;
  const auto endpoint = ParseEndpoint(*listen);
  if (!endpoint.ok()) return endpoint.status();
  out->listen = *endpoint;
  for (const std::string& text : *bootstrap) {
    const auto peer = ParseEndpoint(text);
    if (!peer.ok()) return peer.status();
    out->bootstrap.push_back(*peer);
  }
  return absl::OkStatus();
}

}  // namespace

Endpoint DhtConfig::Self() const {
  return {listen.address == Ipv4{} ? locators.front().address : listen.address, listen.port};
}

bool OnlyPlacesDiffer(const DhtConfig& a, const DhtConfig& b) {
  DhtConfig like_b = a;
  like_b.registrations = b.registrations;
  like_b.awaited = b.awaited;
  like_b.delegations = b.delegations;
  like_b.locators = b.locators;
  return like_b == b;
}

absl::StatusOr<DhtConfig> ParseDhtConfig(const json::object& config) {
  DhtConfig out;
  for (const auto read :
       {ReadNode, ReadDomain, ReadEngine, ReadRing, ReadLocators, ReadLifetimes, ReadDelegations}) {
    if (absl::Status status = read(config, &out); !status.ok()) return status;
  }
  auto registrations = PrefixListField(config, "registrations");
  if (!registrations.ok()) return registrations.status();
  out.registrations = *std::move(registrations);
  if (!config.contains("awaited")) return out;
  auto awaited = PrefixListField(config, "awaited");
  if (!awaited.ok()) return awaited.status();
  out.awaited = *std::move(awaited);
  return out;
}

json::array LocatorsJson(const std::vector<Locator>& locators) {
  json::array list;
  for (const Locator& locator : locators) {
    list.push_back(json::object{{"address", locator.address.ToString()},
                                {"encapsulation", std::string(ToString(locator.encapsulation))},
                                {"port", locator.port},
                                {"mtu", locator.mtu}});
  }
  return list;
}

}  // namespace ov6
