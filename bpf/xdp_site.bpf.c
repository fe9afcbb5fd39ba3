// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The fast door of a site device: IPv6 in -> route -> mapping -> encapsulate | slave port | pass up. */
#include "lib/doors.h"

SEC("xdp")
int xdp_site(struct xdp_md *ctx)
{
	return door_site(ctx);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
