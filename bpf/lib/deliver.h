/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Deciding how a packet goes into a site: the kernel's IPv6 routes know. */
#ifndef OV6_LIB_DELIVER_H
#define OV6_LIB_DELIVER_H

#include "answer.h"
#include "fib.h"

static __always_inline void deliver(hook_ctx *ctx, struct packet *p, struct decision *d, __u32 verdict)
{
	int answer = fib_ipv6(ctx, p, d, &p->ip6.daddr);
	__u32 mtu = fib_mtu(d);

	/* An address of the router's own (or nothing of the kernel's at all): the stack knows. */
	if (answer == BPF_FIB_LKUP_RET_NOT_FWDED)
		return to_stack(d, OV6_VERDICT_PASS_FOR_ROUTER, p->strip);
	if (answer != BPF_FIB_LKUP_RET_SUCCESS || fib_leaks(d))
		return drop(d, OV6_VERDICT_DROP_NO_NEXT_HOP);
	if (p->ip6.hop_limit <= 1)
		return answer_time_exceeded(ctx, p, d);
	if (p->bytes > mtu && mtu < OV6_MIN_MTU)
		return drop(d, OV6_VERDICT_DROP_TOO_BIG); /* not a link for IPv6 */
	if (p->bytes > mtu)
		return answer_too_big(ctx, p, d, mtu);
	d->act = ACT_FORWARD;
	d->verdict = verdict;
	d->strip = p->strip;
}

#endif
