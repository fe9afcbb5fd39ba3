/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Deciding on an ICMPv6 error (RFC 4443 section 2.4): who may get one, from where, which way. */
#ifndef OV6_LIB_ANSWER_H
#define OV6_LIB_ANSWER_H

#include "fib.h"
#include "locator.h"
#include "mapping.h"
#include "transport.h"

static __always_inline int answer_may_be_sent(hook_ctx *ctx, const struct packet *p)
{
	struct transport t;

	if (in6_multicast(&p->ip6.daddr) || in6_martian(&p->ip6.saddr))
		return 0;
	return !ov6_transport(ctx, p, &t) && !transport_is_icmp6_error(&t);
}

/* Back to the peer whose mapping holds the source: verified before anything else was decided. */
static __always_inline __u32 answer_way_tunnel(hook_ctx *ctx, struct packet *p, struct decision *d)
{
	struct ov6_mapping *mapping = mapping_find(&p->ip6.saddr);
	__u32 verdict, device;

	if (!mapping || !mapping_best_locator(mapping, 0, &d->tunnel.locator))
		return OV6_VERDICT_DROP_NO_LOCATOR;
	verdict = locator_way(ctx, p, d);
	if (verdict)
		return verdict;
	device = fib_mtu(d);
	d->tunnel.fragmentable = locator_mtu(d, device) < OV6_MIN_MTU + locator_overhead(&d->tunnel.locator);
	d->by_stack = device < OV6_MIN_MTU + locator_overhead(&d->tunnel.locator) && device_self();
	return 0;
}

/* By the kernel's routes, but into a site; a process of the router's own is reached through the stack. */
static __always_inline __u32 answer_way_routed(hook_ctx *ctx, struct packet *p, struct decision *d)
{
	int answer = fib_ipv6(ctx, p, d, &p->ip6.saddr);

	if (answer == BPF_FIB_LKUP_RET_NOT_FWDED && device_self()) {
		d->by_stack = 1;
		return 0;
	}
	return answer != BPF_FIB_LKUP_RET_SUCCESS || fib_leaks(d) ? OV6_VERDICT_DROP_NO_NEXT_HOP : 0;
}

/* A host of ours. Back as the packet came, unless it did not come from there: a slave or an ICMPv4 error
 * brought it. */
static __always_inline __u32 answer_way_site(hook_ctx *ctx, struct packet *p, struct decision *d)
{
	if (p->returned || p->strip)
		return answer_way_routed(ctx, p, d);
	d->fib.ifindex = p->ingress;
	__builtin_memcpy(d->fib.smac, p->ethernet.h_dest, ETH_ALEN);
	__builtin_memcpy(d->fib.dmac, p->ethernet.h_source, ETH_ALEN);
	d->neighbour = d->back = 1;
	return 0;
}

/* `otherwise` is the verdict if no error may be sent. */
static __always_inline void answer(hook_ctx *ctx, struct packet *p, struct decision *d, __u32 verdict,
				   __u32 otherwise)
{
	if (p->origin == ORIGIN_SLAVE)
		return drop(d, otherwise);
	d->act = ACT_ANSWER;
	d->verdict = verdict;
	d->strip = p->strip;
	d->answer.otherwise = otherwise;
}

static __always_inline void answer_unreachable(hook_ctx *ctx, struct packet *p, struct decision *d, __u8 code,
					       __u32 otherwise)
{
	d->answer.type = ICMPV6_DEST_UNREACH;
	d->answer.code = code;
	d->answer.mtu = 0;
	answer(ctx, p, d, OV6_VERDICT_ANSWER_UNREACHABLE, otherwise);
}

static __always_inline void answer_too_big(hook_ctx *ctx, struct packet *p, struct decision *d, __u32 mtu)
{
	d->answer.type = ICMPV6_PKT_TOOBIG;
	d->answer.code = 0;
	d->answer.mtu = bpf_htonl(mtu);
	answer(ctx, p, d, OV6_VERDICT_ANSWER_TOO_BIG, OV6_VERDICT_DROP_TOO_BIG);
}

static __always_inline void answer_time_exceeded(hook_ctx *ctx, struct packet *p, struct decision *d)
{
	d->answer.type = ICMPV6_TIME_EXCEED;
	d->answer.code = ICMPV6_EXC_HOPLIMIT;
	d->answer.mtu = 0;
	answer(ctx, p, d, OV6_VERDICT_ANSWER_TIME_EXCEEDED, OV6_VERDICT_DROP_HOP_LIMIT);
}

/* Second half, once for all of them: is it allowed, from which address, which way. */
static __always_inline void answer_settle(hook_ctx *ctx, struct packet *p, struct decision *d)
{
	__u32 verdict;

	if (!answer_may_be_sent(ctx, p) || !device_icmp_source(p->ingress, &d->answer.source))
		return drop(d, d->answer.otherwise);
	verdict = p->origin == ORIGIN_UNDERLAY ? answer_way_tunnel(ctx, p, d) : answer_way_site(ctx, p, d);
	if (verdict)
		drop(d, verdict);
}

#endif
