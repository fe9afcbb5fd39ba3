// SPDX-License-Identifier: Apache-2.0
#include "slaves/dht/record_checker.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "userspace/wire/storage_key.h"

namespace ov6 {

std::optional<ValueInfo> RecordChecker::Check(const Key& key, std::span<const uint8_t> value) {
  const UnixTime now = wall_();
  const auto record = verifier_->Verify(value, now);
  if (!record.ok() || record->expiry <= now) return std::nullopt;
  const auto place = PlaceIndex(verifier_->domain(), record->prefix, key);
  if (!place) {
    ++misplaced_;
    return std::nullopt;
  }
  if (!IsFirst(*record, now)) return std::nullopt;
  const std::vector<Place> places = PlacesOf(verifier_->domain(), record->prefix);
  ValueInfo info{ClaimOf(*record), record->sequence, record->expiry - now};
  info.rank = static_cast<uint32_t>(record->prefix.length);
  if (*place + 1 < places.size()) info.next = KeyOf(verifier_->domain(), places[*place + 1].address);
  return info;
}

bool RecordChecker::IsFirst(const Record& record, UnixTime now) {
  const auto found = holders_.find(record.prefix);
  if (found == holders_.end() || found->second.until <= now || found->second.root == RootOf(record)) {
    Remember(record, now);
    return true;
  }
  Sound(record, found->second, now);
  return false;
}

// When there is no room, what has ended makes some; what still finds none is not held against a second claim.
void RecordChecker::Remember(const Record& record, UnixTime now) {
  if (holders_.size() >= kMostClaims && !holders_.contains(record.prefix)) {
    std::erase_if(holders_, [&](const auto& holder) { return holder.second.until <= now; });
    if (holders_.size() >= kMostClaims) return;
  }
  Holder& holder = holders_[record.prefix];
  const bool same = holder.root == RootOf(record);
  holder = {RootOf(record), same ? std::max(holder.until, record.expiry) : record.expiry};
}

void RecordChecker::Sound(const Record& record, const Holder& first, UnixTime now) {
  ++second_claims_;
  const auto known = std::find_if(alarms_.begin(), alarms_.end(), [&](const Alarm& alarm) {
    return alarm.prefix == record.prefix && alarm.second == RootOf(record);
  });
  if (known != alarms_.end()) {
    known->at = now;
    return;
  }
  if (alarms_.size() >= kMostAlarms) alarms_.pop_front();
  alarms_.push_back({record.prefix, first.root, RootOf(record), now});
  spdlog::warn("{} is claimed from the key {}, and {} claimed it first, who keeps it",
               record.prefix.ToString(), ToHex(RootOf(record)), ToHex(first.root));
}

boost::json::object ChecksJson(const RecordChecker& checker) {
  namespace json = boost::json;
  const RecordVerifier::Counters& c = checker.counters();
  json::array alarms;
  for (const RecordChecker::Alarm& alarm : checker.alarms()) {
    alarms.push_back(json::object{{"prefix", alarm.prefix.ToString()},
                                  {"first", ToHex(alarm.first)},
                                  {"second", ToHex(alarm.second)},
                                  {"at", alarm.at.time_since_epoch().count()}});
  }
  return {{"verified", c.verified},
          {"remembered", c.remembered},
          {"refused", c.refused},
          {"forged", c.forged},
          {"signatures", c.signatures},
          {"misplaced", checker.misplaced()},
          {"second_claims", checker.second_claims()},
          {"alarms", std::move(alarms)}};
}

}  // namespace ov6
