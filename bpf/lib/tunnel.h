/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Deciding how a packet goes to a locator: which, and whether it fits. */
#ifndef OV6_LIB_TUNNEL_H
#define OV6_LIB_TUNNEL_H

#include "answer.h"
#include "locator.h"
#include "mapping.h"

/*
 * RFC 4213 section 3.2.2: the tunnel's MTU is the path's without our headers. Where
 * that is less than IPv6 must have, the outer packet may be fragmented on the way;
 * where the first link is the small one, by the kernel, which forwards it as if it
 * came from ov6-self.
 */
static __always_inline void tunnel_fit(hook_ctx *ctx, struct packet *p, struct decision *d)
{
	__u32 overhead = locator_overhead(&d->tunnel.locator);
	__u32 device = fib_mtu(d), path = locator_mtu(d, device);

	d->tunnel.fragmentable = path < OV6_MIN_MTU + overhead;
	if (d->tunnel.fragmentable)
		path = OV6_MIN_MTU + overhead;
	if (p->bytes + overhead > path)
		return answer_too_big(ctx, p, d, path - overhead);
	if (p->bytes + overhead <= device)
		return;
	d->by_stack = 1;
	if (!device_self())
		drop(d, OV6_VERDICT_DROP_TOO_BIG);
}

static __always_inline void tunnel(hook_ctx *ctx, struct packet *p, struct decision *d,
				   struct ov6_mapping *mapping)
{
	__u32 verdict;

	mapping_used(mapping, &p->ip6.daddr);
	if (!mapping_best_locator(mapping, p->around, &d->tunnel.locator))
		return drop(d, OV6_VERDICT_DROP_NO_LOCATOR);
	/* RFC 6324: never back to whom it came from. */
	if (p->strip && d->tunnel.locator.address == p->outer_source)
		return drop(d, OV6_VERDICT_DROP_RELAY);
	verdict = locator_way(ctx, p, d);
	if (verdict)
		return drop(d, verdict);
	d->act = ACT_TUNNEL;
	d->verdict = OV6_VERDICT_TUNNEL;
	d->strip = p->strip;
	tunnel_fit(ctx, p, d);
}

#endif
