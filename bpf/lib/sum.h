/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The Internet checksum over a stretch of the packet. */
#ifndef OV6_LIB_SUM_H
#define OV6_LIB_SUM_H

#include "csum.h"
#include "hook.h"

#define SUM_CHUNK 64
#define SUM_MAX_CHUNKS (65536 / SUM_CHUNK)

struct sum {
	hook_ctx *ctx;
	__u32 offset;
	__u32 left;
	__s64 sum; /* of what was read; negative: it could not be */
};

static long sum_chunk(__u32 index, struct sum *s)
{
	__u8 chunk[SUM_CHUNK] = {};
	__u32 size = s->left;

	if (!size)
		return 1;
	if (size > SUM_CHUNK)
		size = SUM_CHUNK;
	/* The mask says what is true already, to a verifier that learns nothing from "not 0" (6.1's). */
	size--;
	asm volatile("" : "+r"(size));
	size = (size & (SUM_CHUNK - 1)) + 1;
	if (hook_load_some(s->ctx, s->offset, chunk, size)) {
		s->sum = -1;
		return 1;
	}
	s->sum = bpf_csum_diff(0, 0, (__be32 *)chunk, sizeof(chunk), s->sum);
	s->offset += size;
	s->left -= size;
	return s->sum < 0;
}

/* Of `length` bytes from `offset` on (an Ethernet header counts), added to `sum`. Negative: not to be read.
 */
static __always_inline __s64 sum_packet(hook_ctx *ctx, __u32 offset, __u32 length, __u32 sum)
{
	struct sum s = {.ctx = ctx, .offset = offset, .left = length, .sum = sum};

	bpf_loop(SUM_MAX_CHUNKS, sum_chunk, &s, 0);
	return s.sum;
}

#endif
