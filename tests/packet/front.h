// SPDX-License-Identifier: Apache-2.0
// The front cache (ov6/abi/front.h), as user space sees it. ResetWorld() turns it off.
#ifndef OV6_TESTS_PACKET_FRONT_H
#define OV6_TESTS_PACKET_FRONT_H

#include "ov6/abi/front.h"

namespace ov6::packet {

void FrontOff();
void FrontOn();                  // empty; the calling thread stays on its CPU until it is off
void FrontForget();              // everything has changed
ov6_front_counts FrontCounts();  // of all CPUs, since FrontOn()

}  // namespace ov6::packet

#endif
