/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The one counter every packet moves, where it ends. */
#ifndef OV6_LIB_COUNT_H
#define OV6_LIB_COUNT_H

#include "maps.h"

static __always_inline void count(__u32 verdict, __u32 packets, __u64 bytes)
{
	struct ov6_count *counter = bpf_map_lookup_elem(&verdicts, &verdict);

	if (!counter)
		return;
	counter->packets += packets;
	counter->bytes += bytes;
}

#endif
