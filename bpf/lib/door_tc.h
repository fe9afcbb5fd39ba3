/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A full door: what the front does not know of is decided by the tables, which then may tell it. */
#ifndef OV6_LIB_DOOR_TC_H
#define OV6_LIB_DOOR_TC_H

#include "front_decision.h"

static __always_inline int door_site(hook_ctx *ctx)
{
	struct door *door = door_open(ctx, ORIGIN_SITE);

	if (!door)
		return HOOK_DROP;
	if (!site_parse(ctx, &door->packet, &door->decision) &&
	    !ov6_front_decides_site(&door->packet, &door->decision)) {
		front_before(&door->packet, &door->before);
		ov6_site(ctx, &door->packet, &door->decision);
		ov6_front_learn(&door->packet, &door->decision, door->before.source,
				door->before.destination);
	}
	return ov6_act(ctx, &door->packet, &door->decision);
}

static __always_inline int door_underlay(hook_ctx *ctx)
{
	struct door *door = door_open(ctx, ORIGIN_UNDERLAY);

	if (!door)
		return HOOK_DROP;
	if (!underlay_parse(ctx, &door->packet, &door->decision) &&
	    !ov6_front_decides_underlay(&door->packet, &door->decision)) {
		front_before(&door->packet, &door->before);
		ov6_underlay(ctx, &door->packet, &door->decision);
		ov6_front_learn(&door->packet, &door->decision, door->before.source,
				door->before.destination);
	}
	return ov6_act(ctx, &door->packet, &door->decision);
}

#endif
