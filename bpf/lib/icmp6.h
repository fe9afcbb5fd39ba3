/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Turning a packet into an ICMPv6 error about itself (RFC 4443 section 3). */
#ifndef OV6_LIB_ICMP6_H
#define OV6_LIB_ICMP6_H

#include <linux/icmpv6.h>
#include <linux/in.h>

#include "ip6.h"
#include "sum.h"

#define ICMP6_HOP_LIMIT 64
#define ICMP6_HEADERS (sizeof(struct ipv6hdr) + 8)
#define ICMP6_MAX_QUOTE (OV6_MIN_MTU - ICMP6_HEADERS)

struct icmp6_error {
	struct ipv6hdr ip6;
	__u8 type;
	__u8 code;
	__u16 checksum;
	__be32 mtu;
};

/*
 * A checksum within the quote that the kernel completes only later would break
 * ours. What it will add up to is known now: with the field completed, all from
 * the transport header on sums to the complement of what the field holds today.
 */
static __always_inline __s64 icmp6_sum_quote(hook_ctx *ctx, __u32 quote, __u32 unfinished)
{
	const __u32 at = HOOK_LINK + ICMP6_HEADERS;

	if (!unfinished)
		return sum_packet(ctx, at, quote, 0);
	return sum_packet(ctx, at, (unfinished >> 16) - HOOK_LINK, (__u16)~unfinished);
}

static __always_inline void icmp6_head(struct icmp6_error *error, const struct packet *p,
				       const struct decision *d, __u32 quote)
{
	__builtin_memset(error, 0, sizeof(*error));
	error->ip6.version = 6;
	error->ip6.payload_len = bpf_htons(8 + quote);
	error->ip6.nexthdr = IPPROTO_ICMPV6;
	error->ip6.hop_limit = ICMP6_HOP_LIMIT;
	error->ip6.saddr = d->answer.source;
	error->ip6.daddr = p->ip6.saddr;
	error->type = d->answer.type;
	error->code = d->answer.code;
	error->mtu = d->answer.mtu;
}

/* RFC 8200 section 8.1: addresses, length and next header go into the sum. */
static __always_inline __u16 icmp6_checksum(const struct icmp6_error *error, __u64 sum)
{
	sum = csum_add(sum, &error->ip6.saddr, 32);
	sum = csum_add(sum, &error->type, 8);
	return csum_fold(sum + error->ip6.payload_len + bpf_htons(IPPROTO_ICMPV6));
}

/* The packet must begin with its IPv6 header, right behind the Ethernet header. p->ip6 becomes the error's.
 */
static __always_inline int icmp6_write(hook_ctx *ctx, struct packet *p, const struct decision *d)
{
	__u32 quote = p->quote ? p->quote : ip6_length(&p->ip6);
	__u32 unfinished = hook_unfinished_checksum(ctx);
	struct icmp6_error error;
	__s64 sum;

	if (quote > ICMP6_MAX_QUOTE)
		quote = ICMP6_MAX_QUOTE;
	if (hook_quote(ctx, HOOK_LINK + quote, ICMP6_HEADERS))
		return -1;
	sum = icmp6_sum_quote(ctx, quote, unfinished);
	if (sum < 0)
		return -1;
	icmp6_head(&error, p, d, quote);
	error.checksum = icmp6_checksum(&error, sum);
	p->ip6 = error.ip6;
	return hook_store(ctx, HOOK_LINK, &error, sizeof(error));
}

#endif
