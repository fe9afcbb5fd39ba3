/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What every header of abi/ stands on. The headers here are the one place where
 * the layouts shared by the kernel programs and user space are written down;
 * they are legal as BPF C and as C++20. Integers are in host byte order unless
 * the type says __be; times are boot-time nanoseconds (CLOCK_BOOTTIME).
 */
#ifndef OV6_ABI_BASE_H
#define OV6_ABI_BASE_H

#include <linux/types.h>

/* Rises when a pinned map's key or value changes meaning or size. */
#define OV6_ABI_VERSION 3

#ifdef __cplusplus
#define OV6_STATIC_ASSERT(condition, text) static_assert(condition, text)
#else
#define OV6_STATIC_ASSERT(condition, text) _Static_assert(condition, text)
#endif
#define OV6_SIZE(type, bytes) OV6_STATIC_ASSERT(sizeof(type) == (bytes), #type " has another size")

/* An IPv6 prefix: the key of every LPM trie. Bits past prefixlen are zero. */
struct ov6_prefix {
	__u32 prefixlen; /* bits, 0-128 */
	__u8 address[16];
};
OV6_SIZE(struct ov6_prefix, 20);

#endif
