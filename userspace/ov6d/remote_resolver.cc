// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/remote_resolver.h"

#include <linux/if_ether.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/status/status.h"

namespace ov6 {
namespace {

const Prefix& PrefixOf(const MappingChange& change) {
  return std::visit([](const auto& one) -> const Prefix& { return one.prefix; }, change);
}

}  // namespace

// --- what the datapath asks --------------------------------------------------------

void RemoteResolver::OnFrames(BootTime now, std::span<const Frame> frames) {
  for (const Frame& frame : frames) OnFrame(now, frame);
}

void RemoteResolver::OnFrame(BootTime now, const Frame& frame) {
  ++counters_.punted;
  const auto punt = ParsePunt(frame.bytes);
  if (!punt) {
    ++counters_.bad_punt;
    return port_.Release(frame);
  }
  if (!Ask(now, punt->key, frame)) {
    ++counters_.dropped_rate;
    return port_.Release(frame);
  }
  if (const auto dropped = held_.Hold(punt->key, frame, punt->reason)) {
    ++counters_.dropped_held;
    port_.Release(*dropped);
  }
}

// Whether somebody is, or has been, asked for the key; once more where the answer may have been lost.
bool RemoteResolver::Ask(BootTime now, const Ipv6& key, const Frame& frame) {
  const auto before = asked_.find(key);
  const bool waits = before != asked_.end() && held_.Holds(key);
  if (waits && now - before->second < kAskAgain) return true;
  const auto payload = frame.bytes.subspan(ETH_HLEN);
  const bool asked =
      asks_.Take(now) && show_(payload.first(std::min(payload.size(), sizeof(ov6_port_header) + kShown)));
  if (!asked) return waits;
  ++counters_.asked;
  asked_[key] = now;
  return true;
}

// --- what the slave answers ---------------------------------------------------------

absl::Status RemoteResolver::Admit(BootTime now, const MappingChange& change) {
  if (!changes_.Take(now)) return absl::ResourceExhaustedError("too many changes a second");
  const bool more = !std::holds_alternative<MappingWithdraw>(change) && !standing_.contains(PrefixOf(change));
  if (!more || standing_.size() < kMostMappings) return absl::OkStatus();
  std::erase_if(standing_, [&](const auto& entry) { return entry.second <= now; });
  if (standing_.size() < kMostMappings) return absl::OkStatus();
  return absl::ResourceExhaustedError("no more than " + std::to_string(kMostMappings) + " may stand");
}

void RemoteResolver::Note(BootTime now, const MappingChange& change) {
  const auto until = [now](uint32_t ms) { return now + std::chrono::milliseconds(ms); };
  if (const auto* add = std::get_if<MappingAdd>(&change)) standing_[add->prefix] = until(add->hard_ttl_ms);
  if (const auto* none = std::get_if<MappingNegative>(&change)) standing_[none->prefix] = until(none->ttl_ms);
  if (std::holds_alternative<MappingWithdraw>(change)) standing_.erase(PrefixOf(change));
}

MappingsAckCapsule RemoteResolver::OnMappings(BootTime now, const MappingsCapsule& capsule,
                                              const Apply& apply) {
  MappingsAckCapsule ack{capsule.sequence, {}};
  MappingsCapsule admitted{capsule.sequence, {}};
  std::vector<uint64_t> places;
  for (size_t i = 0; i < capsule.changes.size(); ++i) {
    const absl::Status status = Admit(now, capsule.changes[i]);
    if (status.ok()) {
      places.push_back(i);
      admitted.changes.push_back(capsule.changes[i]);
    } else {
      ack.refused.push_back({i, std::string(status.message())});
    }
  }
  std::vector<bool> taken(places.size(), true);
  for (const auto& refusal : apply(admitted).refused) {
    taken[refusal.index] = false;
    ack.refused.push_back({places[refusal.index], refusal.reason});
  }
  for (size_t i = 0; i < places.size(); ++i) {
    if (!taken[i]) continue;
    Note(now, admitted.changes[i]);
    Return(PrefixOf(admitted.changes[i]));
  }
  counters_.changes_refused += ack.refused.size();
  std::sort(ack.refused.begin(), ack.refused.end(),
            [](const auto& a, const auto& b) { return a.index < b.index; });
  return ack;
}

// They meet now what was said of them.
void RemoteResolver::Return(const Prefix& prefix) {
  std::vector<Frame> frames;
  auto key = asked_.lower_bound(prefix.address);
  while (key != asked_.end() && prefix.Contains(key->first)) {
    for (const HoldQueue::Held& held : held_.Take(key->first)) {
      Resubmit(held.frame, held.reason == OV6_PUNT_VERIFY ? OV6_PORT_RESUBMIT_IN : OV6_PORT_RESUBMIT_OUT,
               id_);
      frames.push_back(held.frame);
    }
    key = asked_.erase(key);
  }
  counters_.returned += frames.size();
  port_.Transmit(frames);
}

void RemoteResolver::Sweep(BootTime now) {
  for (auto key = asked_.begin(); key != asked_.end();) {
    if (now - key->second < kPatience) {
      ++key;
      continue;
    }
    for (const HoldQueue::Held& held : held_.Take(key->first)) {
      ++counters_.dropped_patience;
      port_.Release(held.frame);
    }
    key = asked_.erase(key);
  }
}

}  // namespace ov6
