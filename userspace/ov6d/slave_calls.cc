// SPDX-License-Identifier: Apache-2.0
// The calls of a slave session, both ways (docs/slave-protocol.md section 3).
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "userspace/base/text.h"
#include "userspace/ov6d/direct_paths.h"
#include "userspace/ov6d/record_signer.h"
#include "userspace/ov6d/slave_service.h"

namespace ov6 {
namespace {

namespace json = boost::json;
using boost::system::error_code;

absl::StatusOr<std::string> NameIn(const std::string& argument) {
  error_code error;
  const json::value value = json::parse(argument, error);
  const json::object* object = error ? nullptr : value.if_object();
  const json::value* name = object == nullptr ? nullptr : object->if_contains("name");
  if (name != nullptr && name->is_string()) return std::string(name->get_string());
  return absl::InvalidArgumentError("the argument should be a JSON object with the name of a slave");
}

ReturnCapsule AnswerTo(uint64_t id, const absl::StatusOr<std::string>& answer) {
  return {id, static_cast<uint16_t>(answer.status().code()),
          answer.ok() ? *answer : Message(answer.status())};
}

}  // namespace

void SlaveService::Call(const std::string& name, const std::string& method, const std::string& argument,
                        Result result) {
  const Slave* slave = Find(name);
  if (slave == nullptr) return result(absl::NotFoundError("no slave named \"" + name + "\" is configured"));
  if (!slave->session || !slave->session->open()) {
    return result(absl::UnavailableError("the slave \"" + name + "\" is not up"));
  }
  slave->session->Call(method, argument, std::move(result));
}

void SlaveService::OnCall(Slave& slave, const CallCapsule& call) {
  const auto session = slave.session;
  if (call.method == "stop" && slave.plan.kind == SlaveKind::kManagement) {
    const auto name = NameIn(call.argument);
    Slave* other = name.ok() ? Find(*name) : nullptr;
    if (other != nullptr && other->process) {
      return Stop(*name, [session, id = call.id] { session->Send(ReturnCapsule{id, 0, "{}"}); });
    }
    const absl::Status status =
        name.ok() ? absl::NotFoundError("no slave named \"" + *name + "\" runs") : name.status();
    return session->Send(ReturnCapsule{call.id, static_cast<uint16_t>(status.code()), Message(status)});
  }
  if (DirectPaths::Knows(slave.plan.kind, slave.plan.remote, call.method)) {
    return env_.direct_call(
        slave.plan.name, call,
        [weak = std::weak_ptr(session), id = call.id](absl::StatusOr<std::string> answer) {
          if (const auto asker = weak.lock()) asker->Send(AnswerTo(id, answer));
        });
  }
  const auto answer = Answer(slave, call);
  session->Send(AnswerTo(call.id, answer));
}

absl::StatusOr<std::string> SlaveService::Answer(Slave& slave, const CallCapsule& call) {
  if (call.method == "config") return ConfigOf(slave);
  if (call.method == "claim" && slave.plan.claims) return Claim(slave, call.argument);
  if (slave.plan.remote)
    return absl::PermissionDeniedError("a slave that is elsewhere may not call " + call.method);
  if (call.method == "sign") return Sign(slave, call.argument);
  if (call.method == "former") return AcceptFormer(slave, call.argument);
  if (call.method == "moved") {
    if (slave.plan.kind != SlaveKind::kDht || !slave.id)
      return absl::PermissionDeniedError("only a DHT slave may say what has moved");
    const std::span record(reinterpret_cast<const uint8_t*>(call.argument.data()), call.argument.size());
    if (absl::Status status = env_.moved(slave.plan.name, *slave.id, record); !status.ok()) return status;
    return std::string("{}");
  }
  if (call.method == "saved") return memory_.Load(slave.plan.name);
  if (call.method == "save") {
    if (absl::Status status = memory_.Save(env_.clock(), slave.plan.name, call.argument); !status.ok())
      return status;
    return std::string("{}");
  }
  if (call.method == "slaves" || call.method == "start" || call.method == "stop") {
    if (slave.plan.kind == SlaveKind::kManagement) return AnswerManagement(call);
    return absl::PermissionDeniedError("only the management slave may call " + call.method);
  }
  return absl::UnimplementedError("ov6d does not know the call " + call.method);
}

absl::StatusOr<std::string> SlaveService::AnswerManagement(const CallCapsule& call) {
  if (call.method == "start") {
    const auto name = NameIn(call.argument);
    if (!name.ok()) return name.status();
    if (absl::Status status = Start(*name); !status.ok()) return status;
    return std::string("{}");
  }
  json::array list;
  for (const auto& [name, slave] : slaves_) {
    if (slave.plan.remote || slave.forgotten) continue;
    const bool up = slave.process && slave.id;
    list.push_back({{"name", name},
                    {"kind", std::string(ToString(slave.plan.kind))},
                    {"state", up              ? "up"
                              : slave.process ? "starting"
                                              : "stopped"}});
  }
  return json::serialize(list);
}

absl::StatusOr<std::string> SlaveService::Sign(const Slave& slave, const std::string& bytes) {
  const std::span record(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  if (const absl::Status status = CheckSignable(slave.plan, env_.key, record, now); !status.ok()) {
    ++counters_.sign_refused;
    spdlog::warn("slave {}: nothing was signed: {}", slave.plan.name, Message(status));
    return status;
  }
  ++counters_.signed_records;
  const Signature signature = env_.key.key.Sign(SignedBytes(record));
  return std::string(signature.begin(), signature.end());
}

// Where a prefix that this router registers was before: what is still brought from there is accepted.
absl::StatusOr<std::string> SlaveService::AcceptFormer(const Slave& slave, const std::string& argument) {
  error_code error;
  const json::value value = json::parse(argument, error);
  const json::object* object = error ? nullptr : value.if_object();
  const json::value* list = object == nullptr ? nullptr : object->if_contains("addresses");
  const auto prefix = object == nullptr ? std::nullopt : Prefix::Parse(TextIn(*object, "prefix"));
  if (!prefix || list == nullptr || !list->is_array())
    return absl::InvalidArgumentError("the argument should be {\"prefix\": .., \"addresses\": [..]}");
  const auto& own = slave.plan.registrations;
  if (!slave.id || std::find(own.begin(), own.end(), *prefix) == own.end())
    return absl::PermissionDeniedError(prefix->ToString() + " is not registered by this router");
  std::vector<Ipv4> places;
  for (const json::value& item : list->get_array()) {
    const auto address = item.is_string() ? Ipv4::Parse(std::string(item.get_string())) : std::nullopt;
    if (!address) return absl::InvalidArgumentError("\"addresses\" should be IPv4 addresses");
    places.push_back(*address);
  }
  if (absl::Status status = env_.master.AcceptFormer(env_.clock(), *slave.id, *prefix, places); !status.ok())
    return status;
  return std::string("{}");
}

std::string SlaveService::ConfigOf(const Slave& slave) const {
  json::object config = slave.plan.config;
  config["id"] = slave.id.value_or(OV6_SLAVE_OPERATOR);
  const RegisteredSlave* registered = slave.id ? env_.master.slaves().Find(*slave.id) : nullptr;
  config["prefixes"] = Strings(registered != nullptr ? registered->entry.prefixes : PrefixesOf(slave));
  if (slave.plan.claims && PrefixesOf(slave).empty()) config["advertise"] = json::array();
  if (slave.plan.claims) config["own"].as_object()["challenge"] = ToHex(slave.challenge);
  return json::serialize(config);
}

std::optional<std::string> SlaveService::ResolverOf(const Ipv6& address) const {
  const Slave* best = nullptr;
  int length = -1;
  for (const auto& [name, slave] : slaves_) {
    if (slave.plan.kind != SlaveKind::kDht) continue;
    for (const Prefix& prefix : slave.plan.prefixes) {
      if (!prefix.Contains(address) || prefix.length <= length) continue;
      best = &slave;
      length = prefix.length;
    }
  }
  return best == nullptr ? std::nullopt : std::optional(best->plan.name);
}

}  // namespace ov6
