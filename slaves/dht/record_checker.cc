// SPDX-License-Identifier: Apache-2.0
#include "slaves/dht/record_checker.h"

#include <utility>

#include "userspace/wire/storage_key.h"

namespace ov6 {

ValueChecker MakeRecordChecker(const Domain& domain, std::function<UnixTime()> wall) {
  return [domain, wall = std::move(wall)](const Key& key, std::span<const uint8_t> value,
                                          BootTime) -> std::optional<ValueInfo> {
    const UnixTime now = wall();
    const auto record = VerifySigned(value, domain, now);
    if (!record.ok() || record->expiry <= now) return std::nullopt;
    const std::vector<Place> places = PlacesOf(domain, record->prefix);
    const auto place = PlaceIndex(domain, record->prefix, key);
    if (!place) return std::nullopt;
    ValueInfo info{ClaimOf(*record), record->sequence, record->expiry - now};
    info.rank = static_cast<uint32_t>(record->prefix.length);
    if (*place + 1 < places.size()) info.next = KeyOf(domain, places[*place + 1].address);
    return info;
  };
}

}  // namespace ov6
