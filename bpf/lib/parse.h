/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reading headers. What does not hold together is named and goes no further. */
#ifndef OV6_LIB_PARSE_H
#define OV6_LIB_PARSE_H

#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>

#include "csum.h"
#include "device.h"
#include "ip6.h"
#include "transport.h"

/* Tagged frames belong to another device, also where the tag stands in the descriptor. */
static __always_inline int parse_ethernet(hook_ctx *ctx, struct packet *p, __u16 protocol)
{
	if (hook_load(ctx, 0, &p->ethernet, sizeof(p->ethernet)))
		return -1;
	return p->ethernet.h_proto != bpf_htons(protocol) || hook_vlan(ctx);
}

static __always_inline int parse_for_mac(const struct packet *p, const struct ov6_device *device)
{
	const __u8 *to = p->ethernet.h_dest;

	return !((to[0] ^ device->mac[0]) | (to[1] ^ device->mac[1]) | (to[2] ^ device->mac[2]) |
		 (to[3] ^ device->mac[3]) | (to[4] ^ device->mac[4]) | (to[5] ^ device->mac[5]));
}

/* The IPv6 header behind `strip` outer bytes, in a packet of `available` bytes from there on. */
static __always_inline int parse_ip6(hook_ctx *ctx, struct packet *p, __u32 available)
{
	if (hook_load(ctx, ETH_HLEN + p->strip, &p->ip6, sizeof(p->ip6)))
		return -1;
	if (p->ip6.version != 6 || ip6_length(&p->ip6) > available)
		return -1;
	p->bytes = transport_wire_size(ctx, p, available);
	p->counted = available;
	return 0;
}

/* RFC 1071 over the header as it came: a right one sums up to zero. */
static __always_inline int parse_ip4_checksum(hook_ctx *ctx, const struct iphdr *ip)
{
	__u64 sum = csum_add(0, ip, sizeof(*ip));
	__u32 option;

	for (__u32 i = 5; i < 15; i++) {
		if (i >= ip->ihl)
			break;
		if (hook_load(ctx, ETH_HLEN + i * 4, &option, sizeof(option)))
			return -1;
		sum += option;
	}
	return csum_fold(sum);
}

#endif
