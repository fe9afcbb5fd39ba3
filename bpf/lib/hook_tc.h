/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the logic needs of its hook, for TC (clsact ingress, direct action).
 * hook_xdp.h has the same functions. Headers are read and written by helpers:
 * they may lie outside the linear part, and skb->csum must follow. OV6_HOOK_NO_LINK:
 * for devices whose packets have no Ethernet header (TUN, PPP).
 */
#ifndef OV6_LIB_HOOK_H
#define OV6_LIB_HOOK_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "count.h"
#include "device.h"
#include "mark.h"
#include "packet.h"

typedef struct __sk_buff hook_ctx;

#define HOOK_DROP TC_ACT_SHOT
#ifdef OV6_HOOK_NO_LINK
#define HOOK_LINK 0
#else
#define HOOK_LINK ETH_HLEN /* bytes of link header in front of the packet */
#endif

#define HOOK_EINVAL 22
#define HOOK_EALREADY 114

/* Since 6.4; the headers of Debian 12 are 6.1's. */
#define HOOK_ADJ_ROOM_DECAP_L3_IPV6 (1ULL << 8)

static __always_inline int hook_load(hook_ctx *ctx, __u32 offset, void *to, __u32 size)
{
	return bpf_skb_load_bytes(ctx, offset, to, size);
}

static __always_inline int hook_store(hook_ctx *ctx, __u32 offset, const void *from, __u32 size)
{
	return bpf_skb_store_bytes(ctx, offset, from, size, BPF_F_RECOMPUTE_CSUM);
}

static __always_inline int hook_load_some(hook_ctx *ctx, __u32 offset, void *to, __u32 size)
{
	return bpf_skb_load_bytes(ctx, offset, to, size);
}

static __always_inline int hook_link(hook_ctx *ctx, struct ethhdr *ethernet)
{
	if (HOOK_LINK)
		return hook_load(ctx, 0, ethernet, sizeof(*ethernet));
	ethernet->h_proto = ctx->protocol;
	return 0;
}

static __always_inline __u32 hook_ifindex(hook_ctx *ctx)
{
	return ctx->ifindex;
}

static __always_inline __u32 hook_length(hook_ctx *ctx)
{
	return ctx->len;
}

static __always_inline __u32 hook_segments(hook_ctx *ctx)
{
	return ctx->gso_segs > 1 ? ctx->gso_segs : 1;
}

static __always_inline __u32 hook_segment_payload(hook_ctx *ctx)
{
	return ctx->gso_size;
}

static __always_inline int hook_vlan(hook_ctx *ctx)
{
	return ctx->vlan_present;
}

/*
 * FIXED_GSO: gso_size stays what the sender chose, which is what the MTU check looked at. What came in a
 * tunnel through a virtual device still counts as encapsulated when that tunnel has been taken off; segments
 * would then be cut as that tunnel's.
 */
static __always_inline int hook_encapsulate(hook_ctx *ctx, __u32 bytes)
{
	__u64 flags = BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 | BPF_F_ADJ_ROOM_FIXED_GSO;
	int error;

	if (bytes > sizeof(struct iphdr))
		flags |= BPF_F_ADJ_ROOM_ENCAP_L4_UDP;
	error = bpf_skb_adjust_room(ctx, bytes, BPF_ADJ_ROOM_MAC, flags);
	if (error != -HOOK_EALREADY || hook_segments(ctx) > 1)
		return error;
	return bpf_skb_adjust_room(ctx, bytes, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO);
}

/*
 * Before 6.4 no flag says that IPv6 remains, and the kernel refuses ours before it
 * touches the packet. The IPv4 header is then made one of IPv6 first, which is longer.
 */
static __always_inline int hook_decapsulate(hook_ctx *ctx, __u32 bytes)
{
	int grown = sizeof(struct ipv6hdr) - sizeof(struct iphdr);
	int error = bpf_skb_adjust_room(ctx, -(int)bytes, BPF_ADJ_ROOM_MAC,
					HOOK_ADJ_ROOM_DECAP_L3_IPV6 | BPF_F_ADJ_ROOM_FIXED_GSO);

	if (error != -HOOK_EINVAL)
		return error;
	if (bpf_skb_change_proto(ctx, bpf_htons(ETH_P_IPV6), 0))
		return -1;
	return bpf_skb_adjust_room(ctx, -(int)bytes - grown, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO);
}

static __always_inline int hook_push(hook_ctx *ctx, __u32 bytes)
{
	return bpf_skb_change_head(ctx, bytes, 0);
}

static __always_inline int hook_quote(hook_ctx *ctx, __u32 length, __u32 room)
{
	/* Also without a byte too many: it takes the segmentation off and makes the packet linear. */
	if (bpf_skb_change_tail(ctx, length, 0))
		return -1;
	return bpf_skb_adjust_room(ctx, room, BPF_ADJ_ROOM_MAC, 0);
}

struct sk_buff {
	unsigned char *head;
	unsigned char *data;
	union {
		struct {
			__u16 csum_start;
			__u16 csum_offset;
		};
	};
	__u8 ip_summed : 2;
} __attribute__((preserve_access_index));

#define HOOK_CHECKSUM_UNNECESSARY 1
#define HOOK_CHECKSUM_PARTIAL 3

/* To be read with BPF_CORE_READ only. bpf_cast_to_kern_ctx() would allow more, but not before 6.2. */
static __always_inline struct sk_buff *hook_skb(hook_ctx *ctx)
{
	return (struct sk_buff *)ctx;
}

/*
 * Where the transport header starts whose checksum the kernel has still to
 * complete (CHECKSUM_PARTIAL), from the Ethernet header on, in the upper half;
 * what the checksum's field holds until then in the lower; 0: there is none.
 */
static __always_inline __u32 hook_unfinished_checksum(hook_ctx *ctx)
{
	struct sk_buff *skb = hook_skb(ctx);
	__u16 field = 0;
	__u32 start;

	if (BPF_CORE_READ_BITFIELD_PROBED(skb, ip_summed) != HOOK_CHECKSUM_PARTIAL)
		return 0;
	start = BPF_CORE_READ(skb, csum_start) - (__u32)(BPF_CORE_READ(skb, data) - BPF_CORE_READ(skb, head));
	if (bpf_skb_load_bytes(ctx, start + BPF_CORE_READ(skb, csum_offset), &field, sizeof(field)))
		return 0;
	return start << 16 | field;
}

/* Did the device or the kernel find the transport checksum right? One still to be completed was never wrong.
 */
static __always_inline int hook_checksum_is_good(hook_ctx *ctx)
{
	struct sk_buff *skb = hook_skb(ctx);
	__u8 summed = BPF_CORE_READ_BITFIELD_PROBED(skb, ip_summed);

	return summed == HOOK_CHECKSUM_UNNECESSARY || summed == HOOK_CHECKSUM_PARTIAL;
}

static __always_inline enum mark_kind mark_kind(hook_ctx *ctx)
{
	struct mark *mark = (void *)(long)ctx->data_meta;

	if ((void *)(mark + 1) > (void *)(long)ctx->data || mark->magic != MARK_MAGIC)
		return MARK_NONE;
	return mark->kind;
}

/* Returns not 0 if there is none. */
static __always_inline int mark_port_header(hook_ctx *ctx, struct ov6_port_header *header)
{
	struct port_mark *mark = (void *)(long)ctx->data_meta;

	if ((void *)(mark + 1) > (void *)(long)ctx->data || mark->mark.magic != MARK_MAGIC)
		return -1;
	*header = mark->header;
	return 0;
}

static __always_inline int hook_finish(hook_ctx *ctx, const struct packet *p)
{
	return TC_ACT_SHOT;
}

static __always_inline int hook_can_send(const struct decision *d)
{
	return 1;
}

/* Writes the Ethernet header; makes room for it where the packet came without one. */
static __always_inline int hook_write_link(hook_ctx *ctx, const struct decision *d, __u16 protocol)
{
	struct ethhdr ethernet = {.h_proto = bpf_htons(protocol)};

	__builtin_memcpy(ethernet.h_dest, d->fib.dmac, ETH_ALEN);
	__builtin_memcpy(ethernet.h_source, d->fib.smac, ETH_ALEN);
	if (!HOOK_LINK && bpf_skb_change_head(ctx, ETH_HLEN, 0))
		return -1;
	return hook_store(ctx, 0, &ethernet, sizeof(ethernet));
}

/* It fragments and forwards what comes by ov6-self (which accepts our own address as a source). */
static __always_inline int hook_send_by_stack(hook_ctx *ctx, __u16 protocol)
{
	struct ov6_config *c = config_get();
	struct ov6_device *self = device_self();
	struct ethhdr ethernet = {.h_proto = bpf_htons(protocol)};

	if (!c || !self)
		return TC_ACT_SHOT;
	__builtin_memcpy(ethernet.h_dest, self->mac, ETH_ALEN);
	if ((!HOOK_LINK && bpf_skb_change_head(ctx, ETH_HLEN, 0)) ||
	    hook_store(ctx, 0, &ethernet, sizeof(ethernet)))
		return TC_ACT_SHOT;
	return bpf_redirect(c->fib_ifindex, BPF_F_INGRESS);
}

/* The stack looks the neighbour up; what goes back to its sender needs none, nor does a device without them.
 */
static __always_inline int hook_send(hook_ctx *ctx, const struct decision *d, __u16 protocol)
{
	struct bpf_redir_neigh next_hop = {.nh_family = d->fib.family};

	if (d->by_stack)
		return hook_send_by_stack(ctx, protocol);
	if (device_has_no_link(d->fib.ifindex))
		return bpf_redirect(d->fib.ifindex, 0);
	if (hook_write_link(ctx, d, protocol))
		return TC_ACT_SHOT;
	if (d->back)
		return bpf_redirect(d->fib.ifindex, 0);
	__builtin_memcpy(next_hop.ipv6_nh, d->fib.ipv6_dst, sizeof(next_hop.ipv6_nh));
	return bpf_redirect_neigh(d->fib.ifindex, &next_hop, sizeof(next_hop), 0);
}

static __always_inline int hook_send_port(const struct decision *d)
{
	return bpf_redirect(d->punt.device, 0);
}

/* See hook_xdp.h: here every device can be sent to. */
static __always_inline int hook_carries(const struct decision *d, __u32 mtu)
{
	return 0;
}

static __always_inline int hook_can_enter_stack(const struct packet *p)
{
	return 1;
}

/*
 * By ov6-self: IPv6 may be off at an underlay, and a slave's port has none. By hand
 * there is no such device: it enters where it first came in.
 */
static __always_inline int hook_enter_stack(hook_ctx *ctx, const struct packet *p)
{
	struct ov6_device *device = device_find(p->ingress);

	if (device_self())
		return hook_send_by_stack(ctx, ETH_P_IPV6);
	if (!p->returned)
		return TC_ACT_OK;
	if (!device || hook_store(ctx, 0, device->mac, sizeof(device->mac)))
		return TC_ACT_SHOT;
	return bpf_redirect(p->ingress, BPF_F_INGRESS);
}

static __always_inline int hook_to_stack(hook_ctx *ctx, const struct packet *p, __u32 verdict)
{
	count(p, verdict);
	return TC_ACT_OK;
}

#endif
