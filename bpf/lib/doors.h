/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the doors have in common: the packet before anything is known of it. */
#ifndef OV6_LIB_DOORS_H
#define OV6_LIB_DOORS_H

#include "act.h"
#include "site.h"
#include "underlay.h"

static __always_inline struct packet door_packet(hook_ctx *ctx, __u8 origin)
{
	struct packet p = {.origin = origin, .ingress = hook_ifindex(ctx)};

	p.counted = hook_length(ctx) - HOOK_LINK;
	p.segments = hook_segments(ctx);
	return p;
}

static __always_inline int door_site(hook_ctx *ctx)
{
	struct packet p = door_packet(ctx, ORIGIN_SITE);
	struct decision d = {};

	if (!site_parse(ctx, &p, &d))
		ov6_site(ctx, &p, &d);
	return ov6_act(ctx, &p, &d);
}

static __always_inline int door_underlay(hook_ctx *ctx)
{
	struct packet p = door_packet(ctx, ORIGIN_UNDERLAY);
	struct decision d = {};

	if (!underlay_parse(ctx, &p, &d))
		ov6_underlay(ctx, &p, &d);
	return ov6_act(ctx, &p, &d);
}

#endif
