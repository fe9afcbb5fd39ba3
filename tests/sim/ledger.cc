// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/ledger.h"

#include <algorithm>

namespace ov6::sim {
namespace {

constexpr size_t kMaxSentences = 16;
constexpr auto kStaleLimit = std::chrono::hours(1);

bool Names(const Record& record, const Locator& locator) {
  return std::any_of(record.locators.begin(), record.locators.end(),
                     [&](const Locator& other) { return other.address == locator.address; });
}

// All that is sent to. Where nothing is, everything was signed at one time or another: see Wrong().
bool NamesAll(const Record& record, const std::vector<Locator>& locators) {
  return std::all_of(locators.begin(), locators.end(), [&](const Locator& locator) {
    return locator.priority == kAcceptOnly || Names(record, locator);
  });
}

}  // namespace

void Ledger::Signed(const Record& record) {
  auto& records = signed_[record.prefix];
  records.push_back(record);
}

std::string Ledger::Wrong(UnixTime now, const MappingAdd& add) {
  const auto owner = std::find_if(signed_.begin(), signed_.end(),
                                  [&](const auto& entry) { return entry.first.Contains(add.prefix); });
  if (owner == signed_.end()) return "covers what nobody has signed";
  const std::vector<Record>& records = owner->second;
  const auto record = std::find_if(records.rbegin(), records.rend(),
                                   [&](const Record& r) { return NamesAll(r, add.locators); });
  const bool signed_all = std::all_of(add.locators.begin(), add.locators.end(), [&](const Locator& locator) {
    return std::any_of(records.begin(), records.end(), [&](const Record& r) { return Names(r, locator); });
  });
  if (record == records.rend() || !signed_all) return "names a place that its owner never signed";
  const auto grace = add.silent ? std::chrono::seconds(kStaleLimit) : std::chrono::seconds(0);
  if (now > record->expiry + grace + kClockSkew) return "is past the lifetime that its owner signed";
  if (record != records.rbegin()) counts_.outdated += !NamesAll(records.back(), add.locators);
  return "";
}

void Ledger::Judge(const std::string& who, UnixTime now, const MappingAdd& add) {
  const std::string wrong = Wrong(now, add);
  ++(wrong.empty() ? counts_.right : counts_.wrong);
  if (!wrong.empty() && wrongs_.size() < kMaxSentences)
    wrongs_.push_back(who + ": the mapping of " + add.prefix.ToString() + " " + wrong);
}

void Ledger::Judge(const MappingNegative& negative) {
  if (negative.failed) {
    ++counts_.unreachable;
    return;
  }
  const auto it = signed_.lower_bound(negative.prefix);
  const bool covers = it != signed_.end() && negative.prefix.Contains(it->first);
  ++(covers ? counts_.lost : counts_.absent);
}

}  // namespace ov6::sim
