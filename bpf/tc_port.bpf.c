// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The tail of a slave port's near end: sends with the stack's help what XDP could not. */
#define OV6_HOOK_TC
#include "lib/doors.h"
#include "lib/port.h"

SEC("tc")
int tc_port(struct __sk_buff *ctx)
{
	struct door *door = door_open(ctx, ORIGIN_SLAVE);

	if (!door)
		return HOOK_DROP;
	if (mark_port_header(ctx, &door->packet.header))
		return act_drop(ctx, &door->packet, OV6_VERDICT_DROP_PORT_UNMARKED);
	port_decide(ctx, &door->packet, &door->decision);
	return ov6_act(ctx, &door->packet, &door->decision);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
