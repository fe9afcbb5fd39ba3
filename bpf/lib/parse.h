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

#define IP4_DONT_FRAGMENT 0x4000
#define IP4_MORE_FRAGMENTS 0x2000
#define IP4_FRAGMENT 0x3fff /* more-fragments and the offset */
#define IP4_OFFSET 0x1fff

/* Tagged frames belong to another device, also where the tag stands in the descriptor. Returns 0 or the pass.
 */
static __always_inline __u32 parse_ethernet(hook_ctx *ctx, struct packet *p, __u16 protocol)
{
	if (hook_link(ctx, &p->ethernet))
		return OV6_VERDICT_PASS_NOT_IPV6;
	if (hook_vlan(ctx) || p->ethernet.h_proto == bpf_htons(ETH_P_8021Q) ||
	    p->ethernet.h_proto == bpf_htons(ETH_P_8021AD))
		return OV6_VERDICT_PASS_VLAN;
	return p->ethernet.h_proto == bpf_htons(protocol) ? 0 : OV6_VERDICT_PASS_NOT_IPV6;
}

static __always_inline int parse_for_mac(const struct packet *p, const struct ov6_device *device)
{
	const __u8 *to = p->ethernet.h_dest;

	return !HOOK_LINK ||
	       !((to[0] ^ device->mac[0]) | (to[1] ^ device->mac[1]) | (to[2] ^ device->mac[2]) |
		 (to[3] ^ device->mac[3]) | (to[4] ^ device->mac[4]) | (to[5] ^ device->mac[5]));
}

/* The IPv6 header behind `strip` outer bytes, in a packet of `available` bytes from there on. */
static __always_inline int parse_ip6(hook_ctx *ctx, struct packet *p, __u32 available)
{
	if (hook_load(ctx, HOOK_LINK + p->strip, &p->ip6, sizeof(p->ip6)))
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
		if (hook_load(ctx, HOOK_LINK + i * 4, &option, sizeof(option)))
			return -1;
		sum += option;
	}
	return csum_fold(sum);
}

#endif
