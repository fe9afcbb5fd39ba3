/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Doing what was decided, and counting the one verdict. */
#ifndef OV6_LIB_ACT_H
#define OV6_LIB_ACT_H

#include "answer.h"
#include "budget.h"
#include "encap.h"
#include "icmp6.h"

static __always_inline int act_count(hook_ctx *ctx, const struct packet *p, __u32 verdict, int result)
{
	count(p, verdict);
	return result;
}

static __always_inline int act_drop(hook_ctx *ctx, const struct packet *p, __u32 verdict)
{
	return act_count(ctx, p, verdict, HOOK_DROP);
}

/* `changed`: did the kernel let us write what we wanted? */
static __always_inline int act_send(hook_ctx *ctx, const struct packet *p, const struct decision *d,
				    int changed, __u16 protocol)
{
	int result = changed ? hook_send(ctx, d, protocol) : HOOK_DROP;

	return act_count(ctx, p, result == HOOK_DROP ? OV6_VERDICT_DROP_NO_ROOM : d->verdict, result);
}

static __always_inline int act_forward(hook_ctx *ctx, struct packet *p, const struct decision *d)
{
	p->ip6.hop_limit--;
	return act_send(ctx, p, d, !decap(ctx, p, d->strip), ETH_P_IPV6);
}

/*
 * The tunnel counts as one hop. What is relayed gets its new outer headers in the room of the old ones if
 * they are as long: the kernel knows of the tunnel already, segmentation included.
 */
static __always_inline int act_tunnel(hook_ctx *ctx, struct packet *p, const struct decision *d)
{
	int fits = d->strip == locator_overhead(&d->tunnel.locator);

	p->ip6.hop_limit--;
	return act_send(ctx, p, d, !decap(ctx, p, fits ? 0 : d->strip) && !encap(ctx, p, d), ETH_P_IP);
}

static __always_inline int act_answer(hook_ctx *ctx, struct packet *p, const struct decision *d)
{
	if (!budget_take_answer(p))
		return act_drop(ctx, p, OV6_VERDICT_DROP_ICMP_LIMIT);
	if (decap(ctx, p, d->strip) || icmp6_write(ctx, p, d))
		return act_drop(ctx, p, OV6_VERDICT_DROP_NO_ROOM);
	if (p->origin == ORIGIN_UNDERLAY)
		return act_send(ctx, p, d, !encap(ctx, p, d), ETH_P_IP);
	return act_send(ctx, p, d, 1, ETH_P_IPV6);
}

struct port_frame {
	struct ethhdr ethernet;
	struct ov6_port_header header;
} __attribute__((packed));

/* Global as ov6_act is. */
__noinline int ov6_push(hook_ctx *ctx, struct packet *p, struct decision *d, __u32 type, __u32 ingress)
{
	struct port_frame frame = {};

	if (!p || !d)
		return -1;
	frame.ethernet = p->ethernet;
	frame.ethernet.h_proto = bpf_htons(OV6_ETH_P_PORT);
	frame.header.version = OV6_PORT_HEADER_VERSION;
	frame.header.type = type;
	frame.header.reason = d->punt.reason;
	frame.header.port = bpf_htons(d->punt.slot);
	frame.header.slave = bpf_htonl(d->punt.slave);
	frame.header.ingress = bpf_htonl(ingress);
	if (hook_push(ctx, sizeof(frame) - HOOK_LINK))
		return -1;
	return hook_store(ctx, 0, &frame, sizeof(frame));
}

static __always_inline int act_into_port(hook_ctx *ctx, const struct packet *p, const struct decision *d)
{
	int result = hook_send_port(d);

	return act_count(ctx, p, result == HOOK_DROP ? OV6_VERDICT_DROP_NO_PORT : d->verdict, result);
}

static __always_inline int act_punt(hook_ctx *ctx, struct packet *p, struct decision *d)
{
	__u32 spent = d->punt.carried ? 0 : budget_take_punt(p, d->punt.reason);

	if (spent)
		return act_drop(ctx, p, spent);
	if ((d->strip && decap(ctx, p, d->strip)) || ov6_push(ctx, p, d, OV6_PORT_PUNT, p->ingress))
		return act_drop(ctx, p, OV6_VERDICT_DROP_NO_ROOM);
	return act_into_port(ctx, p, d);
}

/* To a site elsewhere by ov6d's port, whose slot is that of a decision that is no punt; XDP only. */
static __always_inline int act_carry(hook_ctx *ctx, struct packet *p, struct decision *d)
{
	p->ip6.hop_limit--;
	if (decap(ctx, p, d->strip) || ov6_push(ctx, p, d, OV6_PORT_CARRY, d->fib.ifindex))
		return act_drop(ctx, p, OV6_VERDICT_DROP_NO_ROOM);
	return act_into_port(ctx, p, d);
}

/* With a new Ethernet header, since stripping took the old one. */
static __always_inline int act_stack_inner(hook_ctx *ctx, struct packet *p, const struct decision *d)
{
	int result;

	if (!hook_can_enter_stack(p))
		return hook_finish(ctx, p);
	p->ethernet.h_proto = bpf_htons(ETH_P_IPV6);
	if (decap(ctx, p, d->strip) || (HOOK_LINK && hook_store(ctx, 0, &p->ethernet, sizeof(p->ethernet))))
		return act_drop(ctx, p, OV6_VERDICT_DROP_NO_ROOM);
	if (!p->returned && !device_self())
		return hook_to_stack(ctx, p, d->verdict);
	result = hook_enter_stack(ctx, p);
	return act_count(ctx, p, result == HOOK_DROP ? OV6_VERDICT_DROP_NO_ROOM : d->verdict, result);
}

/* What a slave made or brought back is the stack's only if it came out of a tunnel, verified. */
static __always_inline int act_stack(hook_ctx *ctx, struct packet *p, const struct decision *d)
{
	if (d->strip)
		return act_stack_inner(ctx, p, d);
	if (p->returned)
		return act_drop(ctx, p, OV6_VERDICT_DROP_PORT_STACK);
	return hook_to_stack(ctx, p, d->verdict);
}

static __always_inline int act_out(hook_ctx *ctx, struct packet *p, struct decision *d)
{
	if (!hook_can_send(d))
		return ip6_is_carried(&p->ip6) && hook_carries(d, fib_mtu(d)) ? act_carry(ctx, p, d)
									      : hook_finish(ctx, p);
	if (d->act == ACT_ANSWER)
		return act_answer(ctx, p, d);
	return d->act == ACT_TUNNEL ? act_tunnel(ctx, p, d) : act_forward(ctx, p, d);
}

/* Global, so that the verifier reads it once and not once for every way that leads here. */
__noinline int ov6_act(hook_ctx *ctx, struct packet *p, struct decision *d)
{
	if (!p || !d)
		return HOOK_DROP;
	if (d->act == ACT_ANSWER)
		answer_settle(ctx, p, d);
	switch (d->act) {
	case ACT_STACK:
		return act_stack(ctx, p, d);
	case ACT_PUNT:
		return act_punt(ctx, p, d);
	case ACT_DROP:
		return act_drop(ctx, p, d->verdict);
	default:
		return act_out(ctx, p, d);
	}
}

#endif
