// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The fast door of an underlay device: tunnel in -> check -> strip -> route -> deliver. */
#include "lib/doors.h"

SEC("xdp")
int xdp_underlay(struct xdp_md *ctx)
{
	return door_underlay(ctx);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
