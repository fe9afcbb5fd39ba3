// SPDX-License-Identifier: Apache-2.0
#include "slaves/management/management_slave.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "slaves/management/hole.h"

namespace ov6 {
namespace {

constexpr uint8_t kNoRoute = 0;  // RFC 4443 section 3.1
constexpr size_t kHeldPerHole = 64;

uint32_t Milliseconds(Duration d) {
  return static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::milliseconds>(d).count());
}

absl::StatusOr<std::string> NameIn(const std::string& json, int* status) {
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse(json, error);
  const auto* object = error ? nullptr : value.if_object();
  const auto* name = object == nullptr ? nullptr : object->if_contains("name");
  if (name == nullptr || !name->is_string()) {
    return absl::InvalidArgumentError("the argument " + json +
                                      " should be an object with the name of a slave");
  }
  const auto* number = object->if_contains("status");
  if (status != nullptr)
    *status = number != nullptr && number->is_int64() ? static_cast<int>(number->get_int64()) : -1;
  return std::string(name->get_string());
}

}  // namespace

void ManagementSlave::OnPort(const PortCapsule& port) {
  self_ = port.slave;
  held_.Clear();
  held_.SetLimits({kHeldPerHole, port.frame_count / 2});
}

void ManagementSlave::OnFrames(BootTime now, std::span<const Frame> frames) {
  for (const Frame& frame : frames) OnFrame(now, frame);
}

void ManagementSlave::OnFrame(BootTime now, const Frame& frame) {
  ++counters_.punted;
  const auto punt = ParsePunt(frame.bytes);
  if (!punt || punt->reason == OV6_PUNT_VERIFY) {
    ++counters_.bad_punt;
    return port_.Release(frame);
  }
  const auto hole = HoleAround(punt->key, taken_);
  const Prefix negative = hole.value_or(Prefix::Of(punt->key, 128));
  const bool asked = asked_.contains(negative);
  if (!asked && !Spend(now)) {
    ++counters_.dropped_rate;
    return port_.Release(frame);
  }
  if (const auto dropped = held_.Hold(negative.address, frame, punt->reason)) port_.Release(*dropped);
  if (!asked) Ask(negative, !hole);
}

bool ManagementSlave::Spend(BootTime now) {
  const double seconds = std::chrono::duration<double>(now - tokens_updated_).count();
  tokens_ = std::min(kNegativesBurst, tokens_ + seconds * kNegativesPerSecond);
  tokens_updated_ = now;
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

void ManagementSlave::Ask(const Prefix& hole, bool taken) {
  ++counters_.negatives;
  asked_.insert(hole);
  const MappingNegative negative{hole, Milliseconds(taken ? kTakenLifetime : kHoleLifetime), kNoRoute, taken};
  session_.SendMappings({negative}, [this, hole](const absl::StatusOr<Session::Refusals>& refusals) {
    asked_.erase(hole);
    if (refusals.ok() && refusals->empty()) return Return(hole);
    ++counters_.negatives_refused;
    std::string refusal = refusals.ok() ? refusals->front().reason : std::string(refusals.status().message());
    if (refusal != last_refusal_)
      spdlog::warn("the negative for {} was not taken: {}", hole.ToString(), refusal);
    last_refusal_ = std::move(refusal);
    Drop(hole);
  });
}

// They meet the negative now, and the datapath answers their senders.
void ManagementSlave::Return(const Prefix& hole) {
  std::vector<Frame> frames;
  for (const auto& held : held_.Take(hole.address)) {
    Resubmit(held.frame, OV6_PORT_RESUBMIT_OUT, self_);
    frames.push_back(held.frame);
  }
  port_.Transmit(frames);
}

void ManagementSlave::Drop(const Prefix& hole) {
  for (const auto& held : held_.Take(hole.address)) {
    ++counters_.dropped_session;
    port_.Release(held.frame);
  }
}

absl::Status ManagementSlave::OnSlaves(BootTime now, const std::string& json) {
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse(json, error);
  if (error || !value.is_array())
    return absl::InvalidArgumentError("the master's list of slaves is not a JSON array: " + json);
  std::set<std::string> names;
  for (const auto& item : value.get_array()) {
    const auto field = [&](const char* name) {
      const auto* found = item.is_object() ? item.get_object().if_contains(name) : nullptr;
      return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
    };
    const auto kind = ParseSlaveKind(field("kind"));
    if (!kind || field("name").empty())
      return absl::InvalidArgumentError("a slave without name or known kind: " + json);
    names.insert(field("name"));
    if (*kind != SlaveKind::kManagement)
      supervisor_.Report(now, field("name"), *kind, field("state") != "stopped");
  }
  supervisor_.Keep(names);
  return absl::OkStatus();
}

absl::Status ManagementSlave::OnExited(BootTime now, const std::string& json) {
  int status = -1;
  const auto name = NameIn(json, &status);
  if (!name.ok()) return name.status();
  spdlog::warn("{} ended with status {}", *name, status);
  supervisor_.OnExited(now, *name, status);
  return absl::OkStatus();
}

absl::Status ManagementSlave::OnWanted(BootTime now, const std::string& json) {
  const auto name = NameIn(json, nullptr);
  if (!name.ok()) return name.status();
  return supervisor_.Want(now, *name) ? absl::OkStatus()
                                      : absl::NotFoundError("no slave named " + *name + " is configured");
}

void ManagementSlave::StartDue(BootTime now, const std::function<BootTime()>& clock) {
  for (const std::string& name : supervisor_.TakeDue(now)) {
    const std::string argument = boost::json::serialize(boost::json::object{{"name", name}});
    session_.Call("start", argument, [this, name, clock](const absl::StatusOr<std::string>& result) {
      if (result.ok()) return spdlog::info("{} started", name);
      spdlog::warn("{} was not started: {}", name, std::string(result.status().message()));
      supervisor_.OnStartFailed(clock(), name);
    });
  }
}

std::string ManagementSlave::StatusJson(BootTime now) const {
  boost::json::object slaves;
  for (const auto& [name, slave] : supervisor_.slaves()) {
    boost::json::object entry{{"state", std::string(ToString(slave.state))}, {"restarts", slave.restarts}};
    if (slave.state == Supervisor::State::kWaiting)
      entry["next_try_ms"] = Milliseconds(std::max(slave.next_try - now, Duration{}));
    slaves[name] = std::move(entry);
  }
  return boost::json::serialize(boost::json::object{
      {"slaves", std::move(slaves)},
      {"punted", counters_.punted},
      {"bad_punt", counters_.bad_punt},
      {"negatives", counters_.negatives},
      {"negatives_refused", counters_.negatives_refused},
      {"held", held_.size()},
      {"dropped_rate", counters_.dropped_rate},
      {"dropped_session", counters_.dropped_session},
      {"dropped_held", held_.counters().dropped_key_full + held_.counters().dropped_all_full}});
}

}  // namespace ov6
