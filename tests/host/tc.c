/* SPDX-License-Identifier: Apache-2.0 */
/* The TC programs as functions of this process. */
#define LICENSE license_tc_site
#include "bpf/tc_site.bpf.c"
#undef LICENSE
#undef OV6_HOOK_TC
#define LICENSE license_tc_underlay
#include "bpf/tc_underlay.bpf.c"
#undef LICENSE
#undef OV6_HOOK_TC
#define LICENSE license_tc_port
#include "bpf/tc_port.bpf.c"
#include "tests/host/register.h"

HOST_EXPORT void host_register_tc(void) {
  HOST_ALL_MAPS
  HOST_PROGRAM(tc_site, HOST_TC)
  HOST_PROGRAM(tc_underlay, HOST_TC)
  HOST_PROGRAM(tc_port, HOST_TC)
}
