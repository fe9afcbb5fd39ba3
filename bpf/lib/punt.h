/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Deciding to hand a packet to a slave. */
#ifndef OV6_LIB_PUNT_H
#define OV6_LIB_PUNT_H

#include "device.h"
#include "hook.h"

static __always_inline __u32 punt_verdict(__u8 reason)
{
	if (reason == OV6_PUNT_MISS)
		return OV6_VERDICT_PUNT_MISS;
	return reason == OV6_PUNT_ROUTE ? OV6_VERDICT_PUNT_ROUTE : OV6_VERDICT_PUNT_VERIFY;
}

/* Near end of the slave's port, or 0. */
static __always_inline __u32 punt_device(__u32 slave, __u32 *slot)
{
	struct ov6_slave *entry = bpf_map_lookup_elem(&slaves, &slave);
	__u32 *ifindex;
	__u32 key; /* on the stack: before 6.2 the verifier takes a map's key from nowhere else */

	if (!entry || entry->port == OV6_PORT_NONE)
		return 0;
	key = *slot = entry->port;
	ifindex = bpf_map_lookup_elem(&port_devices, &key);
	return ifindex ? *ifindex : 0;
}

/* With its outer header if it is to be verified. */
static __always_inline void punt(struct packet *p, struct decision *d, __u32 slave, __u8 reason)
{
	__u32 kept = reason == OV6_PUNT_VERIFY ? p->strip : 0;

	if (p->asked && reason != OV6_PUNT_ROUTE)
		return drop(d, OV6_VERDICT_DROP_PUNT_LOOP);
	d->punt.device = punt_device(slave, &d->punt.slot);
	if (!d->punt.device)
		return drop(d, OV6_VERDICT_DROP_NO_PORT);
	if (kept + p->bytes + sizeof(struct ov6_port_header) > device_mtu(d->punt.device))
		return drop(d, OV6_VERDICT_DROP_TOO_BIG);
	d->act = ACT_PUNT;
	d->verdict = punt_verdict(reason);
	d->strip = p->strip - kept;
	d->punt.slave = slave;
	d->punt.reason = reason;
}

/* By a route of action PORT. */
static __always_inline void punt_by_route(struct packet *p, struct decision *d, const struct ov6_route *route)
{
	d->punt.carried = route->flags & OV6_ROUTE_CARRIED;
	punt(p, d, route->slave, OV6_PUNT_ROUTE);
}

#endif
