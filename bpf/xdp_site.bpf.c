// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The fast door of a site device: IPv6 in -> route -> mapping -> encapsulate | slave port | pass up. */
#include "lib/hit.h"

SEC("xdp")
int xdp_site(struct xdp_md *ctx)
{
	int result = hit_site(ctx);
	struct door *door;

	if (result != HIT_NONE)
		return result;
	door = door_open(ctx, ORIGIN_SITE);
	if (!door)
		return HOOK_DROP;
	if (!site_parse(ctx, &door->packet, &door->decision)) {
		front_before(&door->packet, &door->before);
		ov6_site(ctx, &door->packet, &door->decision);
		ov6_front_after_site(&door->packet, &door->decision, door->before.source,
				     door->before.destination);
	}
	return ov6_act(ctx, &door->packet, &door->decision);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
