// SPDX-License-Identifier: Apache-2.0
// Zave's invariant (TSE 43(12), 2017): every member has a live entry in its successor
// list, and at least r+1 members are principals, that is, skipped by no member's
// extended successor list. And the full mesh's own, which hold in a ring as well: nobody
// lists itself, or a node twice, or one that never was.
#ifndef OV6_TESTS_SIM_INVARIANT_H
#define OV6_TESTS_SIM_INVARIANT_H

#include <string>

#include "tests/sim/simulator.h"

namespace ov6::sim {

// A sentence about what is wrong, or the empty string.
std::string CheckInvariant(const Simulator& simulator);
// Number of principals among the members of the ring.
size_t Principals(const Simulator& simulator);

}  // namespace ov6::sim

#endif
