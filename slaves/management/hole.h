// SPDX-License-Identifier: Apache-2.0
// The hole around an address: the widest prefix that contains it and touches nothing
// that is taken. One negative for it answers every address in it.
#ifndef OV6_SLAVES_MANAGEMENT_HOLE_H
#define OV6_SLAVES_MANAGEMENT_HOLE_H

#include <optional>
#include <span>

#include "ov6/address.h"

namespace ov6 {

// nullopt: the address itself is taken.
std::optional<Prefix> HoleAround(const Ipv6& address, std::span<const Prefix> taken);

}  // namespace ov6

#endif
