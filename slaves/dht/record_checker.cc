// SPDX-License-Identifier: Apache-2.0
#include "slaves/dht/record_checker.h"

#include <utility>

#include "userspace/base/bytes.h"

namespace ov6 {

ValueChecker MakeRecordChecker(const Domain& domain, std::function<UnixTime()> wall) {
  return [domain, wall = std::move(wall)](const Key& key, std::span<const uint8_t> value,
                                          BootTime) -> std::optional<ValueInfo> {
    const UnixTime now = wall();
    const auto record = VerifySigned(value, domain, now);
    if (!record.ok() || StorageKey(domain, record->prefix) != key || record->expiry <= now)
      return std::nullopt;
    ByteWriter owner;
    owner.Raw(record->public_key)
        .Raw(record->prefix.address.bytes)
        .U8(static_cast<uint8_t>(record->prefix.length));
    return ValueInfo{owner.Take(), record->sequence, record->expiry - now};
  };
}

}  // namespace ov6
