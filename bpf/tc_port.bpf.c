// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The tail of a slave port's near end: sends with the stack's help what XDP could not. */
#define OV6_HOOK_TC
#include "lib/doors.h"
#include "lib/port.h"

SEC("tc")
int tc_port(struct __sk_buff *ctx)
{
	struct packet p = door_packet(ctx, ORIGIN_SLAVE);
	struct decision d = {};

	if (mark_port_header(ctx, &p.header))
		return act_drop(ctx, &p, OV6_VERDICT_DROP_PORT_UNMARKED);
	port_decide(ctx, &p, &d);
	return ov6_act(ctx, &p, &d);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
