/* SPDX-License-Identifier: Apache-2.0 */
/* The XDP programs as functions of this process. */
#define LICENSE license_xdp_site
#include "bpf/xdp_site.bpf.c"
#undef LICENSE
#define LICENSE license_xdp_underlay
#include "bpf/xdp_underlay.bpf.c"
#undef LICENSE
#define LICENSE license_xdp_port
#include "bpf/xdp_port.bpf.c"
#include "tests/host/register.h"

HOST_EXPORT void host_register_xdp(void) {
  HOST_ALL_MAPS
  HOST_PROGRAM(xdp_site, HOST_XDP)
  HOST_PROGRAM(xdp_underlay, HOST_XDP)
  HOST_PROGRAM(xdp_port, HOST_XDP)
  HOST_PROGRAM(xdp_far, HOST_XDP)
}
