/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Deciding on an ICMPv6 error (RFC 4443 section 2.4): who may get one, and from where. */
#ifndef OV6_LIB_ANSWER_H
#define OV6_LIB_ANSWER_H

#include "fib.h"
#include "transport.h"

static __always_inline int answer_may_be_sent(hook_ctx *ctx, const struct packet *p)
{
	struct transport t;

	if (in6_multicast(&p->ip6.daddr) || in6_martian(&p->ip6.saddr))
		return 0;
	return !ov6_transport(ctx, p, &t) && !transport_is_icmp6_error(&t);
}

/* A slave brought it: the host is found by the kernel's routes. Else it goes back as it came. */
static __always_inline int answer_way(hook_ctx *ctx, struct packet *p, struct decision *d)
{
	if (p->returned)
		return fib_ipv6(ctx, p, d, &p->ip6.saddr) == BPF_FIB_LKUP_RET_SUCCESS;
	d->fib.ifindex = p->ingress;
	__builtin_memcpy(d->fib.smac, p->ethernet.h_dest, ETH_ALEN);
	__builtin_memcpy(d->fib.dmac, p->ethernet.h_source, ETH_ALEN);
	d->neighbour = d->back = 1;
	return 1;
}

/* Only hosts of our sites are answered; `drop_verdict` is for all others. */
static __always_inline void answer(hook_ctx *ctx, struct packet *p, struct decision *d, __u32 verdict,
				   __u32 drop_verdict)
{
	if (p->origin != ORIGIN_SITE)
		return drop(d, drop_verdict);
	d->act = ACT_ANSWER;
	d->verdict = verdict;
}

static __always_inline void answer_unreachable(hook_ctx *ctx, struct packet *p, struct decision *d, __u8 code,
					       __u32 drop_verdict)
{
	d->answer.type = ICMPV6_DEST_UNREACH;
	d->answer.code = code;
	d->answer.mtu = 0;
	answer(ctx, p, d, OV6_VERDICT_ANSWER_UNREACHABLE, drop_verdict);
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
	if (!answer_may_be_sent(ctx, p) || !device_icmp_source(p->ingress, &d->answer.source))
		return drop(d, OV6_VERDICT_DROP_ICMP_LIMIT);
	if (!answer_way(ctx, p, d))
		drop(d, OV6_VERDICT_DROP_NO_NEXT_HOP);
}

#endif
