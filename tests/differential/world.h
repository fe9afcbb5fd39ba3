// SPDX-License-Identifier: Apache-2.0
// The router that both sides are asked about: the devices, routes and neighbours of tests/packet/world.h
// and some more, for the kernel and for the model of it; and the tables it starts with.
#ifndef OV6_TESTS_DIFFERENTIAL_WORLD_H
#define OV6_TESTS_DIFFERENTIAL_WORLD_H

#include "tests/model/model.h"

namespace ov6::differential {

struct Devices {
  uint32_t lan, lan2, wan, other, port, port2, self;
};

Devices MakeDevices();  // in this network namespace
model::Kernel MakeKernel(const Devices& devices);
model::Tables MakeTables(const Devices& devices);

Ipv6 At6(const char* address);
Ipv4 At4(const char* address);
Prefix In(const char* prefix);

}  // namespace ov6::differential

#endif
