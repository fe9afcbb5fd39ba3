// SPDX-License-Identifier: Apache-2.0
#include "slaves/engine/resolver/records.h"

#include <map>
#include <utility>

#include "userspace/wire/storage_key.h"

namespace ov6 {

std::vector<Record> ReadRecords(RecordVerifier& verifier, UnixTime wall, const Key& key,
                                const std::vector<Bytes>& values, uint64_t* bad) {
  std::vector<Record> records;
  for (const Bytes& value : values) {
    absl::StatusOr<Record> record = verifier.Verify(value, wall);
    const bool good =
        record.ok() && record->expiry > wall && PlaceIndex(verifier.domain(), record->prefix, key);
    if (good) records.push_back(*std::move(record));
    if (!good) ++*bad;
  }
  return records;
}

std::vector<Record> ThatCount(std::vector<Record> records) {
  std::map<Bytes, Record> claims;
  for (Record& record : records) {
    const auto [it, fresh] = claims.try_emplace(ClaimOf(record), record);
    if (!fresh && record.sequence > it->second.sequence) it->second = std::move(record);
  }
  std::map<Prefix, Record> counting;
  for (auto& [claim, record] : claims) {
    if (record.locators.empty()) continue;  // revoked
    const auto [it, fresh] = counting.try_emplace(record.prefix, record);
    if (!fresh && record.not_before < it->second.not_before) it->second = std::move(record);
  }
  std::vector<Record> out;
  for (auto& [prefix, record] : counting) out.push_back(std::move(record));
  return out;
}

const Record* LongestAround(const std::vector<Record>& records, const Ipv6& address) {
  const Record* longest = nullptr;
  for (const Record& record : records) {
    const bool covers = record.prefix.Contains(address);
    if (covers && (longest == nullptr || record.prefix.length > longest->prefix.length)) longest = &record;
  }
  return longest;
}

}  // namespace ov6
