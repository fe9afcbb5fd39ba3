// SPDX-License-Identifier: Apache-2.0
#include "slaves/engine/resolver/walk.h"

#include <algorithm>

namespace ov6 {
namespace {

constexpr size_t kMostAtOnce = 4;  // keys, of which those beyond one a storage length are guessed

}  // namespace

Walk::Walk(const Domain& domain, const Ipv6& address, bool zeroing, const std::set<Ipv6>& full)
    : domain_(domain), full_(full), address_(address) {
  for (const int length : StorageLengths(domain)) places_[length] = Places(domain, length, address);
  if (zeroing) at_ = address;
}

std::vector<Ipv6> Walk::Next() {
  if (outstanding_ > 0) return {};
  std::vector<Ipv6> keys;
  if (const auto zeroed = NextZeroed()) {
    keys = {*zeroed};
  } else {
    keys = asked_.empty() ? FirstPlaces() : NextPlaces();
  }
  asked_.insert(keys.begin(), keys.end());
  outstanding_ = keys.size();
  return keys;
}

void Walk::Take(const Ipv6& key, KeyAnswer answer) {
  --outstanding_;
  answers_[key] = std::move(answer);
}

std::vector<Record> Walk::Seen() const {
  std::vector<Record> seen;
  for (const auto& [key, answer] : answers_)
    seen.insert(seen.end(), answer.records.begin(), answer.records.end());
  return seen;
}

// --- the paper's way ---------------------------------------------------------------

// "This continues until the address is all zeroes": here, until all that is left is the domain's own prefix.
std::optional<Ipv6> Walk::NextZeroed() {
  if (!at_) return std::nullopt;
  if (!asked_.contains(*at_)) return at_;
  const Ipv6 aggregate = at_->Masked(places_.rbegin()->first);
  const bool silent = !answers_.at(*at_).answered;
  const bool over = *at_ == domain_.prefix.address || (silent && *at_ == aggregate) || Settled(Records());
  if (over) {
    at_.reset();
  } else {
    // Beneath the aggregate's own key lies only what that one has no room for, and then it says so.
    at_ = silent ? aggregate : at_->WithLastSetBitCleared();
  }
  return at_;
}

// Found, and a longer one could only be where this one would lie if there were room, and isn't.
bool Walk::Settled(const std::vector<Record>& records) const {
  const Record* longest = LongestAround(records, address_);
  return longest != nullptr && answers_.contains(PlacesOf(domain_, longest->prefix).front().address);
}

// --- all at once -------------------------------------------------------------------

// The least storage length that has to be known: what is stored by shorter ones is shorter than what was
// found.
int Walk::Needed(const std::vector<Record>& records) const {
  const Record* longest = LongestAround(records, address_);
  return longest == nullptr ? 0 : PlacesOf(domain_, longest->prefix).front().length;
}

Walk::Reach Walk::ReachOf(const std::vector<Place>& places) const {
  for (const Place& place : places) {
    const auto answer = answers_.find(place.address);
    if (answer == answers_.end()) return {&place};
    if (!answer->second.answered) return {};
    if (!answer->second.overflowed) return {nullptr, true, place.length};
  }
  return {nullptr, true, places.back().length};
}

std::vector<Ipv6> Walk::FirstPlaces() const {
  std::set<Ipv6> keys;
  for (const auto& [length, places] : places_) keys.insert(places.front().address);
  for (const auto& [length, places] : places_) {
    for (size_t i = 1; i < places.size() && keys.size() < kMostAtOnce; ++i) {
      if (!full_.contains(places[i - 1].address)) break;
      keys.insert(places[i].address);
    }
  }
  return {keys.begin(), keys.end()};
}

std::vector<Ipv6> Walk::NextPlaces() const {
  std::set<Ipv6> keys;
  const int needed = Needed(Records());
  for (const auto& [length, places] : places_) {
    if (length < needed) continue;
    const Reach reach = ReachOf(places);
    if (reach.open != nullptr) keys.insert(reach.open->address);
    if (reach.open == nullptr && !reach.known) return {};  // it can't become an answer any more
  }
  // Behind full keys one after the other, those of longer records first: what is found there may be enough.
  if (keys.size() > 1) return {*std::max_element(keys.begin(), keys.end())};
  return {keys.begin(), keys.end()};
}

// A longer record may be hidden behind silence, so nothing shorter may stand in for it.
Findings Walk::Judge() const {
  Findings findings{true, {}, Records(), Seen()};
  const int needed = Needed(findings.records);
  int piece = 0;
  for (const auto& [length, places] : places_) {
    const Reach reach = ReachOf(places);
    piece = std::max(piece, reach.piece);
    if (reach.known) continue;
    if (length >= needed) return {false, Prefix::Of(address_, places_.rbegin()->first), {}, {}};
    // Something shorter may lie beside what was found, not in it.
    piece = std::max(piece, LongestAround(findings.records, address_)->prefix.length);
  }
  findings.piece = Prefix::Of(address_, piece);
  for (auto* records : {&findings.records, &findings.seen})
    std::erase_if(*records, [&](const Record& r) { return !findings.piece.Overlaps(r.prefix); });
  return findings;
}

}  // namespace ov6
