/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Remembered failures, beside the map-cache. */
#ifndef OV6_LIB_NEGATIVE_H
#define OV6_LIB_NEGATIVE_H

#include "answer.h"

static __always_inline struct ov6_negative *negative_find(const struct in6_addr *address)
{
	struct ov6_negative *negative;
	struct ov6_prefix key;

	prefix_of(&key, address);
	negative = bpf_map_lookup_elem(&negatives, &key);
	if (negative && negative->expiry && bpf_ktime_get_boot_ns() >= negative->expiry)
		return 0;
	return negative;
}

/* Was the destination found missing? Then the packet's end is decided. */
static __always_inline int negative_decide(hook_ctx *ctx, struct packet *p, struct decision *d)
{
	struct ov6_negative *negative = negative_find(&p->ip6.daddr);

	if (!negative)
		return 0;
	answer_unreachable(ctx, p, d, negative->icmp_code, OV6_VERDICT_DROP_NEGATIVE);
	return 1;
}

#endif
