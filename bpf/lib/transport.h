/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The header behind the IPv6 header and its extension headers. */
#ifndef OV6_LIB_TRANSPORT_H
#define OV6_LIB_TRANSPORT_H

#include <linux/in.h>
#include <linux/in6.h>
#include <linux/icmpv6.h>

#include "hook.h"
#include "packet.h"

#define TRANSPORT_MAX_EXTENSIONS 4

struct transport {
	__u32 offset;  /* from the Ethernet header */
	__u8 protocol; /* IPPROTO_FRAGMENT: a later fragment, there is no telling */
	__u8 start[4]; /* zeros if the packet is shorter */
	__u8 fragment; /* the first of several: the others must look alike where flows are told apart */
};

/* Bytes of the extension header that begins with t->start; 0: it is none that another follows. */
static __always_inline __u32 transport_extension(const struct transport *t)
{
	switch (t->protocol) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
		return (t->start[1] + 1) * 8;
	case IPPROTO_AH: /* RFC 4302 section 2.2 */
		return (t->start[1] + 2) * 4;
	case IPPROTO_FRAGMENT:
		return t->start[2] | (t->start[3] & ~7) ? 0 : 8;
	default:
		return 0;
	}
}

/* Returns not 0 if the packet ends within the chain of extension headers, or the chain is too long. */
__noinline int ov6_transport(hook_ctx *ctx, const struct packet *p, struct transport *t)
{
	__u32 end, length;

	if (!p || !t)
		return -1;
	t->offset = HOOK_LINK + p->strip + sizeof(struct ipv6hdr);
	t->protocol = p->ip6.nexthdr;
	t->fragment = 0;
	end = p->quote ? HOOK_LINK + p->strip + p->quote : hook_length(ctx);
	for (int i = 0; i <= TRANSPORT_MAX_EXTENSIONS && t->offset <= end; i++) {
		__builtin_memset(t->start, 0, sizeof(t->start));
		if (t->offset + sizeof(t->start) <= end)
			hook_load(ctx, t->offset, t->start, sizeof(t->start));
		length = transport_extension(t);
		if (!length)
			return 0;
		t->fragment |= t->protocol == IPPROTO_FRAGMENT;
		t->protocol = t->start[0];
		t->offset += length;
	}
	return -1;
}

/* Also where it is too short to tell. */
static __always_inline int transport_is_icmp6_error(const struct transport *t)
{
	return t->protocol == IPPROTO_ICMPV6 && (t->start[0] < ICMPV6_INFOMSG_MASK || t->start[0] == 137);
}

static __always_inline int transport_has_ports(const struct transport *t)
{
	return !t->fragment &&
	       (t->protocol == IPPROTO_TCP || t->protocol == IPPROTO_UDP || t->protocol == IPPROTO_SCTP);
}

/* Bytes of the transport header; of TCP's with its options. */
static __always_inline __u32 transport_header(hook_ctx *ctx, const struct transport *t)
{
	__u8 data_offset = 0;

	if (t->protocol != IPPROTO_TCP)
		return 8;
	hook_load(ctx, t->offset + 12, &data_offset, 1);
	return (data_offset >> 4) * 4;
}

/* Bytes of the biggest IPv6 packet that will be on the wire. */
static __always_inline __u32 transport_wire_size(hook_ctx *ctx, const struct packet *p, __u32 whole)
{
	__u32 payload = hook_segment_payload(ctx);
	struct transport t;

	if (!payload || ov6_transport(ctx, p, &t))
		return whole;
	return t.offset - HOOK_LINK - p->strip + transport_header(ctx, &t) + payload;
}

#endif
