// SPDX-License-Identifier: Apache-2.0
#include "slaves/engine/chord/sightings.h"

#include <map>

namespace ov6::chord {

void Sightings::Add(Ipv4 by, const Endpoint& seen) {
  const uint32_t network = by.value >> 8;
  std::erase_if(words_, [&](const Word& word) { return word.network == network; });
  words_.push_back({network, seen});
  if (words_.size() > kMost) words_.pop_front();
}

std::optional<Endpoint> Sightings::Agreed(size_t enough) const {
  struct Candidate {
    size_t votes = 0;
    Endpoint last;
  };
  std::map<Ipv4, Candidate> candidates;
  for (const Word& word : words_) {
    Candidate& candidate = candidates[word.seen.address];
    ++candidate.votes;
    candidate.last = word.seen;
  }
  const Candidate* most = nullptr;
  bool tie = false;
  for (const auto& [address, candidate] : candidates) {
    if (most != nullptr && candidate.votes < most->votes) continue;
    tie = most != nullptr && candidate.votes == most->votes;
    most = &candidate;
  }
  if (most == nullptr || tie || most->votes < enough) return std::nullopt;
  return most->last;
}

}  // namespace ov6::chord
