// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The limit: what a program must do that turns the one packet into the other, and nothing else. It looks at
 * nothing; what it writes is constant, checksum included. What ov6 is held against. encap_line looks at one
 * cache line of each site, and only whether it is set: what memory takes from whoever knows so many.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "flows.h"

#define OUTER_6IN4 sizeof(struct iphdr)
#define OUTER_UDP (sizeof(struct iphdr) + sizeof(struct udphdr))

struct limit_setting setting;

static __always_inline int leave(struct xdp_md *ctx, int move, __u32 size)
{
	char *data, *end;

	if (bpf_xdp_adjust_head(ctx, move))
		return XDP_DROP;
	data = (char *)(long)ctx->data;
	end = (char *)(long)ctx->data_end;
	if (data + size > end)
		return XDP_DROP;
	__builtin_memcpy(data, setting.header, size);
	return bpf_redirect(setting.egress, 0);
}

SEC("xdp") int encap(struct xdp_md *ctx)
{
	return leave(ctx, -(int)OUTER_6IN4, ETH_HLEN + OUTER_6IN4);
}

#define LINES (1u << 18) /* as a CPU's part of the front */
#define LINE 8		 /* words of eight bytes */

__u64 lines[LINES * LINE];

SEC("xdp") int encap_line(struct xdp_md *ctx)
{
	struct site_frame *frame = (void *)(long)ctx->data;
	__u64 network;

	if ((void *)(frame + 1) > (void *)(long)ctx->data_end)
		return XDP_DROP;
	__builtin_memcpy(&network, &frame->ip6.daddr, sizeof(network));
	if (*(volatile __u64 *)&lines[(network * 0x9e3779b97f4a7c15ULL >> 46) * LINE])
		return XDP_DROP;
	return leave(ctx, -(int)OUTER_6IN4, ETH_HLEN + OUTER_6IN4);
}

SEC("xdp") int encap_udp(struct xdp_md *ctx)
{
	return leave(ctx, -(int)OUTER_UDP, ETH_HLEN + OUTER_UDP);
}

SEC("xdp") int decap(struct xdp_md *ctx)
{
	return leave(ctx, OUTER_6IN4, ETH_HLEN);
}

SEC("xdp") int decap_udp(struct xdp_md *ctx)
{
	return leave(ctx, OUTER_UDP, ETH_HLEN);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
