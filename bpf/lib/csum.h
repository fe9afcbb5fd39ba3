/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The Internet checksum (RFC 1071). Sums are of 16-bit words as they lie in memory. */
#ifndef OV6_LIB_CSUM_H
#define OV6_LIB_CSUM_H

#include <linux/types.h>

static __always_inline __u16 csum_reduce(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

static __always_inline __u16 csum_fold(__u64 sum)
{
	return ~csum_reduce(sum);
}

/* size is a constant, a multiple of four */
static __always_inline __u64 csum_add(__u64 sum, const void *bytes, __u32 size)
{
	const __u32 *words = bytes;

#pragma unroll
	for (__u32 i = 0; i < size / 4; i++)
		sum += words[i];
	return sum;
}

#endif
