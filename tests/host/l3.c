/* SPDX-License-Identifier: Apache-2.0 */
/* The doors of devices without a link header as functions of this process. */
#include "bpf/tc_l3.bpf.c"
#include "tests/host/register.h"

HOST_EXPORT void host_register_l3(void) {
  HOST_ALL_MAPS
  HOST_PROGRAM(tc_site_l3, HOST_TC_NO_LINK)
  HOST_PROGRAM(tc_underlay_l3, HOST_TC_NO_LINK)
}
