/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The way to a locator: next hop and outer source, by the kernel's IPv4 routes. */
#ifndef OV6_LIB_LOCATOR_H
#define OV6_LIB_LOCATOR_H

#include <linux/ip.h>
#include <linux/udp.h>

#include "fib.h"
#include "path.h"

static __always_inline __u32 locator_overhead(const struct ov6_locator *locator)
{
	return sizeof(struct iphdr) +
	       (locator->encapsulation == OV6_ENCAPSULATION_UDP ? sizeof(struct udphdr) : 0);
}

/* Biggest outer packet for the way to it: the device's, the peer's own word, what routers said. */
static __always_inline __u32 locator_mtu(const struct decision *d, __u32 device)
{
	const struct ov6_locator *locator = &d->tunnel.locator;
	struct ov6_path *path = path_find(locator->address);
	__u32 mtu = device, learned = path ? path_mtu(path) : 0;

	if (!path)
		path_begin(locator->address);
	if (locator->mtu && locator->mtu < mtu)
		mtu = locator->mtu;
	return learned && learned < mtu ? learned : mtu;
}

/* Fills in d->fib and the rest of d->tunnel's source for d->tunnel.locator. Returns 0 or the drop. */
static __always_inline __u32 locator_way(hook_ctx *ctx, struct packet *p, struct decision *d)
{
	struct ov6_device *underlay;
	__be32 address = d->tunnel.locator.address;

	if (fib_ipv4(ctx, p, d, address) != BPF_FIB_LKUP_RET_SUCCESS)
		return underlay_has_address(address) ? OV6_VERDICT_DROP_OWN_LOCATOR
						     : OV6_VERDICT_DROP_NO_NEXT_HOP;
	underlay = device_with_role(d->fib.ifindex, OV6_DEVICE_UNDERLAY);
	if (!underlay)
		return OV6_VERDICT_DROP_NOT_UNDERLAY;
	if (underlay->address == address)
		return OV6_VERDICT_DROP_OWN_LOCATOR;
	d->tunnel.source = underlay->address;
	d->tunnel.source_port = d->tunnel.locator.flags & OV6_LOCATOR_FIXED_PORT ? underlay->udp_port : 0;
	return 0;
}

#endif
