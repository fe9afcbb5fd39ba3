// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The fast door of an underlay device: tunnel in -> check -> strip -> route -> deliver. */
#include "lib/hit.h"

SEC("xdp")
int xdp_underlay(struct xdp_md *ctx)
{
	int result = hit_underlay(ctx);
	struct door *door;

	if (result != HIT_NONE)
		return result;
	door = door_open(ctx, ORIGIN_UNDERLAY);
	if (!door)
		return HOOK_DROP;
	if (!underlay_parse(ctx, &door->packet, &door->decision)) {
		front_before(&door->packet, &door->before);
		ov6_underlay(ctx, &door->packet, &door->decision);
		ov6_front_after_underlay(&door->packet, &door->decision, door->before.source,
					 door->before.destination);
	}
	return ov6_act(ctx, &door->packet, &door->decision);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
