/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Deciding how a packet goes to a locator: next hop, MTU, outer addresses. */
#ifndef OV6_LIB_TUNNEL_H
#define OV6_LIB_TUNNEL_H

#include <linux/ip.h>
#include <linux/udp.h>

#include "answer.h"
#include "fib.h"
#include "mapping.h"

static __always_inline __u32 tunnel_overhead(const struct ov6_locator *locator)
{
	return sizeof(struct iphdr) +
	       (locator->encapsulation == OV6_ENCAPSULATION_UDP ? sizeof(struct udphdr) : 0);
}

/*
 * RFC 4213 section 3.2.2: the tunnel's MTU is the path's without our headers. Where
 * that is less than IPv6 must have, the outer packet may be fragmented on the way,
 * but not on the first link: nobody fragments behind us.
 */
static __always_inline void tunnel_fit(hook_ctx *ctx, struct packet *p, struct decision *d)
{
	__u32 overhead = tunnel_overhead(&d->tunnel.locator);
	__u32 device = fib_mtu(d), path = device;

	if (d->tunnel.locator.mtu && d->tunnel.locator.mtu < path)
		path = d->tunnel.locator.mtu;
	d->tunnel.fragmentable = path < OV6_MIN_MTU + overhead;
	if (d->tunnel.fragmentable)
		path = OV6_MIN_MTU + overhead;
	if (p->bytes + overhead > path)
		return answer_too_big(ctx, p, d, path - overhead);
	if (p->bytes + overhead > device)
		drop(d, OV6_VERDICT_DROP_TOO_BIG);
}

static __always_inline void tunnel_next_hop(hook_ctx *ctx, struct packet *p, struct decision *d)
{
	struct ov6_device *underlay;
	__be32 address = d->tunnel.locator.address;

	if (fib_ipv4(ctx, p, d, address) != BPF_FIB_LKUP_RET_SUCCESS)
		return drop(d, underlay_has_address(address) ? OV6_VERDICT_DROP_OWN_LOCATOR
							     : OV6_VERDICT_DROP_NO_NEXT_HOP);
	underlay = device_with_role(d->fib.ifindex, OV6_DEVICE_UNDERLAY);
	if (!underlay)
		return drop(d, OV6_VERDICT_DROP_NOT_UNDERLAY);
	if (underlay->address == address)
		return drop(d, OV6_VERDICT_DROP_OWN_LOCATOR);
	d->tunnel.source = underlay->address;
	tunnel_fit(ctx, p, d);
}

static __always_inline void tunnel(hook_ctx *ctx, struct packet *p, struct decision *d,
				   struct ov6_mapping *mapping)
{
	mapping_used(mapping, &p->ip6.daddr);
	if (!mapping_best_locator(mapping, &d->tunnel.locator))
		return drop(d, OV6_VERDICT_DROP_NO_LOCATOR);
	/* RFC 6324: never back to whom it came from. */
	if (p->strip && d->tunnel.locator.address == p->outer_source)
		return drop(d, OV6_VERDICT_DROP_RELAY);
	d->act = ACT_TUNNEL;
	d->verdict = OV6_VERDICT_TUNNEL;
	d->strip = p->strip;
	tunnel_next_hop(ctx, p, d);
}

#endif
