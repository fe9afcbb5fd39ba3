/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Deciding on what a slave sends. It is not trusted: the header must name its own
 * port, and what it says came from the underlay is judged as if it just had.
 */
#ifndef OV6_LIB_PORT_H
#define OV6_LIB_PORT_H

#include "site.h"
#include "underlay.h"

static __always_inline struct ov6_slave *port_slave(const struct ov6_port_header *header)
{
	__u32 id = bpf_ntohl(header->slave);

	return bpf_map_lookup_elem(&slaves, &id);
}

/* Returns 0 or the drop. Slot 0 is ov6d's own, for all slaves that have no port here. */
static __always_inline __u32 port_check_header(const struct ov6_port_header *header, __u16 slot)
{
	struct ov6_slave *slave;

	if (header->version != OV6_PORT_HEADER_VERSION || header->type < OV6_PORT_RESUBMIT_OUT ||
	    header->type > OV6_PORT_DELIVER)
		return OV6_VERDICT_DROP_PORT_HEADER;
	if (slot == OV6_PORT_DAEMON)
		return 0;
	slave = port_slave(header);
	if (bpf_ntohs(header->port) != slot || !slave || slave->port != slot)
		return OV6_VERDICT_DROP_PORT_SLAVE;
	return 0;
}

static __always_inline int port_prefix_covers(const struct ov6_prefix *prefix, const struct in6_addr *address)
{
	__u32 bits = prefix->prefixlen;

	for (int i = 0; i < 4; i++) {
		__u32 mask = bits >= 32 ? 0xffffffff : ~(0xffffffff >> bits);
		__u32 word = *(__u32 *)&prefix->address[i * 4];

		if (bpf_ntohl(word ^ address->s6_addr32[i]) & mask)
			return 0;
		bits = bits > 32 ? bits - 32 : 0;
	}
	return 1;
}

static __always_inline int port_slave_owns(const struct ov6_port_header *header,
					   const struct in6_addr *address)
{
	struct ov6_slave *slave = port_slave(header);

	for (__u32 i = 0; slave && i < OV6_SLAVE_MAX_PREFIXES; i++)
		if (i < slave->prefix_count && port_prefix_covers(&slave->prefixes[i], address))
			return 1;
	return 0;
}

static __always_inline void port_resubmit_out(hook_ctx *ctx, struct packet *p, struct decision *d)
{
	p->origin = ORIGIN_SITE;
	if (!device_with_role(p->ingress, OV6_DEVICE_SITE))
		return drop(d, OV6_VERDICT_DROP_PORT_HEADER);
	if (parse_ip6(ctx, p, p->counted))
		return drop(d, OV6_VERDICT_DROP_MALFORMED);
	ov6_site(ctx, p, d);
}

static __always_inline void port_resubmit_in(hook_ctx *ctx, struct packet *p, struct decision *d)
{
	struct ov6_device *device = device_with_role(p->ingress, OV6_DEVICE_UNDERLAY);
	__u32 verdict;

	p->origin = ORIGIN_UNDERLAY;
	if (!device)
		return drop(d, OV6_VERDICT_DROP_PORT_HEADER);
	verdict = ov6_outer(ctx, p, device);
	if (verdict == OUTER_ICMP || (verdict && verdict < OV6_VERDICT_DROP_MALFORMED))
		return drop(d, OV6_VERDICT_DROP_PORT_STACK);
	if (verdict)
		return drop(d, verdict);
	if (bpf_ntohs(p->header.port) != OV6_PORT_DAEMON && !port_slave_owns(&p->header, &p->ip6.saddr))
		return drop(d, OV6_VERDICT_DROP_PORT_SLAVE);
	ov6_underlay(ctx, p, d);
}

static __always_inline void port_deliver(hook_ctx *ctx, struct packet *p, struct decision *d)
{
	p->origin = ORIGIN_SLAVE;
	if (parse_ip6(ctx, p, p->counted))
		return drop(d, OV6_VERDICT_DROP_MALFORMED);
	if (in6_martian(&p->ip6.saddr))
		return drop(d, OV6_VERDICT_DROP_INNER_SOURCE);
	if (route_action(route_find(&p->ip6.daddr)) != OV6_ACTION_SITE)
		return drop(d, OV6_VERDICT_DROP_RELAY);
	deliver(ctx, p, d, OV6_VERDICT_SITE);
}

/* What ov6d itself brings without a reason comes for the first time: a datagram out of fragments. */
static __always_inline int port_is_fresh(const struct ov6_port_header *header)
{
	return bpf_ntohs(header->port) == OV6_PORT_DAEMON && !header->reason;
}

static __always_inline void port_decide(hook_ctx *ctx, struct packet *p, struct decision *d)
{
	p->returned = 1;
	p->asked = !port_is_fresh(&p->header);
	p->ingress = bpf_ntohl(p->header.ingress);
	if (p->header.type == OV6_PORT_RESUBMIT_OUT)
		port_resubmit_out(ctx, p, d);
	else if (p->header.type == OV6_PORT_RESUBMIT_IN)
		port_resubmit_in(ctx, p, d);
	else
		port_deliver(ctx, p, d);
}

#endif
