// SPDX-License-Identifier: Apache-2.0
// What the DHT says, judged: which of the values under a key are records that may lie
// there, and which of several claims counts.
#ifndef OV6_SLAVES_ENGINE_RESOLVER_RECORDS_H
#define OV6_SLAVES_ENGINE_RESOLVER_RECORDS_H

#include <cstdint>
#include <vector>

#include "ov6/engine.h"
#include "userspace/wire/record_verifier.h"

namespace ov6 {

// Those that are valid, have not expired and belong under the key; revocations too. `bad` counts the others.
std::vector<Record> ReadRecords(RecordVerifier& verifier, UnixTime wall, const Key& key,
                                const std::vector<Bytes>& values, uint64_t* bad);
// Of one claim, the newest; of several claims to one prefix, the oldest. Revoked ones are left out. In the
// order of prefixes.
std::vector<Record> ThatCount(std::vector<Record> records);
// The longest that covers the address; nullptr if none does.
const Record* LongestAround(const std::vector<Record>& records, const Ipv6& address);

}  // namespace ov6

#endif
