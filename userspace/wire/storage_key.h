// SPDX-License-Identifier: Apache-2.0
// Where in the DHT a record lies: under the network address of the longest of its domain's
// storage lengths that is not longer than the record, so that a lookup need ask only one
// key for each of them. A key whose set is full sends its longest records on, to the key of
// the address masked 8 bits further, and so on. Bit zeroing visits every one of these
// keys. docs/architecture.md, "Resolving".
#ifndef OV6_USERSPACE_WIRE_STORAGE_KEY_H
#define OV6_USERSPACE_WIRE_STORAGE_KEY_H

#include <optional>
#include <vector>

#include "ov6/engine.h"
#include "userspace/wire/record.h"

namespace ov6 {

inline constexpr int kSplitBits = 8;  // how much further the next key looks when one is full

// A key as an address, and how many of its bits say where it is. Two places with one address are one key.
using Place = Prefix;

// Ascending: the domain's own prefix length, its aggregate, and what it has beside that. Only those that a
// record of the domain can have come from: none shorter than the aggregate where nobody may claim such.
std::vector<int> StorageLengths(const Domain& domain);
// The places of the records around `address` with this storage length: the first, and then where each full
// one sends on to. Places that have the key of the one before are left out.
std::vector<Place> Places(const Domain& domain, int storage_length, const Ipv6& address);
// Where this record may lie, the first choice first.
std::vector<Place> PlacesOf(const Domain& domain, const Prefix& prefix);

Key KeyOf(const Domain& domain, const Ipv6& network);  // SHA-1 over the domain's name and the address
// The first choice for a record's place.
Key StorageKey(const Domain& domain, const Prefix& prefix);
// The key of a lookup of `address` as the paper zeroes it: the address itself as the network.
inline Key LookupKey(const Domain& domain, const Ipv6& address) { return KeyOf(domain, address); }

// Which of PlacesOf a key is: nullopt if the record does not belong there.
std::optional<size_t> PlaceIndex(const Domain& domain, const Prefix& prefix, const Key& key);

}  // namespace ov6

#endif
