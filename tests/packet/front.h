// SPDX-License-Identifier: Apache-2.0
// The front cache (ov6/abi/front.h), as user space sees it. ResetWorld() turns it off.
#ifndef OV6_TESTS_PACKET_FRONT_H
#define OV6_TESTS_PACKET_FRONT_H

#include <cstdint>

#include "ov6/abi/front.h"

namespace ov6::packet {

void FrontOff();
// No kernel has fewer jiffies in a second: with so many nothing holds for longer than it should.
constexpr uint16_t kSlowestTicks = 100;
// Empty. The calling thread stays on its CPU until it is off. No second of so many jiffies ends while a test
// runs.
void FrontOn(uint16_t ticks_per_second = 60'000);
void FrontForget();              // everything has changed
void FrontLapse(bool told);      // its second is over, in which somebody told of changes or nobody
ov6_front_counts FrontCounts();  // of all CPUs, since FrontOn()
uint64_t FrontHits();

}  // namespace ov6::packet

#endif
