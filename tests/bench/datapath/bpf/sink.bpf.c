// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The end: counts what arrives, and drops it. What the router says for itself (ICMPv6) is not counted. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "flows.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} arrived SEC(".maps");

/* Of frames that bear the time when they were sent; none are looked at unless `stamped` says so. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DELAY_BUCKETS);
	__type(key, __u32);
	__type(value, __u64);
} delays SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} stamped SEC(".maps");

static __always_inline void count_delay(struct xdp_md *ctx)
{
	__u32 zero = 0, bucket;
	__u32 *wanted = bpf_map_lookup_elem(&stamped, &zero);
	__u64 length = (long)ctx->data_end - (long)ctx->data, sent, *count;
	char *at = (char *)(long)ctx->data + ((length - sizeof(sent)) & 0xfff);

	asm volatile("" : "+r"(at));
	if (!wanted || !*wanted || at + sizeof(sent) > (char *)(long)ctx->data_end)
		return;
	__builtin_memcpy(&sent, at, sizeof(sent));
	sent = (bpf_ktime_get_ns() - sent) >> DELAY_SHIFT;
	bucket = sent < DELAY_BUCKETS ? sent : DELAY_BUCKETS - 1;
	count = bpf_map_lookup_elem(&delays, &bucket);
	if (count)
		*count += 1;
}

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

	if (!count || !is_ours(ctx))
		return XDP_DROP;
	*count += 1;
	count_delay(ctx);
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
