// SPDX-License-Identifier: Apache-2.0
#include "slaves/engine/resolver/piece.h"

#include <algorithm>

#include "slaves/engine/resolver/records.h"

namespace ov6 {
namespace {

Prefix Hole(const Prefix& piece, const std::vector<Record>& records, const Ipv6& address) {
  for (int length = piece.length; length < 128; ++length) {
    const Prefix hole = Prefix::Of(address, length);
    const bool empty = std::none_of(records.begin(), records.end(),
                                    [&](const Record& r) { return hole.Overlaps(r.prefix); });
    if (empty) return hole;
  }
  return Prefix::Of(address, 128);
}

}  // namespace

PieceAnswer AnswerFor(const Prefix& piece, const std::vector<Record>& records, const Ipv6& address) {
  const Record* longest = LongestAround(records, address);
  if (longest == nullptr) return {{}, Hole(piece, records, address)};
  PieceAnswer answer{{*longest}, longest->prefix.length >= piece.length ? longest->prefix : piece};
  for (const Record& record : records) {
    if (&record != longest && piece.Contains(record.prefix)) answer.records.push_back(record);
  }
  std::stable_sort(answer.records.begin() + 1, answer.records.end(),
                   [](const Record& a, const Record& b) { return a.prefix.length > b.prefix.length; });
  return answer;
}

}  // namespace ov6
