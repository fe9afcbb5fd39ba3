/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the TC doors take from the front is the decision, not the doing: an entry of kind WAY has of a
 * destination what the tables would put into `struct decision`. What differs from packet to packet is looked
 * at here; act.h goes on as ever, and the kernel's neighbours are asked and told as ever.
 */
#ifndef OV6_LIB_FRONT_DECISION_H
#define OV6_LIB_FRONT_DECISION_H

#include "front.h"

/* Where the packet may go on, in one piece or in segments. */
static __always_inline const struct ov6_front_way *way_get(const struct front *f, const struct packet *p)
{
	const struct ov6_front_way *way = (const void *)front_get(f, &p->ip6.daddr, OV6_FRONT_WAY);

	return way && p->ip6.hop_limit > 1 && p->bytes <= way->mtu ? way : 0;
}

static __always_inline void way_take_tunnel(struct decision *d, const struct ov6_front_way *way)
{
	struct ov6_device *underlay = way->on & OV6_FRONT_WAY_FIXED_PORT ? device_find(way->egress) : 0;

	d->act = ACT_TUNNEL;
	d->verdict = OV6_VERDICT_TUNNEL;
	d->tunnel.locator.address = way->destination;
	d->tunnel.locator.port = way->port;
	d->tunnel.locator.encapsulation = way->port ? OV6_ENCAPSULATION_UDP : OV6_ENCAPSULATION_6IN4;
	d->tunnel.source = way->source;
	d->tunnel.source_port = underlay ? underlay->udp_port : 0;
	d->fib.family = FIB_AF_INET;
	d->fib.ipv4_dst = way->next_hop;
}

static __always_inline void way_take_host(const struct packet *p, struct decision *d,
					  const struct ov6_front_way *way)
{
	d->act = ACT_FORWARD;
	d->verdict = p->origin == ORIGIN_SITE ? OV6_VERDICT_LOCAL : OV6_VERDICT_SITE;
	d->fib.family = FIB_AF_INET6;
	if (!(way->on & OV6_FRONT_WAY_GATEWAY)) {
		__builtin_memcpy(d->fib.ipv6_dst, &p->ip6.daddr, sizeof(d->fib.ipv6_dst));
		return;
	}
	d->fib.ipv6_dst[0] = bpf_htonl(0xfe800000);
	d->fib.ipv6_dst[1] = 0;
	d->fib.ipv6_dst[2] = way->source;
	d->fib.ipv6_dst[3] = way->destination;
}

static __always_inline int way_take(struct packet *p, struct decision *d, const struct ov6_front_way *way)
{
	p->known = p->segments;
	d->strip = p->strip;
	d->fib.ifindex = way->egress;
	__builtin_memcpy(d->fib.dmac, way->to, ETH_ALEN);
	__builtin_memcpy(d->fib.smac, way->from, ETH_ALEN);
	if (way->on & OV6_FRONT_WAY_TUNNEL)
		way_take_tunnel(d, way);
	else
		way_take_host(p, d, way);
	return 1;
}

/* Returns whether a parsed packet from a site is decided on. A function of its own for the verifier: see
 * act.h. */
__noinline int ov6_front_decides_site(struct packet *p, struct decision *d)
{
	const struct ov6_front_way *way;
	struct front f;

	if (!p || !d || front_open(&f, p->ingress) || !front_get(&f, &p->ip6.saddr, OV6_FRONT_SOURCE_OUT))
		return 0;
	way = way_get(&f, p);
	return way ? way_take(p, d, way) : 0;
}

/* That it is for us, parsing has seen. */
static __always_inline int way_is_from(const struct packet *p, const struct ov6_front_entry *source)
{
	return p->outer_source == source->source &&
	       (!source->source_port || p->outer_port == source->source_port);
}

/* The same of one from the underlay. */
__noinline int ov6_front_decides_underlay(struct packet *p, struct decision *d)
{
	const struct ov6_front_entry *source;
	const struct ov6_front_way *way;
	struct front f;
	__u8 ecn;

	if (!p || !d || front_open(&f, p->ingress))
		return 0;
	source = front_get(&f, &p->ip6.saddr, OV6_FRONT_SOURCE_IN);
	ecn = ecn_decapsulate(ip6_ecn(&p->ip6), p->outer_ecn);
	if (!source || !way_is_from(p, source) || ecn == ECN_DROP)
		return 0;
	way = way_get(&f, p);
	if (!way)
		return 0;
	ip6_set_ecn(&p->ip6, ecn);
	return way_take(p, d, way);
}

static __always_inline int way_is_direct(const struct packet *p, const struct decision *d)
{
	return in6_equal(&p->ip6.daddr, (const struct in6_addr *)d->fib.ipv6_dst);
}

/* While the neighbour is unknown the kernel does not say the route's MTU; where there are none the device's
 * counts. */
static __always_inline int way_is_known(const struct decision *d)
{
	return !d->by_stack && (d->neighbour || device_has_no_link(d->fib.ifindex));
}

/* An entry has no room for a gateway that is not link-local. */
static __always_inline int way_keeps_host(const struct packet *p, const struct decision *d)
{
	return d->act == ACT_FORWARD && way_is_known(d) &&
	       (way_is_direct(p, d) || (d->fib.ipv6_dst[0] == bpf_htonl(0xfe800000) && !d->fib.ipv6_dst[1]));
}

/* Nor a tunnel's for a next hop of IPv6. */
static __always_inline int way_keeps_tunnel(const struct packet *p, const struct decision *d)
{
	int udp = d->tunnel.locator.encapsulation == OV6_ENCAPSULATION_UDP;

	return d->act == ACT_TUNNEL && p->origin == ORIGIN_SITE && way_is_known(d) &&
	       !d->tunnel.fragmentable && d->fib.family == FIB_AF_INET && !d->tunnel.locator.port == !udp;
}

static __always_inline void way_fill_host(struct ov6_front_way *way, const struct packet *p,
					  const struct decision *d)
{
	way->mtu = fib_mtu(d);
	if (way_is_direct(p, d))
		return;
	way->on |= OV6_FRONT_WAY_GATEWAY;
	way->source = d->fib.ipv6_dst[2];
	way->destination = d->fib.ipv6_dst[3];
}

/* Returns not 0 if it is none, after all. The path's MTU is read once more, after its generation. */
static __always_inline int way_fill_tunnel(struct ov6_front_way *way, const struct decision *d)
{
	__u32 mtu = locator_mtu(d, fib_mtu(d)), overhead = locator_overhead(&d->tunnel.locator);

	if (mtu < OV6_MIN_MTU + overhead)
		return -1;
	way->mtu = mtu - overhead;
	way->on |= OV6_FRONT_WAY_TUNNEL;
	if (d->tunnel.locator.flags & OV6_LOCATOR_FIXED_PORT)
		way->on |= OV6_FRONT_WAY_FIXED_PORT;
	way->port = d->tunnel.locator.port;
	way->source = d->tunnel.source;
	way->destination = d->tunnel.locator.address;
	way->next_hop = d->fib.ipv4_dst;
	return 0;
}

static __always_inline void way_keep_tunnel(const struct front *f, const struct packet *p,
					    const struct decision *d, __u32 generation)
{
	__u32 on = front_on_locator(f, d->tunnel.locator.address);
	struct ov6_front_entry *e;
	struct ov6_mapping *mapping;

	generation += front_locator_generation(f, on);
	e = front_admit(p, OV6_FRONT_WAY);
	if (!e)
		return;
	mapping = mapping_find(&p->ip6.daddr);
	if (!mapping || way_fill_tunnel((void *)e, d))
		return;
	front_fill_link(e, d);
	front_fill(f, e, &p->ip6.daddr, OV6_FRONT_WAY, generation, on,
		   front_ticks(f, mapping, path_find(d->tunnel.locator.address)));
}

static __always_inline void way_keep_host(const struct front *f, const struct packet *p,
					  const struct decision *d, __u32 generation)
{
	struct ov6_front_entry *e = front_admit(p, OV6_FRONT_WAY);
	struct ov6_front_way *way = (void *)e;

	if (!e)
		return;
	way_fill_host(way, p, d);
	front_fill_link(e, d);
	generation += front_locator_generation(f, 0); /* front_holds adds it to every way's */
	front_fill(f, e, &p->ip6.daddr, OV6_FRONT_WAY, generation, 0, front_ticks(f, 0, 0));
}

/* Behind the decision, as ov6_front_after_site and _underlay are for XDP. */
__noinline int ov6_front_learn(struct packet *p, struct decision *d, __u32 source, __u32 destination)
{
	int host, tunnel;
	struct front f;

	if (!p || !d)
		return 0;
	host = way_keeps_host(p, d);
	tunnel = way_keeps_tunnel(p, d);
	if ((!host && !tunnel) || front_open(&f, p->ingress) || f.world->flags & OV6_FRONT_LOOK)
		return 0;
	if (p->origin == ORIGIN_SITE)
		front_keep_source_out(&f, p, source);
	else
		front_keep_source_in(&f, p, source);
	if (host)
		way_keep_host(&f, p, d, destination);
	else
		way_keep_tunnel(&f, p, d, destination);
	return 0;
}

#endif
