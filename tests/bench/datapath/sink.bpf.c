// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The end: counts what arrives, and drops it. What the router says for itself (ICMPv6) is not counted. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} arrived SEC(".maps");

static __always_inline int is_ours(struct xdp_md *ctx)
{
	struct ethhdr *ethernet = (void *)(long)ctx->data;
	struct ipv6hdr *ip6 = (void *)(ethernet + 1);

	if ((void *)(ip6 + 1) > (void *)(long)ctx->data_end)
		return 0;
	return ethernet->h_proto != bpf_htons(ETH_P_IPV6) || ip6->nexthdr == IPPROTO_UDP;
}

SEC("xdp") int sink(struct xdp_md *ctx)
{
	__u32 zero = 0;
	__u64 *count = bpf_map_lookup_elem(&arrived, &zero);

	if (count && is_ours(ctx))
		*count += 1;
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
