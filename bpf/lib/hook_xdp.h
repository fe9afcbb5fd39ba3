/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the logic needs of its hook, for XDP. hook_tc.h has the same functions.
 * Offsets count from the Ethernet header. What changes the packet returns 0, or
 * not 0 if the kernel refuses; then the packet is good for dropping only.
 */
#ifndef OV6_LIB_HOOK_H
#define OV6_LIB_HOOK_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "count.h"
#include "device.h"
#include "mark.h"
#include "packet.h"

typedef struct xdp_md hook_ctx;

#define HOOK_DROP XDP_DROP
#define HOOK_LINK ETH_HLEN /* bytes of link header in front of the packet */

static __always_inline void *hook_at(hook_ctx *ctx, __u32 offset, __u32 size)
{
	char *at = (char *)(long)ctx->data + (offset & 0xfff);

	hook_opaque(at);
	return at + size > (char *)(long)ctx->data_end ? 0 : at;
}

/* size is a constant */
static __always_inline int hook_load(hook_ctx *ctx, __u32 offset, void *to, __u32 size)
{
	void *from = hook_at(ctx, offset, size);

	if (!from)
		return -1;
	__builtin_memcpy(to, from, size);
	return 0;
}

static __always_inline int hook_store(hook_ctx *ctx, __u32 offset, const void *from, __u32 size)
{
	void *to = hook_at(ctx, offset, size);

	if (!to)
		return -1;
	__builtin_memcpy(to, from, size);
	return 0;
}

/* size is 1 to 64 */
static __always_inline int hook_load_some(hook_ctx *ctx, __u32 offset, void *to, __u32 size)
{
	return bpf_xdp_load_bytes(ctx, offset, to, size);
}

static __always_inline int hook_link(hook_ctx *ctx, struct ethhdr *ethernet)
{
	return hook_load(ctx, 0, ethernet, sizeof(*ethernet));
}

static __always_inline __u32 hook_ifindex(hook_ctx *ctx)
{
	return ctx->ingress_ifindex;
}

static __always_inline __u32 hook_length(hook_ctx *ctx)
{
	long length = (char *)(long)ctx->data_end - (char *)(long)ctx->data;

	hook_opaque(length);
	return length;
}

static __always_inline __u32 hook_segments(hook_ctx *ctx)
{
	return 1;
}

/* Bytes of transport payload in each packet this one will be cut into; 0: it stays whole. */
static __always_inline __u32 hook_segment_payload(hook_ctx *ctx)
{
	return 0;
}

/* A tag the device took off into the descriptor: nothing XDP sees. */
static __always_inline int hook_vlan(hook_ctx *ctx)
{
	return 0;
}

/* The Ethernet header is not moved: whoever calls this writes a new one. */
static __always_inline int hook_encapsulate(hook_ctx *ctx, __u32 bytes)
{
	return bpf_xdp_adjust_head(ctx, -(int)bytes);
}

static __always_inline int hook_decapsulate(hook_ctx *ctx, __u32 bytes)
{
	return bpf_xdp_adjust_head(ctx, (int)bytes);
}

static __always_inline int hook_push(hook_ctx *ctx, __u32 bytes)
{
	return bpf_xdp_adjust_head(ctx, -(int)bytes);
}

/* For an ICMPv6 error: cuts the frame to `length` and makes room behind the Ethernet header. */
static __always_inline int hook_quote(hook_ctx *ctx, __u32 length, __u32 room)
{
	int excess = hook_length(ctx) - length;

	if (excess > 0 && bpf_xdp_adjust_tail(ctx, -excess))
		return -1;
	return bpf_xdp_adjust_head(ctx, -(int)room);
}

/* See hook_tc.h: a checksum that the kernel has still to complete. XDP sees none. */
static __always_inline __u32 hook_unfinished_checksum(hook_ctx *ctx)
{
	return 0;
}

/* Did the device or the kernel find the transport checksum right? */
static __always_inline int hook_checksum_is_good(hook_ctx *ctx)
{
	return 0;
}

static __always_inline int hook_mark(hook_ctx *ctx, const void *mark, __u32 size)
{
	char *meta;

	if (bpf_xdp_adjust_meta(ctx, -(int)size))
		return -1;
	meta = (char *)(long)ctx->data_meta;
	if (meta + size > (char *)(long)ctx->data)
		return -1;
	__builtin_memcpy(meta, mark, size);
	return 0;
}

/* To the TC door behind, which begins anew with the stack's help, also if there was no room for the mark. */
static __always_inline int hook_leave(hook_ctx *ctx)
{
	struct mark mark = {.magic = MARK_MAGIC, .kind = MARK_FINISH};

	hook_mark(ctx, &mark, sizeof(mark));
	return XDP_PASS;
}

/* The same of a packet that is unchanged but for what a slave put in front of it. */
static __always_inline int hook_finish(hook_ctx *ctx, const struct packet *p)
{
	struct port_mark mark = {
	    .mark = {.magic = MARK_MAGIC, .kind = MARK_FINISH},
	    .header = p->header,
	};

	if (!p->returned)
		return hook_leave(ctx);
	/* A slave's packet lost its header. */
	if (hook_mark(ctx, &mark, sizeof(mark))) {
		count(p, OV6_VERDICT_DROP_NO_ROOM);
		return XDP_DROP;
	}
	return XDP_PASS;
}

/* XDP neither asks for neighbours nor may it send to every device. */
static __always_inline int hook_can_send(const struct decision *d)
{
	if (d->by_stack)
		return 0;
	return d->neighbour && device_is_xdp_target(d->fib.ifindex);
}

/* To a site elsewhere, whose device is none for XDP: by ov6d's port, if there is one that takes all that may
 * go there. `mtu`: the way's. */
static __always_inline int hook_carries(const struct decision *d, __u32 mtu)
{
	__u32 slot = OV6_PORT_DAEMON, *port = bpf_map_lookup_elem(&port_devices, &slot);

	return d->act == ACT_FORWARD && device_is_elsewhere(d->fib.ifindex) && port && *port &&
	       mtu + sizeof(struct ov6_port_header) <= device_mtu(*port);
}

static __always_inline int hook_send(hook_ctx *ctx, const struct decision *d, __u16 protocol)
{
	struct ethhdr ethernet = {.h_proto = bpf_htons(protocol)};

	__builtin_memcpy(ethernet.h_dest, d->fib.dmac, ETH_ALEN);
	__builtin_memcpy(ethernet.h_source, d->fib.smac, ETH_ALEN);
	if (hook_store(ctx, 0, &ethernet, sizeof(ethernet)))
		return XDP_DROP;
	/*
	 * Not XDP_TX where it goes back: a veth wakes its peer after XDP_TX only if a
	 * program hangs there, after a redirect also if GRO is on.
	 */
	return bpf_redirect(d->fib.ifindex, 0);
}

static __always_inline int hook_send_port(const struct decision *d)
{
	return bpf_redirect_map(&slave_ports, d->punt.slot, XDP_DROP);
}

/* Decapsulated: only TC can put it where it belongs, unless that is here. */
static __always_inline int hook_can_enter_stack(const struct packet *p)
{
	return !p->returned && !device_self();
}

static __always_inline int hook_enter_stack(hook_ctx *ctx, const struct packet *p)
{
	return XDP_PASS;
}

/* Without a mark the TC door does everything itself, counting included. */
static __always_inline int hook_to_stack(hook_ctx *ctx, const struct packet *p, __u32 verdict)
{
	struct mark mark = {.magic = MARK_MAGIC, .kind = MARK_TO_STACK};

	if (!hook_mark(ctx, &mark, sizeof(mark)))
		count(p, verdict);
	return XDP_PASS;
}

#endif
