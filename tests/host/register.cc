// SPDX-License-Identifier: Apache-2.0
#include "tests/host/register.h"

#include "tests/host/kernel.h"

void ov6::host::RegisterAll() {
  static const bool once = (host_register_xdp(), host_register_tc(), host_register_l3(), true);
  (void)once;
}
