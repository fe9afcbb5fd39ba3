// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/control_api.h"

#include <unistd.h>

#include <boost/json.hpp>
#include <utility>

#include "userspace/datapath/own_veth.h"
#include "userspace/ov6d/key_api.h"
#include "userspace/ov6d/mirror_json.h"
#include "userspace/ov6d/version.h"

namespace ov6 {
namespace {

namespace json = boost::json;

constexpr std::string_view kSlaves = "/v1/slaves/";
constexpr int64_t kUsualAway = 20, kLongestAway = 86400;  // seconds that a slave is drained for
constexpr std::string_view kRecords = "/v1/records";
constexpr std::string_view kMirror = "/v1/mirror/";
constexpr int64_t kMaxSeconds = 100LL * 365 * 24 * 3600;

std::string Text(std::string_view text) { return std::string(text); }

struct ErrorKind {
  int http;
  const char* code;
};

ErrorKind KindOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return {400, "bad_request"};
    case absl::StatusCode::kPermissionDenied:
      return {403, "forbidden"};
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kUnimplemented:
      return {404, "not_found"};
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kFailedPrecondition:
      return {409, "conflict"};
    default:
      return {503, "unavailable"};
  }
}

// "a sentence" -> "A sentence."
std::string Sentence(std::string text) {
  if (!text.empty()) text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  if (!text.empty() && text.back() != '.') text += '.';
  return text;
}

ApiResponse ErrorResponse(const absl::Status& status) {
  const ErrorKind kind = KindOf(status);
  const json::object error{{"code", kind.code},
                           {"message", Sentence(Text({status.message().data(), status.message().size()}))}};
  return {kind.http, json::serialize(json::object{{"error", error}})};
}

absl::StatusOr<std::string> TextField(const json::object& body, const char* key, const std::string& wanted) {
  const json::value* value = body.if_contains(key);
  if (value != nullptr && value->is_string())
    return Text({value->get_string().data(), value->get_string().size()});
  return absl::InvalidArgumentError("the field \"" + Text(key) + "\" is missing; it should be " + wanted);
}

absl::StatusOr<Prefix> PrefixField(const json::object& body, const char* key) {
  const auto text = TextField(body, key, "an IPv6 prefix such as 2001:db8::/32");
  if (!text.ok()) return text.status();
  if (const auto prefix = Prefix::Parse(*text)) return *prefix;
  return absl::InvalidArgumentError(
      "\"" + *text +
      "\" is no IPv6 prefix; it should be such as 2001:db8::/32, no bits set behind "
      "its length");
}

// A whole number in [first, last]; absent: `otherwise`.
absl::StatusOr<int64_t> NumberField(const json::object& body, const char* key, int64_t first, int64_t last,
                                    int64_t otherwise) {
  const json::value* value = body.if_contains(key);
  if (value == nullptr || value->is_null()) return otherwise;
  if (value->is_int64() && value->get_int64() >= first && value->get_int64() <= last)
    return value->get_int64();
  return absl::InvalidArgumentError("the field \"" + Text(key) + "\" is " + json::serialize(*value) +
                                    "; it should be a number from " + std::to_string(first) + " to " +
                                    std::to_string(last));
}

absl::StatusOr<Locator> LocatorIn(const json::value& value) {
  if (!value.is_object()) return absl::InvalidArgumentError("a locator should be an object with an address");
  const json::object& object = value.get_object();
  const auto address = TextField(object, "address", "an IPv4 address");
  if (!address.ok()) return address.status();
  const auto parsed = Ipv4::Parse(*address);
  if (!parsed) return absl::InvalidArgumentError("\"" + *address + "\" is no IPv4 address");
  Locator locator;
  locator.address = *parsed;
  if (object.contains("encapsulation")) {
    const auto text = TextField(object, "encapsulation", "\"6in4\" or \"udp\"");
    const auto encapsulation = text.ok() ? ParseEncapsulation(*text) : std::nullopt;
    if (!encapsulation) return absl::InvalidArgumentError("the encapsulation should be \"6in4\" or \"udp\"");
    locator.encapsulation = *encapsulation;
  }
  const bool udp = locator.encapsulation == Encapsulation::kUdp;
  const auto port = NumberField(object, "port", 0, 65535, udp ? OV6_UDP_PORT : 0);
  const auto priority = NumberField(object, "priority", 0, 255, 1);
  const auto mtu = NumberField(object, "mtu", 0, 65535, 0);
  for (const absl::Status& status : {port.status(), priority.status(), mtu.status()}) {
    if (!status.ok()) return status;
  }
  locator.port = static_cast<uint16_t>(udp ? *port : 0);
  locator.priority = static_cast<uint8_t>(*priority);
  locator.mtu = static_cast<uint16_t>(*mtu);
  return locator;
}

std::string Empty() { return "{}"; }

absl::StatusOr<std::string> Done(const absl::Status& status) {
  if (!status.ok()) return status;
  return Empty();
}

json::array SelfAddresses(const NodeLayout& layout) {
  json::array addresses;
  for (const SelfPlace& self : layout.selves) addresses.emplace_back(self.address.ToString());
  return addresses;
}

json::value OwnText(const NodeLayout& layout, const Domain& domain) {
  const auto own = layout.own.find(domain.name);
  return own == layout.own.end() ? json::value() : json::value(own->second.ToString());
}

json::object DeviceJson(const DeviceState& device) {
  return {{"interface", device.interface},
          {"ifindex", device.ifindex},
          {"door", device.door},
          {"reason", device.reason}};
}

json::object CountersJson(const MasterCounters& master, const ServiceCounters& service,
                          const ReassemblyCounters& reassembly, const DaemonPortCounters& port) {
  json::object counters;
#define OV6_COUNTER_JSON(name) counters[#name] = master.name;
  OV6_MASTER_COUNTERS(OV6_COUNTER_JSON)
#undef OV6_COUNTER_JSON
  const SessionCounters& sessions = service.sessions;
  counters["sessions_opened"] = sessions.opened;
  counters["sessions_refused"] = sessions.refused;
  counters["sessions_broken"] = sessions.broken;
  counters["capsules_in"] = sessions.capsules_in;
  counters["capsules_out"] = sessions.capsules_out;
  counters["unknown_capsules"] = sessions.unknown_capsules;
  counters["refresh_dropped"] = sessions.refresh_dropped;
  counters["calls_timed_out"] = sessions.calls_timed_out;
  counters["unexpected_returns"] = sessions.unexpected_returns;
  counters["slaves_spawned"] = service.spawned;
  counters["spawn_failed"] = service.spawn_failed;
  counters["slaves_exited"] = service.exited;
  counters["events"] = service.events;
  counters["events_without_slave"] = service.events_without_slave;
  counters["records_signed"] = service.signed_records;
  counters["sign_refused"] = service.sign_refused;
  counters["unknown_tokens"] = service.unknown_tokens;
  counters["claims_refused"] = service.claims_refused;
  counters["datagrams_dropped"] = sessions.datagrams_dropped;
  counters["reassembly_resubmitted"] = reassembly.resubmitted;
  counters["reassembly_too_big"] = reassembly.too_big;
  counters["reassembly_no_room"] = reassembly.no_room;
  counters["reassembly_not_fragmented"] = reassembly.not_fragmented;
  counters["reassembly_malformed"] = reassembly.malformed;
  counters["reassembly_dropped"] = reassembly.dropped;
  counters["port_unexpected"] = port.unexpected;
  counters["port_lost"] = port.lost;
  return counters;
}

}  // namespace

void ControlApi::Handle(const ApiRequest& request, bool read_only, const ApiRespond& respond) {
  const Reply reply = [respond](absl::StatusOr<std::string> result) {
    respond(result.ok() ? ApiResponse{200, *std::move(result)} : ErrorResponse(result.status()));
  };
  if (read_only && request.method != "GET" && request.target != "/v1/resolve" && request.target != kRecords) {
    return reply(absl::PermissionDeniedError("this socket only shows; changes go to ov6d.sock"));
  }
  Dispatch(request, reply);
}

void ControlApi::Dispatch(const ApiRequest& request, const Reply& reply) {
  if (request.method == "GET") return reply(Get(request.target));
  json::value body = json::object();
  if (!request.body.empty()) {
    boost::system::error_code error;
    body = json::parse(request.body, error);
    if (error || !body.is_object()) {
      return reply(absl::InvalidArgumentError("the body is not a JSON object"));
    }
  }
  if (request.method == "POST") return Post(request, body.get_object(), reply);
  if (request.method == "DELETE") return reply(Delete(request.target, body.get_object()));
  reply(absl::InvalidArgumentError("the method is " + request.method + "; it should be GET, POST or DELETE"));
}

absl::StatusOr<std::string> ControlApi::Get(const std::string& target) {
  if (target == "/v1/status") return Status();
  if (target == "/v1/slaves") return json::serialize(context_.service.SlavesJson());
  if (target == "/v1/routes") return Routes();
  if (target == "/v1/sites") return json::serialize(context_.sites.Json());
  if (target == "/v1/tokens" && context_.remote != nullptr) return json::serialize(context_.remote->Json());
  if (target == "/v1/key") return json::serialize(KeyJson(context_.config, context_.layout, context_.key));
  if (target.starts_with(kMirror)) return MirrorJson(context_.master, target.substr(kMirror.size()));
  return absl::NotFoundError("there is nothing to GET at " + target);
}

void ControlApi::Post(const ApiRequest& request, const json::object& body, const Reply& reply) {
  const std::string& target = request.target;
  if (target == "/v1/routes") return reply(Done(AddRoute(body)));
  if (target == "/v1/mappings") return reply(Done(AddMapping(body)));
  if (target == "/v1/resolve") return Resolve(body, reply);
  if (target == kRecords || target == "/v1/records/revoke" || target == "/v1/records/renew")
    return Record(target, body, reply);
  if (target == "/v1/sites") return MoveSite(body, reply);
  if (target == "/v1/delegations") return reply(Delegate(body));
  if (target == "/v1/tokens" && context_.add_remote) return reply(NewToken(body));
  if (target == "/v1/datapath/detach") return context_.detach(reply);
  if (target == "/v1/slaves" && context_.add_slave) return reply(Done(context_.add_slave(body)));
  if (target.starts_with(kSlaves)) return AskOfSlave(target.substr(kSlaves.size()), body, reply);
  reply(absl::NotFoundError("there is nothing to POST to at " + target));
}

absl::StatusOr<std::string> ControlApi::Delete(const std::string& target, const json::object& body) {
  if (target == "/v1/routes") {
    const auto prefix = PrefixField(body, "dst");
    if (!prefix.ok()) return prefix.status();
    return Done(context_.master.routes().Remove(*prefix, OV6_SLAVE_OPERATOR));
  }
  if (target == "/v1/sites") {
    const auto prefix = PrefixField(body, "prefix");
    if (!prefix.ok()) return prefix.status();
    return Done(context_.sites.Remove(*prefix));
  }
  if (target == "/v1/slaves" && context_.remove_slave) {
    const auto name = TextField(body, "name", "the name of a slave");
    if (!name.ok()) return name.status();
    return Done(context_.remove_slave(*name));
  }
  if (target == "/v1/tokens" && context_.remove_remote) {
    const auto name = TextField(body, "name", "the name of a slave");
    if (!name.ok()) return name.status();
    return Done(context_.remove_remote(*name));
  }
  if (target == "/v1/mappings") {
    const auto prefix = PrefixField(body, "prefix");
    if (!prefix.ok()) return prefix.status();
    return Done(context_.master.mappings().DeleteOperator(*prefix));
  }
  return absl::NotFoundError("there is nothing to DELETE at " + target);
}

absl::Status ControlApi::AddRoute(const json::object& body) {
  const auto prefix = PrefixField(body, "dst");
  const auto text = TextField(body, "action", "tunnel, site, pass or reject");
  if (!prefix.ok()) return prefix.status();
  if (!text.ok()) return text.status();
  const auto action = ParseAction(*text);
  // The operator has no slave port that a PORT route could lead to.
  if (!action || *action == Action::kPort || *action == Action::kNone) {
    return absl::InvalidArgumentError("the action is \"" + *text +
                                      "\"; it should be tunnel, site, pass or reject");
  }
  return context_.master.routes().Set(*prefix, {OV6_SLAVE_OPERATOR, *action, 0});
}

absl::Status ControlApi::AddMapping(const json::object& body) {
  const auto prefix = PrefixField(body, "prefix");
  if (!prefix.ok()) return prefix.status();
  const json::value* list = body.if_contains("locators");
  if (list == nullptr || !list->is_array()) {
    return absl::InvalidArgumentError(
        "the field \"locators\" is missing; it should be a list of 1 to 4 locators");
  }
  std::vector<Locator> locators;
  for (const json::value& item : list->get_array()) {
    const auto locator = LocatorIn(item);
    if (!locator.ok()) return locator.status();
    locators.push_back(*locator);
  }
  const auto seconds = NumberField(body, "lifetime_s", 1, kMaxSeconds, 0);
  if (!seconds.ok()) return seconds.status();
  std::optional<Duration> lifetime;
  if (*seconds > 0) lifetime = std::chrono::seconds(*seconds);
  return context_.master.mappings().AddOperator(context_.clock(), *prefix, std::move(locators), lifetime);
}

// Answered when the DHT holds the new record; what is asked then comes behind what the slave is told.
void ControlApi::MoveSite(const json::object& body, const Reply& reply) {
  const auto prefix = PrefixField(body, "prefix");
  if (!prefix.ok()) return reply(prefix.status());
  const auto domain = context_.sites.Move(body);
  if (!domain.ok()) return reply(domain.status());
  const json::object argument = {{"prefix", prefix->ToString()}};
  context_.later([this, address = prefix->address, argument, reply] {
    AskSlaveOf(address, "registered", json::serialize(argument), reply);
  });
}

// NAME/call, NAME/drain, NAME/start
void ControlApi::AskOfSlave(const std::string& target, const json::object& body, const Reply& reply) {
  const size_t slash = target.find('/');
  const std::string name = target.substr(0, slash);
  const std::string what = slash == target.npos ? "" : target.substr(slash + 1);
  if (!name.empty() && what == "call") return CallSlave(name, body, reply);
  if (!name.empty() && what == "drain") return DrainSlave(name, body, reply);
  if (!name.empty() && what == "start") return context_.service.StartAgain(name, reply);
  reply(absl::NotFoundError("there is nothing to POST to at " + Text(kSlaves) + target));
}

void ControlApi::DrainSlave(const std::string& name, const json::object& body, const Reply& reply) {
  const auto seconds = NumberField(body, "away_s", 0, kLongestAway, kUsualAway);
  if (!seconds.ok()) return reply(seconds.status());
  context_.service.Drain(name, std::chrono::seconds(*seconds), reply);
}

void ControlApi::CallSlave(const std::string& name, const json::object& body, const Reply& reply) {
  const auto method = TextField(body, "method", "the name of a call, such as \"state\"");
  if (!method.ok()) return reply(method.status());
  const json::value* argument = body.if_contains("argument");
  context_.service.Call(name, *method, argument == nullptr ? "" : json::serialize(*argument),
                        [reply](absl::StatusOr<std::string> result) {
                          if (result.ok() && result->empty()) result = Empty();
                          reply(std::move(result));
                        });
}

void ControlApi::Resolve(const json::object& body, const Reply& reply) {
  const auto text = TextField(body, "address", "an IPv6 address");
  if (!text.ok()) return reply(text.status());
  const auto address = Ipv6::Parse(*text);
  if (!address) return reply(absl::InvalidArgumentError("\"" + *text + "\" is no IPv6 address"));
  AskSlaveOf(*address, "resolve", json::serialize(json::object{{"address", address->ToString()}}), reply);
}

// Puts the slave's name into its answer.
void ControlApi::AskSlaveOf(const Ipv6& address, const std::string& method, const std::string& argument,
                            const Reply& reply) {
  const auto slave = context_.service.ResolverOf(address);
  if (!slave) {
    return reply(
        absl::NotFoundError(address.ToString() + " is in no domain of this router: no DHT slave serves it"));
  }
  context_.service.Call(*slave, method, argument, [reply, slave](absl::StatusOr<std::string> result) {
    if (!result.ok()) return reply(result.status());
    boost::system::error_code error;
    json::value value = json::parse(*result, error);
    if (error || !value.is_object())
      return reply(absl::InternalError("the slave \"" + *slave + "\" did not answer with a JSON object"));
    value.get_object()["slave"] = *slave;
    reply(json::serialize(value));
  });
}

// What the DHT holds for a prefix or around an address; revoke and renew of what this router registered.
void ControlApi::Record(const std::string& target, const json::object& body, const Reply& reply) {
  if (target == kRecords && body.contains("address")) {
    const auto text = TextField(body, "address", "an IPv6 address");
    const auto address = text.ok() ? Ipv6::Parse(*text) : std::nullopt;
    if (!address) return reply(absl::InvalidArgumentError("the field \"address\" should be an IPv6 address"));
    const json::object argument = {{"address", address->ToString()}};
    return AskSlaveOf(*address, "record", json::serialize(argument), reply);
  }
  const auto prefix = PrefixField(body, "prefix");
  if (!prefix.ok()) return reply(prefix.status());
  const json::object argument = {{"prefix", prefix->ToString()}};
  const std::string method = target == kRecords ? "record" : target.substr(kRecords.size() + 1);
  AskSlaveOf(prefix->address, method, json::serialize(argument), reply);
}

absl::StatusOr<std::string> ControlApi::Delegate(const json::object& body) {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  const auto answer = DelegateJson(context_.config, context_.key, body, now);
  if (!answer.ok()) return answer.status();
  return json::serialize(*answer);
}

absl::StatusOr<std::string> ControlApi::NewToken(const json::object& body) {
  const auto answer = context_.add_remote(body);
  if (!answer.ok()) return answer.status();
  return json::serialize(*answer);
}

std::string ControlApi::Routes() const {
  json::array list;
  for (const auto& [prefix, route] : context_.master.routes().routes()) {
    const RegisteredSlave* slave = context_.master.slaves().Find(route.slave);
    list.push_back({{"dst", prefix.ToString()},
                    {"action", Text(ToString(route.action))},
                    {"slave", slave != nullptr ? slave->entry.name : "operator"},
                    {"slave_id", route.slave}});
  }
  return json::serialize(list);
}

std::string ControlApi::Status() const {
  json::array underlays, sites, selves, domains;
  for (const DeviceState& device : context_.datapath.Devices()) {
    json::object item = DeviceJson(device);
    if (device.value.role == OV6_DEVICE_UNDERLAY) {
      item["address"] = Ipv4::FromBe(device.value.address).ToString();
      item["encapsulation"] = Text(ToString(static_cast<Encapsulation>(device.value.encapsulation)));
      item["mtu"] = device.value.mtu;
      underlays.push_back(std::move(item));
      continue;
    }
    if (device.interface == kSelfPeer) {
      item["addresses"] = SelfAddresses(context_.layout);
      item["mtu"] = device.value.mtu;
      selves.push_back(std::move(item));
      continue;
    }
    json::array prefixes;
    for (size_t i = 0; i < context_.config.sites.size(); ++i) {
      if (context_.config.sites[i].interface != device.interface) continue;
      for (const SitePlace& place : context_.layout.sites[i]) prefixes.emplace_back(place.prefix.ToString());
    }
    item["prefixes"] = std::move(prefixes);
    sites.push_back(std::move(item));
  }
  for (const Domain& domain : context_.config.domains) {
    domains.push_back({{"name", domain.name},
                       {"prefix", domain.prefix.ToString()},
                       {"aggregate", domain.aggregate},
                       {"trust", Text(ToString(domain.trust))},
                       {"security", domain.security},
                       {"own_prefix", OwnText(context_.layout, domain)}});
  }
  const Master& master = context_.master;
  const auto uptime = std::chrono::duration_cast<std::chrono::seconds>(context_.clock() - context_.started);
  return json::serialize(
      json::object{{"version", kVersion},
                   {"pid", ::getpid()},
                   {"uptime_s", uptime.count()},
                   {"run", context_.config.node.run.string()},
                   {"public_key", ToHex(context_.key.key.public_key())},
                   {"underlays", std::move(underlays)},
                   {"sites", std::move(sites)},
                   {"self", std::move(selves)},
                   {"domains", std::move(domains)},
                   {"tables",
                    {{"routes", master.routes().routes().size()},
                     {"mappings", master.mappings().mappings().size()},
                     {"negatives", master.mappings().negatives().size()},
                     {"slaves", master.slaves().slaves().size()},
                     {"writes_pending", master.mappings().pending()}}},
                   {"direct_paths", context_.direct_paths()},
                   {"counters", CountersJson(master.counters(), context_.service.counters(),
                                             context_.reassembly(), context_.port())}});
}

}  // namespace ov6
