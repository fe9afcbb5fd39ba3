// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The traffic. Run as live frames it writes every packet's headers anew, since the kernel gives it the same
 * pages again as the last receiver left them, and sends them into the veth that it is run "at". The same
 * packets for a test-run of another program: it undoes what that did to the last one, writes the headers, and
 * calls it.
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "flows.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * FLOW_TABLE);
	__type(key, __u32);
	__type(value, __u64);
} quantiles SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct flow_cursor);
} cursors SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} measured SEC(".maps");

struct flow_setting setting;

static __always_inline struct flow_cursor *cursor(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&cursors, &zero);
}

static __always_inline __u32 draw(struct flow_cursor *cursor)
{
	__u64 random = flow_random(cursor->at++), *low, *high;
	__u32 at = setting.table + (random >> (64 - FLOW_QUANTILE_BITS)), next = at + 1;

	low = bpf_map_lookup_elem(&quantiles, &at);
	high = bpf_map_lookup_elem(&quantiles, &next);
	return low && high ? flow_between(*low, *high, random) : 0;
}

static __always_inline void put_elsewhere(void *address, __u32 flow)
{
	__be64 network = bpf_cpu_to_be64(flow_network(setting.first, flow));

	__builtin_memcpy(address, &network, sizeof(network));
	((__u8 *)address)[15] = 1;
}

static __always_inline void put_host(void *address, __u32 at)
{
	((__u8 *)address)[15] = 1 + at % FLOW_HOSTS;
}

static __always_inline __be16 source_port(__u32 at)
{
	return bpf_htons(FLOW_FIRST_PORT | (at & 0x3fff));
}

/* Of a header whose checksum is still 0. */
static __always_inline __sum16 outer_checksum(const void *ip)
{
	const __u16 *words = ip;
	__u32 sum = 0;

	for (int i = 0; i < 10; i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return ~((sum & 0xffff) + (sum >> 16));
}

static __always_inline void *room(struct xdp_md *ctx, __u32 size)
{
	char *data = (char *)(long)ctx->data;

	return data + size > (char *)(long)ctx->data_end ? 0 : data;
}

/* Returns whether there was room. */
static __always_inline int write_site(struct xdp_md *ctx, struct flow_cursor *cursor)
{
	struct site_frame *frame = room(ctx, sizeof(*frame));
	__u32 at = cursor->at, flow = draw(cursor);

	if (!frame)
		return 0;
	*frame = setting.site;
	put_host(&frame->ip6.saddr, at);
	if (!setting.fixed)
		put_elsewhere(&frame->ip6.daddr, flow);
	frame->udp.source = source_port(at);
	return 1;
}

#define WRITE_UNDERLAY(name)                                                                                 \
	static __always_inline int write_##name(struct xdp_md *ctx, struct flow_cursor *cursor)              \
	{                                                                                                    \
		struct name##_frame *frame = room(ctx, sizeof(*frame));                                      \
		__u32 at = cursor->at, flow = draw(cursor);                                                  \
                                                                                                             \
		if (!frame)                                                                                  \
			return 0;                                                                            \
		*frame = setting.name;                                                                       \
		frame->ip.saddr = bpf_htonl(flow_locator(flow + setting.lie));                               \
		frame->ip.check = outer_checksum(&frame->ip);                                                \
		put_elsewhere(&frame->ip6.saddr, flow);                                                      \
		put_host(&frame->ip6.daddr, at);                                                             \
		frame->udp.source = source_port(at);                                                         \
		return 1;                                                                                    \
	}
WRITE_UNDERLAY(underlay)
WRITE_UNDERLAY(underlay_udp)

/* The packet as long as it was before the last run; 0, or the kernel refused. */
static __always_inline int undo(struct xdp_md *ctx)
{
	int length = (char *)(long)ctx->data_end - (char *)(long)ctx->data;

	if (length == (int)setting.size)
		return 0;
	if (bpf_xdp_adjust_head(ctx, setting.moved))
		return -1;
	length = (char *)(long)ctx->data_end - (char *)(long)ctx->data;
	return length == (int)setting.size ? 0 : bpf_xdp_adjust_tail(ctx, (int)setting.size - length);
}

static long not_yet(__u32 i, void *due)
{
	return bpf_ktime_get_ns() >= *(__u64 *)due;
}

/* Waits until the next batch is due. Who is late by more than eight of them does not make up for it. */
static __always_inline void pace(struct flow_cursor *cursor)
{
	__u64 gap = setting.gap, now, due;

	if (!gap || cursor->at % FLOW_BATCH)
		return;
	now = bpf_ktime_get_ns();
	due = cursor->due + 8 * gap < now ? now : cursor->due;
	cursor->due = due + gap;
	bpf_loop(1 << 14, not_yet, &due, 0);
}

static __always_inline int stamp(struct xdp_md *ctx)
{
	char *at = (char *)(long)ctx->data + ((setting.size - sizeof(__u64)) & 0xfff);
	__u64 now;

	asm volatile("" : "+r"(at));
	if (!setting.stamp)
		return 1;
	if (at + sizeof(now) > (char *)(long)ctx->data_end)
		return 0;
	now = bpf_ktime_get_ns();
	__builtin_memcpy(at, &now, sizeof(now));
	return 1;
}

#define GENERATE(name)                                                                                       \
	SEC("xdp") int send_##name(struct xdp_md *ctx)                                                       \
	{                                                                                                    \
		struct flow_cursor *c = cursor();                                                            \
                                                                                                             \
		if (!c)                                                                                      \
			return XDP_DROP;                                                                     \
		pace(c);                                                                                     \
		return write_##name(ctx, c) && stamp(ctx) ? XDP_TX : XDP_DROP;                               \
	}                                                                                                    \
	SEC("xdp") int call_##name(struct xdp_md *ctx)                                                       \
	{                                                                                                    \
		struct flow_cursor *c = cursor();                                                            \
                                                                                                             \
		if (c && !undo(ctx) && write_##name(ctx, c))                                                 \
			bpf_tail_call(ctx, &measured, 0);                                                    \
		return XDP_ABORTED;                                                                          \
	}
GENERATE(site)
GENERATE(underlay)
GENERATE(underlay_udp)

/* What is left of a test-run without a program under test. */
SEC("xdp") int nothing(struct xdp_md *ctx)
{
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
